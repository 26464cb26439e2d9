"""Compares given pairs of a text and a licensed text, outside of a scan."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index import IndexReader, ScanReader
from provscan.kernels.records import (
    Candidates,
    CodeBuffer,
)
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import verify as kernels
from provscan.matching.matches import STRONG
from provscan.matching.verify import grams_of, verified_rows
from provscan.params import MatchParams
from provscan.text import canonical_codes
from provscan.text_buffers import buffers


class Comparison(NamedTuple):
    """How a text compares with a licensed text: what
    :func:`provscan.kernels.search.verify.decide` decides, and by what.
    """

    way: str | None  # ``whole`` or ``stretch``; None if it is no match.
    similarity: float
    containment: float
    # In canonical code points, as ``min_chars`` counts them: in common, and of the
    # longest stretch in common.
    letters: float
    stretch: float
    common: int  # Different 5-grams that both have.


def comparison(text: str, licensed: str, params: MatchParams) -> Comparison:
    """Compare two texts, of which the first is a passage that may be a copy of the
    second.
    """
    codes, offsets, _ = canonical_codes(
        *buffers(pa.array([text, licensed], pa.large_string()))
    )
    middle, zero = offsets[1], np.zeros(1, np.int64)
    records = grams_of(CodeBuffer(codes[:middle], offsets[:2]), "records")
    other, whole = (
        CodeBuffer(codes[middle:], offsets[1:] - middle),
        Candidates(zero, zero, zero - 1, zero),
    )
    out = verified_rows(records, other, whole, params, failed=True)
    (common, of_text, _), (letters, stretch) = (
        out.grams[0].tolist(),
        out.letters[0].tolist(),
    )
    way = {kernels.WHOLE: "whole", kernels.STRETCH: "stretch"}.get(int(out.way[0]))
    return Comparison(
        way, float(out.similarity[0]), common / of_text, letters, stretch, common
    )


def compared(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How alike whole texts are to one licensed text each: level, similarity and
    containment, as in a match.

    ``exact`` is not told apart from ``near_exact``.
    """
    grams = np.empty((len(texts), 3), np.int64)
    gram_kernels.compare_rows(*_paired(text, offsets, texts, reader), grams)
    common, of_text, of_span = grams.T
    similarity = common / np.maximum(of_text + of_span - common, 1)
    level = np.where(similarity == 1.0, 1, np.where(similarity >= STRONG, 2, 3)).astype(
        np.uint8
    )
    return level, similarity, common / np.maximum(of_text, 1)


def in_pieces(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: ScanReader
) -> np.ndarray:
    """bool[n]: passages of the i-th licensed text stand in the i-th text in another
    order, or without what was between them.
    """
    flags = np.empty(len(texts), np.bool_)
    gram_kernels.pieces_of_rows(*_paired(text, offsets, texts, reader), flags)
    return flags


def _paired(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: ScanReader
) -> tuple[CodeBuffer, CodeBuffer, gram_kernels.SetScratch]:
    """Texts and one licensed text each, canonical, with room to compare them."""
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
