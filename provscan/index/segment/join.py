"""Join segments in memory, so that a scan of several segments costs little more than a
scan of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from provscan.index.segment.filters import bloom_filter, mark_bands, new_filter, widened
from provscan.index.segment.postings import (
    EXACT,
    MAX_TEXTS,
    SEEDS,
    TableLayout,
    bands_layout,
    sorted_entries,
    table_of,
    unpacked,
)
from provscan.index.segment.seeds import (
    LEVELS,
    PER_FREQUENT,
    OpenSeeds,
    SeedChoice,
    levels_of,
    seed_parts,
)
from provscan.index.segment.tables import NO_NUMBERS, LookupTables
from provscan.index.segment.texts import Strings, appended
from provscan.kernels.records import Postings, TextTable, frozen, read_only
from provscan.kernels.search import minimizers as seed_kernels
from provscan.kernels.storage import radix
from provscan.params import IndexParams

# The maximum bytes of the larger segment's files; larger files are not copied into
# memory.
MOST_BYTES = 1 << 30
# The maximum bytes of the files of all small segments of an index.
MOST_SMALL_BYTES = 1 << 28
_NO_PLACES = np.zeros(0, np.uint8)


class SearchTables(NamedTuple):
    """The searched part of a segment, mapped or joined in memory."""

    texts: Strings
    sketches: np.ndarray
    exact: Postings
    bands: Postings
    band_filter: np.ndarray
    seeds: OpenSeeds
    living: np.ndarray | None  # bool[n], as in `LookupTables`.
    bytes: int  # The size of all files of the segments.

    def lookup(self, first: int, numbers: np.ndarray | None = None) -> LookupTables:
        """Return the tables for a scan; `first` is the reader's number of the first
        text, or `numbers` has the numbers of all texts.
        """
        whole = TextTable(
            self.exact, self.bands, bloom_filter(self.band_filter), self.sketches
        )
        return frozen(
            LookupTables(
                first,
                self.texts,
                whole,
                self.seeds.record,
                self.living,
                NO_NUMBERS if numbers is None else numbers,
            )
        )


def can_join(large: SearchTables, small: SearchTables) -> bool:
    """Return whether the two fit into one segment and into memory."""
    return (
        large.bytes <= MOST_BYTES and len(large.texts) + len(small.texts) <= MAX_TEXTS
    )


def joined(
    large: SearchTables, small: SearchTables, params: IndexParams
) -> SearchTables:
    """Return tables of the texts of both; the texts of `small` are numbered after
    those of `large`.
    """
    texts = appended(large.texts, small.texts)
    counts = (len(large.texts), len(texts))
    bands = bands_layout(params.bands)
    more_bands = unpacked(small.bands, _NO_PLACES, bands)
    band_filter = widened(large.band_filter, len(more_bands) // 2)
    mark_bands(more_bands, bands, band_filter)
    more = more_seeds(large.seeds, small.texts, counts[0], params)
    seeds, places = _merged(
        unpacked(large.seeds.table, large.seeds.places, SEEDS),
        more.entries,
        SEEDS,
        counts,
    )
    return SearchTables(
        texts,
        np.concatenate([large.sketches, small.sketches]),
        _joined_table(
            large.exact, unpacked(small.exact, _NO_PLACES, EXACT), EXACT, counts
        ),
        _joined_table(large.bands, more_bands, bands, counts),
        band_filter,
        OpenSeeds(
            seeds,
            places,
            more.marked(widened(large.seeds.filter, len(more.entries))),
            more.frequent,
        ),
        None
        if large.living is None and small.living is None
        else np.concatenate(
            [
                np.ones(len(each.texts), np.bool_)
                if each.living is None
                else each.living
                for each in (large, small)
            ]
        ),
        large.bytes + small.bytes,
    )


def joined_all(
    tables: Sequence[SearchTables], params: IndexParams
) -> Sequence[SearchTables]:
    """Join small neighbouring segments if memory allows it. A text in several of them
    occurs several times.
    """
    if sum(each.bytes for each in tables) > MOST_SMALL_BYTES:
        return tables
    while len(tables) > 1:
        ends = [
            joined(*pair, params)
            for pair in zip(tables[::2], tables[1::2], strict=False)
        ]
        tables = [*ends, *tables[2 * len(ends) :]]
    return tables


def with_seeds_after(
    large: OpenSeeds,
    small: SearchTables,
    before: int,
    params: IndexParams,
    words: np.ndarray | None = None,
) -> SearchTables:
    """Return the small tables, not joined, with the seeds that they would have if they
    were joined to a large segment of `before` texts.

    Their filter contains their own seeds and those of the filter `words`.
    """
    more = more_seeds(large, small.texts, before, params)
    known = (
        new_filter(len(more.entries))
        if words is None
        else widened(words, len(more.entries))
    )
    table, places = table_of(more.entries, SEEDS, len(small.texts))
    return small._replace(
        seeds=OpenSeeds(table, places, more.marked(known), more.frequent)
    )


class MoreSeeds(NamedTuple):
    """Sorted seed entries of some texts, and the filter of frequent seeds."""

    entries: np.ndarray
    frequent: np.ndarray

    def marked(self, words: np.ndarray) -> np.ndarray:
        """Return a filter to which these seeds are added."""
        seed_kernels.mark_seeds(self.entries, bloom_filter(words))
        return words


def more_seeds(
    large: OpenSeeds, texts: Strings, before: int, params: IndexParams
) -> MoreSeeds:
    """Return the seeds of some texts that follow those of `large`, a table of `before`
    texts.

    A seed that is frequent in `large` counts as frequent here. The seeds in `large`
    stay, however many of the new texts share them.
    """
    sizes = np.zeros(len(texts), np.uint8)
    entries = sorted_entries(
        np.concatenate([np.zeros(0, np.uint64), *seed_parts(texts, params, sizes)])
    )
    levels = levels_of(entries)
    frequent = widened(large.frequent, len(entries) // PER_FREQUENT)
    held = np.empty(len(entries), np.bool_)
    seed_kernels.held_seeds(entries, bloom_filter(frequent), held)
    levels[held] = seed_kernels.LAST_LEVEL
    seed_kernels.mark_seeds(
        entries[levels > seed_kernels.SHARED_LEVEL], bloom_filter(frequent)
    )
    choice = SeedChoice(sizes, before + len(texts))
    chosen = [choice.take(entries[levels == level], level) for level in LEVELS]
    return MoreSeeds(sorted_entries(np.concatenate(chosen)), frequent)


def _joined_table(
    large: Postings, more: np.ndarray, layout: TableLayout, counts: tuple[int, int]
) -> Postings:
    """Return a table with more sorted entries; see :func:`_merged`."""
    return _merged(unpacked(large, _NO_PLACES, layout), more, layout, counts)[0]


def _merged(
    first: np.ndarray, second: np.ndarray, layout: TableLayout, counts: tuple[int, int]
) -> tuple[Postings, np.ndarray]:
    """Merge two arrays of sorted entries into a table, and return it with its places.
    The texts of the second follow those of the first.

    ``counts`` has the numbers of texts of the first and of both.
    """
    before, texts = counts
    entries = np.empty(len(first) + len(second), np.uint64)
    radix.merge(
        read_only(first), read_only(second + np.uint64(before << layout.shift)), entries
    )
    return table_of(entries, layout, texts)
