"""Blocked Bloom filters, which answer most look-ups of absent keys without reading the
table.

Each 64-bit hash sets two bits in one word of a uint64 array, whose length is a power
of two, so that a query reads one place of memory (Putze, Sanders, Singler 2007,
doi:10.1007/978-3-540-72845-0_9). The upper half of a hash, shifted right by ``shift``,
selects the word; the lowest twelve bits of the hash select two bits in it. There are
false positives, but no false negatives.
"""

import numpy as np

from provscan.kernels.jit import helper

_U1, _S6, _S32 = np.uint64(1), np.uint64(6), np.uint64(32)
_LOW6 = np.uint64(63)


@helper(forceinline=True)
def mark(bloom, h):
    bloom.words[np.uint32(h >> _S32) >> bloom.shift] |= _U1 << (h & _LOW6) | _U1 << (
        h >> _S6 & _LOW6
    )


@helper(forceinline=True)
def word_of(bloom, h):
    """Return the word that contains a hash's bits. Kernels that look up many hashes
    read all words before they test any, so that the reads overlap.
    """
    return bloom.words[np.uint32(h >> _S32) >> bloom.shift]


@helper(forceinline=True)
def has_bits(word, h):
    """Return whether a hash's bits are set in its word, uint64 0 or 1."""
    return word >> (h & _LOW6) & word >> (h >> _S6 & _LOW6) & _U1


@helper(forceinline=True)
def may_contain(bloom, h):
    """Return whether a hash may be in the filter, uint64 0 or 1."""
    return has_bits(word_of(bloom, h), h)
