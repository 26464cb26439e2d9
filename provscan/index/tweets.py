"""The tweets of a segment: ids, times, authors, languages, in rows that are ordered by text, the earliest first.

``ids.numbers`` int64, where all ids are whole numbers in their usual notation; else ``ids.utf8`` and ``ids.offsets``.
``author.codes`` uint32 are rows of the distinct names in ``author.utf8`` and ``author.offsets``, which are sorted; the
empty one stands for an author that is not known. ``lang.*`` and ``rt_of.*`` likewise. ``times`` int64, milliseconds
since 1970, the highest number where not known. ``raw_texts.*``: the text as it came.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index.postings import map_array, write_array
from provscan.index.prepare import NO_TIME
from provscan.index.texts import Strings, StringsWriter, open_strings
from provscan.text.arrow import buffers

LABELS = ("author", "lang", "rt_of")
# Rows that are copied together.
ROWS = 1 << 18


class Labels(NamedTuple):
    """A column of few distinct strings: the row of each in `values`, where null is the empty string."""

    codes: np.ndarray
    values: Strings

    def take(self, rows: np.ndarray) -> pa.Array:
        """Strings of some rows, null where not known."""
        found = self.values.take(self.codes[rows].astype(np.int64)).array().cast(pa.string())
        return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)

    def known(self, rows: np.ndarray) -> np.ndarray:
        """bool[n]: whether each of some rows has a value."""
        return (np.diff(self.values.offsets) > 0)[self.codes[rows]]


class TweetRows(NamedTuple):
    """The tweets of a segment.

    Attributes
    ----------
    ids
        int64 or strings.
    times
        int64, ``NO_TIME`` where not known.
    raw_texts
        As they came.
    author, lang, rt_of
        Columns of labels.
    """

    ids: np.ndarray | Strings
    times: np.ndarray
    raw_texts: Strings
    author: Labels
    lang: Labels
    rt_of: Labels

    def ids_of(self, rows: np.ndarray) -> Strings:
        """Ids of some rows."""
        if isinstance(self.ids, Strings):
            return self.ids.take(rows)
        return Strings(*buffers(pa.array(self.ids[rows]).cast(pa.large_string())))

    def rank(self, row: int) -> tuple[int, int, str]:
        """What tweets are ordered by: time, then id, shorter ones first."""
        key = self.ids_of(np.array([row])).array()[0].as_py()
        return int(self.times[row]), len(key), key

    def with_ids(self, ids: pa.Array) -> np.ndarray:
        """int64, ascending: rows whose id is among `ids`, strings."""
        if isinstance(self.ids, Strings):
            found = pc.is_in(self.ids.array(), value_set=ids.cast(pa.large_string()))
        else:
            numbers = whole_numbers(ids.filter(pc.match_substring_regex(ids, NUMBER)))
            found = pc.is_in(pa.array(self.ids), value_set=pa.array(numbers if numbers is not None else [], pa.int64()))
        return np.flatnonzero(found.to_numpy(zero_copy_only=False))

    def table(self, rows: np.ndarray) -> pa.Table:
        """Rows in the schema of :data:`provscan.readers.SCHEMA`, as they were read."""
        times = pa.array(self.times[rows], mask=self.times[rows] == NO_TIME)
        return pa.table({
            "id": self.ids_of(rows).array().cast(pa.string()),
            "text": self.raw_texts.take(rows).array(),
            "author": self.author.take(rows),
            "created_at": times.cast(pa.timestamp("ms", tz="UTC")),
            "lang": self.lang.take(rows),
            "rt_of": self.rt_of.take(rows),
        })  # fmt: skip


# A whole number that int64 holds and that is written without a sign or zeros in front.
NUMBER = "^(0|[1-9][0-9]{0,17}|[1-8][0-9]{18})$"


def whole_numbers(ids: pa.Array) -> np.ndarray | None:
    """Ids as int64; ``None`` unless all are whole numbers in their usual notation."""
    if not pc.all(pc.match_substring_regex(ids, NUMBER), min_count=0).as_py():
        return None
    return pc.cast(ids, pa.int64()).to_numpy(zero_copy_only=False)


def open_tweets(folder: Path) -> TweetRows:
    """Map the files."""
    numeric = (folder / "ids.numbers").exists()
    return TweetRows(
        map_array(folder / "ids.numbers", np.int64) if numeric else open_strings(folder, "ids"),
        map_array(folder / "times.ms", np.int64),
        open_strings(folder, "raw_texts"),
        *(Labels(map_array(folder / f"{name}.codes", np.uint32), open_strings(folder, name)) for name in LABELS),
    )


def joined_tweets(first: TweetRows, second: TweetRows) -> TweetRows:
    """The rows of both."""
    if isinstance(first.ids, Strings) or isinstance(second.ids, Strings):
        ids: Strings | np.ndarray = appended(*(rows.ids_of(np.arange(len(rows.times))) for rows in (first, second)))
    else:
        ids = np.concatenate([first.ids, second.ids])
    return TweetRows(
        ids,
        np.concatenate([first.times, second.times]),
        appended(first.raw_texts, second.raw_texts),
        *(
            Labels(np.concatenate([a.codes, b.codes + np.uint32(len(a.values))]), appended(a.values, b.values))
            for a, b in zip(first[3:], second[3:], strict=True)
        ),
    )


def appended(first: Strings, second: Strings) -> Strings:
    """The strings of both, copied."""
    text = np.concatenate([first.text[: first.offsets[-1]], second.text[: second.offsets[-1]]])
    return Strings(text, np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]]))


def write_strings(folder: Path, name: str, strings: Strings, rows: np.ndarray) -> None:
    """Write some rows of strings, in their order."""
    writer = StringsWriter(folder, name)
    for low in range(0, len(rows), ROWS):
        writer.add(strings.take(rows[low : low + ROWS]))
    writer.close()


def write_flat(path: Path, array: np.ndarray) -> None:
    """Write an array."""
    with path.open("wb") as file:
        write_array(file, array)


def write_labels(folder: Path, name: str, column: pa.ChunkedArray, rows: np.ndarray) -> None:
    """Write some rows of a column of strings."""
    encoded = column.fill_null("").dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # without rows
        encoded = pa.array([], pa.string()).dictionary_encode()
    used = np.unique(codes := encoded.indices.to_numpy()[rows])
    values = encoded.dictionary.take(pa.array(used)).cast(pa.large_string())
    order = pc.array_sort_indices(values).to_numpy()
    new = np.zeros(len(encoded.dictionary), np.uint32)
    new[used[order]] = np.arange(len(used), dtype=np.uint32)
    write_flat(folder / f"{name}.codes", new[codes])
    write_strings(folder, name, Strings(*buffers(values)), order.astype(np.int64))
