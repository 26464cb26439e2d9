"""Blocked Bloom filters of 32-bit keys: what is in a table, asked before the table is.

Each key has two bits in one word of a uint64 array of a power of two, so that a question reads one place of memory
(Putze, Sanders, Singler 2007, doi:10.1007/978-3-540-72845-0_9). ``down`` is by how much a key is shifted to be the
number of its word. What was marked is always found, and something else now and then.
"""

import numpy as np

from provscan.kernels.compiled import kernel

_ONE, _S32 = np.uint64(1), np.uint64(32)
_FIRST, _DOWN = np.uint32(63), np.uint32(26)
_SPREAD = np.uint32(0x9E3779B1)


@kernel(forceinline=True)
def mark(words, down, key):
    """Add a uint32 key."""
    words[key >> down] |= _ONE << np.uint64(key & _FIRST) | _ONE << np.uint64(np.uint32(key * _SPREAD) >> _DOWN)


@kernel(forceinline=True)
def holds(words, down, key):
    """Whether a uint32 key may be in the filter, uint64 0 or 1."""
    word = words[key >> down]
    return word >> np.uint64(key & _FIRST) & word >> np.uint64(np.uint32(key * _SPREAD) >> _DOWN) & _ONE


@kernel
def mark_entries(entries, words, down):
    """Add the upper halves of uint64 entries."""
    for entry in entries:
        mark(words, down, np.uint32(entry >> _S32))


@kernel
def held_entries(entries, words, down, held):
    """Whether the upper halves of uint64 entries may be in the filter, into bool ``held``."""
    for i in range(len(entries)):
        held[i] = holds(words, down, np.uint32(entries[i] >> _S32))
