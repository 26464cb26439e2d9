"""Write one segment from prepared batches of tweets.

Texts and tweets are numbered as they arrive. When the segment is complete, tweets are
ordered by time and id, and texts by their earliest tweet, and get their final numbers.
The segment's files therefore depend only on the tweets, not on their original order or
on the files from which they were read.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import slices
from provscan.errors import OutputError
from provscan.index.format import SegmentInfo, digest_of
from provscan.index.segment.arrays import (
    map_array,
    new_array_file,
    write_array,
)
from provscan.index.segment.filters import band_filter_words, bloom_filter, mark_bands
from provscan.index.segment.packed import (
    sliced,
    write_numbers,
    write_packed_strings,
)
from provscan.index.segment.postings import (
    EXACT,
    PostingsWriter,
    bands_layout,
)
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.seeds import write_seeds
from provscan.index.segment.strings import Strings, StringsWriter, open_strings
from provscan.index.segment.tweets import LABELS, write_ids, write_labels, write_strings
from provscan.kernels.storage import keys as kernels
from provscan.kernels.storage import radix
from provscan.kernels.storage.postings import NO_TEXT
from provscan.ordered_map import pool_of
from provscan.params import IndexParams

# The number of threads that help to finish a segment of more than FEW_TWEETS tweets.
CLOSERS, FEW_TWEETS = 2, 10_000

_ABOUT = pa.schema([(name, pa.string()) for name in LABELS])
# The maximum number of rows of a segment: the row of a text has 31 bits.
MAX_ROWS = 1 << 31
# Keys are numbered in groups of about this number, which bounds the memory.
GROUP_KEYS = 1 << 20


class KeyTable:
    """A growing table that numbers distinct 128-bit keys in the order in which they
    first appear.
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


def first_rows(keys: np.ndarray, path: Path) -> np.ndarray:
    """Return uint32[n] in a file at ``path``: for each row of ``keys``, uint64[n, 2],
    the first row with the same key.
    """
    rows = new_array_file(path, len(keys), 0, np.uint32)
    bits = (len(keys) // GROUP_KEYS).bit_length()
    for group in range(1 << bits):
        chosen = [np.zeros(0, np.int64)]
        for part in slices(len(keys) if bits else 0):
            of_group = keys[part, 0] >> np.uint64(64 - bits) == group
            chosen.append(part.start + np.flatnonzero(of_group))
        group_rows = np.concatenate(chosen) if bits else np.arange(len(keys))
        numbers = KeyTable().number(keys[group_rows])
        is_first = numbers == np.maximum.accumulate(numbers)
        is_first[1:] &= numbers[1:] > np.maximum.accumulate(numbers)[:-1]
        rows[group_rows] = group_rows[is_first][numbers]
    return rows


class WrittenSegment(NamedTuple):
    """A segment with complete files, in a folder that no manifest lists yet."""

    folder: Path
    info: SegmentInfo  # With the name of the folder, and without files yet.
    tweets: int  # The number of distinct ids.
    repeated: int  # Rows left out because an earlier row has the same id and text.


class SegmentWriter:
    """Writes one segment. Use it as a context manager, which closes the files.

    Rows go to disk as they are added; a row takes about 40 bytes of memory while the
    segment is finished. A repeated id with the same canonical text is left out. A
    repeated id with another text is a *version* of the tweet (an edit, or a copy that
    was truncated in another file): its text can be found, but it does not count as
    another tweet.
    """

    def __init__(self, folder: Path, params: IndexParams) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._params = params
        self._exact = PostingsWriter(folder, "exact", EXACT)
        self._bands_layout = bands_layout(params.bands)
        self._bands = PostingsWriter(folder, "bands", self._bands_layout)
        self._most = min(MAX_ROWS, 1 << 64 - self._bands_layout.key_bits)
        self._rows = 0
        self._files = contextlib.ExitStack()
        opened = self._files.enter_context
        self._texts, self._raw_texts, self._ids = (
            opened(contextlib.closing(StringsWriter(folder, f"{name}.part")))
            for name in ("texts", "raw_texts", "ids")
        )
        self._arrays = {
            name: opened((folder / f"{name}.part").open("wb"))
            for name in ("sketches", "text_keys", "id_keys", "times", "digests")
        }
        about = opened(pa.OSFile(str(folder / "about.part"), "wb"))
        self._about = opened(pa.ipc.new_file(about, _ABOUT))

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()

    def add(self, batch: Prepared) -> None:
        """Add a batch of rows."""
        count = len(batch.texts)
        if self._rows + count > self._most:
            raise OutputError(
                f"an index has at most {self._most:,} tweets, its limit: build several "
                "indexes, each of a part of the tweets"
            )
        rows = np.arange(self._rows, self._rows + count, dtype=np.uint64)
        for name, array in (
            ("sketches", batch.sketches.bits),
            ("text_keys", batch.sketches.keys),
            ("id_keys", batch.ids.keys()),
            ("times", batch.times),
            ("digests", batch.digests),
        ):
            write_array(self._arrays[name], array)
        self._texts.add(batch.texts)
        self._exact.add(EXACT.entries(batch.sketches.keys[:, 0], rows))
        self._bands.add(
            self._bands_layout.row_entries(batch.sketches.bands, np.arange(count), rows)
        )
        self._raw_texts.add(batch.raw_texts)
        self._ids.add(batch.ids)
        self._about.write_batch(batch.about.cast(_ABOUT))
        self._rows += count

    def finish(self) -> WrittenSegment:
        """Sort the tweets and texts, and write the files of the segment."""
        self._files.close()
        folder = self._folder
        times = map_array(folder / "times.part", np.int64)
        ids, raw_texts = (
            open_strings(folder, f"{name}.part") for name in ("ids", "raw_texts")
        )
        text_of, id_of = (
            first_rows(
                map_array(folder / f"{name}_keys.part", np.uint64, 2),
                folder / f"{name}_rows.part",
            )
            for name in ("text", "id")
        )
        for name in ("text", "id"):
            (folder / f"{name}_keys.part").unlink()
        texts, tweets = map(_count_firsts, (text_of, id_of))
        with pa.memory_map(str(folder / "about.part")) as source:
            about = pa.ipc.open_file(source).read_all()
            order = tweet_order(
                times, ids, about.add_column(0, "raw", raw_texts.array())
            )
            kept = without_repeated(order, id_of, text_of)
            del raw_texts, order, id_of
            (folder / "id_rows.part").unlink()
            rows, starts, numbers = by_text(kept, text_of, texts)
            del kept, text_of
            (folder / "text_rows.part").unlink()
            write_numbers(folder, "tweets", sliced(starts))
            del starts
            in_order = texts == self._rows and _is_ascending(numbers)
            new_numbers = None if in_order else numbers
            # The files are independent, and sorting releases the interpreter lock. The
            # seeds take longest, so write them in this thread, which Ctrl-C interrupts.
            with pool_of(CLOSERS if self._rows > FEW_TWEETS else 0) as pool:
                jobs = [
                    pool.submit(
                        self._write_tables, texts, None if in_order else numbers
                    ),
                    pool.submit(self._write_raw_texts, rows),
                    pool.submit(write_ids, folder, ids, rows),
                    *(
                        pool.submit(write_labels, folder, name, about[name], rows)
                        for name in LABELS
                    ),
                ]
                write_numbers(folder, "times", sliced(times, rows))
                self._write_texts(texts, new_numbers)
                write_seeds(folder, self._params.of_texts(texts))
                for job in jobs:
                    job.result()
        digest = self._digest(rows)
        for part in folder.glob("*.part*"):
            part.unlink()
        info = SegmentInfo(folder.name, texts, len(rows), digest, {})
        return WrittenSegment(folder, info, tweets, self._rows - len(rows))

    def _digest(self, rows: np.ndarray) -> str:
        """Return the sum of the digests of some rows."""
        digests = map_array(self._folder / "digests.part", np.uint64, 2)
        total = np.zeros(2, np.uint64)
        for part in sliced(digests, rows):
            total += part.sum(axis=0, dtype=np.uint64)
        return digest_of(total)

    def _write_texts(self, texts: int, numbers: np.ndarray | None) -> None:
        """Write the texts and their sketches in the order of their new numbers.
        ``numbers`` is None if they arrived in this order.
        """
        folder = self._folder
        if numbers is None:
            for part in ("utf8", "offsets"):
                (folder / f"texts.part.{part}").rename(folder / f"texts.{part}")
            (folder / "sketches.part").rename(folder / "texts.sketches")
            return
        rows = np.empty(texts, np.uint32)
        for some in slices(len(numbers)):
            firsts = np.flatnonzero(numbers[some] != NO_TEXT)
            rows[numbers[some][firsts]] = some.start + firsts
        write_strings(folder, "texts", open_strings(folder, "texts.part"), rows)
        sketches = map_array(folder / "sketches.part", np.uint64, 2)
        with (folder / "texts.sketches").open("wb") as file:
            for array in sliced(sketches, rows):
                write_array(file, array)
        for path in folder.glob("texts.part.*"):
            path.unlink()
        (folder / "sketches.part").unlink()

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

    def _write_tables(self, texts: int, numbers: np.ndarray | None) -> None:
        """Write the tables of whole texts and of bands, and the filter of bands."""
        if numbers is not None:
            self._bands.renumber(numbers)
            self._exact.renumber(numbers)
        bands = texts * self._params.bands
        band_filter = bloom_filter(
            new_array_file(
                self._folder / "bands.filter", band_filter_words(bands), 0, np.uint64
            )
        )
        self._bands.close(
            texts,
            bands,
            lambda entries: mark_bands(entries, self._bands_layout, band_filter),
        )
        self._exact.close(texts, texts)


def _count_firsts(first_rows: np.ndarray) -> int:
    """Return how many rows are the first with their key."""
    return sum(
        int(np.count_nonzero(first_rows[part] == np.arange(part.start, part.stop)))
        for part in slices(len(first_rows))
    )


def _is_ascending(numbers: np.ndarray) -> bool:
    """Return whether each number is its index."""
    return all(
        np.array_equal(numbers[part], np.arange(part.start, part.stop))
        for part in slices(len(numbers))
    )


def tweet_order(times: np.ndarray, ids: Strings, rest: pa.Table) -> np.ndarray:
    """Return the rows in the order of their times. Ties are broken by ids, shorter ones
    first, and then by the columns of `rest`.
    """
    order = np.argsort(times, kind="stable")
    # Whether the time of a row differs from that of the row before it.
    new = np.ones(len(order), np.bool_)
    for part in slices(len(order)):
        some = times[order[max(part.start - 1, 0) : part.stop]]
        new[part.stop - len(some) + 1 : part.stop] = some[1:] != some[:-1]
    low = 0
    while low < len(order):
        high = low + GROUP_KEYS
        while high < len(order) and not new[high]:
            later = np.flatnonzero(new[high : high + GROUP_KEYS])
            high += int(later[0]) if len(later) else GROUP_KEYS
        some_rows, equal = order[low:high], ~new[low:high]
        tied = np.flatnonzero(equal | np.append(equal[1:], False))
        if len(tied):
            some_rows[tied] = _exact_order(some_rows[tied], times, ids, rest)
        low = high
    return order


def _exact_order(
    rows: np.ndarray, times: np.ndarray, ids: Strings, rest: pa.Table
) -> np.ndarray:
    """Return ``rows``, which have ties, in the order of :func:`tweet_order`."""
    times = times[rows]
    numbers = np.concatenate(
        [ids.take(rows[part]).whole_numbers() for part in slices(len(rows))]
    )
    if numbers.min(initial=0) >= 0:
        order = np.lexsort((numbers, times))
        if not np.any((np.diff(numbers[order]) == 0) & (np.diff(times[order]) == 0)):
            return rows[order]
    ids = ids.take(rows)
    keys = pa.table({"time": times, "length": np.diff(ids.offsets), "id": ids.array()})
    for name in rest.column_names:
        keys = keys.append_column(name, rest[name].take(pa.array(rows)))
    return rows[
        pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])
    ]


def without_repeated(
    order: np.ndarray, id_of: np.ndarray, text_of: np.ndarray
) -> np.ndarray:
    """Return the rows in ``order`` without those whose id and text are those of an
    earlier row. ``id_of`` and ``text_of``, uint32, map each row to the first row with
    its id, and with its text.
    """
    shared = np.zeros(len(id_of), np.bool_)
    repeats = np.flatnonzero(id_of != np.arange(len(id_of), dtype=np.uint32))
    shared[repeats] = shared[id_of[repeats]] = True
    places = np.flatnonzero(shared[order])
    rows = order[places]
    pairs = id_of[rows].astype(np.uint64) << np.uint64(32) | text_of[rows]
    _, first = np.unique(pairs, return_index=True)
    return np.delete(order, np.delete(places, first))


def by_text(
    order: np.ndarray, text_of: np.ndarray, texts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group ordered rows by text, and number texts by their first rows. ``text_of``,
    uint32, maps all rows with one text to the same row. Return the rows, the start of
    each text's rows, and for each row in ``text_of`` the new number of its text, else
    ``NO_TEXT``.
    """
    numbers = np.empty(len(text_of), np.uint32)
    starts = np.empty(texts + 1, np.int64)
    rows = np.empty(len(order), np.int64)
    radix.by_text(order.astype(np.int64, copy=False), text_of, numbers, starts, rows)
    return rows, starts, numbers
