"""The tweets of a segment. A tweet row is a tweet with one text; tweet rows are ordered
by text and, within a text, by time.

The columns of numbers (:mod:`provscan.index.segment.packed`) are:

``ids``
    An id that is a whole number in its usual notation is stored as that number, any
    other id as -1 minus its index among the strings ``ids``.
``times``
    Milliseconds since 1970; the highest int64 if the time is unknown.
``author``, ``lang``, ``rt_of``
    Indices into the sorted distinct strings of the same name; the empty string means
    unknown.

``raw_texts`` contains the original texts in compressed blocks.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import slices
from provscan.index.segment.packed import (
    PackedNumbers,
    PackedStrings,
    open_numbers,
    open_packed_strings,
    sliced,
    write_numbers,
)
from provscan.index.segment.prepare import NO_TIME
from provscan.index.segment.strings import Strings, StringsWriter, open_strings
from provscan.readers.strings import null_if_empty
from provscan.text_buffers import buffers

LABELS = ("author", "lang", "rt_of")
# The columns whose bytes depend on the version of Zstandard.
COMPRESSED = frozenset({"raw_texts", "raw_texts_blocks"})


class Labels(NamedTuple):
    """A column with few distinct strings, stored as indices into `values`. The empty
    string means null.
    """

    codes: PackedNumbers
    values: Strings

    def take(self, rows: np.ndarray) -> pa.Array:
        """Return the strings of some rows, null if unknown."""
        return null_if_empty(
            self.values.take(self.codes.take(rows)).array().cast(pa.string())
        )

    def known(self, rows: np.ndarray) -> np.ndarray:
        """Return bool[n]: whether each of some rows has a value."""
        return (np.diff(self.values.offsets) > 0)[self.codes.take(rows)]


class Ids(NamedTuple):
    """A column of ids. ``numbers`` contains an int64 per id: the id itself or, if it is
    not a whole number, -1 minus its index among ``strings``.
    """

    numbers: PackedNumbers
    strings: Strings

    def take(self, rows: np.ndarray) -> Strings:
        numbers = self.numbers.take(rows)
        found = pa.array(numbers).cast(pa.large_string())
        if len(self.strings) and (other := numbers < 0).any():
            strings = self.strings.take(-1 - numbers[other]).array()
            found = pc.replace_with_mask(found, pa.array(other), strings)
        return Strings(*buffers(found))

    def split(self, rows: np.ndarray) -> tuple[np.ndarray, pa.LargeStringArray]:
        """Return the ids that are whole numbers, int64, and the others."""
        numbers = self.numbers.take(rows)
        other = numbers < 0
        return numbers[~other], self.strings.take(-1 - numbers[other]).array()

    def rows_of(self, ids: pa.Array) -> np.ndarray:
        """Return int64, ascending: the rows whose id is among the strings `ids`."""
        ids = ids.cast(pa.large_string())
        numbers, wanted = self.numbers.all(), Strings(*buffers(ids)).whole_numbers()
        found = pc.is_in(pa.array(numbers), value_set=pa.array(wanted[wanted >= 0]))
        rows = np.flatnonzero(found.to_numpy(zero_copy_only=False))
        if len(self.strings) == 0:
            return rows
        found = pc.is_in(self.strings.array(), value_set=ids)
        others = np.flatnonzero(numbers < 0)[found.to_numpy(zero_copy_only=False)]
        return np.sort(np.concatenate([rows, others]))


class TweetRows(NamedTuple):
    ids: Ids  # The original ids.
    times: PackedNumbers  # ``NO_TIME`` if unknown.
    raw_texts: PackedStrings  # The original texts.
    # Columns of labels.
    author: Labels
    lang: Labels
    rt_of: Labels

    def rank(self, row: int) -> tuple[int, int, str]:
        """Return the sort key of a tweet: time, then id, shorter ids first."""
        rows = np.array([row])
        key = self.ids.take(rows).array()[0].as_py()
        return int(self.times.take(rows)[0]), len(key), key

    def table(self, rows: np.ndarray) -> pa.Table:
        """Return tweets as they were read, in the schema of the tweet readers."""
        times = self.times.take(rows)
        return pa.table(
            {
                "id": self.ids.take(rows).array().cast(pa.string()),
                "text": self.raw_texts.take(rows).array(),
                "author": self.author.take(rows),
                "created_at": pa.array(times, mask=times == NO_TIME).cast(
                    pa.timestamp("ms", tz="UTC")
                ),
                "lang": self.lang.take(rows),
                "rt_of": self.rt_of.take(rows),
            }
        )


def open_tweets(folder: Path, rows: int) -> TweetRows:
    return TweetRows(
        open_ids(folder, rows),
        open_numbers(folder, "times", rows),
        open_packed_strings(folder, "raw_texts", rows),
        *(
            Labels(open_numbers(folder, name, rows), open_strings(folder, name))
            for name in LABELS
        ),
    )


def open_ids(folder: Path, rows: int) -> Ids:
    return Ids(open_numbers(folder, "ids", rows), open_strings(folder, "ids"))


def write_strings(folder: Path, name: str, strings: Strings, rows: np.ndarray) -> None:
    writer = StringsWriter(folder, name)
    for part in slices(len(rows)):
        writer.add(strings.take(rows[part]))
    writer.close()


def write_ids(folder: Path, ids: Strings, rows: np.ndarray) -> None:
    with contextlib.closing(StringsWriter(folder, "ids")) as writer:
        written = 0

        def numbered(part: slice) -> np.ndarray:
            nonlocal written
            strings = ids.take(rows[part])
            numbers = strings.whole_numbers()
            others = np.flatnonzero(numbers < 0)
            writer.add(strings.take(others))
            numbers[others] = -1 - np.arange(written, written + len(others))
            written += len(others)
            return numbers

        write_numbers(folder, "ids", map(numbered, slices(len(rows))))


def write_labels(
    folder: Path, name: str, column: pa.ChunkedArray, rows: np.ndarray
) -> None:
    encoded = column.fill_null("").dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # if there are no rows
        encoded = pa.array([], pa.string()).dictionary_encode()
    codes = encoded.indices.to_numpy()
    is_used = np.zeros(len(encoded.dictionary), np.bool_)
    for part in sliced(codes, rows):
        is_used[part] = True
    used = np.flatnonzero(is_used)
    values = encoded.dictionary.take(pa.array(used)).cast(pa.large_string())
    order = pc.array_sort_indices(values).to_numpy()
    new = np.zeros(len(encoded.dictionary), np.int64)
    new[used[order]] = np.arange(len(used))
    write_numbers(folder, name, (new[part] for part in sliced(codes, rows)))
    write_strings(folder, name, Strings(*buffers(values)), order.astype(np.int64))
