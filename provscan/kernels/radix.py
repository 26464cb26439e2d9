"""Sorting of postings: a radix sort of the upper bits, least significant digit first, then insertion.

Keys are hashes, so few entries share their upper bits and the insertion moves little. The sort is stable: entries with
equal keys keep the order in which they came, which is that of their texts. numpy's own sort is several times slower
where a processor compresses vectors in microcode.
"""

import numpy as np

from provscan.kernels.jit import allocating, kernel

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
        here = counts[digit]
        counts[digit] = total
        total += here
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


@allocating
def sort(entries, spare, digits):
    """Sort ``entries`` by their upper ``digits`` digits, then in full; ``spare`` is room for as many.

    ``digits`` is 2, 4 or 6: what is moved an even number of times comes back.
    """
    counts = np.empty(256, np.int64)
    for pair in range(digits // 2):
        shift = np.uint64(64 - DIGIT * (digits - 2 * pair))
        scatter(entries, shift, counts, spare)
        scatter(spare, shift + np.uint64(DIGIT), counts, entries)
    insert(entries)


@allocating
def merge(first, second, out):
    """Two sorted arrays as one, into ``out``."""
    i, j = np.uint64(0), np.uint64(0)
    n, m = np.uint64(len(first)), np.uint64(len(second))
    one = np.uint64(1)
    while i < n and j < m:
        a, b = first[i], second[j]
        out[i + j] = min(a, b)
        mine = np.uint64(a <= b)
        i += mine
        j += one - mine
    out[np.int64(i + j) : np.int64(n + j)] = first[np.int64(i) :]
    out[np.int64(n + j) :] = second[np.int64(j) :]
