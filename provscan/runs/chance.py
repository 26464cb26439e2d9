"""Chance as a run measures it: clusters of matches of the control, of the null dataset,
and of the licensed texts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from provscan.arrays import Floats, Numbers, distinct
from provscan.estimate.limits import TAIL, Chance, predict_chance
from provscan.runs.matched import STRENGTHS, TextFindings

UNITS = ("records", "texts", "tweets", "characters")
# "At least" is the best of the bounds of all strengths, each of which has this share of
# the error.
TAIL_OF_EACH = TAIL / len(STRENGTHS)


@dataclass(frozen=True)
class TextClusters:
    """Matches of like texts, counted as one event each."""

    family: Numbers  # Its number.
    first: Numbers  # Place of the text of its first match.
    sizes: dict[str, Floats]  # In each unit (`UNITS`) its size.

    def __len__(self) -> int:
        return len(self.family)

    def with_tweets(self, ratio: float) -> TextClusters:
        """The same for texts that have so many times as many tweets, on average."""
        tweets = np.maximum(self.sizes["texts"], self.sizes["tweets"] * ratio)
        return replace(self, sizes={**self.sizes, "tweets": tweets})


def text_clusters(
    family: Numbers, records: Numbers, tweets: Floats, rows: TextFindings
) -> TextClusters:
    """Clusters of findings, one entry each.

    `family`, [texts], is below 0 for texts that are left out; `records`, [families],
    counts different ones.
    """
    place = np.flatnonzero((family >= 0) & (rows.count > 0))
    names, number = np.unique(family[place], return_inverse=True)
    first = np.zeros(len(names), np.int64)
    order = np.argsort(rows.first[place])[::-1]
    # The last write wins: the first row of all.
    first[number[order]] = place[order]
    sizes = {
        "records": records[names].astype(np.float64),
        "texts": np.bincount(number, minlength=len(names)).astype(np.float64),
        "tweets": np.bincount(number, tweets[place], len(names)).astype(np.float64),
        "characters": np.bincount(number, rows.characters[place], len(names)).astype(
            np.float64
        ),
    }
    return TextClusters(names, first, sizes)


def cluster_count(family: Numbers) -> int:
    """Number of families; those below 0 are none."""
    return len(distinct(family[family >= 0]))


@dataclass(frozen=True)
class ChanceMeasure:
    """A measure of chance: the clusters of a control or of a null dataset, and their
    weights.
    """

    name: str  # "control" or "null".
    clusters: TextClusters  # Those of matches that count.
    weights: Floats  # How many licensed clusters each counts for.
    heaviest: float  # The largest weight that one cluster more could have.

    def without_clusters(self, heaviest: float | None = None) -> ChanceMeasure:
        """The same measure if it had not shown a single chance match; by default of its
        own size.
        """
        none = np.zeros(0, np.int64)
        clusters = TextClusters(
            none, none, {name: none.astype(np.float64) for name in self.clusters.sizes}
        )
        return ChanceMeasure(
            self.name,
            clusters,
            np.zeros(0),
            self.heaviest if heaviest is None else heaviest,
        )

    def chance(self, unit: str, like: Floats | None, tail: float = TAIL) -> Chance:
        """What chance put among the licensed matches; "clusters" counts each as one."""
        sizes = (
            np.ones(len(self.clusters))
            if unit == "clusters"
            else self.clusters.sizes[unit]
        )
        return predict_chance(self.weights, sizes, self.heaviest, like, tail)


def chances(
    measures: list[ChanceMeasure], like: TextClusters, tail: float = TAIL
) -> dict[str, Chance]:
    """What chance put among the licensed findings, by unit; nothing where it was not
    measured.
    """
    return {
        name: widest(measures, name, like.sizes.get(name), tail)
        for name in (("clusters", *UNITS) if measures else ())
    }


def widest(
    measures: list[ChanceMeasure],
    unit: str,
    like: Floats | None = None,
    tail: float = TAIL,
) -> Chance:
    """Chance by all measures: the widest limits, and the expectation of the measure
    with most clusters.
    """
    all_of = [measure.chance(unit, like, tail) for measure in measures]
    largest = int(np.argmax([len(measure.clusters) for measure in measures]))
    return Chance(
        all_of[largest].expected,
        min(c.low for c in all_of),
        max(c.high for c in all_of),
    )


def chance_measures_summary(measures: list[ChanceMeasure]) -> list[dict[str, Any]]:
    result = []
    for measure in measures:
        expected = measure.chance("clusters", None)
        result.append({
            "kind": measure.name, "clusters": len(measure.clusters),
            "expected": expected.expected, "low": expected.low, "high": expected.high,
        })  # fmt: skip
    return result
