"""Compare given pairs of a text and a licensed text, outside of a scan."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index import IndexReader
from provscan.kernels.records import Candidates, CodeBuffer
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import verify as kernels
from provscan.matching.matches import STRONG
from provscan.matching.spacing import lacks_spaces, without_spaces
from provscan.matching.verify import grams_of, verified_rows
from provscan.params import MatchParams
from provscan.text import canonical_codes
from provscan.text_buffers import buffers

WAYS = {kernels.WHOLE: "whole", kernels.STRETCH: "stretch"}


class Comparison(NamedTuple):
    """The comparison of a text with a licensed text: the decision of
    :func:`provscan.kernels.search.verify.decide`, and its inputs. Letters are counted
    as for ``min_chars``.
    """

    way: str | None  # ``whole`` or ``stretch``; None if it is not a match.
    similarity: float
    containment: float
    letters: float  # The number of letters in common.
    stretch: float  # The number of letters of the longest common stretch.
    common: int  # The number of distinct 5-grams in common.


def comparison(text: str, licensed: str, params: MatchParams) -> Comparison:
    """Compare a passage with a licensed text.

    If they do not match, and the passage lacks spaces or has spaces between letters,
    both are compared again without spaces, as in a scan.
    """
    codes, offsets, _ = canonical_codes(
        *buffers(pa.array([text, licensed], pa.large_string()))
    )
    middle = offsets[1]
    records = CodeBuffer(codes[:middle], offsets[:2])
    other = CodeBuffer(codes[middle:], offsets[1:] - middle)
    zero = np.zeros(1, np.int64)
    whole = Candidates(zero, zero, zero - 1, zero)
    out = verified_rows(grams_of(records, "records"), other, whole, params, failed=True)
    if int(out.way[0]) not in WAYS and lacks_spaces(records):
        records, other = without_spaces(records), without_spaces(other)
        out = verified_rows(
            grams_of(records, "records"), other, whole, params, failed=True
        )
    common, of_text, _ = out.grams[0].tolist()
    letters, stretch = out.letters[0].tolist()
    return Comparison(
        WAYS.get(int(out.way[0])),
        float(out.similarity[0]),
        common / of_text,
        letters,
        stretch,
        common,
    )


def compared(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the i-th text with the i-th licensed text. Return the columns ``level``,
    ``similarity`` and ``containment`` of :class:`~provscan.matching.matches.Matches`.

    The level of an exact copy is ``near_exact``, since canonical texts are compared.
    """
    grams = np.empty((len(texts), 3), np.int64)
    gram_kernels.compare_rows(*_paired(text, offsets, texts, reader), grams)
    common, of_text, of_span = grams.T
    similarity = common / np.maximum(of_text + of_span - common, 1)
    level = np.where(similarity == 1.0, 1, np.where(similarity >= STRONG, 2, 3)).astype(
        np.uint8
    )
    return level, similarity, common / np.maximum(of_text, 1)


class CopiedWording(NamedTuple):
    """Which wording of licensed texts is in the passages of matches, [n] each."""

    # int32[n, 3]: where, in the canonical licensed text, the first 5-gram in common
    # with the passage begins and the last one ends, and how many code points such
    # 5-grams cover.
    stretch: np.ndarray
    # bool[n]: the passage contains parts of the licensed text in another order, or
    # without the text between them.
    pieces: np.ndarray
    # float32[n]: similarity of the licensed text to the part of the passage from the
    # first to the last of these 5-grams, without other words beside it.
    similarity: np.ndarray


def copied_wording(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> CopiedWording:
    """Return which wording of the i-th licensed text is in the i-th text."""
    copied, pieces = np.empty((len(texts), 3), np.int64), np.empty(len(texts), np.bool_)
    similarity = np.empty(len(texts))
    gram_kernels.copied_wording_of_rows(
        *_paired(text, offsets, texts, reader), copied, pieces, similarity
    )
    return CopiedWording(copied.astype(np.int32), pieces, similarity.astype(np.float32))


def _paired(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> tuple[CodeBuffer, CodeBuffer, gram_kernels.SetScratch]:
    """Return canonical texts, the licensed text for each, and scratch memory for
    comparing them.
    """
    codes, code_offsets, _ = canonical_codes(text, offsets)
    licensed = CodeBuffer(*reader.canonical_texts(texts).codes(np.arange(len(texts))))
    longest, longest_text = (
        int(np.diff(each).max(initial=0)) for each in (code_offsets, licensed.offsets)
    )
    return (
        CodeBuffer(codes, code_offsets),
        licensed,
        gram_kernels.set_scratch(longest, longest_text),
    )
