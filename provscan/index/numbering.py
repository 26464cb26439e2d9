"""The numbers of an index's texts: which segment, and which row of it, each stands
for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from provscan.index.segment.read import Segment

_ABSENT = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Numbering:
    """Numbers of texts: those of shards are the ones that they would have in one
    segment, others follow each other.
    """

    # Segments, and how many texts those before each have.
    segments: tuple[Segment, ...]
    bases: np.ndarray
    shards: int  # How many of them, the first ones, are shards.

    @cached_property
    def _places(self) -> np.ndarray:
        """uint32: by number the place of each text of a shard among those of all
        shards, one after the other.
        """
        places = np.full(self.bases[self.shards], _ABSENT)
        for first, segment in zip(
            self.bases, self.segments[: self.shards], strict=False
        ):
            places[segment.numbers] = np.arange(
                first, first + len(segment.texts), dtype=np.uint32
            )
        return places

    def places(self, texts: np.ndarray) -> np.ndarray:
        """Where some texts stand among those of all segments, one after the other."""
        if not self.shards:
            return texts
        places = texts.copy()
        inside = np.flatnonzero(texts < len(self._places))
        places[inside] = self._places[texts[inside]]
        return places

    def held(self, texts: np.ndarray) -> np.ndarray:
        """bool[n]: whether a text stands in one of the segments; some shards may not be
        among them.
        """
        return self.places(texts) != _ABSENT

    def located(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The segments of some texts, and their rows there."""
        places = self.places(texts)
        of = np.searchsorted(self.bases, places, "right") - 1
        return of, places - self.bases[of]

    def numbers(self, segment: int, rows: np.ndarray) -> np.ndarray:
        """Numbers of texts of a segment."""
        numbers = self.segments[segment].numbers
        return (
            rows + self.bases[segment]
            if numbers is None
            else numbers[rows].astype(np.int64)
        )
