"""The seed table: postings of rare seeds and of k-min-mers, and three filters (:mod:`provscan.kernels.bloom`).

``seeds.entries``, ``seeds.places``, ``seeds.starts``
    Rare seeds that :class:`SeedChoice` takes of each text, under their own keys. At most :data:`RARE` places share a
    rare seed, or some more if their texts are variants of at most so many texts
    (:func:`provscan.kernels.minimizers.rare_seeds`): a text that was tweeted with a dozen links is as distinctive as
    one that was tweeted once. K-min-mers, two seeds that follow each other in a text and are both not rare, under
    theirs (:func:`provscan.kernels.minimizers.kminmer_hash`).
``seeds.kminmers``, ``seeds.rare``
    What is in the table. They keep most look-ups of a scan out of it. That of k-min-mers knows more of a hash than the
    32 bits of a key, which some k-min-mers share by chance once there are hundreds of millions.
``seeds.high_frequency``
    Seeds that are not rare. A few others are in it by chance, of which the table then has k-min-mers, too. When
    two segments are joined, a rare seed of one must not be among those of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from provscan.index.filters import bloom_filter, count_of, narrowed, new_filter
from provscan.index.postings import (
    FEW_ENTRIES,
    SEEDS,
    PostingsWriter,
    map_array,
    open_postings,
    stretches_of,
    write_array,
    write_array_file,
)
from provscan.kernels import bloom
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels import postings as postings_kernels
from provscan.kernels.records import Postings, SeedTable, frozen, read_only
from provscan.ordered_map import ordered_map, read_ahead

# Step that a text's size is counted in, in units.
SIZE_STEP = 20
RARE = 2
# Rare seeds of a text of up to so many units that are in the table: its own, and with those that others share.
MOST_SINGLE, MOST_SHARED, MOST_UNITS = 16, 8, 128
_CHUNK = 1 << 18
# Threads that sort and link the seeds of more than a few texts.
THREADS = 2
_S8, _TEXT = np.uint64(8), np.uint64(0xFFFFFF)
# Files of the filters, in the order of the fields of Seeds.
_FILTERS = ("seeds.kminmers", "seeds.rare", "seeds.high_frequency")


class OpenSeeds(NamedTuple):
    """An open seed table, the codes of its places (uint8), and its filters."""

    table: Postings
    places: np.ndarray
    kminmers: np.ndarray
    rare: np.ndarray
    high_frequency: np.ndarray

    @property
    def record(self) -> SeedTable:
        return frozen(SeedTable(self.table, self.places, bloom_filter(self.kminmers), bloom_filter(self.rare)))


def kminmer_entries(entries: np.ndarray, high_frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The k-min-mers in seed entries of whole texts, which stand in the order of their places, and their hashes.

    Their seeds are both in the filter `high_frequency`.
    """
    kminmers, hashes = np.empty(len(entries), np.uint64), np.empty(len(entries), np.uint64)
    count = seed_kernels.kminmer_entries(entries, bloom_filter(high_frequency), hashes, kminmers)
    return kminmers[:count].copy(), hashes[:count]


def kinds_of(entries: np.ndarray, rows: np.ndarray, sketches: np.ndarray, high_frequency: np.ndarray) -> np.ndarray:
    """uint8[n]: the kind of each of sorted seed entries; frequent keys are added to the filter `high_frequency`.

    The texts of the entries have the `rows` of the `sketches`. See :func:`provscan.kernels.minimizers.rare_seeds`.
    """
    kinds = np.empty(len(entries), np.uint8)
    seed_kernels.rare_seeds(entries, rows, read_only(sketches), RARE, bloom_filter(high_frequency), kinds)
    return kinds


class SeedChoice:
    """Which rare seeds of each text an index holds: enough to find an edited copy, and no more.

    A text has :data:`MOST_SINGLE` at most, and of those that other places share as many as are missing to
    :data:`MOST_SHARED`; a longer one in proportion. What two texts share is what others write, too: of 100,000 tweets
    such seeds were 14 % of the rare ones, with 45 % of their chance hits in other text. Of equal ones the least keys
    are taken.
    """

    def __init__(self, sizes: np.ndarray) -> None:
        """For texts of so many steps of units each."""
        units = sizes.astype(np.int64) * SIZE_STEP
        self._most, self._most_shared = (
            np.maximum(most, units * most // MOST_UNITS).astype(np.uint16) for most in (MOST_SINGLE, MOST_SHARED)
        )
        self._room = self._most.copy()

    def single(self, entries: np.ndarray, kinds: np.ndarray) -> np.ndarray:
        """Those to keep of more sorted seeds, of those that are a text's alone."""
        return _within(self._room, entries, kinds, seed_kernels.SINGLE)

    def shared(self, entries: np.ndarray) -> np.ndarray:
        """Those to keep of more sorted seeds that other places share, once all others were chosen."""
        kinds = np.full(len(entries), seed_kernels.SHARED)
        return _within(self._room_for_shared, entries, kinds, seed_kernels.SHARED)

    @cached_property
    def _room_for_shared(self) -> np.ndarray:
        chosen = self._most - self._room
        return self._most_shared - np.minimum(chosen, self._most_shared)


def _within(room: np.ndarray, entries: np.ndarray, kinds: np.ndarray, kind: np.uint8) -> np.ndarray:
    out = np.empty(len(entries) + 1, np.uint64)
    return out[: seed_kernels.seeds_within(entries, kinds, kind, room, out)].copy()


def texts_of(entries: np.ndarray) -> np.ndarray:
    """int64[n]: the number of each seed entry's text."""
    return (entries >> _S8 & _TEXT).astype(np.int64)


class SeedsWriter:
    """Collects the seeds of texts as they come in and writes the table, with those saved in the same folder.

    So many `writers` write at a time.
    """

    def __init__(self, folder: Path, writers: int = 1) -> None:
        self.folder = folder
        self.table = PostingsWriter(folder, "seeds", SEEDS, writers)
        self.single = PostingsWriter(folder, "seeds.single", SEEDS, writers)
        self.waiting = folder / "seeds.in_order.part"
        self._aside = folder / "seeds.shared.part"
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

    def put_aside(self, entries: np.ndarray) -> None:
        """Take sorted entries that are decided about once all have been seen."""
        with self._aside.open("ab") as file:
            write_array(file, entries)

    def aside(self) -> Iterator[np.ndarray]:
        """What was put aside, in its order; nothing is left."""
        with self._aside.open("rb") as file:
            while len(entries := np.fromfile(file, np.uint64, _CHUNK)):
                yield entries
        self._aside.unlink()

    def save(self) -> None:
        """Put all into files, for another writer in the same folder."""
        self.single.save()
        final = self.waiting.with_suffix(".final")
        with final.open("wb") as file:
            for first, entries in enumerate(self.in_order()):
                write_array(file, entries[first > 0 :])
        final.replace(self.waiting)

    def discard(self) -> None:
        self._file.close()


def close_together(writers: Sequence[SeedsWriter], texts: Sequence[int]) -> None:
    """Write the tables of segments of so many texts, and their filters, which are those of all and in the first."""
    singles = sum(writer.single.count for writer in writers)
    kminmers, rare, high_frequency = (new_filter(n) for n in (singles, singles, singles // (RARE + 1)))
    mapped = [map_array(writer.folder / "texts.sketches", np.uint64, 2) for writer in writers]
    sketches = mapped[0] if len(mapped) == 1 else np.concatenate(mapped)
    bases = np.cumsum([0, *texts])
    choices = [SeedChoice(map_array(writer.folder / "texts.sizes", np.uint8)) for writer in writers]
    threads = THREADS if singles > FEW_ENTRIES else 0
    sorted_parts = (writer.single.sorted_parts(stretches_of(singles)) for writer in writers)
    for parts in read_ahead(zip(*sorted_parts, strict=True), threads):
        rows = [base + texts_of(entries) for base, entries in zip(bases, parts, strict=False)]
        of_all = _kinds_of_all(parts, rows, sketches, high_frequency)
        for writer, choice, entries, kinds in zip(writers, choices, parts, of_all, strict=True):
            writer.put_aside(entries[kinds == seed_kernels.SHARED])
            found = choice.single(entries, kinds)
            seed_kernels.mark_seeds(found, bloom_filter(rare))
            writer.table.add_part(found)
    for writer, choice in zip(writers, choices, strict=True):
        for entries in writer.aside():
            found = choice.shared(entries)
            seed_kernels.mark_seeds(found, bloom_filter(rare))
            writer.table.add(found)
    all_rare = sum(writer.table.count for writer in writers)
    for writer in writers:
        linked = ordered_map(lambda entries: kminmer_entries(entries, high_frequency), writer.in_order(), threads)
        for found, hashes in linked:
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
            write_array_file(writer.folder / name, words if writer is writers[0] else new_filter(0))


def _kinds_of_all(
    parts: Sequence[np.ndarray], rows: Sequence[np.ndarray], sketches: np.ndarray, high_frequency: np.ndarray
) -> list[np.ndarray]:
    """Of sorted entries of several segments their kinds, in all of them together."""
    if len(parts) == 1:
        return [kinds_of(parts[0], rows[0], sketches, high_frequency)]
    entries = np.concatenate(parts)
    order = np.argsort(entries, kind="stable")
    kinds = np.empty(len(entries), np.uint8)
    kinds[order] = kinds_of(entries[order], np.concatenate(rows)[order], sketches, high_frequency)
    return np.split(kinds, np.cumsum([len(part) for part in parts])[:-1])


def open_seeds(folder: Path, texts: int) -> OpenSeeds:
    return OpenSeeds(
        open_postings(folder, "seeds", SEEDS, texts),
        map_array(folder / "seeds.places", np.uint8),
        *(map_array(folder / name, np.uint64) for name in _FILTERS),
    )
