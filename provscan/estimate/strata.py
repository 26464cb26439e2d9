"""Strata of texts: what one control text, or one null match, stands for among the
licensed ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.limits import clopper_pearson

# A stratum is measured by at least so many control texts, each of which stands for at
# most so many licensed ones.
ENOUGH_TEXTS, HEAVIEST = 50, 100.0
# A null dataset has a script if its share of the letters there, times so many, is not
# less than in the dataset.
LEAST_SCRIPT = 10.0
# A finer division by length needs so many control texts in each class.
FINE = 400
# Thirds are weighted where two samples have less in common, and by no more.
ALIKE, MOST = 0.9, 4.0


@dataclass(frozen=True, slots=True)
class Strata:
    """Classes of texts, and how many licensed and control texts are in each."""

    names: list[str]
    of_class: Numbers  # Stratum of each fine class, [scripts, lengths].
    licensed: Floats
    control: Floats

    @property
    def measured(self) -> Flags:
        """bool[strata]: the control says something of chance there."""
        enough = (self.control >= ENOUGH_TEXTS) & (
            self.licensed <= HEAVIEST * self.control
        )
        # A small corpus has a small control.
        return (enough | (self.control >= 0.5 * self.licensed)) & (self.licensed > 0)

    @property
    def weights(self) -> Floats:
        """Licensed texts that one control text stands for; 0 in strata that are not
        measured.
        """
        weight = np.divide(
            self.licensed,
            self.control,
            out=np.zeros(len(self.control)),
            where=self.control > 0,
        )
        return np.where(self.measured, weight, 0.0)

    def as_list(self) -> list[dict[str, Any]]:
        return [
            {
                "stratum": name,
                "licensed": round(licensed),
                "control": round(control),
                "measured": bool(known),
            }
            for name, licensed, control, known in zip(
                self.names, self.licensed, self.control, self.measured, strict=True
            )
            if licensed > 0 or control > 0
        ]


def length_class(least: int, lengths: Sequence[int]) -> str:
    """The length class with this least length, in words."""
    return (
        f"from {least} characters"
        if least > lengths[0]
        else f"under {lengths[1]} characters"
    )


def divide(
    scripts: Sequence[str], lengths: Sequence[int], licensed: Floats, control: Floats
) -> Strata:
    """Strata by script, and by length where the control has enough texts of every
    length; `lengths` are the least ones of the length classes, `licensed` and `control`
    the texts, [scripts, lengths].
    """
    names: list[str] = []
    of_class = np.zeros(licensed.shape, np.int64)
    pooled: list[tuple[float, float]] = []
    for row, script in enumerate(scripts):
        present = licensed[row] > 0
        if present.any() and control[row, present].min() >= FINE:
            for column, length in enumerate(lengths):
                of_class[row, column] = len(names)
                names.append(f"{script}, {length_class(length, lengths)}")
                pooled.append((licensed[row, column], control[row, column]))
        else:
            of_class[row] = len(names)
            names.append(script)
            pooled.append((licensed[row].sum(), control[row].sum()))
    sizes = np.array(pooled).reshape(-1, 2)
    return Strata(names, of_class, sizes[:, 0], sizes[:, 1])


def thirds(licensed: Floats, control: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weights by one more trait: each third of the licensed texts counts for as much
    among the control's.

    Post-stratification (Holt & Smith 1979, doi:10.2307/2344652), where the two differ
    by more than samples do. Given are the trait of samples of both, and the control's
    `weights` by the strata; returned the ends of the thirds, float64[2], and what
    multiplies the weights there, float64[3].
    """
    if len(licensed) == 0 or weights.sum() == 0.0:
        return np.zeros(2), np.ones(3)
    edges: Floats = np.quantile(licensed, [1 / 3, 2 / 3])
    shares = np.bincount(np.searchsorted(edges, control), weights, 3) / weights.sum()
    wanted = np.bincount(np.searchsorted(edges, licensed), minlength=3) / len(licensed)
    if float(np.minimum(shares, wanted).sum()) >= ALIKE:
        return edges, np.ones(3)
    return edges, np.clip(wanted / np.maximum(shares, 1e-9), 1.0 / MOST, MOST)


def enough_text(dataset: Numbers, null: Numbers) -> Flags:
    """bool[scripts]: a null dataset says something of chance there; given are letters
    of each script in samples of the records of the dataset and of the null dataset.
    """
    shares = [of / max(1, int(of.sum())) for of in (dataset, null)]
    return shares[0] <= LEAST_SCRIPT * shares[1]


def rarefied(records: Floats, ratio: float) -> Floats:
    """Number of clusters in a dataset `ratio` times as large, for each cluster of a
    null dataset, of so many records.

    In a larger one each counts for `ratio` clusters, which is an upper estimate. In a
    smaller one a cluster of z records is seen with probability ``1 - (1 - ratio) ** z``
    (rarefaction; Hurlbert 1971, doi:10.2307/1934145).
    """
    if ratio >= 1.0:
        return np.full(len(records), ratio)
    return 1.0 - (1.0 - ratio) ** records


def years_apart(
    years: Numbers, clusters: Numbers, sizes: Numbers
) -> dict[str, Any] | None:
    """Placebo test: the earlier half of the control's years against the later half, by
    the chance clusters and control texts of each year, in order.

    ``split`` is the first year of the later half, ``ratio`` that of the earlier rate to
    the later one, ``low`` and ``high`` its exact 95 % limits. ``None`` with one year
    only or without clusters.
    """
    total = int(clusters.sum())
    if len(years) < 2 or total == 0:
        return None
    at = min(
        len(years) - 1, int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)) + 1
    )
    early, early_size, late_size = (
        int(clusters[:at].sum()),
        float(sizes[:at].sum()),
        float(sizes[at:].sum()),
    )
    low, high = clopper_pearson(early, total)
    odds = late_size / early_size

    def ratio(share: float) -> float | None:
        return share / (1.0 - share) * odds if share < 1.0 else None

    return {
        "split": int(years[at]),
        "ratio": ratio(early / total),
        "low": ratio(low),
        "high": ratio(high),
    }
