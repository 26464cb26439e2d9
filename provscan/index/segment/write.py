"""Writes one segment, a prepared batch at a time.

Texts and tweets are numbered as they come, and their final numbers are given when the
segment is complete: tweets are ordered by time and id, texts by their earliest tweet.
So the files depend on the tweets alone, and not on the files that they were read from,
nor on the order of these.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import OutputError
from provscan.index.segment.filters import band_filter_words, mark_bands
from provscan.index.segment.packed import write_numbers, write_packed_strings
from provscan.index.segment.postings import (
    EXACT,
    MAX_TEXTS,
    PostingsWriter,
    bands_layout,
    map_array,
    new_array_file,
    write_array,
    write_array_file,
)
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.seeds import write_seeds
from provscan.index.segment.texts import Strings, StringsWriter, open_strings
from provscan.index.segment.tweets import LABELS, write_ids, write_labels, write_strings
from provscan.kernels.records import Sketches
from provscan.kernels.storage import postings as postings_kernels
from provscan.kernels.storage import radix
from provscan.ordered_map import pool_of
from provscan.params import IndexParams

# Threads that finish tables beside the calling one, if there are more than a few
# tweets.
CLOSERS, FEW_TWEETS = 2, 10_000

_ABOUT = pa.schema([(name, pa.string()) for name in LABELS])


class KeyTable:
    """128-bit keys, numbered in the order of their first appearance; grows.

    Of ids it tells which tweets are new: an id counts once, however often it is read. A
    tweet that comes again with the same canonical text changes nothing. One that comes
    again in the same build with another text is a *version* of the same tweet (an edit,
    or a copy that was cut short elsewhere): its text can be found, but it is no further
    tweet.
    """

    def __init__(self) -> None:
        self._keys = np.zeros((1 << 16, 2), np.uint64)
        self._numbers = np.zeros(1 << 16, np.uint32)
        self.count = 0

    def number(self, keys: np.ndarray) -> np.ndarray:
        """int64[n]: the number of each of some keys, uint64[n, 2]."""
        size = len(self._numbers)
        while self.count + len(keys) > size * 3 // 4:
            size *= 2
        if size > len(self._numbers):
            larger, numbers = np.zeros((size, 2), np.uint64), np.zeros(size, np.uint32)
            postings_kernels.move_texts(self._keys, self._numbers, larger, numbers)
            self._keys, self._numbers = larger, numbers
        found = np.empty(len(keys), np.int64)
        self.count = int(
            postings_kernels.number_texts(
                keys, self._keys, self._numbers, self.count, found
            )
        )
        return found


class WrittenSegment(NamedTuple):
    """A segment whose files are complete, in a folder that no manifest names yet."""

    folder: Path
    # Licensed texts, and rows of tweets.
    texts: int
    tweets: int
    digest: str  # Sum of the rows' digests, 32 hexadecimal digits.
    repeated: int  # Rows left out because the same tweet was read before.


class SegmentWriter:
    """Writes one segment in bounded memory.

    While a segment is being written, a tweet costs some 100 bytes beyond what its batch
    takes; texts and postings go to disk. The `ids` that are numbered already belong to
    other segments, which have `texts_before` texts. If the segment is one of several
    `shards`, whoever writes them writes their seeds together. A writer is a context
    manager: it closes its files.
    """

    def __init__(
        self,
        folder: Path,
        params: IndexParams,
        ids: KeyTable,
        *,
        texts_before: int = 0,
        shards: int = 1,
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._params = params
        self._ids_table = ids
        self._known_ids = ids.count
        self._texts_before = texts_before
        self._shards = shards
        self._exact = PostingsWriter(folder, "exact", EXACT, shards)
        self._bands_layout = bands_layout(params.bands)
        self._bands = PostingsWriter(folder, "bands", self._bands_layout, shards)
        self._keys = KeyTable()
        self._text_of: list[np.ndarray] = []
        self._times: list[np.ndarray] = []
        self._id_of: list[np.ndarray] = []
        self._digests: list[np.ndarray] = []
        self._repeated = 0
        self.texts = 0
        self.tweets = 0
        self._files = contextlib.ExitStack()
        opened = self._files.enter_context
        self._texts, self._raw_texts, self._ids = (
            opened(contextlib.closing(StringsWriter(folder, f"{name}.part")))
            for name in ("texts", "raw_texts", "ids")
        )
        self._sketches = opened((folder / "sketches.part").open("wb"))
        about = opened(pa.OSFile(str(folder / "about.part"), "wb"))
        self._about = opened(pa.ipc.new_file(about, _ABOUT))

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()

    def has_room_for(self, tweets: int) -> bool:
        """Whether so many more tweets fit, even if each has a text of its own."""
        return self.texts + tweets <= MAX_TEXTS and self.tweets + tweets < 1 << 32

    def add(self, batch: Prepared) -> None:
        """Add a batch; equal canonical texts become one licensed text."""
        if not self.has_room_for(len(batch.texts)):
            raise OutputError(
                f"a shard would have more than {MAX_TEXTS:,} texts, its limit: build "
                "the index with more shards"
            )
        ids = self._ids_table.number(batch.ids.keys())
        if self._known_ids and (elsewhere := ids < self._known_ids).any():
            self._repeated += int(np.count_nonzero(elsewhere))
            batch, ids = taken(batch, np.flatnonzero(~elsewhere)), ids[~elsewhere]
        count = len(batch.texts)
        if count == 0:
            return
        known = self.texts
        numbers = self._keys.number(batch.sketches.keys)
        self.texts = self._keys.count
        # The first row of each text that is new here: its number is above all before.
        first = np.flatnonzero(
            numbers >= np.maximum.accumulate(np.append(known, numbers[:-1] + 1))
        )
        number = numbers[first].astype(np.uint64)
        self._texts.add(batch.texts if len(first) == count else batch.texts.take(first))
        write_array(self._sketches, batch.sketches.bits[first])
        self._exact.add(EXACT.entries(batch.sketches.keys[first, 0], number))
        self._bands.add(
            self._bands_layout.row_entries(batch.sketches.bands, first, number)
        )
        self._raw_texts.add(batch.raw_texts)
        self._ids.add(batch.ids)
        self._about.write_batch(batch.about.cast(_ABOUT))
        self._text_of.append(numbers.astype(np.uint32))
        self._times.append(batch.times)
        self._id_of.append(ids)
        self._digests.append(batch.digests)
        self.tweets += count

    def finish(self) -> WrittenSegment:
        """Order what has come, and write the files of the segment."""
        self._files.close()
        folder = self._folder
        self._keys = KeyTable()
        text_of = _joined(self._text_of, np.zeros(0, np.uint32))
        id_of, times = (
            _joined(parts, np.zeros(0, np.int64))
            for parts in (self._id_of, self._times)
        )
        digests = _joined(self._digests, np.zeros((0, 2), np.uint64))
        ids, raw_texts = (
            open_strings(folder, f"{name}.part") for name in ("ids", "raw_texts")
        )
        with pa.memory_map(str(folder / "about.part")) as source:
            about = pa.ipc.open_file(source).read_all()
            order = tweet_order(
                times, ids, about.add_column(0, "raw", raw_texts.array())
            )
            order = without_repeated(order, id_of, text_of)
            rows, starts, numbers = by_text(order, text_of, self.texts)
            in_order = np.array_equal(numbers, np.arange(len(numbers)))
            # Sorting holds no lock, and the files have nothing to do with each other.
            # The seeds take longest: where they are written, Ctrl-C is noticed.
            with pool_of(CLOSERS if self.tweets > FEW_TWEETS else 0) as pool:
                jobs = [
                    pool.submit(self._write_tables, None if in_order else numbers),
                    pool.submit(
                        write_packed_strings, folder, "raw_texts", raw_texts, rows
                    ),
                    pool.submit(write_ids, folder, ids, rows),
                    *(
                        pool.submit(write_labels, folder, name, about[name], rows)
                        for name in LABELS
                    ),
                ]
                write_numbers(folder, "times", times[rows])
                write_numbers(folder, "tweets", starts)
                self._write_texts(None if in_order else numbers)
                if self._shards == 1:
                    write_seeds(
                        [folder], self._params.of_texts(self._texts_before + self.texts)
                    )
                for job in jobs:
                    job.result()
        for part in folder.glob("*.part*"):
            part.unlink()
        total = digests[rows].sum(axis=0, dtype=np.uint64)
        repeated = self._repeated + self.tweets - len(rows)
        digest = f"{total[0]:016x}{total[1]:016x}"
        return WrittenSegment(folder, self.texts, len(rows), digest, repeated)

    def _write_texts(self, numbers: np.ndarray | None) -> None:
        """The texts and their sketches in the order of their new numbers; None if they
        have come in it.
        """
        folder = self._folder
        if numbers is None:
            for part in ("utf8", "offsets"):
                (folder / f"texts.part.{part}").rename(folder / f"texts.{part}")
            (folder / "sketches.part").rename(folder / "texts.sketches")
            return
        texts = np.empty(len(numbers), np.int64)
        texts[numbers] = np.arange(len(numbers))
        write_strings(folder, "texts", open_strings(folder, "texts.part"), texts)
        write_array_file(
            folder / "texts.sketches",
            map_array(folder / "sketches.part", np.uint64, 2)[texts],
        )

    def _write_tables(self, numbers: np.ndarray | None) -> None:
        """The tables of whole texts and of bands, with the filter of these."""
        if numbers is not None:
            self._bands.renumber(numbers)
            self._exact.renumber(numbers)
        known = new_array_file(
            self._folder / "bands.filter",
            band_filter_words(self._bands.count),
            0,
            np.uint64,
        )
        self._bands.close(
            self.texts, lambda entries: mark_bands(entries, self._bands_layout, known)
        )
        self._exact.close(self.texts)


def _joined(parts: list[np.ndarray], empty: np.ndarray) -> np.ndarray:
    """All parts; their list is empty afterwards."""
    whole = np.concatenate([empty, *parts])
    parts.clear()
    return whole


def tweet_order(times: np.ndarray, ids: Strings, rest: pa.Table) -> np.ndarray:
    """int64: rows ordered by time, then by id, shorter ids first; the columns of `rest`
    decide between rows that have both in common.
    """
    order = np.argsort(times, kind="stable")
    equal = np.diff(times[order]) == 0
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    if len(tied):
        rows = order[tied]
        order[tied] = rows[
            _exact_order(times[rows], ids.take(rows), rest.take(pa.array(rows)))
        ]
    return order


def _exact_order(times: np.ndarray, ids: Strings, rest: pa.Table) -> np.ndarray:
    numbers = ids.whole_numbers()
    if numbers.min(initial=0) >= 0:
        order = np.lexsort((numbers, times))
        if not np.any((np.diff(numbers[order]) == 0) & (np.diff(times[order]) == 0)):
            return order
    keys = pa.table({"time": times, "length": np.diff(ids.offsets), "id": ids.array()})
    for name in rest.column_names:
        keys = keys.append_column(name, rest[name])
    return pc.sort_indices(
        keys, [(name, "ascending") for name in keys.column_names]
    ).to_numpy()


def without_repeated(
    order: np.ndarray, id_of: np.ndarray, text_of: np.ndarray
) -> np.ndarray:
    """Rows in their order, of those with equal ids and texts only the first; ids and
    texts are given as numbers.
    """
    # Only what has an id in common with another row may be repeated.
    places = np.flatnonzero((np.bincount(id_of) > 1)[id_of[order]])
    rows = order[places]
    _, first = np.unique(
        id_of[rows] * (int(text_of.max(initial=0)) + 1) + text_of[rows],
        return_index=True,
    )
    return np.delete(order, np.delete(places, first))


def by_text(
    order: np.ndarray, text_of: np.ndarray, texts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows text by text, where the rows of each text begin, and the texts' new numbers,
    those of their first rows.
    """
    numbers, starts, rows = (
        np.empty(texts, np.uint32),
        np.empty(texts + 1, np.int64),
        np.empty(len(order), np.int64),
    )
    radix.by_text(order.astype(np.int64, copy=False), text_of, numbers, starts, rows)
    return rows, starts, numbers


def taken(batch: Prepared, rows: np.ndarray) -> Prepared:
    return Prepared(
        batch.texts.take(rows),
        batch.raw_texts.take(rows),
        batch.ids.take(rows),
        Sketches(*(array[rows] for array in batch.sketches)),
        batch.times[rows],
        batch.about.take(pa.array(rows)),
        batch.digests[rows],
        0,
    )
