"""The settings of a probe: everything that is fixed before the first question."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from provscan.params import require
from provscan.probe.prompts import KINDS, STYLES, TEMPLATES

# The bounds of each number, inclusive.
BOUNDS = {
    "pairs": (1, math.inf),
    "samples": (1, math.inf),
    "seed": (0, math.inf),
    "temperature": (0, 2),
    "max_auc": (0.5, 1),
}


class Rule(NamedTuple):
    """The rule of a recitation, the same for every probe; the plan records it."""

    # Minimum length, in words or in canonical code points; either is enough.
    min_words: int = 8
    min_chars: int = 40
    # Minimum bits under the background model: a recitation of the second half of a
    # proverb is not evidence.
    min_bits: float = 50.0
    # Minimum similarity of the recited span, and minimum share of the target's 5-grams
    # in it.
    threshold: float = 0.5
    min_containment: float = 0.8


RULE = Rule()


@dataclass(frozen=True)
class Settings:
    """The settings of a probe; they are part of its plan.

    Attributes
    ----------
    pairs
        Number of licensed tweets to ask for, each with a control.
    samples
        Number of answers to each prompt: the first is greedy (temperature 0), the
        others are sampled at ``temperature``.
    temperature
        Temperature of all samples except the first.
    style
        ``"chat"`` for a model that follows instructions, ``"completion"`` for one that
        continues a text.
    prompts
        Kinds of prompt: entries of ``provscan.probe.prompts.KINDS``; by default all
        that the style allows.
    seed
        Seed for all random choices, including the model's if it accepts a seed.
    max_auc
        Maximum for the upper limit of the area under the ROC curve: claims need arms
        that can't be told apart without the model.
    """

    pairs: int = 400
    samples: int = 4
    temperature: float = 1.0
    style: str = "chat"
    prompts: tuple[str, ...] = KINDS
    seed: int = 1
    max_auc: float = 0.6

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            expected = f"between {low:g} and {high:g}"
            if high == math.inf:
                expected = f"at least {low:g}"
            require(low <= value <= high and value < math.inf, name, value, expected)
        require(self.style in STYLES, "style", self.style, " or ".join(STYLES))
        require(
            bool(self.prompts) and set(self.prompts) <= set(KINDS),
            "prompts",
            self.prompts,
            f"among {', '.join(KINDS)}",
        )
        impossible = [
            kind for kind in self.prompts if (self.style, kind) not in TEMPLATES
        ]
        # All kinds, the default, means all kinds of the style.
        require(
            not impossible or set(self.prompts) == set(KINDS),
            "prompts",
            self.prompts,
            f"without {', '.join(impossible)} in {self.style} style",
        )
        object.__setattr__(
            self, "prompts", tuple(kind for kind in KINDS if kind in self.prompts)
        )

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Settings:
        """Return the settings of a plan.

        Parameters
        ----------
        stored
            The values by name, as :meth:`as_dict` returned them.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ParameterError
            A value is not allowed.
        """
        return cls(**{**stored, "prompts": tuple(stored["prompts"])})

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as they are written to the plan.

        Returns
        -------
        dict
            The values by name.
        """
        return {**dataclasses.asdict(self), "prompts": list(self.prompts)}
