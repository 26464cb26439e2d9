"""Texts whose letters are written as escapes.

They are ``\\u0447`` as in JSON, ``\\xd1\\x87`` as Python shows bytes of UTF-8, or
``<U+0447>`` as R writes them.
"""

import numpy as np

from provscan.kernels.jit import helper, kernel

_BLOCK = 64
_BACKSLASH, _U, _X = np.uint8(0x5C), np.uint8(0x75), np.uint8(0x78)
_LESS, _CAPITAL_U, _PLUS, _GREATER = (
    np.uint8(0x3C),
    np.uint8(0x55),
    np.uint8(0x2B),
    np.uint8(0x3E),
)


@kernel
def escaped(text, offsets, rows):
    """Write the numbers of rows in which two letters in a row are escapes into
    ``rows``, and return how many they are.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[n]. Letters
    are those that ASCII lacks: words in other scripts have two of them in a row, while
    emoji, punctuation and single accents are of no account.
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
                kind = min(np.uint8(second[k] ^ _U), np.uint8(second[k] ^ _X))
                of_r = np.uint8(
                    np.uint8(first[k] ^ _LESS) | np.uint8(second[k] ^ _CAPITAL_U)
                )
                least = min(
                    least, min(np.uint8(np.uint8(first[k] ^ _BACKSLASH) | kind), of_r)
                )
        if least == 0:
            for i in range(at, end):
                slash = text[i] == _BACKSLASH and (
                    text[i + 1] == _U or text[i + 1] == _X
                )
                if slash or (text[i] == _LESS and text[i + 1] == _CAPITAL_U):
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


@helper
def _letter(text, i, stop):
    """The end of the escape of a letter at a place, which may be escaped itself; the
    place if there is none.
    """
    if text[min(i, stop - 1)] == _LESS:
        plain = (
            i + 8 <= stop
            and text[i + 1] == _CAPITAL_U
            and text[i + 2] == _PLUS
            and text[i + 7] == _GREATER
        )
        return (
            i + 8 if plain and _is_letter(_hexadecimal(text, i + 3, i + 7, stop)) else i
        )
    k = _after_backslashes(text, i, stop)
    if not i < k < stop:
        return i
    if text[k] == _U:
        return k + 5 if _is_letter(_hexadecimal(text, k + 1, k + 5, stop)) else i
    if text[k] != _X:
        return i
    # The same, nearly, by the first of the bytes of a character.
    lead = _hexadecimal(text, k + 1, k + 3, stop)
    if not 0xC3 <= lead < 0xEE or lead == 0xE2:
        return i
    k += 3
    for _ in range(2 if lead >= 0xE0 else 1):
        at = _after_backslashes(text, k, stop)
        if (
            not k < at < stop
            or text[at] != _X
            or not 0x80 <= _hexadecimal(text, at + 1, at + 3, stop) < 0xC0
        ):
            return i
        k = at + 3
    return k


@helper
def _is_letter(code):
    """Whether a character is neither of ASCII nor punctuation, symbols and their like,
    nor half of an emoji.
    """
    return 0xC0 <= code < 0x2000 or 0x2E80 <= code < 0xD800 or 0xF900 <= code < 0xFE00


@helper
def _after_backslashes(text, k, stop):
    while k < stop and text[k] == _BACKSLASH:
        k += 1
    return k


@helper
def _hexadecimal(text, low, high, stop):
    """The value of some digits; -1 if they are none."""
    if high > stop:
        return -1
    code = np.int64(0)
    for j in range(low, high):
        c = np.int64(text[j]) | 0x20
        if 0x30 <= text[j] <= 0x39:
            code = 16 * code + c - 0x30
        elif 0x61 <= c <= 0x66:
            code = 16 * code + c - 0x57
        else:
            return -1
    return code
