"""Segments as one, in memory: a scan that looks things up once costs little more than with one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from provscan.index.format import SegmentInfo
from provscan.index.postings import bucket_bits, sorted_entries
from provscan.index.prepare import seed_entries
from provscan.index.seeds import Seeds, bloom_filter, kminmer_entries, new_filter, rare_entries, widened
from provscan.index.segment import MAX_TEXTS, Segment
from provscan.index.texts import Strings
from provscan.index.tweets import appended, joined_tweets
from provscan.kernels import bloom, radix
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels import postings as kernels
from provscan.kernels.records import Postings, frozen, read_only
from provscan.params import IndexParams

# Of the larger segment's files: more is not copied into memory.
MOST_BYTES = 1 << 30
# Of the files of all small segments of an index.
MOST_SMALL_BYTES = 1 << 28


def can_join(large: Segment, small: Segment) -> bool:
    """Whether the two fit one segment, and memory."""
    return large.info.bytes <= MOST_BYTES and len(large.texts) + len(small.texts) <= MAX_TEXTS


def joined(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """A segment with the texts of both; those of the small one are numbered behind the others.

    It has no folder of its own. For looking up tweets no text may stand in both.
    """
    count = len(large.texts)
    texts = appended(large.texts, small.texts)
    return Segment(
        SegmentInfo(large.info.name, len(texts), large.info.tweets + small.info.tweets, "", {}),
        texts,
        np.concatenate([large.text_sizes, small.text_sizes]),
        np.concatenate([large.sketches, small.sketches]),
        _merged(large.exact, small.exact.entries, np.uint64(count)),
        _merged(large.bands, small.bands.entries, np.uint64(count)),
        _seeds(large.seeds, small.texts, small.text_sizes, np.uint64(count << 8), params),
        np.concatenate([large.tweet_starts, small.tweet_starts[1:] + large.info.tweets]),
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


def _seeds(large: Seeds, texts: Strings, sizes: np.ndarray, above: np.uint64, params: IndexParams) -> Seeds:
    """The large segment's table with the seeds of more `texts`, `above` added to their entries.

    Keys that are frequent in the large segment are excluded from the rare seeds of those, so that they have as many as
    they would in one segment. Its own stay, however many of the few texts share them.
    """
    entries = seed_entries(texts, params)
    kminmers, hashes = kminmer_entries(entries)
    rare = rare_entries(sorted_entries(entries), sizes, new_filter(len(entries)))
    frequent = np.empty(len(rare), np.bool_)
    seed_kernels.held_seeds(rare, frozen(bloom_filter(large.high_frequency)), frequent)
    rare = rare[~frequent]
    known, known_rare = widened(large.kminmers, len(kminmers)), widened(large.rare, len(rare))
    bloom.mark_all(hashes, bloom_filter(known))
    seed_kernels.mark_seeds(rare, bloom_filter(known_rare))
    table = _merged(large.table, sorted_entries(np.concatenate([kminmers, rare])), above)
    return Seeds(table, known, known_rare, large.high_frequency)


def _merged(first: Postings, second: np.ndarray, above: np.uint64) -> Postings:
    """A table with more sorted entries, `above` added to them."""
    entries = np.empty(len(first.entries) + len(second), np.uint64)
    radix.merge(frozen(first).entries, second + above, entries)
    bits = bucket_bits(len(entries))
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.bucket_offsets(read_only(entries), 0, bits, starts)
    kernels.close_bucket_offsets(starts)
    return Postings(entries, starts, bits)
