"""The result type of the probe's statistics: value, limits, p-value, assumptions and
validity.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Inference:
    """A number with the information needed to judge it.

    Attributes
    ----------
    method
        The published method, with its source.
    assumes
        The assumptions, as a sentence.
    value
        The estimate, or None.
    low, high
        The limits of the estimate; None if the method gives no limit at that end.
    p_value
        The p-value of the null hypothesis that the true value is no larger than for a
        model that learned nothing; None if there is no test.
    invalid
        The reason why the numbers must not be used; None if they may be used.
    """

    method: str
    assumes: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    invalid: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in JSON types; numbers that must not be used are null.

        Returns
        -------
        dict
        """
        found = dataclasses.asdict(self)
        if self.invalid is not None:
            found |= dict.fromkeys(("value", "low", "high", "p_value"))
        return found
