"""Keep one licensed text per place: the best of the verified matches that overlap."""

from __future__ import annotations

import numpy as np

from provscan.kernels.search import suppress as suppress_kernels
from provscan.matching.verify import VerifiedCandidates

# The code points per cell of the grid with which matches that share a place are found.
CELL = 64


def without_overlaps(parts: list[VerifiedCandidates]) -> VerifiedCandidates:
    """Return the matches of all segments with one licensed text per place, ordered by
    record and place.
    """
    rows = (
        parts[0]
        if len(parts) == 1
        else VerifiedCandidates(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    )
    rows = rows.take(np.flatnonzero(overlap_suppression(rows)))
    return rows.take(np.lexsort((rows.text, rows.span[:, 0], rows.record)))


def overlap_suppression(rows: VerifiedCandidates) -> np.ndarray:
    """Return bool[n]: the rows to keep, so that each place has one licensed text.

    The better row has the greater ``common - (missing in the span + foreign in the
    span) / 2`` in 5-grams. A long text that is present thus wins over a short text
    inside it, and a short text wins over a long text of which only that part is
    present. ``missing`` is limited to ``common``, so half of a long text wins over a
    chance match inside it. Ties are broken by the greater similarity, then by the
    longer copied part of the text, then by the lower number of the text. A match for
    which spaces were restored (:mod:`provscan.matching.spacing`) has half the score.
    """
    common, of_text, of_span = rows.grams.T
    score = common - 0.5 * (np.minimum(of_text - common, common) + of_span - common)
    copied = np.where(
        (rows.copied >= 0).all(axis=1), rows.copied[:, 1] - rows.copied[:, 0], 0
    )
    score = np.where(rows.respaced, score / 2, score)
    order = np.lexsort((rows.text, -copied, -rows.similarity, -score, rows.record))
    return with_own_places(rows.record, rows.span, order)


def with_own_places(
    record: np.ndarray, span: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Return bool[n]: the rows that share their place with no better row; `order`
    groups rows by record, better rows first.
    """
    low, high = span[:, 0] // CELL, (span[:, 1] - 1) // CELL + 1
    kept = np.empty(len(order), np.bool_)
    stamps = np.full(int(high.max(initial=0)), -1)
    links, rows = np.empty((2, int((high - low).sum())), np.int64)
    grid = suppress_kernels.Grid(low, high, stamps, np.empty_like(stamps), links, rows)
    suppress_kernels.suppress(record, span, order, grid, kept)
    return kept
