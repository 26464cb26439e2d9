"""Write one segment from prepared batches of tweets.

Texts and tweets are numbered as they arrive. When the segment is complete, tweets are
ordered by time and id, and texts by their earliest tweet, and get their final numbers.
The segment's files therefore depend only on the tweets, not on their original order or
on the files from which they were read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import distinct
from provscan.index.format import SegmentInfo, digest_of
from provscan.index.segment.arrays import (
    map_array,
    new_array_file,
    write_array,
    write_array_file,
)
from provscan.index.segment.filters import band_filter_words, bloom_filter, mark_bands
from provscan.index.segment.packed import write_numbers, write_packed_strings
from provscan.index.segment.postings import (
    EXACT,
    MAX_TEXTS,
    PostingsWriter,
    bands_layout,
)
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.read import Segment
from provscan.index.segment.seeds import write_seeds
from provscan.index.segment.strings import Strings, StringsWriter, open_strings
from provscan.index.segment.tweets import LABELS, write_ids, write_labels, write_strings
from provscan.kernels.storage import keys as kernels
from provscan.kernels.storage import radix
from provscan.ordered_map import pool_of
from provscan.params import IndexParams

# The number of threads that help to finish a segment of more than FEW_TWEETS tweets.
CLOSERS, FEW_TWEETS = 2, 10_000

_ABOUT = pa.schema([(name, pa.string()) for name in LABELS])


class KeyTable:
    """A growing table that numbers distinct 128-bit keys in the order in which they
    first appear.

    The keys of ids show which tweets are new. A repeated id with the same canonical
    text is left out. A repeated id with another text, in the same build, is a *version*
    of the tweet (an edit, or a copy that was truncated in another file): its text can
    be found, but it does not count as another tweet.
    """

    def __init__(self) -> None:
        self._keys = np.zeros((1 << 16, 2), np.uint64)
        self._numbers = np.zeros(1 << 16, np.uint32)
        self.count = 0

    def number(self, keys: np.ndarray) -> np.ndarray:
        """Return int64[n]: the number of each key in ``keys``, uint64[n, 2]."""
        size = len(self._numbers)
        while self.count + len(keys) > size * 3 // 4:
            size *= 2
        if size > len(self._numbers):
            # The table is filled in random order. Zeros would consist of small pages,
            # which the system provides one by one; empty arrays have huge ones.
            larger, numbers = np.empty((size, 2), np.uint64), np.empty(size, np.uint32)
            numbers[:] = 0
            kernels.move_texts(self._keys, self._numbers, larger, numbers)
            self._keys, self._numbers = larger, numbers
        found = np.empty(len(keys), np.int64)
        self.count = int(
            kernels.number_texts(keys, self._keys, self._numbers, self.count, found)
        )
        return found


class WrittenSegment(NamedTuple):
    """A segment with complete files, in a folder that no manifest lists yet."""

    folder: Path
    info: SegmentInfo  # It has the name of the folder, and no files yet.
    repeated: int  # Rows left out because an earlier row has the same id and text.


class SegmentWriter:
    """Writes one segment. Use it as a context manager, which closes the files.

    Texts and postings go to disk, so a tweet takes only about 100 bytes of memory until
    the segment is complete. `before` contains the complete segments of the same build,
    whose tweets are already in `ids`.
    """

    def __init__(
        self,
        folder: Path,
        params: IndexParams,
        ids: KeyTable,
        *,
        before: Sequence[Segment] = (),
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._params = params
        self._ids_table = ids
        self._known_ids = ids.count
        self._before = before
        self._exact = PostingsWriter(folder, "exact", EXACT)
        self._bands_layout = bands_layout(params.bands)
        self._bands = PostingsWriter(folder, "bands", self._bands_layout)
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
        """Return whether `tweets` more tweets fit, even if each has its own text."""
        return self.texts + tweets <= MAX_TEXTS and self.tweets + tweets < 1 << 32

    def add(self, batch: Prepared) -> None:
        """Add a batch; equal canonical texts become one licensed text."""
        ids = self._ids_table.number(batch.ids.keys())
        known_rows = np.flatnonzero(ids < self._known_ids)
        if self._before and len(known_rows):
            # Leave out known tweets with known texts; the others are versions.
            repeated = known_rows[
                contained(
                    self._before,
                    batch.ids.take(known_rows),
                    batch.texts.take(known_rows),
                )
            ]
            self._repeated += len(repeated)
            rows = np.delete(np.arange(len(ids)), repeated)
            batch, ids = batch.take(rows), ids[rows]
        count = len(batch.texts)
        if count == 0:
            return
        known = self.texts
        numbers = self._keys.number(batch.sketches.keys)
        self.texts = self._keys.count
        # New texts get ascending numbers, so in the first row of a new text, the number
        # is higher than in all earlier rows.
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
        """Sort the tweets and texts, and write the files of the segment."""
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
            del raw_texts
            rows, starts, numbers = by_text(order, text_of, self.texts)
            in_order = np.array_equal(numbers, np.arange(len(numbers)))
            # The files are independent, and sorting releases the interpreter lock. The
            # seeds take longest, so write them in this thread, which Ctrl-C interrupts.
            with pool_of(CLOSERS if self.tweets > FEW_TWEETS else 0) as pool:
                jobs = [
                    pool.submit(self._write_tables, None if in_order else numbers),
                    pool.submit(self._write_raw_texts, rows),
                    pool.submit(write_ids, folder, ids, rows),
                    *(
                        pool.submit(write_labels, folder, name, about[name], rows)
                        for name in LABELS
                    ),
                ]
                write_numbers(folder, "times", times[rows])
                write_numbers(folder, "tweets", starts)
                self._write_texts(None if in_order else numbers)
                before = sum(len(segment.texts) for segment in self._before)
                write_seeds(folder, self._params.of_texts(before + self.texts))
                for job in jobs:
                    job.result()
        for part in folder.glob("*.part*"):
            part.unlink()
        digest = digest_of(digests[rows].sum(axis=0, dtype=np.uint64))
        info = SegmentInfo(folder.name, self.texts, len(rows), digest, {})
        return WrittenSegment(folder, info, self._repeated + self.tweets - len(rows))

    def _write_texts(self, numbers: np.ndarray | None) -> None:
        """Write the texts and their sketches in the order of their new numbers.
        ``numbers`` is None if they arrived in this order.
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

    def _write_raw_texts(self, rows: np.ndarray) -> None:
        """Write the original texts in the order of ``rows``, and remove their source,
        so that the seeds can take its space.
        """
        name = "raw_texts.part"
        write_packed_strings(
            self._folder, "raw_texts", open_strings(self._folder, name), rows
        )
        for part in self._folder.glob(f"{name}*"):
            part.unlink()

    def _write_tables(self, numbers: np.ndarray | None) -> None:
        """Write the tables of whole texts and of bands, and the filter of bands."""
        if numbers is not None:
            self._bands.renumber(numbers)
            self._exact.renumber(numbers)
        band_filter = bloom_filter(
            new_array_file(
                self._folder / "bands.filter",
                band_filter_words(self._bands.count),
                0,
                np.uint64,
            )
        )
        self._bands.close(
            self.texts,
            lambda entries: mark_bands(entries, self._bands_layout, band_filter),
        )
        self._exact.close(self.texts)


def contained(segments: Sequence[Segment], ids: Strings, texts: Strings) -> np.ndarray:
    """Return bool[n]: whether a segment has a tweet with this id and canonical text."""

    def pair_keys(ids: Strings, texts: np.ndarray) -> np.ndarray:
        # The factor makes the key depend on the order of the pair.
        return ids.keys() * np.uint64(3) + texts

    table = KeyTable()
    for segment in segments:
        found = distinct(segment.find(texts))
        found = found[found >= 0]
        text, rows = segment.tweets_of(found)
        text_keys = segment.texts.take(found).keys()
        table.number(pair_keys(segment.tweets.ids.take(rows), text_keys[text]))
    known = table.count
    return table.number(pair_keys(ids, texts.keys())) < known


def _joined(parts: list[np.ndarray], empty: np.ndarray) -> np.ndarray:
    """Concatenate the parts, and empty the list to free memory."""
    whole = np.concatenate([empty, *parts])
    parts.clear()
    return whole


def tweet_order(times: np.ndarray, ids: Strings, rest: pa.Table) -> np.ndarray:
    """Return the rows in the order of their times. Ties are broken by ids, shorter ones
    first, and then by the columns of `rest`.
    """
    order = np.argsort(times, kind="stable")
    equal = np.diff(times[order]) == 0
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    if len(tied):
        order[tied] = _exact_order(order[tied], times, ids, rest)
    return order


def _exact_order(
    rows: np.ndarray, times: np.ndarray, ids: Strings, rest: pa.Table
) -> np.ndarray:
    """Return ``rows``, which have ties, in the order of :func:`tweet_order`."""
    times, ids = times[rows], ids.take(rows)
    numbers = ids.whole_numbers()
    if numbers.min(initial=0) >= 0:
        order = np.lexsort((numbers, times))
        if not np.any((np.diff(numbers[order]) == 0) & (np.diff(times[order]) == 0)):
            return rows[order]
    keys = pa.table({"time": times, "length": np.diff(ids.offsets), "id": ids.array()})
    for name in rest.column_names:
        keys = keys.append_column(name, rest[name].take(pa.array(rows)))
    return rows[
        pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])
    ]


def without_repeated(
    order: np.ndarray, id_of: np.ndarray, text_of: np.ndarray
) -> np.ndarray:
    """Return the rows in ``order`` without those whose id and text, given as numbers,
    are those of an earlier row.
    """
    shared = np.flatnonzero((np.bincount(id_of) > 1)[id_of[order]])
    rows = order[shared]
    _, first = np.unique(
        id_of[rows] * (int(text_of.max(initial=0)) + 1) + text_of[rows],
        return_index=True,
    )
    return np.delete(order, np.delete(shared, first))


def by_text(
    order: np.ndarray, text_of: np.ndarray, texts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group ordered rows by text, and number texts by their first rows. Return the
    rows, the start of each text's rows, and the new number of each text.
    """
    numbers = np.empty(texts, np.uint32)
    starts = np.empty(texts + 1, np.int64)
    rows = np.empty(len(order), np.int64)
    radix.by_text(order.astype(np.int64, copy=False), text_of, numbers, starts, rows)
    return rows, starts, numbers
