"""Bloom filters of a segment (:mod:`provscan.kernels.storage.bloom`): what is in its
tables.
"""

from __future__ import annotations

import numpy as np

from provscan.index.segment.postings import TableLayout
from provscan.kernels.records import BloomFilter
from provscan.kernels.storage import postings as kernels


def filter_words(count: int) -> int:
    """Words of a filter for so many hashes: 8 to 16 bits each, 2**31 at most."""
    return 1 << (min(31, max(10, (8 * count).bit_length())) - 6)


def new_filter(count: int) -> np.ndarray:
    """An empty filter for so many hashes."""
    return np.zeros(filter_words(count), np.uint64)


def widened(words: np.ndarray, more: int) -> np.ndarray:
    """A copy of a filter in which `more` hashes find room beside what it holds.

    A larger filter takes one more bit of a hash for the number of its word. Which one
    is not known of what the filter holds, so both words hold it.
    """
    return np.repeat(words, max(1, filter_words(2 * more) // len(words)))


def bloom_filter(words: np.ndarray) -> BloomFilter:
    return BloomFilter(words, np.uint32(33 - len(words).bit_length()))


def band_filter_words(count: int) -> int:
    """Words of a filter for so many bands, of half the size: what it lets pass the
    table refuses.
    """
    return filter_words(count // 2)


def new_band_filter(count: int) -> np.ndarray:
    return np.zeros(band_filter_words(count), np.uint64)


def mark_bands(entries: np.ndarray, layout: TableLayout, words: np.ndarray) -> None:
    """Add bands, as entries in the making, to a filter."""
    kernels.mark_bands(entries, layout.key_bits, bloom_filter(words))
