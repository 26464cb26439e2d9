"""Filters of the seed table: three bitmaps that keep most look-ups of a scan out of it.

``seeds.known``
    Keys that are in the table.
``seeds.pairs``
    Pairs of keys that follow each other in a text (:func:`provscan.kernels.seeds.pair_key`).
``seeds.lone``
    Keys that may stand for a text alone: shared by few places, one of them in a text of up to :data:`LONE_TOKENS`.

A key's upper bits say which bit is its own. A table of hash values with one function and one bit each is a Bloom filter
at its simplest: what is there is always found, and something else now and then. They are small, so that a scan finds
them in the processor's caches: of an index whose tables are many times larger, that is what bounds its speed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.postings import map_array, write_array
from provscan.kernels import postings as kernels
from provscan.kernels import seeds as seed_kernels
from provscan.kernels.chains import RARE

LONE_TOKENS = 60
# Pairs and lone keys have a quarter of the bits: they are asked for where a key is known.
FEWER = 2
_CHUNK = 1 << 20


class SeedFilters(NamedTuple):
    """The three bitmaps, uint8 arrays of a power of two."""

    known: np.ndarray
    lone: np.ndarray
    pairs: np.ndarray

    def shifted(self) -> tuple[np.ndarray, np.uint32, np.ndarray, np.uint32, np.ndarray, np.uint32]:
        """Each with how far a 32-bit key is shifted down to be the number of its bit, as the kernels take them."""
        downs = [np.uint32(32 - (len(bitmap).bit_length() + 2)) for bitmap in self]
        return self.known, downs[0], self.lone, downs[1], self.pairs, downs[2]


def key_bits(count: int) -> int:
    """Upper key bits for the known keys of a table of so many entries: 8 to 16 bits an entry, 2**31 at most."""
    return min(31, max(10, (8 * count).bit_length()))


class SeedFiltersWriter:
    """Collects pairs as texts come in, the rest when the table is sorted, and writes the bitmaps.

    Parameters
    ----------
    folder
        Of the segment.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = folder / "seeds.pairs.part"
        self._pairs = self._waiting.open("wb")
        self._bits = 0
        self._known = self._lone = np.zeros(0, np.uint8)

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        write_array(self._pairs, pair_keys(entries))

    def begin(self, count: int) -> None:
        """Make room for a table of so many entries."""
        self._bits = key_bits(count)
        self._known, self._lone = _bitmap(self._bits), _bitmap(self._bits - FEWER)

    def mark(self, entries: np.ndarray, sizes: np.ndarray, longest: int) -> None:
        """Take sorted entries; all with one key come together.

        ``sizes`` are those of :func:`provscan.kernels.chains.text_sizes`, ``longest`` is the greatest of a short text.
        """
        kernels.mark_keys(entries, self._bits, self._known)
        kernels.mark_lone_keys(entries, RARE, longest, sizes, self._bits - FEWER, self._lone)

    def close(self) -> list[str]:
        """Write the bitmaps; the names of their files."""
        self._pairs.close()
        bits = self._bits - FEWER
        pairs = _bitmap(bits)
        with self._waiting.open("rb") as file:
            while len(keys := np.fromfile(file, np.uint32, _CHUNK)):
                mark_pairs(keys, bits, pairs)
        self._waiting.unlink()
        names = [f"seeds.{name}" for name in SeedFilters._fields]
        for name, bitmap in zip(names, (self._known, self._lone, pairs), strict=True):
            with (self._folder / name).open("wb") as file:
                write_array(file, bitmap)
        return names

    def discard(self) -> None:
        """Close the file as it is."""
        self._pairs.close()


def pair_keys(entries: np.ndarray) -> np.ndarray:
    """uint32, the pairs in seed entries of whole texts, in the order in which they stand there."""
    keys = np.empty(len(entries), np.uint32)
    return keys[: seed_kernels.pair_keys(entries, keys)]


def mark_pairs(keys: np.ndarray, bits: int, pairs: np.ndarray) -> None:
    """Set the bits of pair keys."""
    kernels.mark_keys(keys.astype(np.uint64) << np.uint64(32), bits, pairs)


def _bitmap(bits: int) -> np.ndarray:
    return np.zeros(1 << (bits - 3), np.uint8)


def open_filters(folder: Path) -> SeedFilters:
    """Map the three bitmaps."""
    return SeedFilters(*(map_array(folder / f"seeds.{name}", np.uint8) for name in SeedFilters._fields))
