"""Candidates to matches: verify, resolve, locate.

One verifier for both kinds of candidate (:mod:`provscan.kernels.verify`), one rule for places that several licensed
texts fit, one way back to the original record (:mod:`provscan.kernels.liftover`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index import IndexReader, LookupTables
from provscan.kernels import liftover as locate_kernels
from provscan.kernels import prefilter as screen_kernels
from provscan.kernels import suppress as resolve_kernels
from provscan.kernels import verify as kernels
from provscan.kernels.scratch import scratch_array
from provscan.matching.candidates import Candidates
from provscan.matching.rows import STRONG, Matches, TruncatedLookups
from provscan.params import MatchParams
from provscan.text import canonical_codes, scratch
from provscan.text.tables import tables

# Code points of a cell of the grid that tells which matches share a place.
CELL = 64


class VerifiedCandidates(NamedTuple):
    """Verified pairs: record, text in the index, canonical span [n, 2], what of the text it is a copy of [n, 2],
    5-grams [n, 3], similarity."""

    record: np.ndarray
    text: np.ndarray
    span: np.ndarray
    copied: np.ndarray
    grams: np.ndarray
    similarity: np.ndarray

    def take(self, rows: np.ndarray) -> VerifiedCandidates:
        return VerifiedCandidates(*(column[rows] for column in self))


def gram_hashes(codes: np.ndarray, of: str) -> np.ndarray:
    """uint32 hash of the 5-gram that begins at each code point; see :mod:`provscan.kernels.scratch` for ``of``."""
    hashes = scratch_array(f"grams of {of}", len(codes), np.uint32)
    kernels.gram_hashes(codes, hashes)
    return hashes


def _table_size(longest: int) -> int:
    return 1 << max(4, (2 * longest).bit_length())


def screened(
    hashes: np.ndarray, offsets: np.ndarray, candidates: Candidates, segment: LookupTables, params: MatchParams
) -> Candidates:
    """The candidates that are worth comparing."""
    if len(candidates.record) == 0:
        return candidates
    starts = segment.texts.offsets
    longest = int((starts[candidates.text + 1] - starts[candidates.text]).max(initial=0))
    kept = np.empty(len(candidates.record), np.bool_)
    screen_kernels.screen(
        hashes, offsets, segment.texts.text, starts, *candidates, params.min_containment, params.min_chars,
        np.empty(longest, np.uint32), np.empty(longest, np.uint32), np.empty(1 << screen_kernels.FILTER_BITS, np.uint8),
        kept,
    )  # fmt: skip
    rows = np.flatnonzero(kept)
    return Candidates(*(column[rows] for column in candidates))


def verify(
    codes: np.ndarray,
    hashes: np.ndarray,
    offsets: np.ndarray,
    candidates: Candidates,
    segment: LookupTables,
    params: MatchParams,
) -> VerifiedCandidates:
    """Compare candidates with their texts."""
    count = len(candidates.record)
    texts, text_offsets = segment.texts.codes(candidates.text)
    longest_text = int(np.diff(text_offsets).max(initial=0))
    lengths = np.diff(offsets)
    longest_record = int(lengths[candidates.record].max(initial=0))
    window = min(longest_record, 3 * longest_text + 256)
    size = longest_text + longest_record + 32
    chosen = np.empty(count, np.int64)
    span = np.empty((count, 2), np.int64)
    copied = np.empty((count, 2), np.int64)
    grams = np.empty((count, 3), np.int32)
    similarity = np.empty(count, np.float64)
    n = kernels.verify(
        codes, hashes, offsets, texts, gram_hashes(texts, "texts"), text_offsets,
        candidates.record, candidates.code, candidates.place, 0, count,
        params.threshold, params.min_containment, params.min_chars,
        np.empty(_table_size(longest_text), np.int32), np.empty(longest_text + 1, np.int32),
        np.empty(_table_size(window), np.int32), np.empty(window + 1, np.int32),
        np.empty(window + 1, np.bool_), np.empty(size, np.int32),
        chosen, span, copied, grams, similarity,
    )  # fmt: skip
    chosen = chosen[:n]
    return VerifiedCandidates(
        candidates.record[chosen],
        candidates.text[chosen] + segment.first,
        span[:n],
        copied[:n],
        grams[:n],
        similarity[:n],
    )


def resolve(parts: list[VerifiedCandidates]) -> VerifiedCandidates:
    """The matches of all segments, one licensed text a place, ordered by record and place."""
    rows = parts[0] if len(parts) == 1 else VerifiedCandidates(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    if len(parts) > 1:
        rows = rows.take(np.argsort(rows.record, kind="stable"))
    rows = rows.take(np.flatnonzero(winners(rows)))
    return rows.take(np.lexsort((rows.text, rows.span[:, 0], rows.record)))


def winners(rows: VerifiedCandidates) -> np.ndarray:
    """Which rows win their place, bool[n]: one place, one licensed text.

    The better row has the greater ``common - (missing in the span + foreign in the span) / 2`` in 5-grams, so a long
    text that is there wins over a short one inside it, and a short one over a long one of which only that much is
    there; then the greater similarity, then the one that more of the text is a copy of, then the lower text.
    """
    common, of_text, of_span = rows.grams.T
    score = 2 * common - 0.5 * (of_text + of_span)
    copied = np.where((rows.copied >= 0).all(axis=1), rows.copied[:, 1] - rows.copied[:, 0], 0)
    order = np.lexsort((rows.text, -copied, -rows.similarity, -score, rows.record))
    low, high = rows.span[:, 0] // CELL, (rows.span[:, 1] - 1) // CELL + 1
    kept = np.empty(len(order), np.bool_)
    stamps = np.full(int(high.max(initial=0)), -1)
    room = int((high - low).sum())
    resolve_kernels.resolve(
        rows.record, rows.span, low, high, order, stamps, np.empty_like(stamps),
        np.empty(room, np.int64), np.empty(room, np.int64), kept,
    )  # fmt: skip
    return kept


def compared(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How alike some whole texts are to one licensed text each: level, similarity and containment, as in a match.

    ``exact`` is not told from ``near_exact``.
    """
    codes, code_offsets, _ = canonical_codes(text, offsets)
    grams = np.empty((len(texts), 3), np.int64)
    kernels.compare_rows(codes, code_offsets, *reader.canonical_codes(texts), grams)
    common, of_text, of_span = grams.T
    similarity = common / np.maximum(of_text + of_span - common, 1)
    level = np.where(similarity == 1.0, 1, np.where(similarity >= STRONG, 2, 3)).astype(np.uint8)
    return level, similarity, common / np.maximum(of_text, 1)


def windows(rows: VerifiedCandidates, cuts: np.ndarray, offsets: np.ndarray) -> tuple[VerifiedCandidates, np.ndarray]:
    """Where in a long text matches must be located: the pieces that hold them and one more on each side.

    Parameters
    ----------
    rows
        Matches in one text, as if it were one record.
    cuts, offsets
        Bytes at which the text was cut into pieces, and where the canonical text of each begins.

    Returns
    -------
    VerifiedCandidates
        The same in records of their own.
    numpy.ndarray
        int64[records, 2]: the first piece of each record, and the one after the last.
    """
    last = len(cuts) - 1
    low = np.maximum(np.searchsorted(offsets[:-1], rows.span[:, 0], "right") - 2, 0)
    high = np.minimum(np.searchsorted(offsets[:-1], rows.span[:, 1] - 1, "right") + 1, last)
    new = np.flatnonzero(np.diff(low, prepend=-1) | np.diff(high, prepend=-1))
    ranges = np.stack([low[new], high[new]], axis=1)
    if (cuts[ranges[:, 1]] - cuts[ranges[:, 0]]).sum() > cuts[last] - cuts[0]:
        # Matches are dense.
        return rows, np.array([[0, last]])
    record = np.searchsorted(new, np.arange(len(low)), "right") - 1
    return rows._replace(record=record, span=rows.span - offsets[ranges[record, :1]]), ranges


def locate(
    text: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    characters: np.ndarray,
    rows: VerifiedCandidates,
    reader: IndexReader,
    params: MatchParams,
) -> Matches:
    """Spans in the records ``text[begins[i]:ends[i]]`` as they came, levels, and the similarity of just these spans."""
    originals = reader.raw_texts(rows.text)
    longest = int((ends - begins)[rows.record].max(initial=0))
    room, canon, where = scratch(longest)
    other_room, other_canon, other_where = scratch(int(np.diff(originals.offsets).max(initial=0)))
    span = np.empty((len(rows.record), 2), np.int64)
    grams = np.empty((len(rows.record), 3), np.int32)
    kinds = np.empty(len(rows.record), np.uint8)
    locate_kernels.locate(
        text, begins, ends, rows.record, rows.span, rows.copied, originals.text, originals.offsets, tables(),
        room, canon, where, other_room, other_canon, other_where,
        scratch(longest), params.threshold, span, grams, kinds,
    )  # fmt: skip
    common, of_text, of_span = grams.T
    similarity = common / (of_text + of_span - common)
    level = np.where(kinds == locate_kernels.OTHER, np.where(similarity >= STRONG, 2, 3), kinds).astype(np.uint8)
    found = Matches(rows.record, span, rows.text, level, similarity, common / of_text, characters, TruncatedLookups())
    # An edge that reaches far out may pass the start of the match before.
    order = np.lexsort((span[:, 1], span[:, 0], rows.record))
    return found if np.all(order[1:] > order[:-1]) else found.take(order)
