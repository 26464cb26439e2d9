"""The three layers of a number: findings, at least and at most, the estimate.

:func:`layered` puts them together for anything that is counted: records, texts, and amounts of units of different size
(characters, tweets).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from provscan.estimate.limits import Chance, Factor, exactly, product, thinned
from provscan.estimate.recall import Recall

METHOD = "Rogan-Gladen; negative binomial limits for chance and loss, profile likelihood for the mixture of edits"
UNBOUNDED, ALONE = exactly(np.inf), exactly(1.0)


@dataclass(frozen=True, slots=True)
class Layers:
    """One number of a run; what is withheld is ``None``."""

    findings: float  # What was found, a fact.
    at_least: float | None  # One-sided 97.5 % confidence limit, as is `at_most`.
    estimate: Factor | None  # Value and 95 % limits.
    at_most: float | None
    counts: dict[str, float | None] = field(default_factory=dict)  # The raw counts behind them.

    def as_dict(self) -> dict[str, Any]:
        middle = self.estimate
        ends = None if middle is None else (middle.value, middle.low, middle.high)
        return {
            "findings": written(self.findings),
            "at_least": written(self.at_least),
            "estimate": None if ends is None else dict(zip(("value", "low", "high"), map(written, ends), strict=True)),
            "at_most": written(self.at_most),
        }

    def no_less(self, other: Layers) -> Layers:
        """All layers, where there are at least as many of these things as of the `other` ones."""

        def greater(number: float | None, least: float | None) -> float | None:
            return number if number is None or least is None else max(number, least)

        middle, least = self.estimate, other.estimate
        if middle is not None and least is not None:
            ends = (max(middle.value, least.value), max(middle.low, least.low), max(middle.high, least.high))
            middle = Factor(*ends)
        at_least, at_most = greater(self.at_least, other.at_least), greater(self.at_most, other.at_most)
        return Layers(self.findings, at_least, middle, at_most, self.counts)

    def scaled(self, factor: float, most: float = np.inf) -> Layers:
        """All layers times a known number, such as 1 over the number of records for shares, which are at most 1."""

        def times(number: float | None) -> float | None:
            return None if number is None else min(most, number * factor)

        middle = self.estimate
        if middle is not None:
            middle = Factor(*(min(most, end * factor) for end in (middle.value, middle.low, middle.high)))
        return Layers(self.findings * factor, times(self.at_least), middle, times(self.at_most), self.counts)


def written(number: float | None) -> float | None:
    """A number as ``summary.json`` holds it: twelve digits, without the noise of the last ones."""
    return None if number is None else float(f"{number:.12g}")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one kind of thing."""

    findings: float  # All verified matches.
    # Sum of the sizes of the units that count, in strata whose chance is measured, and of their squares: their number,
    # twice, where units are counted.
    counted: float
    squares: float
    # What counts in strata whose chance is not measured: all of it may be copies, or nothing (Manski 2003).
    left_out: float = 0.0
    # All that there is: no value is larger, and no upper limit than its upper limit, where it is a projection.
    most: Factor = UNBOUNDED
    # Mean size of a unit where none counts.
    unit: float = 1.0
    # Of a share of all things, how many units hold them, over as many as would if each held one (`held_by`).
    held: Factor = ALONE


def total(
    count: Factor, recall: Recall | None, fraction: float = 1.0, effect: float = 1.0, held: Factor = ALONE
) -> Factor:
    """What there is in the whole, from a count of what was found of it less chance; without a recall no loss is
    corrected for.

    `fraction` is the share of the whole that was scanned, `effect` the design effect of how it was drawn, or the mean
    size of units, and `held` what :func:`~provscan.estimate.limits.held_by` says of units that hold several things.
    """
    r = Factor(1.0, 1.0, 1.0) if recall is None else Factor(recall.value, recall.low, recall.high)
    if count.value <= 0.0:
        return Factor(0.0, 0.0, thinned(max(0.0, count.high), r.low * fraction, effect=effect)[1])
    middle = count.value / (r.value * fraction)
    low, high = thinned(count.value, r.value * fraction, effect=effect)
    return product(
        Factor(middle, min(low, middle), max(high, middle)),
        Factor(1.0, r.value / r.high, r.value / r.low),
        Factor(1.0, max(0.0, count.low) / count.value, count.high / count.value),
        held,
    )


def layered(
    found: Found,
    chance: Chance | None,
    counted_recall: Recall | None,
    found_recall: Recall | None,
    *,
    claimed: bool,
    fraction: float = 1.0,
    effect: float = 1.0,
) -> Layers:
    """The layers of one number.

    Of what counts the `chance` matches and the recall are given, and the recall of any verified match; ``None``
    withholds what needs it. `claimed` is whether the texts found are more than chance explains: without that every
    lower limit is 0. `fraction` and `effect` are those of :func:`total`.
    """
    counted = found.counted
    unit = found.squares / counted if counted > 0 else found.unit
    at_least = estimate = at_most = None
    counts: dict[str, float | None] = {"counted": counted, "chance_expected": None, "chance_at_most": None}
    counts["recall"] = None if counted_recall is None else counted_recall.value
    if chance is not None:
        high = min(chance.high, counted)
        counts |= {"chance_expected": chance.expected, "chance_at_most": high}
        left = Factor(max(0.0, counted - chance.expected), counted - high, max(0.0, counted - chance.low))
        at_least = 0.0
        if claimed:
            # Without the noise of logarithms, which would take 1 from a whole number.
            at_least = min(found.most.value, round(total(left, None, fraction, effect * unit, found.held).low, 6))
        if counted_recall is not None:
            middle = total(left, counted_recall, fraction, effect * unit, found.held)
            low = max(middle.low, at_least) if claimed else 0.0
            value = max(middle.value, low)
            high = max(middle.high, value) + found.left_out / (counted_recall.low * fraction)
            estimate = Factor(min(found.most.value, value), min(found.most.value, low), min(found.most.high, high))
    if found_recall is not None:
        at_most = total(exactly(found.findings), found_recall, fraction, effect * unit).high
        at_most = min(found.most.high, max(at_most, 0.0 if estimate is None else estimate.high))
    counts = {name: written(number) for name, number in counts.items()}
    return Layers(found.findings, at_least, estimate, at_most, counts)
