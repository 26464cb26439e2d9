"""The seed table: postings of each text's rarest seeds, and two filters (:mod:`provscan.kernels.bloom`).

``seeds.entries``, ``seeds.places``, ``seeds.starts``
    Of each text the seeds that :class:`SeedChoice` takes.
``seeds.filter``
    What is in the table. It keeps most look-ups of a scan out of it.
``seeds.frequent``
    Seeds that more than 16 places share: a segment that is joined to this one knows by it which of its seeds are
    frequent here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from provscan.index.texts import Strings, open_strings
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels.records import CodeBuffer, Postings, SeedParams, SeedScratch, SeedTable, frozen, read_only
from provscan.kernels.scratch import scratch_array
from provscan.ordered_map import ordered_map, read_ahead
from provscan.params import IndexParams

# Step that a text's size is counted in, in units.
SIZE_STEP = 20
# Seeds that a text of up to MOST_UNITS units has in the table, in proportion if it is longer: MOST that no other place
# has; with those of each level (:func:`provscan.kernels.minimizers.seed_levels`) STEP fewer, and so many fewer for each
# doubling of all texts beyond FEW_TEXTS, but LEAST in any case.
MOST, STEP, LEAST, MOST_UNITS, FEW_TEXTS = 24, 4, 4, 128, 1 << 19
# Places of all texts per place of a frequent seed, at least.
PER_FREQUENT = 17
_CHUNK = 1 << 18
# Texts whose seeds are computed at a time: they stay in the second-level cache.
BLOCK = 2048
# Threads that compute the seeds of more than a few texts, beside the one that takes them.
THREADS = 2
LEVELS = range(seed_kernels.LAST_LEVEL + 1)
# Files of the filters, in the order of the fields of Seeds.
FILTERS = ("seeds.filter", "seeds.frequent")


class OpenSeeds(NamedTuple):
    """An open seed table, the codes of its places (uint8), and its filters."""

    table: Postings
    places: np.ndarray
    filter: np.ndarray
    frequent: np.ndarray

    @property
    def record(self) -> SeedTable:
        return frozen(SeedTable(self.table, self.places, bloom_filter(self.filter)))


def text_sizes(texts: Strings) -> np.ndarray:
    """uint8[n]: units of each text in steps of :data:`SIZE_STEP`, rounded up, 255 at most."""
    sizes = np.empty(len(texts), np.uint8)
    room = np.empty(int(np.diff(texts.offsets).max(initial=0)), np.uint32)
    seed_kernels.text_sizes(texts.record, SIZE_STEP, room, sizes)
    return sizes


def levels_of(entries: np.ndarray) -> np.ndarray:
    """uint8[n]: of each of sorted seed entries how many places share its key; see
    :func:`provscan.kernels.minimizers.seed_levels`."""
    levels = np.empty(len(entries), np.uint8)
    seed_kernels.seed_levels(entries, levels)
    return levels


class SeedChoice:
    """Which seeds of each text an index holds: the rarest ones, enough to find an edited copy, and no more.

    Seeds that no other place has come first, then those that two places share, up to four, up to eight and so on; of
    equal ones those with the least keys. The more places share a seed, and the more texts there are, the fewer a text
    may have before it is taken: what several texts share is what others write, too, and each such text costs as much
    again. Of the seeds of 11 letters that this chose of 100,000 tweets 15 % were shared, with half of their chance
    hits in other text (counted outside of the project).
    """

    def __init__(self, sizes: np.ndarray, texts: int) -> None:
        """For texts of so many steps of units each, which are some of so many texts."""
        units, doublings = SIZE_STEP * np.arange(256), (max(0, texts - 1) // FEW_TEXTS).bit_length()
        few = (MOST - STEP * (level + doublings) if level else MOST for level in LEVELS)
        self._most = [
            read_only(np.maximum(most, units * most // MOST_UNITS).astype(np.uint16))
            for most in (max(LEAST, most) for most in few)
        ]
        self._sizes = read_only(sizes)
        self._taken = np.zeros(len(sizes), np.uint16)

    def take(self, entries: np.ndarray, level: int) -> np.ndarray:
        """Those to keep of more sorted seeds of a level; lower levels come first."""
        most, out = self._most[level], np.empty(len(entries) + 1, np.uint64)
        return out[: seed_kernels.seeds_within(entries, self._sizes, most, self._taken, out)].copy()


def seed_scratch(longest: int) -> SeedScratch:
    """Scratch for the seeds of texts of up to ``longest`` code points; see :mod:`provscan.kernels.scratch`."""
    size = 2 * longest + 2
    return SeedScratch(
        scratch_array("seed_units", size, np.uint32),
        scratch_array("seed_origins", size, np.int32),
        np.empty((2, seed_kernels.ROOM), np.uint32),
        np.empty((3, seed_kernels.ROOM), np.uint32),
    )


def seed_params(params: IndexParams) -> SeedParams:
    """Of parameters whose length of seeds is decided (:meth:`~provscan.params.IndexParams.of_texts`)."""
    assert params.seed_length is not None
    return SeedParams(params.seed_length, params.seed_window)


def seed_parts(texts: Strings, params: IndexParams, threads: int = 0) -> Iterator[np.ndarray]:
    """Seed entries of canonical texts, numbered by their rows, some rows at a time."""
    rows = (np.arange(low, min(low + BLOCK, len(texts))) for low in range(0, len(texts), BLOCK))
    return ordered_map(lambda block: _seed_entries(texts, block, seed_params(params)), rows, threads)


def _seed_entries(texts: Strings, rows: np.ndarray, params: SeedParams) -> np.ndarray:
    codes = CodeBuffer(*texts.codes(rows))
    entries = np.empty(2 * len(codes.codes), np.uint64)
    longest = int(np.diff(codes.offsets).max())
    size = 2 * longest + 2
    row = scratch_array("seed_keys", size, np.uint32), scratch_array("seed_places", size, np.int32)
    n = seed_kernels.seed_entries(codes, int(rows[0]), params, seed_scratch(longest), row, entries)
    return entries[:n].copy()


class _SeedsWriter:
    """Writes the seed table of a segment, which is one of so many `writers` at work, with so many texts in all."""

    def __init__(self, folder: Path, texts: Strings, total: int, writers: int) -> None:
        self.folder = folder
        self.texts = texts
        self.table = PostingsWriter(folder, "seeds", SEEDS, writers)
        self.all = PostingsWriter(folder, "seeds.all", SEEDS, writers)
        self.choice = SeedChoice(text_sizes(texts), total)

    def put_aside(self, entries: np.ndarray, levels: np.ndarray) -> None:
        """Take sorted entries that are decided about once all of lower levels are."""
        for level in np.flatnonzero(np.bincount(levels)).tolist():
            with self._aside(level).open("ab") as file:
                write_array(file, entries[levels == level])

    def aside(self, level: int) -> Iterator[np.ndarray]:
        """What was put aside of a level, in its order; nothing is left."""
        path = self._aside(level)
        if path.exists():
            with path.open("rb") as file:
                while len(entries := np.fromfile(file, np.uint64, _CHUNK)):
                    yield entries
            path.unlink()

    def _aside(self, level: int) -> Path:
        return self.folder / f"seeds.level{level}.part"


def write_seeds(folders: Sequence[Path], params: IndexParams) -> None:
    """Write the seed tables of segments whose texts stand in these folders; their filters are in the first."""
    texts = [open_strings(folder, "texts") for folder in folders]
    total = sum(map(len, texts))
    writers = [_SeedsWriter(*each, total, len(folders)) for each in zip(folders, texts, strict=True)]
    for writer in writers:
        few = len(writer.texts.text) <= FEW_ENTRIES
        for entries in seed_parts(writer.texts, params, 0 if few else THREADS):
            writer.all.add(entries)
    count = sum(writer.all.count for writer in writers)
    known, frequent = new_filter(count), new_filter(count // PER_FREQUENT)
    sorted_parts = (writer.all.sorted_parts(stretches_of(count)) for writer in writers)
    for parts in read_ahead(zip(*sorted_parts, strict=True), 1 if count > FEW_ENTRIES else 0):
        for writer, entries, levels in zip(writers, parts, _levels_of_all(parts), strict=True):
            chosen = writer.choice.take(entries[levels == 0], 0)
            seed_kernels.mark_seeds(chosen, bloom_filter(known))
            seed_kernels.mark_seeds(entries[levels > seed_kernels.SHARED_LEVEL], bloom_filter(frequent))
            writer.put_aside(entries[levels > 0], levels[levels > 0])
            writer.table.add_part(chosen)
    for writer in writers:
        for level in LEVELS[1:]:
            for entries in writer.aside(level):
                chosen = writer.choice.take(entries, level)
                seed_kernels.mark_seeds(chosen, bloom_filter(known))
                writer.table.add(chosen)
    held = sum(writer.table.count for writer in writers)
    filters = narrowed(known, held), narrowed(frequent, count_of(frequent))
    for writer in writers:
        writer.table.close(len(writer.texts))
        for name, words in zip(FILTERS, filters, strict=True):
            write_array_file(writer.folder / name, words if writer is writers[0] else new_filter(0))


def _levels_of_all(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Of sorted entries of several segments their levels, in all of them together."""
    if len(parts) == 1:
        return [levels_of(parts[0])]
    entries = np.concatenate(parts)
    order = np.argsort(entries, kind="stable")
    levels = np.empty(len(entries), np.uint8)
    levels[order] = levels_of(entries[order])
    return np.split(levels, np.cumsum([len(part) for part in parts])[:-1])


def open_seeds(folder: Path, texts: int) -> OpenSeeds:
    return OpenSeeds(
        open_postings(folder, "seeds", SEEDS, texts),
        map_array(folder / "seeds.places", np.uint8),
        *(map_array(folder / name, np.uint64) for name in FILTERS),
    )
