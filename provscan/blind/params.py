"""The parameters of a blind index, and the limits of a search in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from provscan.params import CANONICAL_VERSION, Params, require


@dataclass(frozen=True)
class BlindParams(Params):
    """Parameters of building a blind index."""

    format: ClassVar[str] = "provscan-blind"

    canonical_version: int = CANONICAL_VERSION
    # Length of a seed in code points; a character of a script that is written without
    # spaces counts as two.
    seed_length: int = 12
    # A text has one seed per ``seed_step`` places, and at most ``seeds`` of them.
    seed_step: int = 14
    seeds: int = 7
    # Seeds that more than ``frequent_texts`` texts share are left out, as long as
    # ``least_seeds`` are left.
    least_seeds: int = 3
    frequent_texts: int = 200
    # A seed that more texts than this share is common: alone it makes no match.
    common_texts: int = 4
    # Maximum fingerprints of a text; its 5-grams with a fingerprint are equally spaced.
    fingerprints: int = 40

    def __post_init__(self) -> None:
        require(
            self.canonical_version == CANONICAL_VERSION,
            "canonical_version",
            self.canonical_version,
            f"{CANONICAL_VERSION}",
        )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            require(
                type(value) is int and 0 < value <= 254,
                field.name,
                value,
                "between 1 and 254",
            )


@dataclass(frozen=True)
class BlindLimits(Params):
    """Requirements of a match in addition to the thresholds, since fingerprints tell
    less than texts do.
    """

    min_chars: int = 28  # Minimum of ``MatchParams.min_chars``.
    # Added to both thresholds if only some 5-grams of a text have a fingerprint.
    margin: float = 0.03
    seed_texts: int = 64  # Maximum texts that are read for one seed.
