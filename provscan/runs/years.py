"""Years of licensed and of control texts, compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def span(years: Numbers) -> str:
    """Nine tenths of the years, as words."""
    low, high = (int(np.quantile(years, q, method="nearest")) for q in (0.05, 0.95))
    return f"{low}-{high}" if low < high else str(low)


def by_year(years: Numbers) -> dict[str, int]:
    """How many there are of each year."""
    names, counts = np.unique(years, return_counts=True)
    return dict(zip(map(str, names.tolist()), counts.tolist(), strict=True))


def of_control(years: Numbers, matched: Numbers, texts: int) -> tuple[Numbers, Numbers, Numbers]:
    """Years of a control, its bunches of each year, and its texts, from the years of a sample of its texts and of its
    bunches.
    """
    every = np.unique(np.concatenate([years, matched]))
    bunches = np.array([np.count_nonzero(matched == year) for year in every], np.int64)
    sizes = np.array([np.count_nonzero(years == year) for year in every], np.int64)
    return every, bunches, np.maximum(1, np.round(sizes * texts / max(1, len(years)))).astype(np.int64)
