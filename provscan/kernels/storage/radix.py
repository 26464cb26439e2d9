"""Sort, merge and group the uint64 entries of postings, and group tweets by text.

Entries are first distributed by their upper digits into parts that fit into a cache,
then each part is sorted. Keys are hashes, so few entries of a part have the same next
digit, and an insertion sort moves few entries. Long runs with the same digit, the
entries of a frequent key, are sorted byte by byte. numpy's own sort is several times
slower on processors that compress vectors in microcode.
"""

import numpy as np

from provscan.kernels.jit import helper, kernel

# The maximum number of bits of a digit.
DIGIT = 9
# Maximum entries of a run that insertion sort handles.
_SHORT = 32
_BYTE = 256
_U0, _U1, _U8 = np.uint64(0), np.uint64(1), np.uint64(8)
_NO_TEXT = np.uint32(0xFFFFFFFF)


@kernel
def scatter(entries, shift, counts, out):
    """Move uint64 ``entries`` to ``out``, ordered by the digit above ``shift``; int64
    ``counts`` has 2**k elements, one per value of the digit.

    Entries with equal digits keep their order. Afterwards ``counts`` has the end of the
    entries of each value.
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


@helper
def _copy(entries, out):
    for i in range(len(out)):
        out[i] = entries[i]


@helper
def _insert(entries):
    """Sort nearly sorted ``entries`` in place."""
    for i in range(1, len(entries)):
        e = entries[i]
        j = i
        while j > 0 and entries[j - 1] > e:
            entries[j] = entries[j - 1]
            j -= 1
        entries[j] = e


@helper(inline="always")
def _sort_bytes(entries, spare, top, counts):
    """Sort entries that are equal from bit ``top`` upwards, byte by byte, in place."""
    shift = _U0
    while shift < top:
        scatter(entries, shift, counts[:_BYTE], spare)
        _copy(spare, entries)
        shift += _U8


@helper
def _digits(n):
    """Return the number of values of the digit by which n entries are distributed: the
    largest power of two up to n / 2, but at least 2 and at most ``2**DIGIT``.
    """
    digits = np.int64(1) << DIGIT
    while digits > 2 and 2 * digits > n:
        digits >>= 1
    return digits


@helper(inline="always")
def _sort_part(entries, top, counts, out):
    """Sort entries that are equal from bit ``top`` upwards into ``out``; afterwards,
    ``entries`` is scratch.
    """
    if len(entries) <= _SHORT or top == _U0:
        _copy(entries, out)
        _insert(out)
        return
    ends = counts[1, : _digits(len(entries))]
    shift = _below(top, len(ends))
    scatter(entries, shift, ends, out)
    low = np.int64(0)
    for digit in range(len(ends)):
        high = ends[digit]
        if high - low > _SHORT:
            _sort_bytes(out[low:high], entries[low:high], shift, counts[2])
        low = high
    _insert(out)


@helper
def _below(top, digits):
    """Return the number of bits below the uppermost digit of a number of ``top`` bits.
    The digit has ``digits`` values.
    """
    bits = _U0
    while np.int64(1) << np.int64(bits) < digits:
        bits += _U1
    return max(top, bits) - bits


@kernel
def sort(entries, spare, counts):
    """Sort uint64 ``entries`` in place; ``spare`` has room for as many entries,
    ``counts`` is int64[3, 2**DIGIT].
    """
    differ = _U0
    for e in entries:
        differ |= e ^ entries[0]
    top = _U0
    while top < np.uint64(64) and differ >> top != _U0:
        top += _U1
    ends = counts[0, : _digits(len(entries))]
    shift = _below(top, len(ends))
    scatter(entries, shift, ends, spare)
    low = np.int64(0)
    for digit in range(len(ends)):
        high = ends[digit]
        _sort_part(spare[low:high], shift, counts, entries[low:high])
        low = high


@kernel
def by_text(order, text_of, numbers, starts, rows):
    """Group rows by text, with texts in the order of their first rows.

    ``order``, int64[n], lists the rows to group; uint32 ``text_of[row]`` is the text of
    a row. Fill int64[n] ``rows`` with the grouped rows, and uint32 ``numbers`` with the
    new number of each text, ``_NO_TEXT`` for all other numbers. The rows of the text
    with new number i are ``rows[starts[i] : starts[i + 1]]``; fill int64 ``starts``,
    too.
    """
    numbers[:] = _NO_TEXT
    starts[:] = 0
    count = np.uint32(0)
    for row in order:
        text = text_of[row]
        if numbers[text] == _NO_TEXT:
            numbers[text] = count
            count += np.uint32(1)
        starts[np.int64(numbers[text]) + 1] += 1
    for text in range(1, len(starts)):
        starts[text] += starts[text - 1]
    for row in order:
        text = np.int64(numbers[text_of[row]])
        rows[starts[text]] = row
        starts[text] += 1
    for text in range(len(starts) - 1, 0, -1):
        starts[text] = starts[text - 1]
    starts[0] = 0


@kernel
def row_entries(keys, rows, numbers, key_mask, entries):
    """Build an entry for each key in some rows of uint64[n, m] ``keys``: the bits of
    the key in uint64 ``key_mask``, and the row's number in ``numbers``.

    ``rows`` are int64, their ``numbers`` and the output ``entries`` uint64.
    """
    width = np.uint64(keys.shape[1])
    for r in range(len(rows)):
        row = keys[rows[r]]
        out = entries[r * keys.shape[1] : (r + 1) * keys.shape[1]]
        number = numbers[r]
        for j in range(width):
            out[j] = row[j] & key_mask | number


@kernel
def by_level(entries, levels, ends, out):
    """Move uint64 ``entries`` to ``out``, ordered by their uint8 ``levels``. int64
    ``ends``, one per level, receives the end of each level's entries. Entries of one
    level keep their order.
    """
    ends[:] = 0
    for level in levels:
        ends[level] += 1
    total = 0
    for level in range(len(ends)):
        size = ends[level]
        ends[level] = total
        total += size
    for i in range(len(entries)):
        level = levels[i]
        out[ends[level]] = entries[i]
        ends[level] += 1


@kernel
def merge(first, second, out):
    """Merge two sorted arrays into ``out``."""
    i, j = np.uint64(0), np.uint64(0)
    n, m = np.uint64(len(first)), np.uint64(len(second))
    while i < n and j < m:
        a, b = first[i], second[j]
        out[i + j] = min(a, b)
        from_first = np.uint64(a <= b)
        i += from_first
        j += _U1 - from_first
    while i < n:
        out[i + j] = first[i]
        i += _U1
    while j < m:
        out[i + j] = second[j]
        j += _U1
