"""Segments as one, in memory: a scan that looks things up once costs little more than with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from provscan.index.filters import bloom_filter, mark_bands, new_filter, widened
from provscan.index.format import SegmentInfo
from provscan.index.packed import pack_numbers
from provscan.index.postings import EXACT, SEEDS, Layout, bands_layout, sorted_entries, table_of, unpacked
from provscan.index.prepare import seed_entries
from provscan.index.seeds import Seeds, kminmer_entries, rare_entries
from provscan.index.segment import MAX_TEXTS, LookupTables, Segment
from provscan.index.texts import Strings
from provscan.index.tweets import appended, joined_tweets
from provscan.kernels import bloom, radix
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels.records import Postings, frozen
from provscan.params import IndexParams

# Of the larger segment's files: more is not copied into memory.
MOST_BYTES = 1 << 30
# Of the files of all small segments of an index.
MOST_SMALL_BYTES = 1 << 28
_NO_PLACES = np.zeros(0, np.uint8)


def can_join(large: Segment, small: Segment) -> bool:
    """Whether the two fit one segment, and memory."""
    return large.info.bytes <= MOST_BYTES and len(large.texts) + len(small.texts) <= MAX_TEXTS


def joined(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """A segment with the texts of both; those of the small one are numbered behind the others.

    It has no folder of its own. For looking up tweets no text may stand in both.
    """
    count = len(large.texts)
    texts = appended(large.texts, small.texts)
    bands = bands_layout(params.bands)
    more_bands = unpacked(small.bands, _NO_PLACES, bands)
    band_filter = widened(large.band_filter, len(more_bands) // 2)
    mark_bands(more_bands, bands, band_filter)
    return Segment(
        SegmentInfo(large.info.name, len(texts), large.info.tweets + small.info.tweets, "", {}),
        texts,
        np.concatenate([large.text_sizes, small.text_sizes]),
        np.concatenate([large.sketches, small.sketches]),
        _joined_table(large.exact, unpacked(small.exact, _NO_PLACES, EXACT), EXACT, (count, len(texts))),
        _joined_table(large.bands, more_bands, bands, (count, len(texts))),
        band_filter,
        _seeds(large.seeds, small.texts, small.text_sizes, (count, len(texts)), params),
        pack_numbers(np.concatenate([large.tweet_starts.all(), small.tweet_starts.all()[1:] + large.info.tweets])),
        joined_tweets(large.tweets, small.tweets),
        np.concatenate([large.forgotten, small.forgotten + large.info.tweets]),
    )


def joined_all(segments: Sequence[Segment], params: IndexParams) -> Sequence[Segment]:
    """Small neighbours as one, if memory has room for it; a text that stands in several is in it as often."""
    if sum(segment.info.bytes for segment in segments) > MOST_SMALL_BYTES:
        return segments
    while len(segments) > 1:
        ends = [joined(*pair, params) for pair in zip(segments[::2], segments[1::2], strict=False)]
        segments = [*ends, *segments[2 * len(ends) :]]
    return segments


def beside(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """The small segment, left apart, with the seeds that it would have in one segment with the large one."""
    more, _, _ = more_seeds(large.seeds, small.texts, small.text_sizes, params)
    table, places = table_of(more, SEEDS, len(small.texts))
    # Its filters let more pass than is in the table now.
    return replace(small, seeds=small.seeds._replace(table=table, places=places))


def tables_behind(
    large: Seeds, small: Segment, first: int, params: IndexParams
) -> tuple[LookupTables, np.ndarray, np.ndarray]:
    """Tables of a small segment as they are joined to a large one, left apart; the seeds' filters of both.

    ``first`` is the number of the first of its texts.
    """
    more, known, known_rare = more_seeds(large, small.texts, small.text_sizes, params)
    table, places = table_of(more, SEEDS, len(small.texts))
    seeds = Seeds(table, places, known, known_rare, large.high_frequency)
    return replace(small, seeds=seeds).tables(first), known, known_rare


def _seeds(large: Seeds, texts: Strings, sizes: np.ndarray, counts: tuple[int, int], params: IndexParams) -> Seeds:
    """The large segment's table with the seeds of more `texts`; `counts` are its texts and those of both.

    Keys that are frequent in the large segment are excluded from the rare seeds of those, so that they have as many as
    they would in one segment. Its own stay, however many of the few texts share them.
    """
    more, known, known_rare = more_seeds(large, texts, sizes, params)
    table, places = _merged(unpacked(large.table, large.places, SEEDS), more, SEEDS, counts)
    return Seeds(table, places, known, known_rare, large.high_frequency)


def more_seeds(
    large: Seeds, texts: Strings, sizes: np.ndarray, params: IndexParams
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted seed entries of more texts than those of `large`; the filters of k-min-mers and rare seeds of both."""
    entries = seed_entries(texts, params)
    kminmers, hashes = kminmer_entries(entries)
    rare = rare_entries(sorted_entries(entries), sizes, new_filter(len(entries)))
    frequent = np.empty(len(rare), np.bool_)
    seed_kernels.held_seeds(rare, frozen(bloom_filter(large.high_frequency)), frequent)
    rare = rare[~frequent]
    known, known_rare = widened(large.kminmers, len(kminmers)), widened(large.rare, len(rare))
    bloom.mark_all(hashes, bloom_filter(known))
    seed_kernels.mark_seeds(rare, bloom_filter(known_rare))
    return sorted_entries(np.concatenate([kminmers, rare])), known, known_rare


def _joined_table(large: Postings, more: np.ndarray, layout: Layout, counts: tuple[int, int]) -> Postings:
    """A table with more sorted entries; see :func:`_merged`."""
    return _merged(unpacked(large, _NO_PLACES, layout), more, layout, counts)[0]


def _merged(
    first: np.ndarray, second: np.ndarray, layout: Layout, counts: tuple[int, int]
) -> tuple[Postings, np.ndarray]:
    """A table of sorted entries and more, and its places; the texts of the second stand behind those of the first.

    ``counts`` are the texts of the first and of both.
    """
    before, texts = counts
    entries = np.empty(len(first) + len(second), np.uint64)
    radix.merge(first, second + np.uint64(before << layout.shift), entries)
    return table_of(entries, layout, texts)
