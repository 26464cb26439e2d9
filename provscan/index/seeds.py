"""The seed table: postings of rare seeds and of k-min-mers, and three filters (:mod:`provscan.kernels.bloom`).

``seeds.entries``, ``seeds.places``, ``seeds.starts``
    A rare seed, one that at most :data:`RARE` places share, under its own key. A k-min-mer, two seeds that follow each
    other in a text and are both not rare, under its key (:func:`provscan.kernels.minimizers.kminmer_hash`).
``seeds.kminmers``, ``seeds.rare``
    What is in the table. They keep most look-ups of a scan out of it. That of k-min-mers knows more of a hash than the
    32 bits of a key, which some k-min-mers share by chance once there are hundreds of millions.
``seeds.high_frequency``
    Seeds that more places share. A few others are in it by chance, of which the table then has k-min-mers, too. When
    two segments are joined, a rare seed of one must not be among those of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.filters import bloom_filter, count_of, narrowed, new_filter
from provscan.index.postings import SEEDS, PostingsWriter, map_array, open_postings, sorted_entries, write_array
from provscan.kernels import bloom
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels import postings as postings_kernels
from provscan.kernels.records import Postings, SeedTable, frozen

# Step that a text's size is counted in, in units.
SIZE_STEP = 20
RARE = 2
_CHUNK = 1 << 20
_S8, _S32 = np.uint64(8), np.uint64(32)
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


def kminmer_entries(entries: np.ndarray, high_frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The k-min-mers in seed entries of whole texts, which stand in the order of their places, and their hashes.

    Their seeds are both in the filter `high_frequency`.
    """
    kminmers, hashes = np.empty(len(entries), np.uint64), np.empty(len(entries), np.uint64)
    count = seed_kernels.kminmer_entries(entries, bloom_filter(high_frequency), hashes, kminmers)
    return kminmers[:count].copy(), hashes[:count]


def rare_entries(entries: np.ndarray, high_frequency: np.ndarray) -> np.ndarray:
    """Those of sorted seed entries that are rare; keys that too many places share are added to `high_frequency`."""
    rare = np.empty_like(entries)
    return rare[: seed_kernels.rare_entries(entries, RARE, bloom_filter(high_frequency), rare)].copy()


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
        self.waiting = folder / "seeds.in_order.part"
        self._file = self.waiting.open("ab")
        self._numbers: np.ndarray | None = None

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        write_array(self._file, entries)
        self.single.add(entries)

    def in_order(self) -> Iterator[np.ndarray]:
        """All entries as they came, each stretch from the last of the one before; no more are taken then."""
        self._file.close()
        before = np.zeros(0, np.uint64)
        with self.waiting.open("rb") as file:
            while len(entries := np.fromfile(file, np.uint64, _CHUNK)):
                if self._numbers is not None:
                    postings_kernels.renumber(entries, _S8, self._numbers)
                yield np.concatenate([before, entries])
                before = entries[-1:]

    def renumber(self, numbers: np.ndarray) -> None:
        """Give all texts new numbers, uint32: text t becomes ``numbers[t]``. No more seeds are taken then."""
        self.single.renumber(numbers)
        self._numbers = numbers

    def save(self) -> None:
        """Put all into files, for another writer in the same folder."""
        self.single.save()
        final = self.waiting.with_suffix(".final")
        with final.open("wb") as file:
            for first, entries in enumerate(self.in_order()):
                write_array(file, entries[first > 0 :])
        final.replace(self.waiting)

    def discard(self) -> None:
        """Close the file as it is."""
        self._file.close()


def close_together(writers: Sequence[SeedsWriter], texts: Sequence[int]) -> None:
    """Write the tables of segments of so many texts, and their filters, which are those of all and in the first."""
    singles = sum(writer.single.count for writer in writers)
    kminmers, rare, high_frequency = (new_filter(n) for n in (singles, singles, singles // (RARE + 1)))
    for parts in zip(*(writer.single.sorted_parts() for writer in writers), strict=True):
        frequent = _frequent_in_all(parts)
        seed_kernels.mark_seeds(frequent, bloom_filter(high_frequency))
        for writer, entries in zip(writers, parts, strict=True):
            found = rare_entries(_without(entries, frequent), high_frequency)
            seed_kernels.mark_seeds(found, bloom_filter(rare))
            writer.table.add_part(found)
    all_rare = sum(writer.table.count for writer in writers)
    for writer in writers:
        for entries in writer.in_order():
            found, hashes = kminmer_entries(entries, high_frequency)
            bloom.mark_all(hashes, bloom_filter(kminmers))
            writer.table.add(found)
        writer.waiting.unlink()
    filters = (
        narrowed(kminmers, sum(writer.table.count for writer in writers) - all_rare),
        narrowed(rare, all_rare),
        narrowed(high_frequency, count_of(high_frequency)),
    )
    for writer, count in zip(writers, texts, strict=True):
        writer.table.close(count)
        for name, words in zip(_FILTERS, filters, strict=True):
            with (writer.folder / name).open("wb") as file:
                write_array(file, words if writer is writers[0] else new_filter(0))


def _frequent_in_all(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Of sorted entries of several segments the keys, as entries, that too many places share in all of them."""
    if len(parts) == 1:
        return np.zeros(0, np.uint64)
    keys = sorted_entries(np.concatenate(parts)) >> _S32
    return np.unique(keys[RARE:][keys[RARE:] == keys[:-RARE]]) << _S32


def _without(entries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Those sorted entries that have none of some keys, which are given as sorted entries."""
    if len(keys) == 0:
        return entries
    own = entries >> _S32 << _S32
    return entries[keys[np.minimum(np.searchsorted(keys, own), len(keys) - 1)] != own]


def open_seeds(folder: Path, texts: int) -> Seeds:
    """Map the table of so many texts and its filters."""
    return Seeds(
        open_postings(folder, "seeds", SEEDS, texts),
        map_array(folder / "seeds.places", np.uint8),
        *(map_array(folder / name, np.uint64) for name in _FILTERS),
    )
