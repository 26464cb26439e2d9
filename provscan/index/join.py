"""Two segments as one, in memory: a scan that looks things up once costs little more than with one of them."""

from __future__ import annotations

import numpy as np

from provscan.index.format import SegmentInfo
from provscan.index.postings import Postings, directory_bits, sorted_entries
from provscan.index.prepare import seed_entries
from provscan.index.seeds import Seeds, lone_entries, new_filter, pair_entries, widened, with_shift
from provscan.index.segment import MAX_TEXTS, Segment
from provscan.index.texts import Strings
from provscan.kernels import bloom, radix
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels import postings as kernels
from provscan.params import IndexParams

# Of the larger segment's files: more is not copied into memory.
MOST_BYTES = 1 << 30


def can_join(large: Segment, small: Segment) -> bool:
    """Whether the two fit one segment, and memory."""
    size = sum(size for size, _ in large.info.files.values())
    return size <= MOST_BYTES and len(large.texts) + len(small.texts) <= MAX_TEXTS


def joined(large: Segment, small: Segment, params: IndexParams) -> Segment:
    """A segment with the texts of both; those of the small one are numbered behind the others.

    No text may stand in both. It has no folder of its own: what a scan does not need is still mapped.
    """
    count = len(large.texts)
    texts = _appended(large.texts, small.texts)
    return Segment(
        large.path,
        SegmentInfo(large.info.name, len(texts), large.info.tweets + small.info.tweets, {}),
        texts,
        np.concatenate([large.text_sizes, small.text_sizes]),
        np.concatenate([large.sketches, small.sketches]),
        _merged(large.exact, small.exact.entries, np.uint64(count)),
        _merged(large.bands, small.bands.entries, np.uint64(count)),
        _seeds(large.seeds, small.texts, small.text_sizes, np.uint64(count << 8), params),
        np.concatenate([large.tweet_starts, small.tweet_starts[1:] + large.tweet_starts[-1]]),
        np.concatenate([large.tweet_rows, small.tweet_rows + np.uint32(large.info.tweets)]),
        _appended(large.raw_texts, small.raw_texts),
        _appended(large.ids, small.ids),
        others=(small.path,),
    )


def _seeds(large: Seeds, texts: Strings, sizes: np.ndarray, above: np.uint64, params: IndexParams) -> Seeds:
    """The large segment's table with the seeds of more `texts`, `above` added to their entries.

    What is common in the large segment is no lone seed of theirs, so that they have as many as they would in one
    segment. Its own stay, however many of the few texts share them.
    """
    entries = seed_entries(texts, params)
    pairs, hashes = pair_entries(entries)
    lone = lone_entries(sorted_entries(entries), sizes, new_filter(len(entries)))
    common = np.empty(len(lone), np.bool_)
    seed_kernels.held_seeds(lone, *with_shift(large.common), common)
    lone = lone[~common]
    known_pairs, known_lone = widened(large.pairs, len(pairs)), widened(large.lone, len(lone))
    bloom.mark_all(hashes, *with_shift(known_pairs))
    seed_kernels.mark_seeds(lone, *with_shift(known_lone))
    table = _merged(large.table, sorted_entries(np.concatenate([pairs, lone])), above)
    return Seeds(table, known_pairs, known_lone, large.common)


def _appended(first: Strings, second: Strings) -> Strings:
    text = np.concatenate([first.text[: first.offsets[-1]], second.text[: second.offsets[-1]]])
    return Strings(text, np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]]))


def _merged(first: Postings, second: np.ndarray, above: np.uint64) -> Postings:
    """A table with more sorted entries, `above` added to them."""
    entries = np.empty(len(first.entries) + len(second), np.uint64)
    radix.merge(first.entries, second + above, entries)
    bits = directory_bits(len(entries))
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.directory(entries, 0, bits, starts)
    kernels.close_directory(starts)
    return Postings(entries, starts, bits)
