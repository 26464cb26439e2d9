"""Strata of texts: how many licensed texts a control text, or a match in clean
data, represents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.limits import clopper_pearson

# A stratum is measured if it has at least ENOUGH_TEXTS control texts, each of which
# represents at most HEAVIEST licensed texts, or at least half as many control texts as
# licensed texts.
ENOUGH_TEXTS, HEAVIEST = 50, 100.0
# Strata are thin if each of their control texts represents more than THIN times as many
# licensed texts as the average control text. The thinnest are left out, up to MOST_THIN
# of the licensed texts.
THIN, MOST_THIN = 3.0, 0.25
# Clean data covers a script if the script's share of the letters in it, times this
# factor, is at least the share in the dataset.
LEAST_SCRIPT = 10.0
# Minimum number of control texts in each class for a finer division by length.
FINE = 400
# Thirds (:func:`thirds`) are weighted if the samples overlap by less than ALIKE. A
# weight changes by a factor of at most MOST.
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
        """Whether the control measures chance in each stratum, bool[strata].

        Thin strata are left out, since limits on chance allow for one more match of the
        heaviest control text: a stratum with few control texts would hide copies in all
        others. Only the counts of texts decide, and not what was found.
        """
        enough = (self.control >= ENOUGH_TEXTS) & (
            self.licensed <= HEAVIEST * self.control
        )
        # The control of a small corpus may be small.
        usable = (enough | (self.control >= 0.5 * self.licensed)) & (self.licensed > 0)
        average = self.licensed[usable].sum() / max(1.0, self.control[usable].sum())
        weight = self.licensed / np.maximum(self.control, 1.0)
        thinnest = np.argsort(np.where(usable, -weight, np.inf), kind="stable")
        left_out = np.cumsum(self.licensed[thinnest]) <= MOST_THIN * self.licensed.sum()
        thin = left_out & (weight > THIN * average)[thinnest]
        usable[thinnest[thin]] = False
        return usable

    @property
    def weights(self) -> Floats:
        """The number of licensed texts that one control text of each stratum
        represents; 0 in strata that are not measured.
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
    """Return, in words, the length class that begins at ``least``."""
    return (
        f"from {least} characters"
        if least > lengths[0]
        else f"under {lengths[1]} characters"
    )


def divide(
    scripts: Sequence[str], lengths: Sequence[int], licensed: Floats, control: Floats
) -> Strata:
    """Divide texts into strata by script, and also by length if the control has enough
    texts of every length.

    ``lengths`` are the minimum lengths of the length classes; ``licensed`` and
    ``control`` count the texts, [scripts, lengths].
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
    """Divide the licensed texts into thirds by one more trait, and weight the control
    texts so that each third has the same share of their weight.

    This is post-stratification (Holt & Smith 1979, doi:10.2307/2344652), which is
    applied only if the samples clearly differ. ``licensed`` and ``control`` are the
    values of the trait in samples of the texts, and ``weights`` are the weights of the
    control texts. Return the bounds between the thirds, float64[2], and a factor for
    the weights in each third, float64[3].
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
    """Return the scripts for which clean data measures chance, bool[scripts].

    ``dataset`` and ``null`` are the numbers of letters of each script in samples of the
    records of both.
    """
    shares = [letters / max(1, int(letters.sum())) for letters in (dataset, null)]
    return shares[0] <= LEAST_SCRIPT * shares[1]


def rarefied(records: Floats, ratio: float) -> Floats:
    """Return, for each cluster of clean data, the expected number of such clusters
    in a dataset that is ``ratio`` times as large. ``records`` has the number of records
    of each cluster.

    In a larger dataset, each cluster counts as ``ratio`` clusters, which overestimates
    their number. In a smaller one, a cluster of z records occurs with probability ``1 -
    (1 - ratio) ** z`` (rarefaction; Hurlbert 1971, doi:10.2307/1934145).
    """
    if ratio >= 1.0:
        return np.full(len(records), ratio)
    return 1.0 - (1.0 - ratio) ** records


def years_apart(
    years: Numbers, clusters: Numbers, sizes: Numbers
) -> dict[str, Any] | None:
    """Compare chance in the earlier and the later half of the control's years (a
    placebo test).

    ``clusters`` and ``sizes`` are the numbers of chance clusters and control texts of
    each year, in order. In the result, ``split`` is the first year of the later half,
    ``ratio`` is the earlier rate divided by the later rate, and ``low`` and ``high``
    are the exact 95% limits of the ratio. The result is None if there is only one year
    or no cluster.
    """
    total = int(clusters.sum())
    if len(years) < 2 or total == 0:
        return None
    at = min(
        len(years) - 1, int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)) + 1
    )
    early = int(clusters[:at].sum())
    early_size = float(sizes[:at].sum())
    late_size = float(sizes[at:].sum())
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
