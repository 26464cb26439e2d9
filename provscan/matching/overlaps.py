"""Keep one licensed text per place: the best of the verified matches that share it.

Matches share a place if they overlap by more than half of the shorter one
(:mod:`provscan.kernels.search.suppress`).
"""

from __future__ import annotations

import numpy as np

from provscan.kernels.search import suppress as suppress_kernels
from provscan.matching.verify import VerifiedCandidates

# The number of code points per cell of the grid with which overlaps are found.
CELL = 64


def without_overlaps(parts: list[VerifiedCandidates]) -> VerifiedCandidates:
    """Return the best matches, one licensed text per place, ordered by record and
    start. ``parts`` are the verified candidates of all segments.
    """
    rows = (
        parts[0]
        if len(parts) == 1
        else VerifiedCandidates(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    )
    rows = rows.take(np.flatnonzero(overlap_suppression(rows)))
    return rows.take(np.lexsort((rows.text, rows.span[:, 0], rows.record)))


def overlap_suppression(rows: VerifiedCandidates) -> np.ndarray:
    """Return bool[n]: whether to keep each row, so that each place has one licensed
    text.

    The score of a row is ``common - (missing + foreign) / 2``. ``common`` is the number
    of 5-grams in common, ``missing`` the number that only the licensed text has, and
    ``foreign`` the number that only the span has. A complete long text therefore wins
    over a short text inside it, and the short text wins if only that part of the long
    text is present. ``missing`` is limited to ``common``, so half of a long text wins
    over a chance match inside it. If spaces were restored
    (:mod:`provscan.matching.spacing`), the score is halved.

    Ties are broken by the greater similarity, then by the longer copied part of the
    licensed text, then by the lower id of the text.
    """
    common, of_text, of_span = rows.grams.T
    score = common - 0.5 * (np.minimum(of_text - common, common) + of_span - common)
    copied = np.where(
        (rows.copied >= 0).all(axis=1), rows.copied[:, 1] - rows.copied[:, 0], 0
    )
    score = np.where(rows.respaced, score / 2, score)
    order = np.lexsort((rows.text, -copied, -rows.similarity, -score, rows.record))
    return best_per_place(rows.record, rows.span, order)


def best_per_place(
    record: np.ndarray, span: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Return bool[n]: whether to keep each row. A row is kept unless it shares its
    place with a better row that is kept.

    `order` groups rows by record, better rows first.
    """
    low, high = span[:, 0] // CELL, (span[:, 1] - 1) // CELL + 1
    kept = np.empty(len(order), np.bool_)
    stamps = np.full(int(high.max(initial=0)), -1)
    links, rows = np.empty((2, int((high - low).sum())), np.int64)
    grid = suppress_kernels.Grid(low, high, stamps, np.empty_like(stamps), links, rows)
    suppress_kernels.suppress(record, span, order, grid, kept)
    return kept
