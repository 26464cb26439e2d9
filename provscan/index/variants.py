"""Texts that equal a stretch around a match of another one: see
:mod:`provscan.kernels.search.variants`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.kernels.records import Candidates, CodeBuffer, Postings
from provscan.kernels.search import variants as kernels
from provscan.params import SearchLimits


class MatchedPlaces(NamedTuple):
    """Record int64[n], span int64[n, 2] and similarity float64[n] of some matches."""

    record: np.ndarray
    span: np.ndarray
    similarity: np.ndarray


def variants_of(
    records: CodeBuffer,
    matches: MatchedPlaces,
    postings: Postings,
    limits: SearchLimits,
    room: int,
) -> Candidates:
    """The first ``room`` variants that a table of whole texts has; ``record`` is the
    match.
    """
    found = Candidates(*(np.empty(room, np.int64) for _ in Candidates._fields))
    bounds = kernels.VariantLimits(limits.variant_similarity, limits.whole_candidates)
    n = kernels.variants(
        records, tuple(matches), postings, bounds, kernels.variant_scratch(), found
    )
    return Candidates(*(column[:n] for column in found))


def some_records(records: CodeBuffer, rows: np.ndarray) -> CodeBuffer:
    lengths = np.diff(records.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return CodeBuffer(
        records.codes[
            np.arange(offsets[-1])
            + np.repeat(records.offsets[rows] - offsets[:-1], lengths)
        ],
        offsets,
    )
