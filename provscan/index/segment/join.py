"""Segments as one, in memory: a scan that looks things up once costs little more than
with one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from provscan.index.format import SegmentInfo
from provscan.index.segment.filters import bloom_filter, mark_bands, new_filter, widened
from provscan.index.segment.packed import pack_numbers
from provscan.index.segment.postings import (
    EXACT,
    SEEDS,
    TableLayout,
    bands_layout,
    sorted_entries,
    table_of,
    unpacked,
)
from provscan.index.segment.read import MAX_TEXTS, LookupTables, Segment
from provscan.index.segment.seeds import (
    LEVELS,
    PER_FREQUENT,
    OpenSeeds,
    SeedChoice,
    levels_of,
    seed_parts,
)
from provscan.index.segment.tweets import appended, joined_tweets
from provscan.kernels.records import Postings, read_only
from provscan.kernels.search import minimizers as seed_kernels
from provscan.kernels.storage import radix
from provscan.params import IndexParams

# Of the larger segment's files: more is not copied into memory.
MOST_BYTES = 1 << 30
# Of the files of all small segments of an index.
MOST_SMALL_BYTES = 1 << 28
_NO_PLACES = np.zeros(0, np.uint8)


def can_join(large: Segment, small: Segment) -> bool:
    """Whether the two fit one segment, and memory."""
    return (
        large.info.bytes <= MOST_BYTES
        and len(large.texts) + len(small.texts) <= MAX_TEXTS
    )


def joined(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """A segment with the texts of both; those of the small one are numbered behind the
    others.

    It has no folder of its own. For looking up tweets no text may stand in both.
    """
    count = len(large.texts)
    texts = appended(large.texts, small.texts)
    bands = bands_layout(params.bands)
    more_bands = unpacked(small.bands, _NO_PLACES, bands)
    band_filter = widened(large.band_filter, len(more_bands) // 2)
    mark_bands(more_bands, bands, band_filter)
    return Segment(
        SegmentInfo(
            large.info.name, len(texts), large.info.tweets + small.info.tweets, "", {}
        ),
        texts,
        np.concatenate([large.sketches, small.sketches]),
        _joined_table(
            large.exact,
            unpacked(small.exact, _NO_PLACES, EXACT),
            EXACT,
            (count, len(texts)),
        ),
        _joined_table(large.bands, more_bands, bands, (count, len(texts))),
        band_filter,
        _seeds(large.seeds, small, (count, len(texts)), params),
        pack_numbers(
            np.concatenate(
                [
                    large.tweet_starts.all(),
                    small.tweet_starts.all()[1:] + large.info.tweets,
                ]
            )
        ),
        joined_tweets(large.tweets, small.tweets),
        np.concatenate([large.forgotten, small.forgotten + large.info.tweets]),
    )


def joined_all(segments: Sequence[Segment], params: IndexParams) -> Sequence[Segment]:
    """Small neighbours as one, if memory has room for it; a text that stands in several
    is in it as often.
    """
    if sum(segment.info.bytes for segment in segments) > MOST_SMALL_BYTES:
        return segments
    while len(segments) > 1:
        ends = [
            joined(*pair, params)
            for pair in zip(segments[::2], segments[1::2], strict=False)
        ]
        segments = [*ends, *segments[2 * len(ends) :]]
    return segments


def beside(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """The small segment, left apart, with the seeds that it would have behind the large
    one.
    """
    more = more_seeds(large.seeds, small, len(large.texts), params)
    return replace(
        small, seeds=more.alone(len(small.texts), new_filter(len(more.entries)))
    )


def tables_behind(
    large: OpenSeeds, small: Segment, first: int, params: IndexParams
) -> tuple[LookupTables, np.ndarray]:
    """Tables of a small segment as they are joined to a large one, left apart; the
    filter of the seeds of both.

    ``first`` is the number of the first of its texts.
    """
    more = more_seeds(large, small, first, params)
    seeds = more.alone(len(small.texts), widened(large.filter, len(more.entries)))
    return replace(small, seeds=seeds).tables(first), seeds.filter


def _seeds(
    large: OpenSeeds, small: Segment, counts: tuple[int, int], params: IndexParams
) -> OpenSeeds:
    """The large segment's table with the seeds of a small one; `counts` are its texts
    and those of both.
    """
    more = more_seeds(large, small, counts[0], params)
    table, places = _merged(
        unpacked(large.table, large.places, SEEDS), more.entries, SEEDS, counts
    )
    return OpenSeeds(
        table,
        places,
        more.marked(widened(large.filter, len(more.entries))),
        more.frequent,
    )


class MoreSeeds(NamedTuple):
    """Sorted seed entries of some texts, and the filter of frequent seeds."""

    entries: np.ndarray
    frequent: np.ndarray

    def marked(self, words: np.ndarray) -> np.ndarray:
        """A filter, to which they are added."""
        seed_kernels.mark_seeds(self.entries, bloom_filter(words))
        return words

    def alone(self, texts: int, words: np.ndarray) -> OpenSeeds:
        """A table of their own, of so many texts, with a filter to which they are
        added.
        """
        table, places = table_of(self.entries, SEEDS, texts)
        return OpenSeeds(table, places, self.marked(words), self.frequent)


def more_seeds(
    large: OpenSeeds, small: Segment, before: int, params: IndexParams
) -> MoreSeeds:
    """Seeds of the texts of a small segment behind those of `large`, which are so many.

    A seed that is frequent in `large` is so here. What `large` has stays, however many
    of the few texts share it.
    """
    sizes = np.zeros(len(small.texts), np.uint8)
    entries = sorted_entries(
        np.concatenate(
            [np.zeros(0, np.uint64), *seed_parts(small.texts, params, sizes)]
        )
    )
    levels = levels_of(entries)
    frequent = widened(large.frequent, len(entries) // PER_FREQUENT)
    held = np.empty(len(entries), np.bool_)
    seed_kernels.held_seeds(entries, bloom_filter(frequent), held)
    levels[held] = seed_kernels.LAST_LEVEL
    seed_kernels.mark_seeds(
        entries[levels > seed_kernels.SHARED_LEVEL], bloom_filter(frequent)
    )
    choice = SeedChoice(sizes, before + len(small.texts))
    chosen = [choice.take(entries[levels == level], level) for level in LEVELS]
    return MoreSeeds(sorted_entries(np.concatenate(chosen)), frequent)


def _joined_table(
    large: Postings, more: np.ndarray, layout: TableLayout, counts: tuple[int, int]
) -> Postings:
    """A table with more sorted entries; see :func:`_merged`."""
    return _merged(unpacked(large, _NO_PLACES, layout), more, layout, counts)[0]


def _merged(
    first: np.ndarray, second: np.ndarray, layout: TableLayout, counts: tuple[int, int]
) -> tuple[Postings, np.ndarray]:
    """A table of sorted entries and more, and its places; the texts of the second stand
    behind those of the first.

    ``counts`` are the texts of the first and of both.
    """
    before, texts = counts
    entries = np.empty(len(first) + len(second), np.uint64)
    radix.merge(
        read_only(first), read_only(second + np.uint64(before << layout.shift)), entries
    )
    return table_of(entries, layout, texts)
