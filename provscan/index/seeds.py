"""The seed table: postings of pairs and of lone seeds, and two filters (:mod:`provscan.kernels.filters`).

``seeds.entries``, ``seeds.starts``
    A pair, two seeds that follow each other in a text, under :func:`provscan.kernels.seeds.pair_key`. A lone seed under
    its own key: one that at most :data:`RARE` places share, in a text of up to :data:`LONE_TOKENS`.
``seeds.known``
    The keys in the table. It keeps most look-ups of a scan out of it.
``seeds.common``
    Keys of seeds that more places share: who joins two segments asks which of the one's lone seeds are so in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.postings import Postings, PostingsWriter, map_array, open_postings, write_array
from provscan.kernels import filters
from provscan.kernels import seeds as seed_kernels

# What a text's size is counted in, in tokens.
SIZE_UNIT = 20
RARE = 4
LONE_TOKENS = 60
# Entries for each common key, at least.
COMMON = RARE + 1


class Seeds(NamedTuple):
    """An open seed table with its filters."""

    table: Postings
    known: np.ndarray
    common: np.ndarray

    def looked_up(self) -> tuple[np.ndarray, np.ndarray, int, np.ndarray, np.uint32]:
        """As :func:`provscan.kernels.chains.seed_candidates` takes it."""
        return *self.table, *with_shift(self.known)


def key_filter(count: int) -> np.ndarray:
    """An empty filter for so many keys: 8 to 16 bits each, 2**31 at most."""
    return np.zeros(1 << (min(31, max(10, (8 * count).bit_length())) - 6), np.uint64)


def with_shift(words: np.ndarray) -> tuple[np.ndarray, np.uint32]:
    """A filter as the kernels take it."""
    return words, np.uint32(33 - len(words).bit_length())


def pair_entries(entries: np.ndarray) -> np.ndarray:
    """The pairs in seed entries of whole texts, which stand in the order of their places."""
    pairs = np.empty(len(entries), np.uint64)
    return pairs[: seed_kernels.pair_entries(entries, pairs)]


def lone_entries(entries: np.ndarray, sizes: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Those of sorted seed entries that may stand alone; keys that too many share are added to `common`.

    ``sizes`` are those of :func:`provscan.kernels.chains.text_sizes`.
    """
    lone = np.empty_like(entries)
    longest = LONE_TOKENS // SIZE_UNIT
    return lone[: seed_kernels.lone_entries(entries, RARE, longest, sizes, *with_shift(common), lone)].copy()


class SeedsWriter:
    """Collects the seeds of texts as they come in and writes the table.

    Parameters
    ----------
    folder
        Of the segment.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = PostingsWriter(folder, "seeds")
        self._single = PostingsWriter(folder, "seeds.single")

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        self._table.add(pair_entries(entries))
        self._single.add(entries)

    def close(self, sizes: np.ndarray) -> list[str]:
        """Write the table and its filters; the names of their files.

        ``sizes`` are those of :func:`provscan.kernels.chains.text_sizes`.
        """
        common = key_filter(self._single.count // COMMON)
        for entries in self._single.sorted():
            self._table.add(lone_entries(entries, sizes, common))
        known = key_filter(self._table.count)
        names = self._table.close(lambda entries: filters.mark_entries(entries, *with_shift(known)))
        for name, some in (("seeds.known", known), ("seeds.common", common)):
            with (self._folder / name).open("wb") as file:
                write_array(file, some)
            names.append(name)
        return names


def open_seeds(folder: Path) -> Seeds:
    """Map the table and its filters."""
    return Seeds(
        open_postings(folder, "seeds"),
        map_array(folder / "seeds.known", np.uint64),
        map_array(folder / "seeds.common", np.uint64),
    )
