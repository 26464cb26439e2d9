"""One licensed text a place: of verified matches that overlap the best one stays."""

from __future__ import annotations

import numpy as np

from provscan.kernels.search import suppress as suppress_kernels
from provscan.matching.verify import VerifiedCandidates

# Code points of a cell of the grid that tells which matches share a place.
CELL = 64


def without_overlaps(parts: list[VerifiedCandidates]) -> VerifiedCandidates:
    """The matches of all segments, one licensed text a place, ordered by record and
    place.
    """
    rows = (
        parts[0]
        if len(parts) == 1
        else VerifiedCandidates(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    )
    rows = rows.take(np.flatnonzero(overlap_suppression(rows)))
    return rows.take(np.lexsort((rows.text, rows.span[:, 0], rows.record)))


def overlap_suppression(rows: VerifiedCandidates) -> np.ndarray:
    """Which rows keep their place, bool[n]: one place, one licensed text.

    The better row has the greater ``common - (missing in the span + foreign in the
    span) / 2`` in 5-grams, so a long text that is there wins over a short one inside
    it, and a short one over a long one of which only that much is there; no more is
    missing than is there, so that half of a long text wins over chance inside it. Then
    the greater similarity, then the one that more of the text is a copy of, then the
    lower text.
    """
    common, of_text, of_span = rows.grams.T
    score = common - 0.5 * (np.minimum(of_text - common, common) + of_span - common)
    copied = np.where(
        (rows.copied >= 0).all(axis=1), rows.copied[:, 1] - rows.copied[:, 0], 0
    )
    order = np.lexsort((rows.text, -copied, -rows.similarity, -score, rows.record))
    return with_own_places(rows.record, rows.span, order)


def with_own_places(
    record: np.ndarray, span: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Which rows share their place with no better one, bool[n]; `order` has the better
    ones first, record by record.
    """
    low, high = span[:, 0] // CELL, (span[:, 1] - 1) // CELL + 1
    kept = np.empty(len(order), np.bool_)
    stamps = np.full(int(high.max(initial=0)), -1)
    links, rows = np.empty((2, int((high - low).sum())), np.int64)
    grid = suppress_kernels.Grid(low, high, stamps, np.empty_like(stamps), links, rows)
    suppress_kernels.suppress(record, span, order, grid, kept)
    return kept
