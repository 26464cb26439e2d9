"""Convert UTF-8 to code points and back, for one text and for rows of a text
buffer.
"""

import numpy as np

from provscan.kernels.characters import NEWLINE, NINE, ZERO
from provscan.kernels.instructions import LANES, WIDE, high_lanes, trailing_zeros, widen
from provscan.kernels.jit import helper, kernel

# The number of bytes that are skipped together in the search for a code point.
_BLOCK = 256
# The number of bytes that are counted together, in 16 bits.
_COUNTED = 4096
# The number of digits of 2**63.
_DIGITS = 19


@helper
def decode(text, start, stop, codes):
    """Decode the UTF-8 ``text[start:stop]`` into uint32 ``codes``, which has at least
    one element per byte; return the number of code points.

    A byte that can't start or continue a sequence becomes U+FFFD.
    """
    high = np.uint8(0)
    narrow, wide = text[start:stop], codes[: stop - start]
    for i in range(len(narrow)):
        high |= narrow[i]
        wide[i] = narrow[i]
    if high < 0x80:
        return stop - start
    n = 0
    i = start
    while i < stop:
        a = np.uint32(text[i])
        if a < 0x80:
            # ASCII characters usually occur in runs.
            run = WIDE
            while run == WIDE and i + WIDE <= stop and i + LANES <= len(text):
                widen(text, np.int64(i), codes, np.int64(n))
                run = min(trailing_zeros(high_lanes(text, np.int64(i))), WIDE)
                i += run
                n += run
            if i == stop:
                break
            a = np.uint32(text[i])
        if a < 0x80:
            codes[n] = a
            i += 1
        elif 0xC2 <= a < 0xE0 and i + 1 < stop and _continues(text, i + 1):
            codes[n] = (a & 0x1F) << 6 | _six_bits(text, i + 1)
            i += 2
        elif (
            0xE0 <= a < 0xF0
            and i + 2 < stop
            and _continues(text, i + 1)
            and _continues(text, i + 2)
        ):
            codes[n] = (
                (a & 0x0F) << 12 | _six_bits(text, i + 1) << 6 | _six_bits(text, i + 2)
            )
            i += 3
        elif (
            0xF0 <= a < 0xF5
            and i + 3 < stop
            and _continues(text, i + 1)
            and _continues(text, i + 2)
            and _continues(text, i + 3)
        ):
            codes[n] = (
                (a & 0x07) << 18
                | _six_bits(text, i + 1) << 12
                | _six_bits(text, i + 2) << 6
                | _six_bits(text, i + 3)
            )
            i += 4
        else:
            codes[n] = 0xFFFD
            i += 1
        n += 1
    return n


@helper(forceinline=True)
def _continues(text, i):
    """Return whether a byte continues a sequence."""
    return text[i] & 0xC0 == 0x80


@helper(forceinline=True)
def _six_bits(text, i):
    """Return what a byte that continues a sequence adds to the code point."""
    return np.uint32(text[i] & 0x3F)


@helper
def encode(codes, count, text, start):
    """Encode ``codes[:count]`` as UTF-8 into uint8 ``text`` from ``start``; return the
    end of the output.
    """
    high = np.uint32(0)
    narrow, wide = text[start : start + count], codes[:count]
    for i in range(len(narrow)):
        high |= wide[i]
        narrow[i] = wide[i]
    if high < 0x80:
        return start + count
    at = start
    for i in range(count):
        at = encode_one(codes[i], text, at)
    return at


@helper(forceinline=True)
def encode_one(c, out, n):
    """Write the UTF-8 of a code point to ``out`` from ``n``; return the end."""
    if c < 0x80:
        out[n] = c
        return n + 1
    if c < 0x800:
        out[n] = 0xC0 | (c >> 6)
    else:
        if c < 0x10000:
            out[n] = 0xE0 | (c >> 12)
        else:
            out[n] = 0xF0 | (c >> 18)
            n += 1
            out[n] = 0x80 | ((c >> 12) & 0x3F)
        n += 1
        out[n] = 0x80 | ((c >> 6) & 0x3F)
    out[n + 1] = 0x80 | (c & 0x3F)
    return n + 2


@helper
def _count(text, mask, value):
    """Return the number of bytes that have ``value`` under ``mask``, both uint8."""
    count = 0
    whole = len(text) // _COUNTED * _COUNTED
    for at in range(0, whole, _COUNTED):
        # More sums fit in a vector if they are narrow.
        part, matching = text[at : at + _COUNTED], np.uint16(0)
        for j in range(_COUNTED):
            matching = np.uint16(matching + np.uint16(part[j] & mask == value))
        count += np.int64(matching)
    for byte in text[whole:]:
        count += byte & mask == value
    return count


@kernel
def code_points(text):
    """Return the number of code points of valid UTF-8."""
    return len(text) - _count(text, np.uint8(0xC0), np.uint8(0x80))


@kernel
def newlines(text):
    """Return the number of line feeds."""
    return _count(text, np.uint8(0xFF), NEWLINE)


@helper(inline="always")
def _advance(text, at, stop, seen, point):
    """Return the place where code point ``point`` begins, or ``stop``, and the number
    of code points before it, given that ``seen`` code points are before ``at``.
    """
    while at < stop:
        if at + _BLOCK <= stop:
            heads = 0
            for byte in text[at : at + _BLOCK]:
                heads += byte & 0xC0 != 0x80
            if seen + heads <= point:
                seen += heads
                at += _BLOCK
                continue
        if not _continues(text, at):
            if seen == point:
                break
            seen += 1
        at += 1
    return at, seen


@kernel
def byte_places(text, offsets, rows, points, places):
    """Find the bytes at which code points of the texts ``rows`` begin; a point past
    the end of its text gives the end.

    ``points`` are int64[n, m] for the n ``rows``. They ascend in each row, and the
    first points ascend across consecutive rows of the same text. Fill int64[n, m]
    ``places``.
    """
    first_at = first_seen = np.int64(0)
    for i in range(len(rows)):
        stop = offsets[rows[i] + 1]
        if i == 0 or rows[i] != rows[i - 1]:
            first_at, first_seen = offsets[rows[i]], np.int64(0)
        at, seen = first_at, first_seen
        for k in range(points.shape[1]):
            at, seen = _advance(text, at, stop, seen, points[i, k])
            places[i, k] = at
            if k == 0:
                first_at, first_seen = at, seen


@kernel
def decode_rows(texts, rows, out):
    """Decode the texts ``rows`` into a :class:`~provscan.kernels.records.CodeBuffer`
    that has room for them.
    """
    text, offsets = texts
    at = out.offsets[0]
    for r in range(len(rows)):
        at += decode(text, offsets[rows[r]], offsets[rows[r] + 1], out.codes[at:])
        out.offsets[r + 1] = at


@kernel
def encode_rows(source, rows, out):
    """Encode the ``rows`` of a code buffer as UTF-8 into a
    :class:`~provscan.kernels.records.TextBuffer` that has room for it.
    """
    codes, offsets = source
    at = out.offsets[0]
    for r in range(len(rows)):
        low, high = offsets[rows[r]], offsets[rows[r] + 1]
        at = encode(codes[low:high], high - low, out.text, at)
        out.offsets[r + 1] = at


@kernel
def whole_numbers(texts, numbers):
    """Read each text as a whole number below 9 * 10**18 in its usual notation, into
    int64 ``numbers``; -1 if it isn't one.
    """
    text, offsets = texts
    for i in range(len(numbers)):
        digits = text[offsets[i] : offsets[i + 1]]
        numbers[i] = -1
        size = len(digits)
        if (
            size == 0
            or size > _DIGITS
            or (size > 1 and digits[0] == ZERO)
            or (size == _DIGITS and digits[0] == NINE)
        ):
            continue
        number = np.int64(0)
        for digit in digits:
            if digit < ZERO or digit > NINE:
                number = np.int64(-1)
                break
            number = 10 * number + np.int64(digit - ZERO)
        numbers[i] = number
