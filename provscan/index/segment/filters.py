"""Bloom filters of the keys in a segment's tables
(:mod:`provscan.kernels.storage.bloom`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from provscan.index.format import damage
from provscan.index.segment.arrays import map_array
from provscan.index.segment.postings import TableLayout
from provscan.kernels.records import BloomFilter
from provscan.kernels.storage import postings as kernels


def filter_words(count: int) -> int:
    """Return the number of words of a filter for `count` hashes, a power of two. The
    filter has 8 to 16 bits per hash, but at least 2**10 and at most 2**38 bits.
    """
    return 1 << (min(38, max(10, (8 * count).bit_length())) - 6)


def band_filter_words(count: int) -> int:
    """Return the number of words of a filter for `count` bands. It has only half the
    bits per hash, since a false positive costs only a look-up in the table.
    """
    return filter_words(count // 2)


def bloom_filter(words: np.ndarray) -> BloomFilter:
    return BloomFilter(words, np.uint32(33 - len(words).bit_length()))


def new_filter(count: int) -> BloomFilter:
    """Return an empty filter for `count` hashes."""
    return bloom_filter(np.zeros(filter_words(count), np.uint64))


def open_filter(path: Path) -> BloomFilter:
    words = map_array(path, np.uint64)
    if len(words) == 0 or len(words) & (len(words) - 1):
        raise damage(path, f"its {len(words):,} words are not a power of two")
    return bloom_filter(words)


def widened(bloom: BloomFilter, more: int) -> BloomFilter:
    """Return a copy of a filter with room for `more` hashes.

    In a filter of twice the size, one more bit of a hash selects the word. This bit is
    unknown for the hashes that are already in the filter, so both words that it may
    select are copies of the old word.
    """
    copies = max(1, filter_words(2 * more) // len(bloom.words))
    return bloom_filter(np.repeat(bloom.words, copies))


def mark_bands(entries: np.ndarray, layout: TableLayout, bloom: BloomFilter) -> None:
    """Add bands, given as uint64 entries, to a filter."""
    kernels.mark_bands(entries, layout.key_bits, bloom)
