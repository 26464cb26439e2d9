"""Years of licensed and of control texts, compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import draw_texts
from provscan.scoring.authorship import authorship

Numbers = npt.NDArray[np.int64]
# Texts whose years are looked up.
DATED = 2_000


def years_of(controls: Controls, seed: int, *, absent: bool) -> Numbers:
    """Years of a random sample of the licensed texts, or of the control's, where known."""
    texts = draw_texts(controls, DATED, seed, absent=absent)[:DATED]
    years: Numbers = authorship(controls.reader, np.sort(texts)).year.drop_null().to_numpy().astype(np.int64)
    return years


def span(years: Numbers) -> str:
    """Nine tenths of the years, as words."""
    low, high = (int(np.quantile(years, q, method="nearest")) for q in (0.05, 0.95))
    return f"{low}-{high}" if low < high else str(low)


def by_year(years: Numbers) -> dict[str, int]:
    """How many there are of each year."""
    names, counts = np.unique(years, return_counts=True)
    return dict(zip(map(str, names.tolist()), counts.tolist(), strict=True))


def overlap(first: Numbers, second: Numbers) -> float:
    """Share that two distributions of years have in common."""
    every = np.unique(np.concatenate([first, second]))
    shares = [np.array([np.mean(years == year) for year in every]) for years in (first, second)]
    return float(np.minimum(*shares).sum())


def of_control(years: Numbers, matched: Numbers, texts: int) -> tuple[Numbers, Numbers, Numbers]:
    """Years of a control, its bunches of each year, and its texts.

    Parameters
    ----------
    years
        Of a sample of the control's texts.
    matched
        Of its bunches.
    texts
        How many texts it has.
    """
    every = np.unique(np.concatenate([years, matched]))
    bunches = np.array([np.count_nonzero(matched == year) for year in every], np.int64)
    sizes = np.array([np.count_nonzero(years == year) for year in every], np.int64)
    return every, bunches, np.maximum(1, np.round(sizes * texts / max(1, len(years)))).astype(np.int64)
