"""Blocked Bloom filters: what is in a table, asked before the table is.

Each 64-bit hash has two bits in one word of a uint64 array of a power of two, so that a question reads one place of
memory (Putze, Sanders, Singler 2007, doi:10.1007/978-3-540-72845-0_9). Its upper half, shifted down by ``down``, is the
number of the word; its lowest twelve bits are two numbers of bits. What was marked is always found, and something else
now and then.
"""

import numpy as np

from provscan.kernels.jit import kernel

_ONE, _S6, _S32 = np.uint64(1), np.uint64(6), np.uint64(32)
_LOW6 = np.uint64(63)


@kernel(forceinline=True)
def mark(words, down, h):
    """Add a hash."""
    words[np.uint32(h >> _S32) >> down] |= _ONE << (h & _LOW6) | _ONE << (h >> _S6 & _LOW6)


@kernel(forceinline=True)
def word_of(words, down, h):
    """The word that a hash has its bits in. Who asks for many reads all of their words first."""
    return words[np.uint32(h >> _S32) >> down]


@kernel(forceinline=True)
def has_bits(word, h):
    """Whether a hash's bits are marked in its word, uint64 0 or 1."""
    return word >> (h & _LOW6) & word >> (h >> _S6 & _LOW6) & _ONE


@kernel(forceinline=True)
def holds(words, down, h):
    """Whether a hash may be in the filter, uint64 0 or 1."""
    return has_bits(word_of(words, down, h), h)


@kernel
def mark_all(hashes, words, down):
    """Add uint64 hashes."""
    for h in hashes:
        mark(words, down, h)
