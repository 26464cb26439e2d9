"""Keys of canonical texts, and a table that numbers them."""

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import (
    FNV_START,
    MURMUR1,
    MURMUR2,
    fnv1a,
    murmur_mix,
)

_U1 = np.uint64(1)
# The number of keys by which the prefetch of a slot precedes its use.
_AHEAD = 16


@kernel
def text_keys(texts, keys):
    """Write the 128-bit key of each canonical text to uint64[n, 2].

    The two halves are hashes of the UTF-8 bytes: the first is FNV-1a, ``h = (h ^ byte)
    * FNV_PRIME`` from ``FNV_START`` on; the second is ``h = (h + byte + 1) * MURMUR1``
    from ``MURMUR2`` on. MurmurHash3's finaliser is applied to both. A table of texts
    uses only the first half. Since each step waits for the previous one, two texts are
    hashed at the same time.
    """
    text, offsets = texts
    last = len(keys) - 1
    for i in range(0, len(keys), 2):
        # If the number of texts is odd, the last is hashed twice.
        j = min(i + 1, last)
        first = text[offsets[i] : offsets[i + 1]]
        second = text[offsets[j] : offsets[j + 1]]
        both = min(len(first), len(second))
        a, b = (FNV_START, MURMUR2), (FNV_START, MURMUR2)
        for k in range(both):
            a, b = _key_step(a, first[k]), _key_step(b, second[k])
        for byte in first[both:]:
            a = _key_step(a, byte)
        for byte in second[both:]:
            b = _key_step(b, byte)
        keys[i, 0], keys[i, 1] = murmur_mix(a[0]), murmur_mix(a[1])
        keys[j, 0], keys[j, 1] = murmur_mix(b[0]), murmur_mix(b[1])


@helper(forceinline=True)
def _key_step(state, byte):
    return fnv1a(state[0], byte), (state[1] + np.uint64(byte) + _U1) * MURMUR1


@kernel
def number_texts(keys, table, ids, known, numbers):
    """Number the 128-bit keys; equal keys get the number of the first.

    ``table`` uint64[2**b, 2] and ``ids`` uint32[2**b] (0 is free, else number + 1) are
    an open-addressing table that has ``known`` keys and room for all of these. Fill
    int64 ``numbers``, and return the new number of known keys.
    """
    mask = np.uint64(len(ids) - 1)
    for i in range(len(keys)):
        # Prefetch the slots of a later key.
        soon = np.int64(keys[min(i + _AHEAD, len(keys) - 1), 0] & mask)
        prefetch(ids, soon)
        prefetch(table, 2 * soon)
        slot = keys[i, 0] & mask
        while ids[slot] != 0 and (
            table[slot, 0] != keys[i, 0] or table[slot, 1] != keys[i, 1]
        ):
            slot = (slot + np.uint64(1)) & mask
        if ids[slot] == 0:
            known += 1
            ids[slot] = known
            table[slot, 0], table[slot, 1] = keys[i, 0], keys[i, 1]
        numbers[i] = np.int64(ids[slot]) - 1
    return known


@kernel
def move_texts(table, ids, larger, larger_ids):
    """Copy an open-addressing table of :func:`number_texts` into a larger, empty
    one.
    """
    mask = np.uint64(len(larger_ids) - 1)
    for i in range(len(ids)):
        if ids[i] != 0:
            slot = table[i, 0] & mask
            while larger_ids[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            larger_ids[slot] = ids[i]
            larger[slot, 0], larger[slot, 1] = table[i, 0], table[i, 1]
