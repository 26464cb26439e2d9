"""Choose the candidates (:class:`Candidates`): the strongest matches that are not
findings. They keep their texts, as findings do.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Flags, Numbers
from provscan.estimate.counters import Strongest
from provscan.runs.counting.matches import Batch

CANDIDATES = 10_000
"""Maximum number of candidates."""


class Candidates:
    """The strongest matches that are not findings, at most ``limit``."""

    def __init__(self, limit: int = CANDIDATES) -> None:
        self._strongest = Strongest(limit, 2)

    def add(self, batch: Batch, licensed: Flags) -> None:
        """Consider matches; only ``licensed`` ones are candidates."""
        rows = np.flatnonzero(licensed & ~batch.passes_rule)
        # Round the bits as in the column of ``matches.parquet``.
        bits = batch.bits[rows].astype(np.float32).astype(np.float64)
        record = batch.columns["record"].to_numpy()[rows].astype(np.float64)
        self._strongest.add(batch.low + rows, -np.nan_to_num(bits, nan=-1.0), record)

    @property
    def rows(self) -> Numbers:
        """The numbers of the candidates, the strongest first."""
        return self._strongest.rows
