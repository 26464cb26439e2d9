"""One number, its interval and whether it may be believed, in one object.

Everything in this room answers with an :class:`Estimate`. Where the assumptions of a method fail the value is
withheld, ``None`` with a reason, and never printed with a warning beside it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provscan.errors import ParameterError

Kind = Literal["estimate", "lower_bound", "upper_bound"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval and its validity.

    Attributes
    ----------
    value, low, high
        Point estimate and the ends of the two-sided interval; all three ``None`` when withheld. A bound on one
        side leaves the other end ``None``.
    level
        Confidence level of the interval, 0 to 1.
    valid, reason
        ``False`` and why, in a sentence, when the number is withheld.
    method
        Name of the published method.
    kind
        ``"lower_bound"`` and ``"upper_bound"`` say that `value` bounds the quantity instead of estimating it.
    raw
        The uncorrected counts that the number was made of.

    Raises
    ------
    ParameterError
        A valid estimate without a value, a withheld one with a value or without a reason, a value outside its
        interval, a level outside (0, 1).
    """

    value: float | None
    low: float | None
    high: float | None
    level: float = 0.95
    valid: bool = True
    reason: str | None = None
    method: str = ""
    kind: Kind = "estimate"
    raw: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise ParameterError(f"level must be between 0 and 1, exclusive, not {self.level!r}")
        if not self.valid:
            if self.value is not None or self.low is not None or self.high is not None:
                raise ParameterError("a withheld estimate carries no value and no interval, only its reason")
            if not self.reason:
                raise ParameterError("a withheld estimate must say why: reason is empty")
            return
        if self.value is None or math.isnan(self.value):
            raise ParameterError("a valid estimate must have a value; withhold it with Estimate.withheld(reason)")
        below = self.low is not None and not self.low <= self.value
        above = self.high is not None and not self.value <= self.high
        if below or above:
            raise ParameterError(f"value {self.value} must lie in its interval [{self.low}, {self.high}]")

    @classmethod
    def withheld(
        cls, reason: str, *, method: str = "", level: float = 0.95, raw: Mapping[str, Any] | None = None
    ) -> Estimate:
        """The estimate that can't be given, with the reason; the raw counts stay."""
        return cls(None, None, None, level, False, reason, method, raw=dict(raw or {}))

    def scaled(self, factor: float) -> Estimate:
        """Value and interval times a known positive number, such as a share turned into a count.

        Raises
        ------
        ParameterError
            `factor` is not a positive, finite number.
        """
        if not (factor > 0 and math.isfinite(factor)):
            raise ParameterError(f"factor must be positive and finite, not {factor!r}")

        def times(number: float | None) -> float | None:
            return None if number is None else number * factor

        return dataclasses.replace(self, value=times(self.value), low=times(self.low), high=times(self.high))

    def as_dict(self) -> dict[str, Any]:
        """A plain dict of all fields, ready for JSON."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)} | {"raw": dict(self.raw)}
