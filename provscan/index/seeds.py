"""The seed table: postings of pairs and of lone seeds, and three filters (:mod:`provscan.kernels.bloom`).

``seeds.entries``, ``seeds.starts``
    A pair, two seeds that follow each other in a text, under its key (:func:`provscan.kernels.minimizers.pair_hash`). A
    lone seed under its own: one that at most :data:`RARE` places share, in a text of up to :data:`LONE_TOKENS`.
``seeds.pairs``, ``seeds.lone``
    What is in the table. They keep most look-ups of a scan out of it. That of pairs knows more of a hash than the 32
    bits of a key, which some pairs share by chance once there are hundreds of millions.
``seeds.common``
    Seeds that more places share: who joins two segments asks which of the one's lone seeds are so in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.postings import Postings, PostingsWriter, map_array, open_postings, write_array
from provscan.kernels import bloom
from provscan.kernels import minimizers as seed_kernels

# What a text's size is counted in, in tokens.
SIZE_UNIT = 20
RARE = 4
LONE_TOKENS = 60
# Entries for each common key, at least.
COMMON = RARE + 1
_CHUNK = 1 << 20


class Seeds(NamedTuple):
    """An open seed table with its filters."""

    table: Postings
    pairs: np.ndarray
    lone: np.ndarray
    common: np.ndarray

    def looked_up(self) -> tuple[np.ndarray, np.ndarray, int, np.ndarray, np.uint32, np.ndarray, np.uint32]:
        """As :func:`provscan.kernels.chaining.seed_candidates` takes it."""
        return *self.table, *with_shift(self.pairs), *with_shift(self.lone)


def new_filter(count: int) -> np.ndarray:
    """An empty filter for so many hashes: 8 to 16 bits each, 2**31 at most."""
    return np.zeros(1 << (min(31, max(10, (8 * count).bit_length())) - 6), np.uint64)


def widened(words: np.ndarray, more: int) -> np.ndarray:
    """A copy of a filter in which `more` hashes find room beside what it holds.

    A larger one knows one digit more of each word's number: not which, so it has both words.
    """
    return np.repeat(words, max(1, len(new_filter(2 * more)) // len(words)))


def with_shift(words: np.ndarray) -> tuple[np.ndarray, np.uint32]:
    """A filter as the kernels take it."""
    return words, np.uint32(33 - len(words).bit_length())


def narrowed(words: np.ndarray, count: int) -> np.ndarray:
    """A filter of so many hashes without the room that they don't need."""
    while len(words) > len(new_filter(count)):
        words = words[0::2] | words[1::2]
    return words


def pair_entries(entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs in seed entries of whole texts, which stand in the order of their places, and the pairs' hashes."""
    pairs, hashes = np.empty(len(entries), np.uint64), np.empty(len(entries), np.uint64)
    count = seed_kernels.pair_entries(entries, hashes, pairs)
    return pairs[:count], hashes[:count]


def lone_entries(entries: np.ndarray, sizes: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Those of sorted seed entries that may stand alone; keys that too many share are added to `common`.

    ``sizes`` are those of :func:`provscan.kernels.minimizers.text_sizes`.
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
        self._waiting = folder / "seeds.pairs.part"
        self._hashes = self._waiting.open("wb")

    def add(self, entries: np.ndarray) -> None:
        """Take seed entries of whole texts, in the order in which they stand there."""
        pairs, hashes = pair_entries(entries)
        self._table.add(pairs)
        write_array(self._hashes, hashes)
        self._single.add(entries)

    def close(self, sizes: np.ndarray) -> list[str]:
        """Write the table and its filters; the names of their files.

        ``sizes`` are those of :func:`provscan.kernels.minimizers.text_sizes`.
        """
        pairs, common = new_filter(self._table.count), new_filter(self._single.count // COMMON)
        self._hashes.close()
        with self._waiting.open("rb") as file:
            while len(hashes := np.fromfile(file, np.uint64, _CHUNK)):
                bloom.mark_all(hashes, *with_shift(pairs))
        self._waiting.unlink()
        lone, count = new_filter(self._single.count), self._table.count
        for entries in self._single.sorted():
            alone = lone_entries(entries, sizes, common)
            seed_kernels.mark_seeds(alone, *with_shift(lone))
            self._table.add(alone)
        lone = narrowed(lone, self._table.count - count)
        names = self._table.close()
        for name, words in zip(Seeds._fields[1:], (pairs, lone, common), strict=True):
            with (self._folder / f"seeds.{name}").open("wb") as file:
                write_array(file, words)
            names.append(f"seeds.{name}")
        return names

    def discard(self) -> None:
        """Close the file as it is."""
        self._hashes.close()


def open_seeds(folder: Path) -> Seeds:
    """Map the table and its filters."""
    return Seeds(
        open_postings(folder, "seeds"),
        *(map_array(folder / f"seeds.{name}", np.uint64) for name in Seeds._fields[1:]),
    )
