"""Chance as a run measures it: bunches of matches of the control, of the null dataset, and of the licensed texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from provscan.estimate.limits import Chance, predict_chance

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
MEASURES = ("records", "texts", "tweets", "characters")


@dataclass(frozen=True)
class Bunches:
    """Matches of like texts, counted as one event each."""

    family: Numbers  # Its number.
    first: Numbers  # A row of it, of the table that it was made of.
    sizes: dict[str, Floats]  # Of each measure (`MEASURES`) what it amounts to.

    def __len__(self) -> int:
        return len(self.family)


def bunched(family: Numbers, record: Numbers, text: Numbers, tweets: Floats, size: Floats) -> Bunches:
    """Bunches of matches, one entry each: family and number of the text, record, tweets of the text, code points."""
    names, first, number = np.unique(family, return_index=True, return_inverse=True)
    number, count = number.reshape(-1), len(names)

    def distinct(of: Numbers) -> Numbers:
        base = int(of.max(initial=0)) + 1
        rows: Numbers = np.unique(number * base + of, return_index=True)[1]
        return rows

    of_text = distinct(text)
    sizes = {
        "records": np.bincount(number[distinct(record)], minlength=count).astype(np.float64),
        "texts": np.bincount(number[of_text], minlength=count).astype(np.float64),
        "tweets": np.bincount(number[of_text], tweets[of_text], count).astype(np.float64),
        "characters": np.bincount(number, size, count).astype(np.float64),
    }
    return Bunches(names, first, sizes)


@dataclass(frozen=True)
class Gauge:
    """One measure of chance: the bunches of a control or of a null dataset, and their weights."""

    name: str  # "control" or "null".
    bunches: Bunches  # Those of matches that count.
    weights: Floats  # How many licensed bunches each counts for.
    heaviest: float  # The largest weight that one bunch more could have.

    def chance(self, measure: str, like: Floats | None, part: float = 1.0) -> Chance:
        """What chance put among the licensed matches, or among a part of them; "bunches" counts each as one."""
        sizes = np.ones(len(self.bunches)) if measure == "bunches" else self.bunches.sizes[measure]
        return predict_chance(self.weights * part, sizes, self.heaviest * part, like)


def widest(gauges: list[Gauge], measure: str, like: Floats | None = None, part: float = 1.0) -> Chance | None:
    """Chance by all gauges: the widest limits, and the expectation of the gauge with most bunches."""
    if not gauges:
        return None
    all_of = [gauge.chance(measure, like, part) for gauge in gauges]
    largest = int(np.argmax([len(gauge.bunches) for gauge in gauges]))
    return Chance(all_of[largest].expected, min(c.low for c in all_of), max(c.high for c in all_of))


def gauges_summary(gauges: list[Gauge]) -> list[dict[str, Any]]:
    """The gauges for ``summary.json``."""
    result = []
    for gauge in gauges:
        expected = gauge.chance("bunches", None)
        result.append({
            "kind": gauge.name, "bunches": len(gauge.bunches),
            "expected": expected.expected, "low": expected.low, "high": expected.high,
        })  # fmt: skip
    return result
