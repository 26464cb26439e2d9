"""Recall of the copies that a match table shows: spike-ins by their looks and lengths, weighed like the matches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.estimate.matched import CELLS, Matched, cells_of
from provscan.estimate.recall import VARIANTS, Recall, Stratified, TwoWays

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _NoSpikes:
    """Recall that was not measured: every number that needs it is withheld."""

    planted: float = 0.0
    found: float = 0.0
    value: float = 0.0

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        raise ParameterError("recall was not measured")


def recall_of(
    matches: Matched, control: Matched | None, spikes: pa.Table | None, ratio: float, *, weigh: bool
) -> Recall:
    """Recall of what the matches show, edits and lengths; of characters with `weigh`.

    `spikes` are those of :func:`provscan.estimate.summary.summarise`.
    A match of the control stands for `ratio` false ones.
    """
    if spikes is None or len(spikes) == 0:
        return _NoSpikes()
    found = spikes["found"].to_numpy().astype(bool)

    def by(classes: npt.NDArray[np.int64], seen: tuple[Floats, Floats], variants: float) -> Stratified:
        count = len(seen[0])
        planted, back = (np.bincount(some, minlength=count).astype(np.float64) for some in (classes, classes[found]))
        return Stratified(planted, back, seen[0], seen[1] if weigh else None, variants)

    seen = _seen(matches.cell, control.cell if control else None, CELLS, matches.chars, ratio)
    looks = by(cells_of(spikes), seen, VARIANTS)
    if "band" not in spikes.column_names:
        return looks
    starts, band = np.unique(spikes["band"].to_numpy(), return_inverse=True)

    def place(table: Matched) -> npt.NDArray[np.int64]:
        return np.maximum(np.searchsorted(starts, table.band, side="right") - 1, 0)

    seen = _seen(place(matches), place(control) if control else None, len(starts), matches.chars, ratio)
    return TwoWays(looks, by(band.reshape(-1), seen, 0.0))


def _seen(
    classes: npt.NDArray[np.int64], chance: npt.NDArray[np.int64] | None, count: int, sizes: Floats, ratio: float
) -> tuple[Floats, Floats]:
    """Matches of each class and what they amount to, those that chance explains taken off."""
    seen = np.bincount(classes, minlength=count).astype(np.float64)
    amounts = np.bincount(classes, sizes, count).astype(np.float64)
    if chance is None:
        return seen, amounts
    left = np.maximum(seen - ratio * np.bincount(chance, minlength=count), 0.0)
    return left, amounts * np.divide(left, seen, out=np.zeros(count), where=seen > 0)
