"""Recognise texts that were garbled before they were written.

*Wrongly decoded* texts were UTF-8 that was decoded as Latin-1 or Windows-1252 and
encoded as UTF-8 again. In *escaped* texts, letters are written as ``\\u0447`` as in
JSON, as ``\\xd1\\x87``, Python's notation for bytes, or as ``<U+0447>``, R's notation.
"""

import numpy as np

from provscan.kernels.characters import BACKSLASH, GREATER, LESS, PLUS, digit_value
from provscan.kernels.jit import helper, kernel

# The number of bytes that are tested together.
_BLOCK = 64
_U, _X, _CAPITAL_U = np.frombuffer(b"uxU", np.uint8)
# The first byte of a wrongly decoded character, and the possible bytes two places
# after it.
_FIRST = np.uint8(0xC3)
_THIRD = np.uint8(0xC2)
_OTHER_THIRD = np.uint8(0xE2)
_LAST_THIRD = np.uint8(0xC5)


@kernel
def garbled(text, offsets, rows):
    """Write the numbers of wrongly decoded rows to ``rows[0]`` and of escaped rows to
    ``rows[1]``; return the number of each.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[2, n]. A row
    is wrongly decoded if it has a sequence of two to four characters that wrong
    decoding produces ("Ã©", "â€™", "ðŸ", "Ð°") and that is rare in other texts. A row
    is escaped if it has two consecutive escapes of letters. Only non-ASCII letters
    count: words in other scripts have two of them in a row, while emoji, punctuation
    and single accented letters prove nothing.
    """
    wrong, escaped, row = 0, 0, 0
    at, stop = offsets[0], offsets[len(offsets) - 1]
    while at < stop:
        end = min(at + _BLOCK, stop)
        least = np.uint8(0)
        if end == at + _BLOCK and end + 2 <= stop:
            # The value is 0 only where a sequence or an escape may begin.
            least = np.uint8(0xFF)
            first = text[at:end]
            second = text[at + 1 : end + 1]
            third = text[at + 2 : end + 2]
            for k in range(_BLOCK):
                a, b, c = first[k], second[k], third[k]
                later = min(np.uint8(c ^ _THIRD), np.uint8(c ^ _OTHER_THIRD))
                later = min(later, np.uint8(c ^ _LAST_THIRD))
                kind = min(np.uint8(b ^ _U), np.uint8(b ^ _X))
                escape = min(
                    np.uint8(np.uint8(a ^ BACKSLASH) | kind),
                    np.uint8(np.uint8(a ^ LESS) | np.uint8(b ^ _CAPITAL_U)),
                )
                sequence = np.uint8(np.uint8(a ^ _FIRST) | later)
                least = min(least, min(sequence, escape))
        if least == 0:
            for i in range(at, end):
                if text[i] != _FIRST and text[i] != BACKSLASH and text[i] != LESS:
                    continue
                while offsets[row + 1] <= i:
                    row += 1
                if text[i] == _FIRST:
                    if (wrong == 0 or rows[0, wrong - 1] != row) and _sequence(
                        text, i, offsets[row + 1]
                    ):
                        rows[0, wrong] = row
                        wrong += 1
                elif escaped == 0 or rows[1, escaped - 1] != row:
                    after = _letter(text, i, offsets[row + 1])
                    if after > i and _letter(text, after, offsets[row + 1]) > after:
                        rows[1, escaped] = row
                        escaped += 1
        at = end
    return wrong, escaped


@helper(inline="always")
def _sequence(text, i, stop):
    """Return whether a wrongly decoded character begins at this byte, which is 0xC3."""
    if i + 3 >= stop:
        return False
    b, c, d = text[i + 1], text[i + 2], text[i + 3]
    if c == 0xC2:
        # A character of two bytes became two characters. A longer one became more, the
        # second of which is a control character.
        return (
            0x82 <= b <= 0x83
            or 0x90 <= b <= 0x91
            or ((0xA2 <= b <= 0xA9 or b == 0xB0) and d < 0xA0)
        )
    if b == 0x83:
        return c == 0xC5
    if b == 0xA2:
        return c == 0xE2 and d == 0x82 and i + 4 < stop and text[i + 4] == 0xAC
    if b == 0xB0:
        return c == 0xC5 and d == 0xB8
    if not 0xA3 <= b <= 0xA9:
        return False
    # A wrongly decoded Chinese character or kana, and the beginning of another one. The
    # first alone may be correct: in French, a letter may precede quotes or dots.
    second = i + 2 + _further(text, i + 2, stop)
    third = second + _further(text, second, stop)
    space = second + 1 < stop and text[second] == 0xC2 and text[second + 1] == 0xA0
    following = (
        third + 1 < stop and text[third] == 0xC3 and 0xA3 <= text[third + 1] <= 0xA9
    )
    return i + 2 < second < third and not space and following


@helper
def _further(text, i, stop):
    """Return the length in bytes of the character at a place if it is the wrong
    decoding of a byte from 0x80 to 0xBF, else 0.
    """
    if i + 1 >= stop:
        return 0
    if text[i] == 0xC2 or text[i] == 0xC5:
        return 2
    return (
        3
        if text[i] == 0xE2
        and (text[i + 1] == 0x80 or text[i + 1] == 0x82 or text[i + 1] == 0x84)
        else 0
    )


@helper
def _letter(text, i, stop):
    """Return the end of an escaped letter at a place, or the place if there is none.
    The escape may itself be escaped.
    """
    if text[min(i, stop - 1)] == LESS:
        plain = (
            i + 8 <= stop
            and text[i + 1] == _CAPITAL_U
            and text[i + 2] == PLUS
            and text[i + 7] == GREATER
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
    # Test for a letter approximately, by the first byte of a character.
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
    """Return whether a character is a non-ASCII letter rather than punctuation, a
    symbol or half of an emoji.
    """
    return 0xC0 <= code < 0x2000 or 0x2E80 <= code < 0xD800 or 0xF900 <= code < 0xFE00


@helper
def _after_backslashes(text, k, stop):
    while k < stop and text[k] == BACKSLASH:
        k += 1
    return k


@helper
def _hexadecimal(text, low, high, stop):
    """Return the value of hexadecimal digits; -1 if they are not digits."""
    if high > stop:
        return -1
    code = np.int64(0)
    for j in range(low, high):
        digit = digit_value(np.int64(text[j]))
        if digit < 0:
            return digit
        code = 16 * code + digit
    return code
