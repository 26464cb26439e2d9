"""Restore the spaces of passages that lack spaces between words, or have spaces between
letters (:mod:`provscan.kernels.search.spacing`).

:func:`respaced` returns such passages, with restored spaces, as additional records.
They are searched like other records, and :meth:`Respaced.placed` maps the matches back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from provscan.index import IndexReader
from provscan.kernels.characters import SPACE
from provscan.kernels.records import CodeBuffer
from provscan.kernels.scratch import scratch_array
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import spacing as kernels
from provscan.matching.verify import VerifiedCandidates

# How many licensed texts' words are counted, and how many of the most frequent words
# are used. Counting takes a fifth of a second.
TEXTS, WORDS = 1 << 16, 1 << 17


@lru_cache(maxsize=1)
def licensed_words(reader: IndexReader) -> kernels.Words:
    """Return the words of a sample of the licensed texts. The cost of a word is minus
    the logarithm of its frequency.
    """
    texts = reader.evenly_spaced_texts(TEXTS)
    codes, offsets = texts.codes(np.arange(len(texts)))
    hashes = np.empty(len(codes), np.uint64)
    hashes = hashes[: kernels.word_hashes(codes, offsets, hashes)]
    words, counts = np.unique(hashes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:WORDS]
    total = float(np.log(max(len(hashes), 1)))
    nats = total - np.log(counts[order])
    costs = np.clip(np.rint(kernels.NAT * nats), 1, 255).astype(np.uint32)
    table = np.zeros(kernels.SLOTS, np.uint32)
    kernels.add_words(words[order], costs, table)
    return kernels.Words(table, round(kernels.NAT * (total + 2)))


class Respaced(NamedTuple):
    """Passages with restored spaces."""

    records: CodeBuffer
    record: np.ndarray  # int64[n]: the record of each passage.
    # int64[m]: the position of each code point in the record's canonical text.
    places: np.ndarray

    def placed(
        self, rows: VerifiedCandidates, reader: IndexReader
    ) -> VerifiedCandidates:
        """Convert matches in the passages to matches in the records.

        5-grams and similarity are computed from passage and licensed text without
        spaces.
        """
        low = self.records.offsets[rows.record]
        start, stop = low + rows.span[:, 0], low + rows.span[:, 1]
        grams = np.empty((len(start), 3), np.int64)
        copies = without_spaces(_slices(self.records.codes, start, stop))
        texts = CodeBuffer(
            *reader.canonical_texts(rows.text).codes(np.arange(len(start)))
        )
        texts = without_spaces(texts)
        longest, longest_text = (
            int(np.diff(each.offsets).max(initial=0)) for each in (copies, texts)
        )
        room = gram_kernels.set_scratch(longest, longest_text)
        gram_kernels.compare_rows(copies, texts, room, grams)
        common, of_text, of_span = grams.T
        return rows._replace(
            record=self.record[rows.record],
            span=np.stack([self.places[start], self.places[stop - 1] + 1], axis=1),
            grams=grams.astype(np.int32),
            similarity=common / (of_text + of_span - common),
            respaced=np.ones(len(start), np.bool_),
        )


def respaced(records: CodeBuffer, reader: IndexReader) -> Respaced | None:
    """Return the passages of canonical texts whose spaces can be restored; None if
    there are none.
    """
    codes, offsets = records
    found = _passages(records)
    count = len(found)
    if count == 0:
        return None
    size = 2 * int((found[:, 2] - found[:, 1] + 2 * kernels.CONTEXT).sum())
    out = kernels.Passages(
        scratch_array("passage codes", size, np.uint32),
        scratch_array("passage origins", size, np.int64),
        np.empty(count + 1, np.int64),
        np.empty(count, np.int64),
    )
    words, room = licensed_words(reader), kernels.spacing_scratch()
    kept = kernels.restore(codes, offsets, found, words, room, out)
    if kept == 0:
        return None
    ends = out.offsets[: kept + 1]
    record = out.record[:kept]
    places = out.origins[: ends[-1]] - np.repeat(offsets[record], np.diff(ends))
    return Respaced(CodeBuffer(out.codes[: ends[-1]], ends), record, places)


def lacks_spaces(records: CodeBuffer) -> bool:
    """Return whether a canonical text has passages that lack spaces between words or
    have spaces between letters.
    """
    return len(_passages(records)) > 0


def without_spaces(texts: CodeBuffer) -> CodeBuffer:
    letter = texts.codes != SPACE
    before = np.concatenate([[0], np.cumsum(letter)])
    return CodeBuffer(texts.codes[letter], before[texts.offsets])


def _passages(records: CodeBuffer) -> np.ndarray:
    found = scratch_array("passages", 3 * (len(records.codes) // 8 + 1), np.int64)
    found = found.reshape(-1, 3)
    return found[: kernels.find(*records, found)]


def _slices(codes: np.ndarray, start: np.ndarray, stop: np.ndarray) -> CodeBuffer:
    parts = [codes[low:high] for low, high in zip(start, stop, strict=True)]
    offsets = np.concatenate([[0], np.cumsum(stop - start)])
    return CodeBuffer(np.concatenate([codes[:0], *parts]), offsets)
