"""The layers of one number: findings, lower bound, estimate, and two upper bounds.

:func:`layered` computes them for anything that is counted: records, texts, and amounts
of units of different size (characters, tweets). ``docs/statistics.md`` explains each
layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from provscan.estimate.limits import (
    IMPOSSIBLE,
    ONE,
    WHOLE,
    Chance,
    Factor,
    SampleDesign,
    exactly,
    minus_chance,
    product,
    rounded,
    total,
)
from provscan.estimate.recall import Recall

METHOD = (
    "Rogan-Gladen; negative binomial limits for chance and loss, profile likelihood "
    "for the mixture of edits"
)
UNBOUNDED = exactly(np.inf)


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of one number of a run; a withheld layer is ``None``."""

    findings: float  # Number of units with findings: a fact.
    at_least: float | None = None  # Lower bound, one-sided, 97.5%.
    estimate: Factor | None = None  # Value and 95% limits.
    # Number of units with verbatim or nearly verbatim findings: a fact.
    nearly_verbatim: float | None = None
    # Number of units with matches but no finding: a fact.
    common_or_known: float | None = None
    # Upper bound on nearly verbatim copies, one-sided, 97.5%.
    at_most: float | None = None
    # Upper bound on copies that can be found, however they were edited.
    at_most_any: float | None = None
    # The raw counts from which the layers were computed.
    counts: dict[str, float | None] = field(default_factory=dict)

    NUMBERS = (
        "findings",
        "nearly_verbatim",
        "common_or_known",
        "at_least",
        "estimate",
        "at_most",
        "at_most_any",
    )

    def as_dict(self) -> dict[str, Any]:
        def shown(value: float | Factor | None) -> Any:
            return value.as_dict() if isinstance(value, Factor) else rounded(value)

        return {name: shown(getattr(self, name)) for name in self.NUMBERS}

    def scaled(self, factor: float, most: float = np.inf) -> Layers:
        """Return all layers multiplied by a known number, and capped at ``most``.

        For shares of records, for example, the factor is 1 divided by the number of
        records, and ``most`` is 1.
        """

        def change(value: float) -> float:
            return min(most, value * factor)

        changed: dict[str, Any] = {}
        for name in self.NUMBERS:
            value = getattr(self, name)
            if isinstance(value, Factor):
                ends = value.value, value.low, value.high
                changed[name] = Factor(*map(change, ends))
            elif value is not None:
                changed[name] = change(value)
        return replace(self, **changed)

    def no_less(self, other: Layers) -> Layers:
        """Return these layers with the lower bound and the estimate raised to at least
        those of ``other``, whose unit can't be more numerous than this one.
        """
        result = self
        if self.at_least is not None and other.at_least is not None:
            result = replace(result, at_least=max(self.at_least, other.at_least))
        if self.estimate is not None and other.estimate is not None:
            middle, least = self.estimate, other.estimate
            higher = Factor(
                max(middle.value, least.value),
                max(middle.low, least.low),
                max(middle.high, least.high),
            )
            result = replace(result, estimate=higher)
        return result


@dataclass(frozen=True, slots=True)
class Size:
    """Total size of some matches, and the sum of the squared sizes of their units."""

    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        """The mean size of a unit, weighted by size; None if there is no unit."""
        return self.squares / self.total if self.total > 0 else None


@dataclass(frozen=True, slots=True)
class Strength:
    """Findings with at least a certain number of bits, in strata with measured
    chance.
    """

    found: Size
    # Chance matches among these findings. The error probability of the lower bound is
    # divided equally among the strengths.
    chance: Chance
    claimed: bool  # Whether there are more findings than chance explains.


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of one kind of unit, such as records or texts."""

    findings: float
    every: Size  # All verified matches.
    counted: Size  # Findings in strata with measured chance.
    # Nearly verbatim findings; None for a kind of unit without an upper bound.
    nearly: float | None = None
    # Nearly verbatim findings, and other nearly verbatim matches of detectable texts.
    alike: float | None = None
    # The number of all units, which caps every value. If it is a projection, its upper
    # limit caps the upper bounds.
    most: Factor = UNBOUNDED
    mean_size: float = 1.0  # Mean size of a unit, used if no unit was found.
    # Share of the findings that are left out of the lower bound, besides those that
    # chance explains.
    suspected: float = 0.0
    # The correction for units that contain several things of which only a random share
    # is known (``sharing_factor``).
    sharing: Factor = ONE


def layered(
    found: Found,
    strengths: Sequence[Strength],
    chance: Chance | None,
    recalls: tuple[Recall | None, Recall | None],
    alike_recall: Factor | None,
    design: SampleDesign = WHOLE,
    otherwise: Chance | None = None,
) -> Layers:
    """Compute the layers of one number.

    Parameters
    ----------
    found
        The findings.
    strengths
        The findings of each strength with their chance matches; the lower bound is the
        highest of their bounds. Empty if chance was not measured.
    chance
        The chance matches among all findings, with 95% limits, for the estimate.
    recalls
        Recall of the findings, and recall of any verified match; None withholds the
        layers that need it.
    alike_recall
        Recall of nearly verbatim copies as matches, with its limits; None withholds "at
        most".
    design
        The sample that was scanned.
    otherwise
        The chance matches if a part of the control is in the dataset. Only the upper
        end of the estimate allows for them, so that nobody raises a lower limit by
        taking texts out of a control.
    """
    counted, of_findings = found.counted, recalls[0]
    mean_size = counted.mean or found.mean_size
    at_least = estimate = at_most = at_most_any = None
    counts: dict[str, float | None] = {
        "counted": counted.total,
        "suspected": None,
        "chance_expected": None,
        "chance_at_most": None,
    }
    counts["recall"] = None if of_findings is None else of_findings.value
    if chance is not None:
        bounds = [0.0]
        for strength in strengths:
            if strength.claimed:
                rest = (1.0 - found.suspected) * strength.found.total
                beyond = minus_chance(rest, strength.chance)
                size = strength.found.mean or found.mean_size
                low = total(beyond, None, design, size, found.sharing).low
                # Remove the rounding error of the logarithms, which could make a whole
                # number smaller by 1. A number of units above 0 is at least 1.
                if (low := round(low, 6)) > 0.0:
                    bounds.append(min(found.most.value, max(1.0, low)))
        at_least = max(bounds)
        left = minus_chance(counted.total, chance)
        counts |= {
            "suspected": found.suspected * counted.total,
            "chance_expected": chance.expected,
            "chance_at_most": counted.total - left.low,
        }
        if of_findings is not None:
            # A unit with a copy does not count twice if it has a chance match as well.
            units = max(found.most.value * design.fraction, 2.0 * chance.expected, 1.0)
            left = product(left, exactly(1.0 / (1.0 - chance.expected / units)))
            middle = total(left, of_findings, design, mean_size, found.sharing)
            low = max(middle.low, at_least) if at_least else 0.0
            value = max(middle.value, low)
            left_out = found.findings - counted.total
            high = max(middle.high, value)
            if otherwise is not None:
                more = minus_chance(counted.total, otherwise)
                more = total(more, of_findings, design, mean_size, found.sharing)
                high = max(high, more.high)
            if left_out:
                share = of_findings.low * design.fraction
                high += left_out / share if share > IMPOSSIBLE else np.inf
            estimate = Factor(
                min(found.most.value, value),
                min(found.most.value, low),
                min(found.most.high, high),
            )
    if recalls[1] is not None:
        at_most_any = total(
            exactly(found.every.total), recalls[1], design, mean_size
        ).high
        at_most_any = min(
            found.most.high,
            max(at_most_any, 0.0 if estimate is None else estimate.high),
        )
    if found.alike is not None and alike_recall is not None:
        upper = total(exactly(found.alike), alike_recall, design).high
        at_most = min(found.most.high, upper)
    counts = {name: rounded(number) for name, number in counts.items()}
    return Layers(
        findings=found.findings,
        at_least=at_least,
        estimate=estimate,
        nearly_verbatim=found.nearly,
        common_or_known=max(0.0, found.every.total - found.findings),
        at_most=at_most,
        at_most_any=at_most_any,
        counts=counts,
    )
