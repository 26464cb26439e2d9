"""Tables of postings: collected in bounded memory, written sorted and packed, mapped back.

What an entry is and how a table is laid out stands in :mod:`provscan.kernels.postings`. On disk a table ``NAME`` is
``NAME.entries`` and ``NAME.starts``, both uint32, and in a table of seeds ``NAME.places``, uint8.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from provscan.errors import IndexFormatError
from provscan.kernels import postings as kernels
from provscan.kernels import radix
from provscan.kernels.records import Postings, frozen, read_only

# Entries are sorted in memory up to this many; more are parted by their upper bits into files first.
SPILL_ENTRIES = 16 << 20
PARTS = 64
# An entry has 32 bits, of which a text's number takes no less than so many.
ENTRY_BITS = 32
MIN_TEXT_BITS = 8


class Layout(NamedTuple):
    """How a table's entries are laid out."""

    key_bits: int  # Bits of a key that the table knows.
    shift: int = 0  # Bits below the text's number while the table is made: 0, or 8 where an entry has a place.

    def text_bits(self, texts: int) -> int:
        """Bits of the number of one of so many texts in an entry."""
        return max(MIN_TEXT_BITS, (texts - 1).bit_length())

    def bucket_bits(self, texts: int) -> int:
        """Upper bits of a key that number its bucket: those that entries have no room for."""
        return self.key_bits - ENTRY_BITS + self.text_bits(texts)

    def entries(self, keys: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Entries in the making: of uint64 keys and the numbers of their texts, uint64."""
        return (keys & ~np.uint64((1 << (64 - self.key_bits)) - 1)) | texts


# A bucket has one to four entries of whole texts, and four to sixteen of seeds.
EXACT = Layout(30)
SEEDS = Layout(32, shift=8)


def bands_layout(bands: int) -> Layout:
    """The layout of so many LSH bands a text: eight to sixteen entries a bucket."""
    return Layout(27 + bands.bit_length())


class PostingsWriter:
    """Collects entries in any order and writes them as a sorted table.

    It goes on with the entries that another writer has saved in the same folder. `writers` write at a time and share
    the memory for entries that wait.
    """

    def __init__(self, folder: Path, name: str, layout: Layout, writers: int = 1) -> None:
        self._folder = folder
        self._name = name
        self._layout = layout
        self._most = SPILL_ENTRIES // writers
        self._shift = np.uint64(layout.shift)
        self._numbers: np.ndarray | None = None
        self._renumbered: list[int] = []
        self._waiting: list[np.ndarray] = []
        self._waits = 0
        paths = [folder / f"{name}.part{p:02}" for p in range(PARTS)]
        self._parts: list[Path] = [path for path in paths if path.exists()]
        self.count = sum(path.stat().st_size for path in self._parts) // 8

    def add(self, entries: np.ndarray) -> None:
        """Take uint64 entries; the array is the writer's from now on."""
        self._waiting.append(entries)
        self._waits += len(entries)
        self.count += len(entries)
        if self._waits >= self._most:
            self._spill()

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts so far new numbers, uint32: text t becomes ``numbers[t]``."""
        for entries in self._waiting:
            kernels.renumber(entries, self._shift, numbers)
        self._numbers = numbers
        self._renumbered = [path.stat().st_size // 8 if path.exists() else 0 for path in self._parts]

    def save(self) -> None:
        """Put all entries into files, for another writer in the same folder."""
        self._spill()
        for path, known in zip(self._parts, self._renumbered, strict=False):
            if known:
                entries = np.fromfile(path, np.uint64)
                kernels.renumber(entries[:known], self._shift, self._numbers)
                with path.open("wb") as file:
                    write_array(file, entries)
        self._renumbered = []

    def _spill(self) -> None:
        """Append what waits to the part files; entries of one part share their upper bits."""
        if not self._waiting:
            return
        if not self._parts:
            self._parts = [self._folder / f"{self._name}.part{p:02}" for p in range(PARTS)]
        waiting = np.concatenate(self._waiting)
        ordered, ends = np.empty_like(waiting), np.empty(PARTS, np.int64)
        radix.scatter(waiting, np.uint64(65 - PARTS.bit_length()), ends, ordered)
        for path, (low, high) in zip(self._parts, pairwise([0, *ends.tolist()]), strict=True):
            with path.open("ab") as file:
                write_array(file, ordered[low:high])
        self._waiting, self._waits = [], 0

    def sorted(self) -> Iterator[np.ndarray]:
        """All entries, stretch by stretch, all with one key together; none are left."""
        if not self._parts:
            if self._waiting:
                waiting = np.concatenate(self._waiting)
                self._waiting = []
                yield sorted_entries(waiting)
            return
        self._spill()
        for number, path in enumerate(self._parts):
            entries = np.fromfile(path, np.uint64)
            path.unlink()
            if self._renumbered:
                kernels.renumber(entries[: self._renumbered[number]], self._shift, self._numbers)
            yield sorted_entries(entries)

    def sorted_parts(self) -> Iterator[np.ndarray]:
        """The same in :data:`PARTS` stretches, by the keys' upper bits."""
        parted = bool(self._parts)
        for entries in self.sorted():
            if parted:
                yield entries
            else:
                bounds = np.arange(1, PARTS, dtype=np.uint64) << np.uint64(65 - PARTS.bit_length())
                yield from np.split(entries, np.searchsorted(entries, bounds))
                return
        if not parted:
            yield from [np.zeros(0, np.uint64)] * PARTS

    def close(self, texts: int, see: Callable[[np.ndarray], None] = lambda _: None) -> list[str]:
        """Write the table of so many texts; the names of its files. ``see`` is called with all sorted entries."""
        layout, bits = self._layout, self._layout.bucket_bits(texts)
        names = [f"{self._name}.{part}" for part in ("starts", "entries", "places")[: 3 if layout.shift else 2]]
        starts = _new_bucket_offsets(self._folder / names[0], (1 << bits) + 1, self.count)
        first = 0
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context((self._folder / name).open("wb")) for name in names[1:]]
            for entries in self.sorted():
                kernels.bucket_offsets(read_only(entries), first, bits, starts.view(np.ndarray))
                for file, array in zip(files, packed(entries, layout, texts), strict=False):
                    write_array(file, array)
                first += len(entries)
                see(entries)
        kernels.close_bucket_offsets(starts.view(np.ndarray))
        starts.flush()
        return names


def packed(entries: np.ndarray, layout: Layout, texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted entries as a table of so many texts has them, and their places."""
    out, places = np.empty(len(entries), np.uint32), np.empty(len(entries) if layout.shift else 0, np.uint8)
    kernels.pack(entries, layout.text_bits(texts), layout.key_bits, layout.shift, out, places)
    return out, places


def table_of(entries: np.ndarray, layout: Layout, texts: int) -> tuple[Postings, np.ndarray]:
    """A table of so many texts in memory, of sorted entries, and its places."""
    bits = layout.bucket_bits(texts)
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.bucket_offsets(read_only(entries), 0, bits, starts)
    kernels.close_bucket_offsets(starts)
    table, places = packed(entries, layout, texts)
    return Postings(table, starts, bits, layout.text_bits(texts)), places


def unpacked(table: Postings, places: np.ndarray, layout: Layout) -> np.ndarray:
    """A table's entries as they were before."""
    out = np.empty(len(table.entries), np.uint64)
    kernels.unpack(frozen(table), read_only(places), layout.shift, out)
    return out


def sorted_entries(entries: np.ndarray) -> np.ndarray:
    """Sorted in place."""
    radix.sort(entries, np.empty_like(entries), np.empty((3, 1 << radix.DIGIT), np.int64))
    return entries


def write_array(file: BinaryIO, array: np.ndarray) -> None:
    """Append an array's bytes to a file. ``numpy.ndarray.tofile`` misses a full disk when the array is small."""
    file.write(np.ascontiguousarray(array).data)


def _new_bucket_offsets(path: Path, size: int, value: int) -> np.memmap[Any, np.dtype[np.uint32]]:
    """Mapped bucket offsets full of one value.

    It is written before it is mapped: where a mapped file has no room on its disk, the process dies of SIGBUS.
    """
    with path.open("wb") as file:
        for low in range(0, size, 1 << 20):
            write_array(file, np.full(min(1 << 20, size - low), value, np.uint32))
    return np.memmap(path, np.uint32, "r+", shape=(size,))


def open_postings(folder: Path, name: str, layout: Layout, texts: int) -> Postings:
    """Map a table of so many texts."""
    return Postings(
        map_array(folder / f"{name}.entries", np.uint32),
        map_array(folder / f"{name}.starts", np.uint32),
        layout.bucket_bits(texts),
        layout.text_bits(texts),
    )


def map_array(path: Path, dtype: type[np.generic], columns: int = 0) -> np.ndarray:
    """A read-only array over a file; two-dimensional if ``columns`` is given."""
    size, width = path.stat().st_size, np.dtype(dtype).itemsize * max(1, columns)
    if size % width:
        raise IndexFormatError(
            f"{path} is damaged: expected a multiple of {width} bytes, found {size:,}. Build the index again"
        )
    if size == 0:
        array = np.zeros(0, dtype)
        array.flags.writeable = False
    else:
        # A plain view: numpy.memmap costs on every slice, and kernels take it for another type.
        array = np.asarray(np.memmap(path, dtype, "r", shape=(size // np.dtype(dtype).itemsize,))).view(np.ndarray)
    return array.reshape(-1, columns) if columns else array
