"""The parameters of a blind index, and the limits of a search in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from provscan.params import CANONICAL_VERSION, Params, require


@dataclass(frozen=True)
class BlindParams(Params):
    """The parameters of a blind index."""

    format: ClassVar[str] = "provscan-blind"

    canonical_version: int = CANONICAL_VERSION
    # Length of a seed in code points; a character of a script that is written without
    # spaces counts as two.
    seed_length: int = 12
    # A text has one seed per ``seed_step`` places, and at most ``seeds`` seeds.
    seed_step: int = 14
    seeds: int = 7
    # Seeds that more than ``frequent_texts`` texts have are left out, as long as
    # ``least_seeds`` remain.
    least_seeds: int = 3
    frequent_texts: int = 200
    # A seed is common if more texts than this have it; common seeds alone make no
    # match.
    common_texts: int = 4
    # Maximum number of fingerprints of a text; the 5-grams with a fingerprint are
    # equally spaced.
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
    """The requirements of a match in addition to the thresholds, since fingerprints
    contain less information than texts.
    """

    min_chars: int = 28  # The minimum value of ``MatchParams.min_chars``.
    # Added to both thresholds if only some 5-grams of a text have a fingerprint.
    margin: float = 0.03
    seed_texts: int = 64  # Maximum number of texts that are read for one seed.
