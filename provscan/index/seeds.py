"""The seed table: postings of k-min-mers and of rare seeds, and three filters (:mod:`provscan.kernels.bloom`).

``seeds.entries``, ``seeds.places``, ``seeds.starts``
    A k-min-mer, two seeds that follow each other in a text, under its key
    (:func:`provscan.kernels.minimizers.kminmer_hash`). A rare seed under its own: one that at most :data:`RARE` places
    share, in a text of up to :data:`RARE_UNITS`.
``seeds.kminmers``, ``seeds.rare``
    What is in the table. They keep most look-ups of a scan out of it. That of k-min-mers knows more of a hash than the
    32 bits of a key, which some k-min-mers share by chance once there are hundreds of millions.
``seeds.high_frequency``
    Seeds that more places share. When two segments are joined, a rare seed of one must not be among those of the
    other.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.filters import bloom_filter, count_of, narrowed, new_filter
from provscan.index.postings import SEEDS, PostingsWriter, map_array, open_postings, write_array
from provscan.kernels import bloom
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels.records import Postings, SeedTable, frozen

# Step that a text's size is counted in, in units.
SIZE_STEP = 20
RARE = 4
RARE_UNITS = 60
_CHUNK = 1 << 20
# Files of the filters, in the order of the fields of Seeds.
_FILTERS = ("seeds.kminmers", "seeds.rare", "seeds.high_frequency")


class Seeds(NamedTuple):
    """An open seed table, the codes of its places (uint8), and its filters."""

    table: Postings
    places: np.ndarray
    kminmers: np.ndarray
    rare: np.ndarray
    high_frequency: np.ndarray

    @property
    def record(self) -> SeedTable:
        """As the kernels take it, read-only."""
        return frozen(SeedTable(self.table, self.places, bloom_filter(self.kminmers), bloom_filter(self.rare)))


def kminmer_entries(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The k-min-mers in seed entries of whole texts, which stand in the order of their places, and their hashes."""
    kminmers, hashes = np.empty(len(entries), np.uint64), np.empty(len(entries), np.uint64)
    count = seed_kernels.kminmer_entries(entries, hashes, kminmers)
    return kminmers[:count], hashes[:count]


def rare_entries(entries: np.ndarray, sizes: np.ndarray, high_frequency: np.ndarray) -> np.ndarray:
    """Those of sorted seed entries that are rare; keys that too many places share are added to `high_frequency`.

    ``sizes`` are those of :func:`provscan.kernels.minimizers.text_sizes`.
    """
    rare = np.empty_like(entries)
    limits = RARE, RARE_UNITS // SIZE_STEP
    return rare[: seed_kernels.rare_entries(entries, limits, sizes, bloom_filter(high_frequency), rare)].copy()


class SeedsWriter:
    """Collects the seeds of texts as they come in and writes the table.

    Parameters
    ----------
    folder
        Of the segment.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = PostingsWriter(folder, "seeds", SEEDS)
        self._single = PostingsWriter(folder, "seeds.single", SEEDS)
        self._waiting = folder / "seeds.kminmers.part"
        self._hashes = self._waiting.open("wb")

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        kminmers, hashes = kminmer_entries(entries)
        self._table.add(kminmers)
        write_array(self._hashes, hashes)
        self._single.add(entries)

    def close(self, sizes: np.ndarray) -> list[str]:
        """Write the table and its filters; the names of their files.

        ``sizes`` are those of :func:`provscan.kernels.minimizers.text_sizes`.
        """
        kminmers = new_filter(self._table.count)
        high_frequency = new_filter(self._single.count // (RARE + 1))
        self._hashes.close()
        with self._waiting.open("rb") as file:
            while len(hashes := np.fromfile(file, np.uint64, _CHUNK)):
                bloom.mark_all(hashes, bloom_filter(kminmers))
        self._waiting.unlink()
        rare, count = new_filter(self._single.count), self._table.count
        for entries in self._single.sorted():
            found = rare_entries(entries, sizes, high_frequency)
            seed_kernels.mark_seeds(found, bloom_filter(rare))
            self._table.add(found)
        rare = narrowed(rare, self._table.count - count)
        high_frequency = narrowed(high_frequency, count_of(high_frequency))
        names = self._table.close(len(sizes))
        for name, words in zip(_FILTERS, (kminmers, rare, high_frequency), strict=True):
            with (self._folder / name).open("wb") as file:
                write_array(file, words)
        return [*names, *_FILTERS]

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts new numbers, uint32: text t becomes ``numbers[t]``."""
        self._table.renumber(numbers)
        self._single.renumber(numbers)

    def discard(self) -> None:
        """Close the file as it is."""
        self._hashes.close()


def open_seeds(folder: Path, texts: int) -> Seeds:
    """Map the table of so many texts and its filters."""
    return Seeds(
        open_postings(folder, "seeds", SEEDS, texts),
        map_array(folder / "seeds.places", np.uint8),
        *(map_array(folder / name, np.uint64) for name in _FILTERS),
    )
