"""Rows of ``matches.parquet``: their schema, and verified matches as columns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

# Fields of `Matches` with one entry each.
COLUMNS = ("row", "span", "text", "level", "similarity", "containment")
LEVELS = ("exact", "near_exact", "strong", "weak", "partial")
STRONG = 0.8

MATCHES = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("record_id", pa.string()),
        pa.field("field", pa.string()),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("tweet_id", pa.string(), nullable=False),
        pa.field("tweets", pa.int32(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("containment", pa.float32(), nullable=False),
    ]
)


@dataclass
class TruncatedLookups:
    """Look-ups that were cut short to bound the time of a scan; see :class:`provscan.params.SearchLimits`."""

    # Look-ups of LSH bands and of seeds that more texts share than are read.
    bands_cut: int = 0
    seeds_cut: int = 0

    def add(self, other: TruncatedLookups) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


@dataclass
class Matches:
    """Matches in some texts, ordered by row and start."""

    row: np.ndarray  # int64[n]: which of the texts.
    span: np.ndarray  # int64[n, 2]: start and end in code points of that text.
    text: np.ndarray  # int64[n]: number of the licensed text in the reader.
    level: np.ndarray  # uint8[n]: index into `LEVELS`.
    # float64[n].
    similarity: np.ndarray
    containment: np.ndarray
    characters: np.ndarray  # int64[rows]: code points of each text.
    truncated: TruncatedLookups = dataclasses.field(default_factory=TruncatedLookups)  # Look-ups that were cut short.

    def take(self, rows: np.ndarray) -> Matches:
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})


def nothing(characters: np.ndarray) -> Matches:
    """No match in texts of these lengths."""
    none, shares = np.zeros(0, np.int64), np.zeros(0)
    return Matches(none, none.reshape(0, 2), none, none.astype(np.uint8), shares, shares, characters)
