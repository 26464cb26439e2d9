"""Choose the matches that keep their texts (:class:`ExhibitChoice`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from provscan.arrays import Flags, Numbers
from provscan.estimate.counters import Strongest
from provscan.runs.counting.matches import Batch

# Maximum number of candidates: the strongest matches that are not findings.
CANDIDATES = 10_000


@dataclass(frozen=True)
class Kept:
    """The matches that keep their texts, by number."""

    # Findings with texts in ``evidence.parquet``; None for all. The other findings have
    # digests.
    findings: Numbers | None
    candidates: Numbers  # Other matches that keep their texts.


class ExhibitChoice:
    """Chooses the matches that keep their texts: the strongest findings and, after
    them, the strongest other matches (candidates).

    ``texts`` is the maximum number of these matches; with None, all findings keep their
    texts. ``candidates`` is the maximum number of other matches.
    """

    def __init__(self, texts: int | None, candidates: int = CANDIDATES) -> None:
        self._texts, self._findings = texts, 0
        self._first, self._others = Strongest(texts or 0, 2), Strongest(candidates, 2)

    def add(self, batch: Batch, licensed: Flags) -> None:
        """Consider matches; only ``licensed`` ones are kept."""
        # Round the bits as in the column of ``matches.parquet``.
        bits = batch.bits.astype(np.float32).astype(np.float64)
        minus_bits, record = -np.nan_to_num(bits, nan=-1.0), batch.columns["record"]
        self._findings += int(np.count_nonzero(batch.passes_rule & licensed))
        for chosen, which in (
            (self._first, batch.passes_rule),
            (self._others, ~batch.passes_rule),
        ):
            rows = np.flatnonzero(which & licensed)
            if chosen.limit:
                records = record.to_numpy()[rows].astype(np.float64)
                chosen.add(batch.low + rows, minus_bits[rows], records)

    def kept(self) -> Kept:
        others = self._others.rows
        if self._texts is None:
            return Kept(None, others)
        return Kept(self._first.rows, others[: max(0, self._texts - self._findings)])
