"""Sorting of postings in the making: once by their upper digits into parts that stay in a cache, then part by part.

Keys are hashes, so few entries of a part share its next digit, and an insertion sort moves little. Long runs with one
digit, the entries of a frequent key, are sorted digit by digit. numpy's own sort is several times slower where a
processor compresses vectors in microcode.
"""

import numpy as np

from provscan.kernels.jit import kernel

DIGIT = 11
# Entries of a run that are inserted one by one.
_SHORT = 32
_BYTE = 256
_U0, _U1, _U8 = np.uint64(0), np.uint64(1), np.uint64(8)
_DIGIT = np.uint64(DIGIT)


@kernel
def scatter(entries, shift, counts, out):
    """Move uint64 ``entries`` to ``out``, ordered by the bits above ``shift`` that number the 2**k of int64 ``counts``.

    Entries with equal digits keep their order. Afterwards ``counts`` says for each digit where its entries end.
    """
    mask = np.uint64(len(counts) - 1)
    counts[:] = 0
    for e in entries:
        counts[(e >> shift) & mask] += 1
    total = 0
    for digit in range(len(counts)):
        size = counts[digit]
        counts[digit] = total
        total += size
    for e in entries:
        digit = (e >> shift) & mask
        out[counts[digit]] = e
        counts[digit] += 1


@kernel
def _copy(entries, out):
    for i in range(len(out)):
        out[i] = entries[i]


@kernel
def _insert(entries):
    """Sort ``entries`` that are nearly sorted, in place."""
    for i in range(1, len(entries)):
        e = entries[i]
        j = i
        while j > 0 and entries[j - 1] > e:
            entries[j] = entries[j - 1]
            j -= 1
        entries[j] = e


@kernel
def _sort_bytes(entries, spare, top, counts):
    """Sort entries that are equal from bit ``top`` on, byte by byte, in place."""
    shift = _U0
    while shift < top:
        scatter(entries, shift, counts[:_BYTE], spare)
        _copy(spare, entries)
        shift += _U8


@kernel
def _sort_part(entries, top, counts, out):
    """Sort entries that are equal from bit ``top`` on into ``out``; they are scratch afterwards."""
    if len(entries) <= _SHORT or top == _U0:
        _copy(entries, out)
        _insert(out)
        return
    shift = max(top, _DIGIT) - _DIGIT
    scatter(entries, shift, counts[1], out)
    low = np.int64(0)
    for digit in range(counts.shape[1]):
        high = counts[1, digit]
        if high - low > _SHORT:
            _sort_bytes(out[low:high], entries[low:high], shift, counts[2])
        low = high
    _insert(out)


@kernel
def sort(entries, spare, counts):
    """Sort uint64 ``entries`` in place; ``spare`` is room for as many, ``counts`` int64[3, 2**DIGIT]."""
    differ = _U0
    for e in entries:
        differ |= e ^ entries[0]
    top = _U0
    while top < np.uint64(64) and differ >> top != _U0:
        top += _U1
    shift = max(top, _DIGIT) - _DIGIT
    scatter(entries, shift, counts[0], spare)
    low = np.int64(0)
    for digit in range(counts.shape[1]):
        high = counts[0, digit]
        _sort_part(spare[low:high], shift, counts, entries[low:high])
        low = high


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
