"""Texts whose letters are written as escapes of JSON and many programming languages, such as ``\\u0447``."""

import numpy as np

from provscan.kernels.jit import kernel

_BLOCK = 64
_BACKSLASH, _U = np.uint8(0x5C), np.uint8(0x75)


@kernel
def escaped(text, offsets, rows):
    """Write the numbers of rows in which two letters in a row are escapes into ``rows``, and return how many they are.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[n]. Letters are those that ASCII lacks: words
    in other scripts have two of them in a row, while emoji, punctuation and single accents are of no account.
    """
    found, row = 0, 0
    at, stop = offsets[0], offsets[len(offsets) - 1]
    while at + 1 < stop:
        end = min(at + _BLOCK, stop - 1)
        least = np.uint8(0)
        if end == at + _BLOCK:
            # 0 only where an escape begins.
            first, second, least = text[at:end], text[at + 1 : end + 1], np.uint8(0xFF)
            for k in range(_BLOCK):
                least = min(least, np.uint8(np.uint8(first[k] ^ _BACKSLASH) | np.uint8(second[k] ^ _U)))
        if least == 0:
            for i in range(at, end):
                if text[i] == _BACKSLASH and text[i + 1] == _U:
                    while offsets[row + 1] <= i:
                        row += 1
                    if found > 0 and rows[found - 1] == row:
                        continue
                    after = _letter(text, i, offsets[row + 1])
                    if after > i and _letter(text, after, offsets[row + 1]) > after:
                        rows[found] = row
                        found += 1
        at = end
    return found


@kernel
def _letter(text, i, stop):
    """The end of the escape of a letter at a place, which may be escaped itself; the place if there is none."""
    k = i
    while k < stop and text[k] == _BACKSLASH:
        k += 1
    if k == i or k + 5 > stop or text[k] != _U:
        return i
    code = 0
    for j in range(k + 1, k + 5):
        c = text[j] | 0x20
        if 0x30 <= text[j] <= 0x39:
            code = 16 * code + text[j] - 0x30
        elif 0x61 <= c <= 0x66:
            code = 16 * code + c - 0x57
        else:
            return i
    # Neither punctuation, symbols and their like, nor halves of emoji.
    return k + 5 if 0xC0 <= code < 0x2000 or 0x2E80 <= code < 0xD800 or 0xF900 <= code < 0xFE00 else i
