"""Two segments as one, in memory: a scan that looks things up once costs little more than with one of them."""

from __future__ import annotations

import numpy as np

from provscan.index.filters import FEWER, LONE_BYTES, SeedFilters, key_bits
from provscan.index.format import SegmentInfo
from provscan.index.postings import Postings, directory_bits
from provscan.index.prepare import seed_entries
from provscan.index.segment import MAX_TEXTS, SIZE_UNIT, Segment
from provscan.index.texts import Strings
from provscan.kernels import postings as kernels
from provscan.kernels import radix
from provscan.kernels import seeds as seed_kernels
from provscan.kernels.chains import RARE
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
    texts = len(large.texts)
    seeds = _merged(large.seeds, small.seeds, np.uint64(texts << 8))
    both = Segment(
        large.path,
        SegmentInfo(large.info.name, texts + len(small.texts), large.info.tweets + small.info.tweets, {}),
        _appended(large.texts, small.texts),
        np.concatenate([large.sketches, small.sketches]),
        _merged(large.exact, small.exact, np.uint64(texts)),
        _merged(large.bands, small.bands, np.uint64(texts)),
        seeds,
        SeedFilters(*(np.zeros(0, np.uint8) for _ in range(3))),
        np.concatenate([large.owner_starts, small.owner_starts[1:] + large.owner_starts[-1]]),
        np.concatenate([large.owner_rows, small.owner_rows + np.uint32(large.info.tweets)]),
        _appended(large.originals, small.originals),
        _appended(large.ids, small.ids),
        others=(small.path,),
    )
    return both.with_filters(_filters(both, large, small, params))


def _filters(both: Segment, large: Segment, small: Segment, params: IndexParams) -> SeedFilters:
    entries = both.seeds.entries
    bits = key_bits(len(entries))
    known, lone = np.zeros(1 << (bits - 3), np.uint8), np.zeros(1 << (bits - FEWER - 3), np.uint8)
    kernels.mark_keys(entries, bits, known)
    kernels.mark_lone_keys(entries, RARE, LONE_BYTES // SIZE_UNIT, both.text_sizes, bits - FEWER, lone)
    # A bitmap of twice the size knows one bit more of each key: not which, so it has both.
    pairs, times = large.seed_filters.pairs, len(lone) // len(large.seed_filters.pairs)
    if times > 1:
        pairs = np.packbits(np.repeat(np.unpackbits(pairs, bitorder="little"), times), bitorder="little")
    pairs = pairs.copy()
    theirs = seed_entries(small.texts, params)
    keys = np.empty(len(theirs), np.uint32)
    keys = keys[: seed_kernels.pair_keys(theirs, keys)]
    kernels.mark_keys(keys.astype(np.uint64) << np.uint64(32), bits - FEWER, pairs)
    return SeedFilters(known, lone, pairs)


def _appended(first: Strings, second: Strings) -> Strings:
    text = np.concatenate([first.text[: first.offsets[-1]], second.text[: second.offsets[-1]]])
    return Strings(text, np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]]))


def _merged(first: Postings, second: Postings, above: np.uint64) -> Postings:
    """The entries of both, `above` added to those of the second."""
    entries = np.empty(len(first.entries) + len(second.entries), np.uint64)
    radix.merge(first.entries, second.entries + above, entries)
    bits = directory_bits(len(entries))
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    kernels.directory(entries, 0, bits, starts)
    kernels.close_directory(starts)
    return Postings(entries, starts, bits)
