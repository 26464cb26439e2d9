"""Choose the candidates (:func:`candidates`): the strongest matches that are not
findings. They keep their texts, as findings do. The unverified pairs that
:mod:`provscan.matching` calls candidates are something else.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Flags, Numbers
from provscan.runs.counting.matches import MatchRows

CANDIDATES = 10_000
"""Maximum number of candidates."""


def candidates(rows: MatchRows, licensed: Flags, limit: int = CANDIDATES) -> Numbers:
    """Return the rows of the candidates among the ``licensed`` matches, the strongest
    first.
    """
    numbers = np.flatnonzero(licensed & ~rows.passes_rule)
    # Round the bits as in the column of ``matches.parquet``.
    bits = np.nan_to_num(rows.bits[numbers].astype(np.float32), nan=-1.0)
    order = np.lexsort((rows.in_source[numbers], -bits))
    return numbers[order[:limit]]
