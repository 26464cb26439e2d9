"""Bloom filters of the keys in a segment's tables
(:mod:`provscan.kernels.storage.bloom`).
"""

from __future__ import annotations

import numpy as np

from provscan.index.segment.postings import TableLayout
from provscan.kernels.records import BloomFilter
from provscan.kernels.storage import postings as kernels


def filter_words(count: int) -> int:
    """Return the words of a filter for `count` hashes: 8 to 16 bits each, 2**31 at
    most.
    """
    return 1 << (min(31, max(10, (8 * count).bit_length())) - 6)


def new_filter(count: int) -> np.ndarray:
    """Return an empty filter for `count` hashes."""
    return np.zeros(filter_words(count), np.uint64)


def widened(words: np.ndarray, more: int) -> np.ndarray:
    """Return a copy of a filter with room for `more` hashes.

    A larger filter uses one more bit of a hash for the number of its word. For hashes
    already in the filter this bit is unknown, so they are put in both words.
    """
    return np.repeat(words, max(1, filter_words(2 * more) // len(words)))


def bloom_filter(words: np.ndarray) -> BloomFilter:
    return BloomFilter(words, np.uint32(33 - len(words).bit_length()))


def band_filter_words(count: int) -> int:
    """Return the words of a filter for `count` bands. It has half the size, since the
    table rejects its false positives.
    """
    return filter_words(count // 2)


def new_band_filter(count: int) -> np.ndarray:
    return np.zeros(band_filter_words(count), np.uint64)


def mark_bands(entries: np.ndarray, layout: TableLayout, words: np.ndarray) -> None:
    """Add bands, given as uint64 entries, to a filter."""
    kernels.mark_bands(entries, layout.key_bits, bloom_filter(words))
