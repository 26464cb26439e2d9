"""The matches of a scan.

:func:`matches_in` returns the matches in a batch as columns (:class:`Matches`),
:func:`match_table` returns them as rows of ``matches.parquet``, and :func:`passages`
returns their passages with the surrounding text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import Strings
from provscan.kernels.canonical.utf8 import byte_places
from provscan.params import WHOLE_FIELD
from provscan.readers import mended_texts
from provscan.snowflakes import FIRST_SNOWFLAKE, SNOWFLAKE_EPOCH
from provscan.text_buffers import buffers

# The fields of `Matches` with one entry per match.
COLUMNS = ("row", "span", "text", "level", "similarity", "containment")
LEVELS = ("exact", "near_exact", "strong", "weak", "partial")
STRONG = 0.8
_LEVELS = pa.array(LEVELS)

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

PERMALINK = "https://x.com/i/status/"
# The maximum difference in milliseconds between the time of a tweet, which may be a day
# in any time zone, and the time in its id.
TIMES_APART = 2 * 86_400_000
# The number of code points shown before and after a match, and the maximum number shown
# of the match itself.
CONTEXT, LONGEST = 200, 2_000


@dataclass
class TruncatedLookups:
    """How many look-ups were cut short, and therefore did not read all texts, to bound
    the time of a scan; see :class:`provscan.params.SearchLimits`.
    """

    bands_cut: int = 0  # Look-ups of LSH bands.
    seeds_cut: int = 0  # Look-ups of seeds.

    def add(self, other: TruncatedLookups) -> None:
        for field in fields(self):
            setattr(
                self, field.name, getattr(self, field.name) + getattr(other, field.name)
            )


@dataclass
class Matches:
    """The matches in some texts, ordered by row and start."""

    row: np.ndarray  # int64[n]: the index of the text that contains the match.
    span: np.ndarray  # int64[n, 2]: start and end in code points of that text.
    text: np.ndarray  # int64[n]: the id of the licensed text in the reader.
    level: np.ndarray  # uint8[n]: an index into `LEVELS`.
    similarity: np.ndarray  # float64[n].
    containment: np.ndarray  # float64[n].
    characters: np.ndarray  # int64[rows]: the number of code points of each text.
    truncated: TruncatedLookups = dataclasses.field(default_factory=TruncatedLookups)

    @property
    def whole(self) -> np.ndarray:
        """bool[n]: whether the span covers its text completely or nearly."""
        return (
            np.diff(self.span, axis=1)[:, 0] >= WHOLE_FIELD * self.characters[self.row]
        )

    def take(self, rows: np.ndarray) -> Matches:
        return dataclasses.replace(
            self, **{name: getattr(self, name)[rows] for name in COLUMNS}
        )


def nothing(characters: np.ndarray) -> Matches:
    """Return an empty result; ``characters`` is that of :class:`Matches`."""
    none, shares = np.zeros(0, np.int64), np.zeros(0)
    return Matches(
        none,
        none.reshape(0, 2),
        none,
        none.astype(np.uint8),
        shares,
        shares,
        characters,
    )


# A function that returns the matches in a text buffer, ordered by text and start.
Finder = Callable[[np.ndarray, np.ndarray], Matches]


def matches_in(
    batch: pa.RecordBatch, find: Finder, *, fix_encoding: bool = False
) -> Matches:
    """Return the matches in one batch of records.

    With `fix_encoding`, the texts are repaired before they are searched; spans still
    refer to the texts before the repair.
    """
    texts, repaired = (
        mended_texts(batch.column("text"))
        if fix_encoding
        else (batch.column("text"), {})
    )
    found = find(*buffers(texts))
    for row, text in repaired.items():
        in_row = (found.row == row).nonzero()[0]
        found.span[in_row] = text.original(found.span[in_row])
        found.characters[row] = int(text.original(found.characters[row : row + 1])[0])
    return found


class TweetNames(Protocol):
    """A reader that finds the tweets of licensed texts by the texts' ids."""

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        """Return the id of each text's earliest tweet."""
        ...

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        """Return the number of tweets of each text."""
        ...


def match_table(
    found: Matches, reader: TweetNames, source: str, batch: pa.RecordBatch
) -> pa.RecordBatch:
    """Return the rows of ``matches.parquet`` for the matches in one batch. The columns
    of the batch are ``record`` (int64), ``id`` and, optionally, ``field``.

    `source` is the user's name for the dataset.
    """
    rows, unknown = pa.array(found.row), pa.nulls(len(found.row), pa.string())
    columns = [
        pa.repeat(pa.scalar(source), len(found.row)),
        batch.column("record").take(rows),
        batch.column("id").take(rows),
        batch.column("field").take(rows).cast(pa.string())
        if "field" in batch.schema.names
        else unknown,
        pa.array(found.span[:, 0]),
        pa.array(found.span[:, 1]),
        reader.tweet_ids(found.text).array().cast(pa.string()),
        pa.array(reader.tweet_counts(found.text).astype(np.int32)),
        _LEVELS.take(pa.array(found.level)),
        pa.array(found.similarity.astype(np.float32)),
        pa.array(found.containment.astype(np.float32)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=MATCHES)


def passages(batch: pa.RecordBatch, found: Matches) -> list[pa.LargeStringArray]:
    """Return the columns ``before``, ``passage`` and ``after`` of the matches in a
    batch of records.
    """
    text, offsets = buffers(batch.column("text"))
    start, end = found.span.T
    points = np.stack(
        [
            np.maximum(start - CONTEXT, 0),
            start,
            np.minimum(end, start + LONGEST),
            end,
            end + CONTEXT,
        ],
        axis=1,
    )
    places = np.empty_like(points)
    byte_places(text, offsets, found.row, points, places)
    # String 5 * i + k extends from point k of match i to the next point.
    between = Strings(text, np.append(places, len(text)))
    first = np.arange(0, 5 * len(points), 5)
    return [between.take(first + k).array() for k in (0, 1, 3)]


def permalinks(ids: pa.ChunkedArray, times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the URLs of tweets on the platform; null if the id is not a number, or if
    the time in the id is not that of the tweet (an id of another platform).
    """
    stamped = pc.match_substring_regex(ids, "^([1-9][0-9]{10,17}|[1-8][0-9]{18})$")
    numbers = pc.if_else(stamped, ids, None).cast(pa.int64())
    said = pc.add(pc.shift_right(numbers, 22), SNOWFLAKE_EPOCH)
    apart = pc.abs(pc.subtract(times.cast(pa.timestamp("ms")).cast(pa.int64()), said))
    elsewhere = pc.and_(
        pc.greater_equal(numbers, FIRST_SNOWFLAKE), pc.greater(apart, TIMES_APART)
    )
    return pc.if_else(
        pc.and_not(
            pc.match_substring_regex(ids, "^[0-9]+$"), pc.fill_null(elsewhere, False)
        ),
        pc.binary_join_element_wise(PERMALINK, ids, ""),
        pa.scalar(None, pa.string()),
    )
