"""Tables of postings: collect entries in bounded memory, sort, pack and write them, and
map the tables.

:mod:`provscan.kernels.storage.postings` describes entries and the layout of a table.
On disk, a table ``NAME`` consists of ``NAME.entries``, uint32, ``NAME.starts``, uint32
or uint64, and, for a table of seeds, ``NAME.places``, uint8 or uint16.
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
from provscan.kernels.records import EntryForm, Postings, frozen, read_only
from provscan.kernels.storage import postings as kernels
from provscan.kernels.storage import radix

# The maximum number of entries that are buffered in memory.
SPILL_ENTRIES = 16 << 20
# Entries are collected in chunks of about this number.
CHUNK = 1 << 17
# The top 8 or more bits of a key select its part. A chunk is ordered by parts. Later,
# neighbouring parts form ranges of about RANGE_ENTRIES entries, which fit in a cache
# and are sorted one at a time. Up to FEW_ENTRIES entries form a single range.
PART_BITS, RANGE_ENTRIES, FEW_ENTRIES = 8, 1 << 17, 1 << 16
# Neighbouring parts also form groups. Each has a file of its own, which is removed when
# its entries are sorted.
GROUPS = 8
# How many bits an entry has, and how many of them at least hold the text's row.
ENTRY_BITS, MIN_TEXT_BITS = 32, 8
# A segment of more texts is wide: its seeds have more bits, and it is never joined.
NARROW_TEXTS = 1 << 24
NO_PLACES = np.zeros(0, np.uint8)


class TableLayout(NamedTuple):
    key_bits: int  # The number of bits of a key in the table.
    # How many bits are below the text's row in uint64 entries: 8 if they contain
    # places, else 0.
    shift: int = 0
    # How many bits a text's row has in a wide entry. The lowest 16 are where they
    # always are; the others overwrite the leading bits of the 40-bit key, which the
    # part already determines.
    wide_bits: int = 0

    @property
    def part_bits(self) -> int:
        return max(PART_BITS, self.wide_bits - 16)

    def form(self, part: int = 0) -> EntryForm:
        """Return the form of entries; if they are wide, of those of a part."""
        bits = self.wide_bits
        if not bits:
            text_bits = min(32, 64 - self.key_bits - self.shift)
            return EntryForm(np.uint64(0), 0, text_bits, self.shift)
        omitted = self.part_bits
        return EntryForm(np.uint64(part << 64 - omitted), omitted, bits, self.shift)

    def text_bits(self, texts: int) -> int:
        """Return how many bits a text's row takes in a table of `texts` texts."""
        return max(MIN_TEXT_BITS, (texts - 1).bit_length())

    def bucket_bits(self, texts: int) -> int:
        """Return how many top bits of a key do not fit into an entry; they select the
        bucket.
        """
        return self.key_bits - ENTRY_BITS + self.text_bits(texts)

    def entries(self, keys: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Return uint64 entries for uint64 keys and the rows of their texts."""
        return (keys & self._key_mask) | texts

    def row_entries(
        self, keys: np.ndarray, rows: np.ndarray, texts: np.ndarray
    ) -> np.ndarray:
        """Return the entries for some rows of keys, uint64[n, m], each with the row of
        its text.
        """
        entries = np.empty(len(rows) * keys.shape[1], np.uint64)
        radix.row_entries(read_only(keys), rows, texts, self._key_mask, entries)
        return entries

    @property
    def _key_mask(self) -> np.uint64:
        return ~np.uint64((1 << (64 - self.key_bits)) - 1)


def wide_seeds(texts: int) -> TableLayout:
    """Return the layout of the seeds of a wide segment of `texts` texts."""
    return TableLayout(32, shift=8, wide_bits=max(24, (texts - 1).bit_length()))


def seeds_layout(texts: int) -> TableLayout:
    return SEEDS if texts <= NARROW_TEXTS else wide_seeds(texts)


# On average, a bucket has two to four whole texts, or four to sixteen seeds.
EXACT = TableLayout(30)
SEEDS = TableLayout(32, shift=8)


def bands_layout(bands: int) -> TableLayout:
    """Return the layout of a table of `bands` LSH bands per text. On average, a bucket
    has 8 to 16 entries.
    """
    return TableLayout(27 + bands.bit_length())


class Chunk(NamedTuple):
    """Entries ordered by part, and the end of each part, int64[parts]."""

    entries: np.ndarray
    ends: np.ndarray


def chunk_of(entries: np.ndarray, part_bits: int = PART_BITS) -> Chunk:
    """Order entries by part."""
    chunk = Chunk(np.empty_like(entries), np.empty(1 << part_bits, np.int64))
    radix.scatter(entries, np.uint64(64 - part_bits), chunk.ends, chunk.entries)
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
        self.parts = 1 << layout.part_bits
        self._group_parts = self.parts // GROUPS
        self._numbers: np.ndarray | None = None
        self._loose: list[np.ndarray] = []
        self._loose_count = 0
        # For each group of parts, its entries of each chunk, and the number of its
        # parts that are not sorted yet.
        self._groups = [
            SpilledArrays(folder / f"{name}.{number}.part", SPILL_ENTRIES // GROUPS)
            for number in range(GROUPS)
        ]
        self._unsorted = [self._group_parts] * GROUPS
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
        ends = chunk.ends[self._group_parts - 1 :: self._group_parts]
        for group, part in zip(
            self._groups, np.split(chunk.entries, ends[:-1]), strict=True
        ):
            group.add(part)
        self._ends.append(chunk.ends)

    def _order_loose(self) -> None:
        """Make a chunk of the entries that are not in a chunk yet."""
        if self._loose:
            entries = np.concatenate(self._loose)
            self._keep(chunk_of(entries, self._layout.part_bits))
            self._loose, self._loose_count = [], 0

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts new numbers, uint32: text t becomes ``numbers[t]``. The
        entries of texts with the number :data:`NO_TEXT` are left out. Call this after
        all entries were added.
        """
        self._numbers = numbers

    def sorted_range(self, number: int, ranges: int) -> np.ndarray:
        """Return the sorted entries of one of `ranges` ranges, after all entries were
        added. This must be called once for each range, since they are then discarded.
        """
        step = self.parts // ranges
        low, high = step * number, step * (number + 1)
        groups = range(low // self._group_parts, (high - 1) // self._group_parts + 1)
        parts = [part for group in groups for part in self._entries(group, low, high)]
        entries = np.concatenate([np.zeros(0, np.uint64), *parts])
        if self._numbers is not None:
            form = self._layout.form()
            entries = entries[: kernels.renumber(entries, form, self._numbers)]
        # Other ranges of these groups may be read in other threads.
        with self._sorting:
            for group in groups:
                self._unsorted[group] -= min(step, self._group_parts)
                if self._unsorted[group] == 0:
                    self._groups[group].clear()
        return sorted_entries(entries)

    @cached_property
    def _bounds(self) -> np.ndarray:
        """The end of each part in each chunk, after a zero; int64[chunks, parts + 1].
        All entries must have been added.
        """
        ends = np.stack([np.zeros(self.parts, np.int64), *self._ends])[1:]
        return np.concatenate([np.zeros((len(ends), 1), np.int64), ends], axis=1)

    def _entries(self, group: int, low: int, high: int) -> list[np.ndarray]:
        """Return a group's entries in the parts from `low` to `high`, exclusive, of
        each chunk.
        """
        first = group * self._group_parts
        begins, ends = (
            (self._bounds[:, part] - self._bounds[:, first]).tolist()
            for part in (max(low, first), min(high, first + self._group_parts))
        )
        return [
            entries[begin:end]
            for entries, begin, end in zip(
                self._groups[group], begins, ends, strict=True
            )
        ]

    def sorted_ranges(self, ranges: int | None = None) -> Iterator[np.ndarray]:
        """Yield the sorted entries of each range, after which they are discarded."""
        self._order_loose()
        ranges = ranges or self.parts
        for number in range(ranges):
            yield self.sorted_range(number, ranges)

    def ranges(self) -> int:
        """Return the number of ranges in which to sort the entries."""
        return self.parts if self._layout.wide_bits else ranges_for(self.count)

    def close(
        self,
        texts: int,
        count: int,
        visit: Callable[[np.ndarray], None] = lambda _: None,
    ) -> None:
        """Write the table for `texts` texts and `count` entries; ``visit`` is as in
        :func:`write_table`.
        """
        parts = self.sorted_ranges(self.ranges())
        path = self._folder / self._name
        write_table(path, self._layout, texts, count, parts, visit)


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
    in ascending order, one part after the other if they are wide; ``visit`` is called
    with each part.
    """
    bits = layout.bucket_bits(texts)
    starts = new_array_file(
        path.with_name(f"{path.name}.starts"),
        (1 << bits) + 1,
        count,
        np.uint32 if count < 1 << 32 else np.uint64,
    )
    first = 0
    with contextlib.ExitStack() as stack:
        names = [
            f"{path.name}.{part}"
            for part in ("entries", "places")[: 2 if layout.shift else 1]
        ]
        files = [stack.enter_context(path.with_name(name).open("wb")) for name in names]
        for number, entries in enumerate(parts):
            form = layout.form(number)
            kernels.bucket_offsets(read_only(entries), form, first, bits, starts)
            columns = packed(entries, layout, texts, number)
            for file, array in zip(files, columns, strict=False):
                write_array(file, array)
            first += len(entries)
            visit(entries)
    kernels.close_bucket_offsets(starts)


def ranges_for(entries: int) -> int:
    """Return the number of ranges in which to sort entries, a power of two."""
    if entries <= FEW_ENTRIES:
        return 1
    return min(1 << PART_BITS, 1 << (entries // RANGE_ENTRIES).bit_length())


def packed(
    entries: np.ndarray, layout: TableLayout, texts: int, part: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Convert sorted entries to the uint32 entries and the places of a table. Wide
    entries belong to one ``part``.
    """
    out = np.empty(len(entries), np.uint32)
    places = np.empty(
        len(entries) if layout.shift else 0,
        np.uint16 if layout.wide_bits else np.uint8,
    )
    form, bits = layout.form(part), layout.text_bits(texts)
    kernels.pack_entries(entries, form, bits, layout.key_bits, out, places)
    return out, places


def table_of(
    entries: np.ndarray, layout: TableLayout, texts: int
) -> tuple[Postings, np.ndarray]:
    """Make a table in memory from sorted entries. Return the table and its places."""
    bits = layout.bucket_bits(texts)
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.bucket_offsets(read_only(entries), layout.form(), 0, bits, starts)
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
    found = map_array(folder / f"{name}.entries", np.uint32, rows=entries)
    width = np.uint32 if len(found) < 1 << 32 else np.uint64
    starts = map_array(path, width, rows=(1 << bits) + 1)
    if starts[0] != 0 or starts[-1] != len(found):
        raise damage(path, "its buckets do not cover the entries")
    return Postings(found, starts, bits, layout.text_bits(texts))
