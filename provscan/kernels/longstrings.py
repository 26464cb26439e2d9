"""Long strings out of lines of JSON, without the interpreter's lock.

What is left of the lines, *hollow* ones, is JSON still, of the same lines and the same shape. In place of a long string
stands a short one, the control character U+0000 and the string's number in digits. A parser of JSON builds an object of
each string while every other thread waits for it; of hollow lines it is done soon.
"""

import numpy as np

from provscan.kernels.jit import kernel

# A string of so many bytes is long.
LONG = 64
# Bytes that are looked at together; the caller's buffers have so many to spare.
RUN = 64

_QUOTE, _BACKSLASH, _NEWLINE, _ZERO = np.uint8(0x22), np.uint8(0x5C), np.uint8(0x0A), np.uint8(0x30)

# What stands for a character behind a backslash; 0: nothing does, or it is u.
_ESCAPED = np.zeros(256, np.uint8)
for _letter, _meant in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPED[_letter] = _meant
_HEX = np.full(256, -1, np.int32)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _HEX[_digit] = _value
for _value, _digit in enumerate(b"ABCDEF", 10):
    _HEX[_digit] = _value


@kernel
def _after_sequence(data, i, stop):
    """Index after the character of more than one byte that starts at ``i``; ``i`` where it is no valid UTF-8."""
    a = data[i]
    if 0xC2 <= a < 0xE0:
        size, low, high = 2, 0x80, 0xC0
    elif 0xE0 <= a < 0xF0:
        size, low, high = 3, 0xA0 if a == 0xE0 else 0x80, 0xA0 if a == 0xED else 0xC0
    elif 0xF0 <= a < 0xF5:
        size, low, high = 4, 0x90 if a == 0xF0 else 0x80, 0x90 if a == 0xF4 else 0xC0
    else:
        return i
    if i + size > stop or not low <= data[i + 1] < high:
        return i
    for k in range(2, size):
        if data[i + k] & 0xC0 != 0x80:
            return i
    return i + size


@kernel
def _unit(data, i, stop):
    """The number that the four hexadecimal digits at ``i`` are, or -1."""
    if i + 4 > stop:
        return -1
    value = 0
    for k in range(4):
        digit = _HEX[data[i + k]]
        if digit < 0:
            return -1
        value = value << 4 | digit
    return value


@kernel
def _referred(data, i, stop, text, n):
    """The character of the escape ``\\u`` at ``i``, or of two that are a pair, into ``text[n:]``.

    Returns the index after it, -1 if there is none or it is U+0000, and the end of what was written.
    """
    value = _unit(data, i + 2, stop)
    i += 6
    if 0xD800 <= value < 0xDC00:
        second = -1
        if i + 6 <= stop and data[i] == _BACKSLASH and data[i + 1] == 0x75:
            second = _unit(data, i + 2, stop)
        if not 0xDC00 <= second < 0xE000:
            return -1, n
        value = 0x10000 + ((value - 0xD800) << 10) + (second - 0xDC00)
        i += 6
    elif value <= 0 or 0xDC00 <= value < 0xE000:
        return -1, n
    if value < 0x80:
        text[n] = value
        return i, n + 1
    if value < 0x800:
        text[n] = 0xC0 | (value >> 6)
    elif value < 0x10000:
        text[n] = 0xE0 | (value >> 12)
    else:
        text[n] = 0xF0 | (value >> 18)
        n += 1
        text[n] = 0x80 | ((value >> 12) & 0x3F)
    if value >= 0x800:
        n += 1
        text[n] = 0x80 | ((value >> 6) & 0x3F)
    text[n + 1] = 0x80 | (value & 0x3F)
    return i, n + 2


@kernel
def _string(data, i, stop, text, n):
    """The string whose quote is before ``i``, into ``text[n:]``.

    Returns the index of the quote that ends it, -1 if it is not valid or has a U+0000 in it, and the end of what was
    written.
    """
    while i < stop:
        if i + RUN <= stop:
            some, to = data[i : i + RUN], text[n : n + RUN]
            plain, lane = np.uint8(RUN), np.uint8(0)
            for k in range(RUN):
                c = some[k]
                special = (c == _QUOTE) | (c == _BACKSLASH) | (np.uint8(c - np.uint8(0x20)) >= np.uint8(0x60))
                plain = min(plain, lane if special else np.uint8(RUN))
                lane = np.uint8(lane + np.uint8(1))
                to[k] = c
            i += np.int64(plain)
            n += np.int64(plain)
            if plain == RUN:
                continue
        else:
            while i < stop and 0x20 <= data[i] < 0x80 and data[i] != _QUOTE and data[i] != _BACKSLASH:
                text[n] = data[i]
                i += 1
                n += 1
        if i == stop:
            break
        c = data[i]
        if c == _QUOTE:
            return i, n
        if c >= 0x80:
            after = _after_sequence(data, i, stop)
            if after == i:
                return -1, n
            for k in range(i, after):
                text[n] = data[k]
                n += 1
            i = after
        elif c == _BACKSLASH and i + 1 < stop and _ESCAPED[data[i + 1]] != 0:
            text[n] = _ESCAPED[data[i + 1]]
            i += 2
            n += 1
        elif c == _BACKSLASH and i + 1 < stop and data[i + 1] == 0x75:
            i, n = _referred(data, i, stop, text, n)
            if i < 0:
                return -1, n
        else:
            return -1, n
    return -1, n


@kernel
def hollow(data, lines, text, ends):
    """Take the long strings out of lines of JSON.

    Parameters
    ----------
    data
        uint8[m], the lines.
    lines, text
        uint8[m + RUN], for the hollow lines and for the strings, UTF-8 without escapes.
    ends
        int64[m // LONG + 1], for the end of each string in ``text``.

    Returns
    -------
    tuple
        How many bytes of ``lines`` are filled and how many strings were taken out, -1 if there is a string that is
        not valid, or that has a U+0000 in it and so could be taken for one that stands for another. Keys are not taken
        out.
    """
    stop = len(data)
    i = at = n = count = 0
    while i < stop:
        c = data[i]
        lines[at] = c
        i += 1
        at += 1
        if c != _QUOTE:
            continue
        begin, first = i, n
        i, n = _string(data, i, stop, text, n)
        if i < 0:
            return at, -1
        after = i + 1
        while after < stop and data[after] == 0x20:
            after += 1
        if i - begin < LONG or (after < stop and data[after] == 0x3A):
            for k in range(begin, i):
                lines[at] = data[k]
                at += 1
            n = first
        else:
            for letter in b"\\u0000":
                lines[at] = letter
                at += 1
            digits, left = 1, count
            while left > 9:
                left //= 10
                digits += 1
            left = count
            for k in range(digits - 1, -1, -1):
                lines[at + k] = _ZERO + left % 10
                left //= 10
            at += digits
            ends[count] = n
            count += 1
        lines[at] = _QUOTE
        at += 1
        i += 1
    return at, count


@kernel
def numbers(text, offsets, found):
    """Which string each text of a text buffer stands for, into int64 ``found``; -1 for a text that is one itself."""
    for i in range(len(found)):
        found[i] = -1
        if offsets[i] < offsets[i + 1] and text[offsets[i]] == 0:
            found[i] = 0
            for k in range(offsets[i] + 1, offsets[i + 1]):
                found[i] = 10 * found[i] + text[k] - _ZERO


@kernel
def put_back(text, offsets, found, strings, ends, out, out_offsets):
    """The texts of a text buffer, and the strings where they stand for one, into ``out`` as ``out_offsets`` says."""
    for i in range(len(found)):
        string = found[i]
        some, begin = (text, offsets[i]) if string < 0 else (strings, ends[string - 1] if string > 0 else 0)
        size = out_offsets[i + 1] - out_offsets[i]
        source, to = some[begin : begin + size], out[out_offsets[i] : out_offsets[i + 1]]
        for k in range(size):
            to[k] = source[k]
