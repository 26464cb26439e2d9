"""Tables of postings: collect entries in bounded memory, sort, pack and write them, and
map the tables.

:mod:`provscan.kernels.storage.postings` describes entries and the layout of a table.
On disk, a table ``NAME`` consists of ``NAME.entries`` and ``NAME.starts``, both uint32,
and, for a table of seeds, ``NAME.places``, uint8.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.format import damage
from provscan.index.segment.arrays import map_array, new_array_file, write_array
from provscan.kernels.records import Postings, frozen, read_only
from provscan.kernels.storage import postings as kernels
from provscan.kernels.storage import radix

# The maximum number of entries that are buffered in memory.
SPILL_ENTRIES = 16 << 20
# Entries are collected in chunks of about this number.
CHUNK = 1 << 17
# The upper 8 bits of a key are the number of its part. A chunk is ordered by parts.
# Later, neighbouring parts form ranges of about RANGE_ENTRIES entries, which fit in a
# cache and are sorted one at a time. Up to FEW_ENTRIES entries form a single range.
PARTS, RANGE_ENTRIES, FEW_ENTRIES = 256, 1 << 17, 1 << 16
# Neighbouring parts also form groups. Each has a file of its own, which is removed when
# its entries are sorted.
GROUPS = 8
_GROUP_PARTS = PARTS // GROUPS
_PART_SHIFT = np.uint64(65 - PARTS.bit_length())
# The bits of an entry, the minimum number of them for a text's number, and the maximum
# number of texts.
ENTRY_BITS, MIN_TEXT_BITS, MAX_TEXTS = 32, 8, 1 << 24
NO_PLACES = np.zeros(0, np.uint8)


class TableLayout(NamedTuple):
    key_bits: int  # The number of bits of a key in the table.
    # The number of bits below the text's number in uint64 entries: 8 if they contain
    # places, else 0.
    shift: int = 0

    def text_bits(self, texts: int) -> int:
        """Return the number of bits of a text's number in a table of `texts` texts."""
        return max(MIN_TEXT_BITS, (texts - 1).bit_length())

    def bucket_bits(self, texts: int) -> int:
        """Return the number of upper bits of a key that do not fit into an entry. They
        are the number of the bucket.
        """
        return self.key_bits - ENTRY_BITS + self.text_bits(texts)

    def entries(self, keys: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Return uint64 entries for uint64 keys and the numbers of their texts."""
        return (keys & self._key_mask) | texts

    def row_entries(
        self, keys: np.ndarray, rows: np.ndarray, texts: np.ndarray
    ) -> np.ndarray:
        """Return the entries for some rows of keys, uint64[n, m], each with the number
        of its text.
        """
        entries = np.empty(len(rows) * keys.shape[1], np.uint64)
        radix.row_entries(read_only(keys), rows, texts, self._key_mask, entries)
        return entries

    @property
    def _key_mask(self) -> np.uint64:
        return ~np.uint64((1 << (64 - self.key_bits)) - 1)


# On average, a bucket has two to four whole texts, or four to sixteen seeds.
EXACT = TableLayout(30)
SEEDS = TableLayout(32, shift=8)


def bands_layout(bands: int) -> TableLayout:
    """Return the layout of a table of `bands` LSH bands per text. On average, a bucket
    has 8 to 16 entries.
    """
    return TableLayout(27 + bands.bit_length())


class Chunk(NamedTuple):
    """Entries ordered by part, and the end of each part, int64[PARTS]."""

    entries: np.ndarray
    ends: np.ndarray


def chunk_of(entries: np.ndarray) -> Chunk:
    """Order entries by part."""
    chunk = Chunk(np.empty_like(entries), np.empty(PARTS, np.int64))
    radix.scatter(entries, _PART_SHIFT, chunk.ends, chunk.entries)
    return chunk


class SpilledArrays:
    """A list of arrays of entries, which are moved to a file whenever those in memory
    have `most` entries.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._arrays: list[np.ndarray] = []
        self._filed = self._fresh = 0

    def __getitem__(self, number: int) -> np.ndarray:
        return self._arrays[number]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._arrays)

    def add(self, entries: np.ndarray) -> None:
        """Append an array, which must not be modified afterwards."""
        self._arrays.append(entries)
        self._fresh += len(entries)
        if self._fresh < self._most:
            return
        fresh = self._arrays[self._filed :]
        with self._path.open("ab") as file:
            begin = file.tell()
            for array in fresh:
                write_array(file, array)
        mapped = map_array(self._path, np.uint64)[begin // 8 :]
        self._arrays[self._filed :] = np.split(
            mapped, np.cumsum([len(array) for array in fresh])[:-1]
        )
        self._filed, self._fresh = len(self._arrays), 0

    def clear(self) -> None:
        self._arrays, self._filed, self._fresh = [], 0, 0
        self._path.unlink(missing_ok=True)


class PostingsWriter:
    """Collects entries in any order and writes them as a sorted table.

    Entries are kept in memory or in files.
    """

    def __init__(self, folder: Path, name: str, layout: TableLayout) -> None:
        self._folder = folder
        self._name = name
        self._layout = layout
        self._shift = np.uint64(layout.shift)
        self._numbers: np.ndarray | None = None
        self._loose: list[np.ndarray] = []
        self._loose_count = 0
        # For each group of parts, its entries of each chunk, and the number of its
        # parts that are not sorted yet.
        self._groups = [
            SpilledArrays(folder / f"{name}.{number}.part", SPILL_ENTRIES // GROUPS)
            for number in range(GROUPS)
        ]
        self._unsorted = [_GROUP_PARTS] * GROUPS
        self._sorting = threading.Lock()
        self._ends: list[np.ndarray] = []  # For each chunk, as in `Chunk`.
        self.count = 0

    def add(self, entries: np.ndarray) -> None:
        """Add uint64 entries. The array must not be modified afterwards."""
        self._loose.append(entries)
        self._loose_count += len(entries)
        self.count += len(entries)
        if self._loose_count >= CHUNK:
            self._order_loose()

    def add_chunk(self, chunk: Chunk) -> None:
        """Add entries that are already ordered by part."""
        self.count += len(chunk.entries)
        self._keep(chunk)

    def _keep(self, chunk: Chunk) -> None:
        ends = chunk.ends[_GROUP_PARTS - 1 :: _GROUP_PARTS]
        for group, part in zip(
            self._groups, np.split(chunk.entries, ends[:-1]), strict=True
        ):
            group.add(part)
        self._ends.append(chunk.ends)

    def _order_loose(self) -> None:
        """Make a chunk of the entries that are not in a chunk yet."""
        if self._loose:
            self._keep(chunk_of(np.concatenate(self._loose)))
            self._loose, self._loose_count = [], 0

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts new numbers, uint32: text t becomes ``numbers[t]``. Call this
        after all entries were added.
        """
        self._numbers = numbers

    def sorted_range(self, number: int, ranges: int) -> np.ndarray:
        """Return the sorted entries of one of `ranges` ranges, after all entries were
        added. This must be called once for each range, since they are then discarded.
        """
        step = PARTS // ranges
        low, high = step * number, step * (number + 1)
        groups = range(low // _GROUP_PARTS, (high - 1) // _GROUP_PARTS + 1)
        parts = [part for group in groups for part in self._entries(group, low, high)]
        entries = np.concatenate([np.zeros(0, np.uint64), *parts])
        if self._numbers is not None:
            kernels.renumber(entries, self._shift, self._numbers)
        # Other ranges of these groups may be read in other threads.
        with self._sorting:
            for group in groups:
                self._unsorted[group] -= min(step, _GROUP_PARTS)
                if self._unsorted[group] == 0:
                    self._groups[group].clear()
        return sorted_entries(entries)

    @cached_property
    def _bounds(self) -> np.ndarray:
        """The end of each part in each chunk, after a zero; int64[chunks, PARTS + 1].
        All entries must have been added.
        """
        ends = np.stack([np.zeros(PARTS, np.int64), *self._ends])[1:]
        return np.concatenate([np.zeros((len(ends), 1), np.int64), ends], axis=1)

    def _entries(self, group: int, low: int, high: int) -> list[np.ndarray]:
        """Return a group's entries in the parts from `low` to `high`, exclusive, of
        each chunk.
        """
        first = group * _GROUP_PARTS
        begins, ends = (
            (self._bounds[:, part] - self._bounds[:, first]).tolist()
            for part in (max(low, first), min(high, first + _GROUP_PARTS))
        )
        return [
            entries[begin:end]
            for entries, begin, end in zip(
                self._groups[group], begins, ends, strict=True
            )
        ]

    def sorted_ranges(self, ranges: int = PARTS) -> Iterator[np.ndarray]:
        """Yield the sorted entries of each range, after which they are discarded."""
        self._order_loose()
        for number in range(ranges):
            yield self.sorted_range(number, ranges)

    def close(
        self, texts: int, visit: Callable[[np.ndarray], None] = lambda _: None
    ) -> None:
        """Write the table for `texts` texts; ``visit`` is as in :func:`write_table`."""
        parts = self.sorted_ranges(ranges_for(self.count))
        write_table(
            self._folder / self._name, self._layout, texts, self.count, parts, visit
        )


def write_table(
    path: Path,
    layout: TableLayout,
    texts: int,
    count: int,
    parts: Iterable[np.ndarray],
    visit: Callable[[np.ndarray], None],
) -> None:
    """Write a table of `texts` texts and `count` entries.

    `path` is the path of the table's files without extensions. `parts` are the entries
    in ascending order; ``visit`` is called with each part.
    """
    bits = layout.bucket_bits(texts)
    starts = new_array_file(
        path.with_name(f"{path.name}.starts"), (1 << bits) + 1, count, np.uint32
    )
    first = 0
    with contextlib.ExitStack() as stack:
        names = [
            f"{path.name}.{part}"
            for part in ("entries", "places")[: 2 if layout.shift else 1]
        ]
        files = [stack.enter_context(path.with_name(name).open("wb")) for name in names]
        for entries in parts:
            kernels.bucket_offsets(read_only(entries), first, bits, starts)
            for file, array in zip(files, packed(entries, layout, texts), strict=False):
                write_array(file, array)
            first += len(entries)
            visit(entries)
    kernels.close_bucket_offsets(starts)


def ranges_for(entries: int) -> int:
    """Return the number of ranges in which to sort entries, a power of two."""
    if entries <= FEW_ENTRIES:
        return 1
    return min(PARTS, 1 << (entries // RANGE_ENTRIES).bit_length())


def packed(
    entries: np.ndarray, layout: TableLayout, texts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Convert sorted entries to the uint32 entries and the places of a table."""
    out = np.empty(len(entries), np.uint32)
    places = np.empty(len(entries) if layout.shift else 0, np.uint8)
    kernels.pack_entries(
        entries, layout.text_bits(texts), layout.key_bits, layout.shift, out, places
    )
    return out, places


def table_of(
    entries: np.ndarray, layout: TableLayout, texts: int
) -> tuple[Postings, np.ndarray]:
    """Make a table in memory from sorted entries. Return the table and its places."""
    bits = layout.bucket_bits(texts)
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.bucket_offsets(read_only(entries), 0, bits, starts)
    kernels.close_bucket_offsets(starts)
    table, places = packed(entries, layout, texts)
    return Postings(table, starts, bits, layout.text_bits(texts)), places


def unpacked(
    table: Postings, layout: TableLayout, places: np.ndarray = NO_PLACES
) -> np.ndarray:
    """Convert a table back to uint64 entries."""
    out = np.empty(len(table.entries), np.uint64)
    kernels.unpack_entries(frozen(table), read_only(places), layout.shift, out)
    return out


def sorted_entries(entries: np.ndarray) -> np.ndarray:
    """Sort entries in place, and return them."""
    radix.sort(
        entries, np.empty_like(entries), np.empty((3, 1 << radix.DIGIT), np.int64)
    )
    return entries


def open_postings(
    folder: Path,
    name: str,
    layout: TableLayout,
    texts: int,
    entries: int | None = None,
) -> Postings:
    """Map a table of `texts` texts, with `entries` entries if the number is known."""
    bits, path = layout.bucket_bits(texts), folder / f"{name}.starts"
    starts = map_array(path, np.uint32, rows=(1 << bits) + 1)
    found = map_array(folder / f"{name}.entries", np.uint32, rows=entries)
    if starts[0] != 0 or starts[-1] != len(found):
        raise damage(path, "its buckets do not cover the entries")
    return Postings(found, starts, bits, layout.text_bits(texts))
