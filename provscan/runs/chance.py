"""Chance as a run measures it: bunches of matches of the control, of the null dataset, and of the licensed texts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from provscan.arrays import Floats, Numbers, distinct
from provscan.estimate.limits import TAIL, Chance, predict_chance
from provscan.runs.matched import STRENGTHS, TextFindings

MEASURES = ("records", "texts", "tweets", "characters")
# "At least" is the best of the bounds of all strengths, each of which has this share of the error.
TAIL_OF_EACH = TAIL / len(STRENGTHS)


@dataclass(frozen=True)
class Bunches:
    """Matches of like texts, counted as one event each."""

    family: Numbers  # Its number.
    first: Numbers  # Place of the text of its first match.
    sizes: dict[str, Floats]  # Of each measure (`MEASURES`) what it amounts to.

    def __len__(self) -> int:
        return len(self.family)

    def with_tweets(self, ratio: float) -> Bunches:
        """The same for texts that have so many times as many tweets, on average."""
        tweets = np.maximum(self.sizes["texts"], self.sizes["tweets"] * ratio)
        return replace(self, sizes={**self.sizes, "tweets": tweets})


def bunched(family: Numbers, records: Numbers, tweets: Floats, rows: TextFindings) -> Bunches:
    """Bunches of findings, one entry each.

    `family`, [texts], is below 0 for texts that are left out; `records`, [families], counts different ones.
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
        "characters": np.bincount(number, rows.characters[place], len(names)).astype(np.float64),
    }
    return Bunches(names, first, sizes)


def bunches_of(family: Numbers) -> int:
    """Number of families; those below 0 are none."""
    return len(distinct(family[family >= 0]))


@dataclass(frozen=True)
class Gauge:
    """One measure of chance: the bunches of a control or of a null dataset, and their weights."""

    name: str  # "control" or "null".
    bunches: Bunches  # Those of matches that count.
    weights: Floats  # How many licensed bunches each counts for.
    heaviest: float  # The largest weight that one bunch more could have.

    def without_bunches(self, heaviest: float | None = None) -> Gauge:
        """The same measure if it had not shown a single chance match; by default of its own size."""
        none = np.zeros(0, np.int64)
        bunches = Bunches(none, none, {name: none.astype(np.float64) for name in self.bunches.sizes})
        return Gauge(self.name, bunches, np.zeros(0), self.heaviest if heaviest is None else heaviest)

    def chance(self, measure: str, like: Floats | None, tail: float = TAIL) -> Chance:
        """What chance put among the licensed matches; "bunches" counts each as one."""
        sizes = np.ones(len(self.bunches)) if measure == "bunches" else self.bunches.sizes[measure]
        return predict_chance(self.weights, sizes, self.heaviest, like, tail)


def chances(gauges: list[Gauge], like: Bunches, tail: float = TAIL) -> dict[str, Chance]:
    """What chance put among the licensed findings, by measure; nothing where it was not measured."""
    return {
        name: widest(gauges, name, like.sizes.get(name), tail) for name in (("bunches", *MEASURES) if gauges else ())
    }


def widest(gauges: list[Gauge], measure: str, like: Floats | None = None, tail: float = TAIL) -> Chance:
    """Chance by all gauges: the widest limits, and the expectation of the gauge with most bunches."""
    all_of = [gauge.chance(measure, like, tail) for gauge in gauges]
    largest = int(np.argmax([len(gauge.bunches) for gauge in gauges]))
    return Chance(all_of[largest].expected, min(c.low for c in all_of), max(c.high for c in all_of))


def gauges_summary(gauges: list[Gauge]) -> list[dict[str, Any]]:
    result = []
    for gauge in gauges:
        expected = gauge.chance("bunches", None)
        result.append({
            "kind": gauge.name, "bunches": len(gauge.bunches),
            "expected": expected.expected, "low": expected.low, "high": expected.high,
        })  # fmt: skip
    return result
