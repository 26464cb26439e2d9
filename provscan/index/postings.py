"""Tables of postings: collected in bounded memory, written sorted, mapped back.

What an entry is and how a table is laid out stands in :mod:`provscan.kernels.postings`. On disk a table ``NAME`` is
``NAME.entries`` (uint64) and ``NAME.starts`` (uint32), both little-endian.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from provscan.errors import IndexFormatError
from provscan.kernels import postings as kernels
from provscan.kernels import radix
from provscan.kernels.records import Postings, read_only

# Entries are sorted in memory up to this many; more are parted by their upper bits into files first.
SPILL_ENTRIES = 16 << 20
PARTS = 64


class PostingsWriter:
    """Collects entries in any order and writes them as a sorted table.

    Parameters
    ----------
    folder, name
        Where to.
    shift
        Bits of an entry below the text's number.
    """

    def __init__(self, folder: Path, name: str, shift: int = 0) -> None:
        self._folder = folder
        self._name = name
        self._shift = np.uint64(shift)
        self._numbers: np.ndarray | None = None
        self._renumbered: list[int] = []
        self._waiting: list[np.ndarray] = []
        self._waits = 0
        self._parts: list[Path] = []
        self.count = 0

    def add(self, entries: np.ndarray) -> None:
        """Take uint64 entries; the array is the writer's from now on."""
        self._waiting.append(entries)
        self._waits += len(entries)
        self.count += len(entries)
        if self._waits >= SPILL_ENTRIES:
            self._spill()

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts so far new numbers, uint32: text t becomes ``numbers[t]``."""
        for entries in self._waiting:
            kernels.renumber(entries, self._shift, numbers)
        self._numbers = numbers
        self._renumbered = [path.stat().st_size // 8 if path.exists() else 0 for path in self._parts]

    def _spill(self) -> None:
        """Append what waits to the part files; entries of one part share their upper bits."""
        if not self._waiting:
            return
        if not self._parts:
            self._parts = [self._folder / f"{self._name}.part{p:02}" for p in range(PARTS)]
        waiting = np.concatenate(self._waiting)
        ordered, ends = np.empty_like(waiting), np.empty(1 << radix.DIGIT, np.int64)
        radix.scatter(waiting, np.uint64(64 - radix.DIGIT), ends, ordered)
        width = len(ends) // PARTS
        for path, (low, high) in zip(self._parts, pairwise([0, *ends[width - 1 :: width].tolist()]), strict=True):
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

    def close(self) -> list[str]:
        """Write the table; the names of its files."""
        bits = bucket_bits(self.count)
        entries_name, starts_name = f"{self._name}.entries", f"{self._name}.starts"
        starts = _new_bucket_offsets(self._folder / starts_name, (1 << bits) + 1, self.count)
        first = 0
        with (self._folder / entries_name).open("wb") as file:
            for entries in self.sorted():
                kernels.bucket_offsets(read_only(entries), first, bits, starts.view(np.ndarray))
                write_array(file, entries)
                first += len(entries)
        kernels.close_bucket_offsets(starts.view(np.ndarray))
        starts.flush()
        return [entries_name, starts_name]


def bucket_bits(count: int) -> int:
    """Upper key bits that number a table's buckets.

    Four entries a bucket: the offsets stay small, and a bucket within a cache line or two.
    """
    return max(0, count.bit_length() - 2)


def sorted_entries(entries: np.ndarray) -> np.ndarray:
    """Sorted in place. Digits enough to tell all of them apart, and a part's common upper bits besides."""
    digits = (len(entries).bit_length() + radix.DIGIT) // radix.DIGIT + 1
    counts = np.empty(1 << radix.DIGIT, np.int64)
    radix.sort(entries, np.empty_like(entries), counts, digits + digits % 2)
    return entries


def write_array(file: BinaryIO, array: np.ndarray) -> None:
    """Append an array's bytes to a file.

    Raises
    ------
    OSError
        The disk is full. ``numpy.ndarray.tofile`` says nothing of it when the array is small.
    """
    file.write(np.ascontiguousarray(array).data)


def _new_bucket_offsets(path: Path, size: int, value: int) -> np.memmap[Any, np.dtype[np.uint32]]:
    """Mapped bucket offsets full of one value.

    It is written before it is mapped: where a mapped file has no room on its disk, the process dies of SIGBUS.
    """
    with path.open("wb") as file:
        for low in range(0, size, 1 << 20):
            write_array(file, np.full(min(1 << 20, size - low), value, np.uint32))
    return np.memmap(path, np.uint32, "r+", shape=(size,))


def open_postings(folder: Path, name: str) -> Postings:
    """Map a table."""
    entries = map_array(folder / f"{name}.entries", np.uint64)
    starts = map_array(folder / f"{name}.starts", np.uint32)
    return Postings(entries, starts, (len(starts) - 1).bit_length() - 1)


def map_array(path: Path, dtype: type[np.generic], columns: int = 0) -> np.ndarray:
    """A read-only array over a file; two-dimensional if ``columns`` is given.

    Raises
    ------
    IndexFormatError
        The file ends within an entry.
    """
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
