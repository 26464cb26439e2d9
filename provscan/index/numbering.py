"""The numbers of an index's texts, and the segment and row to which each number
refers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from provscan.index.segment.read import Segment

_ABSENT = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Numbering:
    """The numbers of texts. Texts of shards have the numbers that they would have in a
    single segment; other segments are numbered consecutively.
    """

    # The segments, and the number of texts before each.
    segments: tuple[Segment, ...]
    bases: np.ndarray
    shards: int  # The number of shards, which come first.

    @cached_property
    def _places(self) -> np.ndarray:
        """uint32: for the number of each text in the shards, its place in the
        concatenation of all shards.
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
        """Return the places of some texts in the concatenation of all segments."""
        if not self.shards:
            return texts
        places = texts.copy()
        inside = np.flatnonzero(texts < len(self._places))
        places[inside] = self._places[texts[inside]]
        return places

    def contains(self, texts: np.ndarray) -> np.ndarray:
        """Return whether each text is in one of the open segments, bool[n]."""
        return self.places(texts) != _ABSENT

    def located(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the segments of some texts, and their rows in these segments."""
        places = self.places(texts)
        segment = np.searchsorted(self.bases, places, "right") - 1
        return segment, places - self.bases[segment]

    def numbers(self, segment: int, rows: np.ndarray) -> np.ndarray:
        """Return the numbers of some rows of a segment."""
        numbers = self.segments[segment].numbers
        return (
            rows + self.bases[segment]
            if numbers is None
            else numbers[rows].astype(np.int64)
        )
