"""Sorting of postings: a radix sort of the upper bits, least significant digit first, then insertion.

Keys are hashes, so few entries share their upper bits and the insertion moves little. The sort is stable: entries with
equal keys keep the order in which they came, which is that of their texts. numpy's own sort is several times slower
where a processor compresses vectors in microcode.
"""

import numpy as np

from provscan.kernels.jit import kernel

DIGIT = 8


@kernel
def scatter(entries, shift, counts, out):
    """Move uint64 ``entries`` to ``out``, ordered by the :data:`DIGIT` bits above ``shift``; ``counts`` is int64[256].

    Afterwards ``counts`` says for each digit where its entries end.
    """
    mask = np.uint64(255)
    counts[:] = 0
    for e in entries:
        counts[(e >> shift) & mask] += 1
    total = 0
    for digit in range(256):
        size = counts[digit]
        counts[digit] = total
        total += size
    for e in entries:
        digit = (e >> shift) & mask
        out[counts[digit]] = e
        counts[digit] += 1


@kernel
def insert(entries):
    """Sort ``entries`` that are nearly sorted, in place."""
    for i in range(1, len(entries)):
        e = entries[i]
        j = i
        while j > 0 and entries[j - 1] > e:
            entries[j] = entries[j - 1]
            j -= 1
        entries[j] = e


@kernel
def sort(entries, spare, counts, digits):
    """Sort ``entries`` by their upper ``digits`` digits, then in full; ``spare`` is room for as many.

    ``counts`` is int64[256] of scratch. ``digits`` is 2, 4 or 6: what is moved an even number of times comes back.
    """
    for pair in range(digits // 2):
        shift = np.uint64(64 - DIGIT * (digits - 2 * pair))
        scatter(entries, shift, counts, spare)
        scatter(spare, shift + np.uint64(DIGIT), counts, entries)
    insert(entries)


@kernel
def merge(first, second, out):
    """Merge two sorted arrays into ``out``."""
    i, j = np.uint64(0), np.uint64(0)
    n, m = np.uint64(len(first)), np.uint64(len(second))
    one_more = np.uint64(1)
    while i < n and j < m:
        a, b = first[i], second[j]
        out[i + j] = min(a, b)
        from_first = np.uint64(a <= b)
        i += from_first
        j += one_more - from_first
    while i < n:
        out[i + j] = first[i]
        i += one_more
    while j < m:
        out[i + j] = second[j]
        j += one_more
