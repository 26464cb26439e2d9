"""The seed table: postings of each text's rarest seeds, and two Bloom filters
(:mod:`provscan.kernels.storage.bloom`).

``seeds.entries``, ``seeds.places``, ``seeds.starts``
    The seeds that :class:`SeedChoice` chooses for each text.
``seeds.filter``
    A filter of the seeds in the table, with which a scan avoids most look-ups.
``seeds.frequent``
    A filter of the seeds that occur in more than 16 places. If another segment is
    joined to this one, it shows which of the other segment's seeds are frequent here.

The sizes of texts are measured in units: a Chinese character, kana or Korean syllable
has two units, any other code point has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from provscan.index.segment.arrays import map_array, new_array_file, write_array_file
from provscan.index.segment.filters import (
    bloom_filter,
    filter_words,
    new_filter,
    open_filter,
)
from provscan.index.segment.postings import (
    FEW_ENTRIES,
    SEEDS,
    SPILL_ENTRIES,
    Chunk,
    PostingsWriter,
    SpilledArrays,
    TableLayout,
    chunk_of,
    open_postings,
    seeds_layout,
    sorted_entries,
    write_table,
)
from provscan.index.segment.strings import Strings, open_strings
from provscan.kernels.records import (
    BloomFilter,
    SeedEntriesScratch,
    SeedParams,
    SeedScratch,
    SeedTable,
    TextBuffer,
    frozen,
    read_only,
)
from provscan.kernels.scratch import scratch_array
from provscan.kernels.search import minimizers as seed_kernels
from provscan.kernels.storage import radix
from provscan.kernels.storage.postings import widen_entries
from provscan.ordered_map import ordered_map
from provscan.params import IndexParams

Result = TypeVar("Result")

# The sizes of texts are measured in steps of this number of units.
SIZE_STEP = 20
# A text of at most MOST_UNITS units is stored with at most MOST seeds of level 0
# (:func:`provscan.kernels.search.minimizers.seed_levels`), and takes a seed of a higher
# level only while it has fewer than ``max(LEAST, MOST - STEP * (level + doublings))``,
# where ``doublings`` says how often the number of texts has doubled beyond FEW_TEXTS.
# Longer texts take proportionally more; lengths are counted in steps of SIZE_STEP. If
# seeds are longer than SHORT_LENGTH, as in a large index, a text of up to SHORT_STEPS
# steps takes a seed of a higher level only while it has fewer than FEW_SHORT: most
# chance matches are of short texts whose wording others share.
MOST, STEP, LEAST, MOST_UNITS, FEW_TEXTS = 24, 4, 4, 128, 1 << 22
SHORT_STEPS, FEW_SHORT = 2, 2
# A seed is frequent if it occurs in at least this number of places. Of n seeds, at most
# n / PER_FREQUENT distinct ones are therefore frequent.
PER_FREQUENT = 17
# Seeds are computed for about this number of bytes of texts at a time.
BLOCK = 1 << 20
# The number of threads that compute and sort seeds while the calling thread chooses
# among them, unless there are few seeds.
THREADS = 2
SEED_LEVELS = range(seed_kernels.LAST_LEVEL + 1)
# The files of the filters.
FILTER, FREQUENT = "seeds.filter", "seeds.frequent"


def levels_of(entries: np.ndarray, layout: TableLayout = SEEDS) -> np.ndarray:
    """Return uint8[n]: the levels of sorted seed entries; see
    :func:`provscan.kernels.search.minimizers.seed_levels`.
    """
    levels = np.empty(len(entries), np.uint8)
    seed_kernels.seed_levels(entries, layout.form(), levels)
    return levels


class SeedChoice:
    """Chooses the rarest seeds of each text, just enough to find an edited copy.

    Seeds that occur in a single place are level 0. Those in two places are level 1,
    those in up to four places level 2, and so on. Lower levels come first; within a
    level, the smallest keys come first. A seed is added if its text has fewer seeds
    than the maximum for the level. The maximum is lower for higher levels and for more
    texts: wording that several texts share is likely to occur in scanned text, and then
    has to be compared with each of these texts.
    """

    def __init__(self, sizes: np.ndarray, texts: int, params: IndexParams) -> None:
        """`sizes` are the sizes of the segment's texts in steps; `texts` is the number
        of texts of the whole index, whose seeds have the length of `params`.
        """
        units = SIZE_STEP * np.arange(256)
        doublings = (max(0, texts - 1) // FEW_TEXTS).bit_length()
        few = np.array(
            [
                [max(LEAST, MOST - STEP * (level + doublings)) if level else MOST]
                for level in SEED_LEVELS
            ]
        )
        most = np.maximum(few, units * few // MOST_UNITS).astype(np.uint16)
        if seed_params(params).length > seed_kernels.SHORT_LENGTH:
            most[1:, : SHORT_STEPS + 1] = FEW_SHORT
        self._most = read_only(most)
        self._sizes = read_only(sizes)
        self._taken = np.zeros(len(sizes), np.uint16)
        self._form = seeds_layout(len(sizes)).form()

    def take(self, entries: np.ndarray, level: int) -> np.ndarray:
        """Choose among sorted seeds of a level, after those of lower levels."""
        out = scratch_array("chosen_seeds", len(entries) + 1, np.uint64)
        count = seed_kernels.seeds_within(
            read_only(entries),
            self._form,
            self._sizes,
            self._most[level],
            self._taken,
            out,
        )
        return out[:count].copy()


def seed_scratch(longest: int) -> SeedScratch:
    """Return scratch memory (:mod:`provscan.kernels.scratch`) for the seeds of texts of
    up to ``longest`` code points.
    """
    size = 2 * longest + 2
    return SeedScratch(
        scratch_array("seed_units", size, np.uint32),
        scratch_array("seed_origins", size, np.int32),
        np.empty((2, seed_kernels.ROOM), np.uint32),
        np.empty((3, seed_kernels.ROOM), np.uint32),
    )


def seed_params(params: IndexParams) -> SeedParams:
    """Return the parameters for kernels. ``params`` must have a seed length; see
    :meth:`~provscan.params.IndexParams.of_texts`.
    """
    assert params.seed_length is not None
    return SeedParams(params.seed_length, params.seed_window)


def seed_parts(
    texts: Strings, params: IndexParams, sizes: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the seed entries of canonical texts, which are numbered by row, in parts.

    Write the size of each text into ``sizes``, uint8: its units in steps of
    :data:`SIZE_STEP`, rounded up, at most 255.
    """
    return _map_seeds(lambda entries, first: entries.copy(), texts, params, sizes)


def _map_seeds(
    function: Callable[[np.ndarray, int], Result],
    texts: Strings,
    params: IndexParams,
    sizes: np.ndarray,
    threads: int = 0,
    wide: bool = False,
) -> Iterator[Result]:
    """Yield the result of a function for each part of :func:`seed_parts` and the row of
    its first text. The memory of a part is reused for the next part.
    """
    offsets = texts.offsets
    firsts = (
        np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], BLOCK), "right") - 1
    )
    if wide:
        # Within a part, the position of a text has 16 bits.
        firsts = np.append(firsts, np.arange(0, len(texts), 1 << 16))
    blocks = (
        slice(*ends) for ends in pairwise([*np.unique(firsts).tolist(), len(texts)])
    )
    return ordered_map(
        lambda rows: function(
            _seed_entries(texts, rows, seed_params(params), sizes[rows], wide),
            rows.start,
        ),
        blocks,
        threads,
    )


def _seed_entries(
    texts: Strings, rows: slice, params: SeedParams, sizes: np.ndarray, wide: bool
) -> np.ndarray:
    block = frozen(TextBuffer(texts.text, texts.offsets[rows.start : rows.stop + 1]))
    longest = int(np.diff(block.offsets).max())
    scratch = SeedEntriesScratch(
        scratch_array("seed_text", longest, np.uint32),
        scratch_array("seed_keys", 2 * longest + 2, np.uint32),
        scratch_array("seed_places", 2 * longest + 2, np.int32),
        seed_scratch(longest),
    )
    entries = scratch_array(
        "seed_entries", 2 * int(block.offsets[-1] - block.offsets[0]), np.uint64
    )
    return entries[
        : seed_kernels.seed_entries(
            block,
            0 if wide else rows.start,
            params,
            scratch,
            entries,
            SIZE_STEP,
            sizes,
            wide,
        )
    ]


class _SeedsWriter:
    """Writes the seed table of a segment."""

    def __init__(self, folder: Path, params: IndexParams) -> None:
        self.folder = folder
        self.params = params
        self.texts = open_strings(folder, "texts")
        self.sizes = np.zeros(len(self.texts), np.uint8)
        self.layout = seeds_layout(len(self.texts))
        self.all = PostingsWriter(folder, "seeds", self.layout)
        self.chosen = 0  # The number of chosen seeds.
        self._choice = SeedChoice(self.sizes, len(self.texts), params)
        # `_chosen` contains an array of chosen seeds for each level and range of keys:
        # first for all ranges of level 0, then for those of level 1, and so on.
        # `_shared` contains an array for each range: its seeds of levels above 0, from
        # which seeds are chosen later. `_ends` contains the end of each level in the
        # arrays of `_shared`.
        self._chosen, self._shared = (
            SpilledArrays(folder / f"seeds.{name}.part", SPILL_ENTRIES // 2)
            for name in ("chosen", "shared")
        )
        self._ends: list[np.ndarray] = []

    def collect(self) -> None:
        """Compute the seeds of all texts."""
        threads = THREADS if len(self.texts.text) > FEW_ENTRIES else 0
        layout = self.layout

        def ordered(entries: np.ndarray, first: int) -> Chunk:
            chunk = chunk_of(entries, layout.part_bits)
            if layout.wide_bits:
                widen_entries(chunk.entries, layout.form(), first)
            return chunk

        for chunk in _map_seeds(
            ordered, self.texts, self.params, self.sizes, threads, layout.wide_bits > 0
        ):
            self.all.add_chunk(chunk)

    def choose_rarest(self, entries: np.ndarray, ends: np.ndarray) -> None:
        """Choose among the seeds of level 0 in the next range of keys, and keep the
        others for :meth:`choose_others`.

        `entries` are all seeds of the range, ordered by level; `ends` contains the end
        of each level.
        """
        self._choose(entries[: ends[0]], 0)
        self._shared.add(entries[ends[0] :].copy())
        self._ends.append(ends - ends[0])

    def choose_others(self) -> None:
        """Choose among the seeds of all other levels."""
        for level in SEED_LEVELS[1:]:
            for number, ends in enumerate(self._ends):
                low, high = ends[level - 1], ends[level]
                self._choose(self._shared[number][low:high], level)

    def _choose(self, entries: np.ndarray, level: int) -> None:
        chosen = self._choice.take(entries, level)
        self.chosen += len(chosen)
        self._chosen.add(chosen)

    def _chosen_of_range(self, number: int) -> np.ndarray:
        """Return all chosen seeds of a range, sorted."""
        ranges = len(self._ends)
        rarest, *others = (
            self._chosen[level * ranges + number] for level in SEED_LEVELS
        )
        shared = sorted_entries(np.concatenate(others))
        out = np.empty(len(rarest) + len(shared), np.uint64)
        radix.merge(read_only(rarest), read_only(shared), out)
        return out

    @property
    def threads(self) -> int:
        return THREADS if self.all.count > FEW_ENTRIES else 0

    def close(self, bloom: BloomFilter) -> None:
        """Write the table of the chosen seeds and add them to a filter."""
        ranges = range(len(self._ends))
        parts = ordered_map(self._chosen_of_range, ranges, self.threads)
        forms = map(self.layout.form, count())
        write_table(
            self.folder / "seeds",
            self.layout,
            len(self.texts),
            self.chosen,
            parts,
            lambda e: seed_kernels.mark_seeds(e, next(forms), bloom),
        )
        self._chosen.clear()
        self._shared.clear()


def write_seeds(folder: Path, params: IndexParams) -> None:
    """Write the seed table of the segment in a folder, whose texts are complete."""
    writer = _SeedsWriter(folder, params)
    writer.collect()
    threads, ranges = writer.threads, writer.all.ranges()
    frequent = new_filter(writer.all.count // PER_FREQUENT)

    def by_level(number: int) -> tuple[np.ndarray, np.ndarray]:
        entries = writer.all.sorted_range(number, ranges)
        return _by_level(entries, levels_of(entries, writer.layout))

    for number, (entries, ends) in enumerate(
        ordered_map(by_level, range(ranges), threads)
    ):
        shared = entries[ends[seed_kernels.SHARED_LEVEL] :]
        seed_kernels.mark_seeds(shared, writer.layout.form(number), frequent)
        writer.choose_rarest(entries, ends)
    writer.choose_others()
    seed_filter = bloom_filter(
        new_array_file(folder / FILTER, filter_words(writer.chosen), 0, np.uint64)
    )
    write_array_file(folder / FREQUENT, frequent.words)
    writer.close(seed_filter)


def _by_level(entries: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order entries by level. Return them, and the end of each level."""
    out, ends = np.empty_like(entries), np.empty(len(SEED_LEVELS), np.int64)
    radix.by_level(entries, levels, ends, out)
    return out, ends


def open_seeds(folder: Path, texts: int) -> SeedTable:
    layout = seeds_layout(texts)
    postings = open_postings(folder, "seeds", layout, texts)
    width = np.uint16 if layout.wide_bits else np.uint8
    places = map_array(folder / "seeds.places", width, rows=len(postings.entries))
    return SeedTable(postings, places, open_filter(folder / FILTER))
