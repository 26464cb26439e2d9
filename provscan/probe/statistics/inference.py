"""A number as every test of the probe returns it: value, limits, p-value, assumptions,
and whether they hold.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Inference:
    """A number with all that is needed to trust it or not.

    Attributes
    ----------
    value
        The estimate; None where there is none.
    low, high
        Its limits; None where the method gives none on that side.
    p_value
        Of the test that the true value is no larger than where nothing was learned;
        None where there is no test.
    method
        The published method, with its source.
    assumes
        What must hold, a sentence.
    invalid
        Why the numbers must not be used; None where they may be.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    assumes: str
    invalid: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """In types that JSON knows; numbers that must not be used are null.

        Returns
        -------
        dict
        """
        found = dataclasses.asdict(self)
        if self.invalid is not None:
            found |= dict.fromkeys(("value", "low", "high", "p_value"))
        return found
