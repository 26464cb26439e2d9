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

from collections.abc import Sequence
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
_S32 = np.uint64(32)
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
    """Collects the seeds of texts as they come in and writes the table, with those saved in the same folder.

    Parameters
    ----------
    folder
        Of the segment.
    writers
        How many write at a time.
    """

    def __init__(self, folder: Path, writers: int = 1) -> None:
        self.folder = folder
        self.table = PostingsWriter(folder, "seeds", SEEDS, writers)
        self.single = PostingsWriter(folder, "seeds.single", SEEDS, writers)
        self._waiting = folder / "seeds.kminmers.part"
        self._hashes = self._waiting.open("ab")

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        kminmers, hashes = kminmer_entries(entries)
        self.table.add(kminmers)
        write_array(self._hashes, hashes)
        self.single.add(entries)

    def mark_kminmers(self, words: np.ndarray) -> None:
        """Add all k-min-mers to a filter; no more seeds are taken then."""
        self._hashes.close()
        with self._waiting.open("rb") as file:
            while len(hashes := np.fromfile(file, np.uint64, _CHUNK)):
                bloom.mark_all(hashes, bloom_filter(words))
        self._waiting.unlink()

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts new numbers, uint32: text t becomes ``numbers[t]``."""
        self.table.renumber(numbers)
        self.single.renumber(numbers)

    def save(self) -> None:
        """Put all into files, for another writer in the same folder."""
        self._hashes.close()
        self.table.save()
        self.single.save()

    def discard(self) -> None:
        """Close the file as it is."""
        self._hashes.close()


def close_together(writers: Sequence[SeedsWriter], sizes: Sequence[np.ndarray]) -> None:
    """Write the tables of segments and their filters, which are those of all of them and stand in the first.

    ``sizes`` are those of :func:`provscan.kernels.minimizers.text_sizes` of each.
    """
    singles, counts = sum(writer.single.count for writer in writers), [writer.table.count for writer in writers]
    kminmers, rare, high_frequency = (new_filter(n) for n in (sum(counts), singles, singles // (RARE + 1)))
    for writer in writers:
        writer.mark_kminmers(kminmers)
    streams = [writer.single.sorted() if len(writers) == 1 else writer.single.sorted_parts() for writer in writers]
    for parts in zip(*streams, strict=True):
        frequent = _frequent_in_all(parts)
        seed_kernels.mark_seeds(frequent, bloom_filter(high_frequency))
        for writer, size, entries in zip(writers, sizes, parts, strict=True):
            kept = entries[~np.isin(entries >> _S32, frequent >> _S32)] if len(frequent) else entries
            found = rare_entries(kept, size, high_frequency)
            seed_kernels.mark_seeds(found, bloom_filter(rare))
            writer.table.add(found)
    rare = narrowed(rare, sum(writer.table.count for writer in writers) - sum(counts))
    filters = kminmers, rare, narrowed(high_frequency, count_of(high_frequency))
    for writer, size in zip(writers, sizes, strict=True):
        writer.table.close(len(size))
        for name, words in zip(_FILTERS, filters, strict=True):
            with (writer.folder / name).open("wb") as file:
                write_array(file, words if writer is writers[0] else new_filter(0))


def _frequent_in_all(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Of sorted entries of several segments the keys, as entries, that too many places share in all of them."""
    if len(parts) == 1:
        return np.zeros(0, np.uint64)
    keys, count = np.unique(np.concatenate(parts) >> _S32, return_counts=True)
    return keys[count > RARE] << _S32


def open_seeds(folder: Path, texts: int) -> Seeds:
    """Map the table of so many texts and its filters."""
    return Seeds(
        open_postings(folder, "seeds", SEEDS, texts),
        map_array(folder / "seeds.places", np.uint8),
        *(map_array(folder / name, np.uint64) for name in _FILTERS),
    )
