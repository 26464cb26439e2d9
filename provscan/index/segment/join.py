"""Join segments in memory, so that a scan with several segments takes little longer
than with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from provscan.index.segment.filters import mark_bands, new_filter, widened
from provscan.index.segment.postings import (
    EXACT,
    NARROW_TEXTS,
    NO_PLACES,
    SEEDS,
    TableLayout,
    bands_layout,
    sorted_entries,
    table_of,
    unpacked,
)
from provscan.index.segment.seeds import (
    PER_FREQUENT,
    SEED_LEVELS,
    SeedChoice,
    levels_of,
    seed_parts,
)
from provscan.index.segment.strings import Strings, appended
from provscan.index.segment.tables import LookupTables
from provscan.kernels.records import (
    BloomFilter,
    Postings,
    SeedTable,
    TextTable,
    frozen,
    read_only,
)
from provscan.kernels.search import minimizers as seed_kernels
from provscan.kernels.storage import radix
from provscan.params import IndexParams

# The maximum number of bytes of a large segment that is joined, that is, copied into
# memory.
MOST_BYTES = 1 << 30
# The maximum number of bytes of all small segments of an index that are joined.
MOST_SMALL_BYTES = 1 << 28


def scan_tables(
    tables: Sequence[LookupTables], params: IndexParams
) -> tuple[LookupTables, ...]:
    """Join the tables of an index into one if memory allows it, otherwise into a few.
    The first of ``tables`` has the most texts.
    """
    large, *small = tables
    small = joined_all(small, params)
    if len(small) == 1 and can_join(large, small[0]):
        return (joined(large, small[0], params),)
    if len(small) == 1 and small[0].bytes <= MOST_SMALL_BYTES:
        small = [with_seeds_after(large, small[0], params)]
    all_tables = [large, *small]
    firsts = np.cumsum([0, *(len(part.texts) for part in all_tables)])
    return tuple(
        part._replace(first=int(first))
        for part, first in zip(all_tables, firsts, strict=False)
    )


def joined_all(
    tables: Sequence[LookupTables], params: IndexParams
) -> list[LookupTables]:
    """Join small segments if memory allows it. A text in several segments occurs
    several times in the result.
    """
    if sum(segment.bytes for segment in tables) > MOST_SMALL_BYTES:
        return list(tables)
    while len(tables) > 1:
        pairs = [
            joined(*pair, params)
            for pair in zip(tables[::2], tables[1::2], strict=False)
        ]
        tables = [*pairs, *tables[2 * len(pairs) :]]
    return list(tables)


def can_join(large: LookupTables, small: LookupTables) -> bool:
    """Return whether two segments together fit into one segment and into memory."""
    return (
        large.bytes <= MOST_BYTES
        and len(large.texts) + len(small.texts) <= NARROW_TEXTS
    )


def joined(
    large: LookupTables, small: LookupTables, params: IndexParams
) -> LookupTables:
    """Join the tables of two segments. The texts of `small` are numbered after those of
    `large`.
    """
    texts = appended(large.texts, small.texts)
    counts = (len(large.texts), len(texts))
    # Join the tables for looking up whole texts.
    layout = bands_layout(params.bands)
    exact, _ = _merged(
        large.whole.exact, NO_PLACES, unpacked(small.whole.exact, EXACT), EXACT, counts
    )
    more_bands = unpacked(small.whole.bands, layout)
    bands, _ = _merged(large.whole.bands, NO_PLACES, more_bands, layout, counts)
    band_filter = widened(large.whole.band_filter, len(more_bands) // 2)
    mark_bands(more_bands, layout, band_filter)
    sketches = np.concatenate([large.whole.sketches, small.whole.sketches])
    # Choose the seeds of `small` again, as if all texts were in one segment.
    more = more_seeds(large, small.texts, params)
    postings, places = _merged(
        large.seeds.postings, large.seeds.places, more.entries, SEEDS, counts
    )
    seed_filter = more.marked(widened(large.seeds.filter, len(more.entries)))
    living = None
    if large.living is not None or small.living is not None:
        living = np.concatenate(
            [part.are_living(np.arange(len(part.texts))) for part in (large, small)]
        )
    return frozen(
        LookupTables(
            texts,
            TextTable(exact, bands, band_filter, sketches),
            SeedTable(postings, places, seed_filter),
            living,
            frequent=more.frequent,
            bytes=large.bytes + small.bytes,
        )
    )


def with_seeds_after(
    large: LookupTables, small: LookupTables, params: IndexParams
) -> LookupTables:
    """Return the small tables with the seeds that they would have if they were joined
    to `large`.
    """
    more = more_seeds(large, small.texts, params)
    bloom = more.marked(new_filter(len(more.entries)))
    postings, places = table_of(more.entries, SEEDS, len(small.texts))
    seeds = SeedTable(postings, places, bloom)
    return frozen(small._replace(seeds=seeds, frequent=more.frequent))


class MoreSeeds(NamedTuple):
    """Sorted seed entries, and a filter of frequent seeds."""

    entries: np.ndarray
    frequent: BloomFilter

    def marked(self, bloom: BloomFilter) -> BloomFilter:
        """Add these seeds to a filter, and return it."""
        seed_kernels.mark_seeds(self.entries, SEEDS.form(), bloom)
        return bloom


def more_seeds(large: LookupTables, texts: Strings, params: IndexParams) -> MoreSeeds:
    """Choose the seeds of texts that are added to the texts of `large`.

    A seed that is frequent in `large` counts as frequent here. The seeds in `large` are
    not chosen again, even if many of the added texts share them.
    """
    sizes = np.zeros(len(texts), np.uint8)
    entries = sorted_entries(
        np.concatenate([np.zeros(0, np.uint64), *seed_parts(texts, params, sizes)])
    )
    levels = levels_of(entries)
    assert large.frequent is not None
    frequent = widened(large.frequent, len(entries) // PER_FREQUENT)
    is_frequent = np.empty(len(entries), np.bool_)
    seed_kernels.marked_seeds(entries, frequent, is_frequent)
    levels[is_frequent] = seed_kernels.LAST_LEVEL
    shared = entries[levels > seed_kernels.SHARED_LEVEL]
    seed_kernels.mark_seeds(shared, SEEDS.form(), frequent)
    choice = SeedChoice(sizes, len(large.texts) + len(texts), params)
    chosen = [choice.take(entries[levels == level], level) for level in SEED_LEVELS]
    return MoreSeeds(sorted_entries(np.concatenate(chosen)), frequent)


def _merged(
    table: Postings,
    places: np.ndarray,
    more: np.ndarray,
    layout: TableLayout,
    counts: tuple[int, int],
) -> tuple[Postings, np.ndarray]:
    """Add sorted entries to a table. Return the new table and its places.

    The texts of the added entries are numbered after those of the table. ``counts``
    says how many texts the table has before and after.
    """
    before, texts = counts
    entries = np.empty(len(table.entries) + len(more), np.uint64)
    radix.merge(
        read_only(unpacked(table, layout, places)),
        read_only(more + np.uint64(before << layout.shift)),
        entries,
    )
    return table_of(entries, layout, texts)
