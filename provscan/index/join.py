"""Two segments as one, in memory: a scan that looks things up once costs little more than with one of them."""

from __future__ import annotations

import numpy as np

from provscan.index.filters import FEWER, LONE_TOKENS, SeedFilters, key_bits, mark_pairs, pair_keys
from provscan.index.format import SegmentInfo
from provscan.index.postings import Postings, directory_bits
from provscan.index.prepare import seed_entries
from provscan.index.segment import MAX_TEXTS, SIZE_UNIT, Segment
from provscan.index.texts import Strings
from provscan.kernels import postings as kernels
from provscan.kernels import radix
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
    count = len(large.texts)
    texts = _appended(large.texts, small.texts)
    sizes = np.concatenate([large.text_sizes, small.text_sizes])
    seeds = _merged(large.seeds, small.seeds, np.uint64(count << 8))
    return Segment(
        large.path,
        SegmentInfo(large.info.name, len(texts), large.info.tweets + small.info.tweets, {}),
        texts,
        sizes,
        np.concatenate([large.sketches, small.sketches]),
        _merged(large.exact, small.exact, np.uint64(count)),
        _merged(large.bands, small.bands, np.uint64(count)),
        seeds,
        _filters(seeds, sizes, large.seed_filters, small.texts, params),
        np.concatenate([large.owner_starts, small.owner_starts[1:] + large.owner_starts[-1]]),
        np.concatenate([large.owner_rows, small.owner_rows + np.uint32(large.info.tweets)]),
        _appended(large.originals, small.originals),
        _appended(large.ids, small.ids),
        others=(small.path,),
    )


def _filters(
    seeds: Postings, sizes: np.ndarray, larges: SeedFilters, more: Strings, params: IndexParams
) -> SeedFilters:
    """Filters of the merged seeds; `larges` are those of the large segment, `more` the texts of the small one."""
    bits = key_bits(len(seeds.entries))
    known, lone = np.zeros(1 << (bits - 3), np.uint8), np.zeros(1 << (bits - FEWER - 3), np.uint8)
    kernels.mark_keys(seeds.entries, bits, known)
    kernels.mark_lone_keys(seeds.entries, RARE, LONE_TOKENS // SIZE_UNIT, sizes, bits - FEWER, lone)
    # A bitmap of twice the size knows one bit more of each key: not which, so it has both.
    pairs, times = larges.pairs.copy(), len(lone) // len(larges.pairs)
    if times > 1:
        pairs = np.packbits(np.repeat(np.unpackbits(pairs, bitorder="little"), times), bitorder="little")
    mark_pairs(pair_keys(seed_entries(more, params)), bits - FEWER, pairs)
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
