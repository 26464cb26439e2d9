"""Measures of chance: clusters of findings that are due to chance alone, with weights
that apply them to the findings in the dataset.

:func:`control_measure` and :func:`null_measure` make the measures, and :func:`chances`
combines their predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from provscan.arrays import Floats
from provscan.estimate.limits import TAIL, Chance, predict_chance
from provscan.estimate.strata import rarefied
from provscan.runs.clusters import TextClusters
from provscan.runs.comparability import Eligibility

UNITS = ("records", "texts", "tweets", "characters")


@dataclass(frozen=True)
class ChanceMeasure:
    """The clusters of findings in a control or in a null dataset, and their weights."""

    name: str  # "control" or "null".
    clusters: TextClusters
    weights: Floats  # Number of licensed clusters that each cluster represents.
    heaviest: float  # Largest possible weight of one additional cluster.

    def without_clusters(self, heaviest: float | None) -> ChanceMeasure:
        """Return the measure as it would be without any chance match; ``heaviest``, if
        given, replaces the largest weight.
        """
        none = np.zeros(0, np.int64)
        sizes = {name: none.astype(np.float64) for name in UNITS}
        clusters = TextClusters(none, none, sizes)
        return ChanceMeasure(
            self.name, clusters, np.zeros(0), heaviest or self.heaviest
        )

    def chance(
        self, unit: str, licensed: Floats | None = None, tail: float = TAIL
    ) -> Chance:
        """Return the chance matches among the licensed findings in a unit; the unit
        "clusters" counts each cluster as one. ``licensed`` are the sizes of the
        licensed clusters.
        """
        sizes = self.clusters.sizes.get(unit, np.ones(len(self.weights)))
        return predict_chance(self.weights, sizes, self.heaviest, licensed, tail)


def control_measure(
    clusters: TextClusters, eligible: Eligibility, heaviest: float, tweets_ratio: float
) -> ChanceMeasure:
    """Return the measure by a control, given its clusters.

    ``heaviest`` is the largest possible weight of a control text, and ``tweets_ratio``
    the mean number of tweets of a licensed text, divided by that of a control text.
    """
    sizes = clusters.sizes
    tweets = np.maximum(sizes["texts"], sizes["tweets"] * tweets_ratio)
    scaled = clusters._replace(sizes=sizes | {"tweets": tweets})
    weights = eligible.weights[clusters.first]
    return ChanceMeasure("control", scaled, weights, heaviest)


def null_measure(clusters: TextClusters, ratio: float) -> ChanceMeasure:
    """Return the measure by a null dataset, given its clusters; ``ratio`` is the size
    of the dataset divided by that of the null dataset.
    """
    weights = rarefied(clusters.sizes["records"], ratio)
    sizes = {name: n * ratio / weights for name, n in clusters.sizes.items()}
    scaled = clusters._replace(sizes=sizes)
    return ChanceMeasure("null", scaled, weights, max(ratio, 1.0))


def chances(
    measures: Sequence[ChanceMeasure], licensed: TextClusters, tail: float = TAIL
) -> dict[str, Chance]:
    """Return the chance matches among the ``licensed`` clusters of findings, by unit;
    empty if chance was not measured.

    The limits are the widest of all measures; the expectation is that of the measure
    with the most clusters.
    """
    if not measures:
        return {}
    largest = int(np.argmax([len(measure.weights) for measure in measures]))
    result = {}
    for unit in ("clusters", *UNITS):
        each = [m.chance(unit, licensed.sizes.get(unit), tail) for m in measures]
        low, high = min(c.low for c in each), max(c.high for c in each)
        result[unit] = Chance(each[largest].expected, low, high)
    return result
