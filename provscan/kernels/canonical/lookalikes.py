"""Replace characters that imitate letters.

A copy is disguised if some of its Latin letters are replaced by Cyrillic or Greek ones
that look the same, or the other way round. Such a word mixes scripts. It becomes a word
of one script, if each of its letters has a look-alike in that script; otherwise it
stays as it is. A word in one script is not changed either, except for digits: in a word
with Latin letters, digits that stand for letters (``l1c3nse``) become letters. Words
also end at characters of scripts without spaces.

The look-alikes are those of Unicode's confusables (UTS #39,
https://www.unicode.org/reports/tr39/) between Latin, Cyrillic and Greek, in either
letter case, since canonical text has no upper case.
"""

import numpy as np

from provscan.kernels.characters import NINE, SPACE, ZERO, A, Z, is_unspaced
from provscan.kernels.jit import helper

_FIRST, _CYRILLIC, _END = 0x370, 0x400, 0x530
# For code points from _FIRST on: the Latin look-alike, or 0.
_LATIN = np.zeros(_END - _FIRST, np.uint32)
# For a to z: the look-alike in Greek (row 0) and in Cyrillic (row 1), or 0.
_OTHER = np.zeros((2, 26), np.uint32)
for _row, _pairs in enumerate(
    (
        "αa βb γy εe ζz ηh ιi κk μm νv οo ρp τt υu χx",
        "аa вb сc еe һh іi јj кk ӏl мm оo рp ԛq ѕs тt уy хx ԝw нh ԁd",
    )
):
    for _pair in _pairs.split():
        _LATIN[ord(_pair[0]) - _FIRST] = ord(_pair[1])
        _OTHER[_row, ord(_pair[1]) - A] = ord(_pair[0])


# For 0 to 9: the letter that the digit stands for, or 0.
_DIGITS = np.zeros(10, np.uint32)
for _pair in ("0o", "1i", "3e", "4a", "5s", "7t"):
    _DIGITS[int(_pair[0])] = ord(_pair[1])
# The number of code points that are tested together.
_BLOCK = 32
_ZERO, _TEN = np.uint32(ZERO), np.uint32(10)
_START, _SPAN = np.uint32(_FIRST), np.uint32(_END - _FIRST)


@helper
def _ends_word(code):
    return code == SPACE or is_unspaced(code)


@helper
def _may_imitate(code):
    """Return 1 for a digit or a Greek or Cyrillic letter, else 0, as uint32."""
    # Differences wrap around, so that one comparison tests both ends of a range.
    digit = np.uint32(code - _ZERO) < _TEN
    other = np.uint32(code - _START) < _SPAN
    return np.uint32(digit) | np.uint32(other)


@helper(inline="always")
def undisguise(codes, count):
    """Replace characters that imitate letters in canonical ``codes[:count]``, in
    place.
    """
    end = 0
    for low in range(0, count, _BLOCK):
        high = min(low + _BLOCK, count)
        block = codes[low:high]
        found = np.uint32(0)
        for j in range(len(block)):
            found |= _may_imitate(block[j])
        if found:
            for i in range(max(low, end), high):
                if i >= end and _may_imitate(codes[i]):
                    start, end = i, i
                    while start > 0 and not _ends_word(codes[start - 1]):
                        start -= 1
                    while end < count and not _ends_word(codes[end]):
                        end += 1
                    _undisguise_word(codes, start, end)


@helper(inline="always")
def _undisguise_word(codes, start, end):
    # Find the scripts of the word, and those in which it can be written.
    latin, greek, cyrillic = False, False, False
    as_latin, as_greek, as_cyrillic = True, True, True
    for i in range(start, end):
        code = codes[i]
        if A <= code <= Z:
            latin = True
            as_greek &= _OTHER[0, code - A] != 0
            as_cyrillic &= _OTHER[1, code - A] != 0
        elif _FIRST <= code < _END:
            is_cyrillic = code >= _CYRILLIC
            cyrillic |= is_cyrillic
            greek |= not is_cyrillic
            as_latin &= _LATIN[code - _FIRST] != 0
    if not latin:
        return
    # Write it in one script.
    if not as_latin:
        if greek != cyrillic and (as_cyrillic if cyrillic else as_greek):
            row = 1 if cyrillic else 0
            for i in range(start, end):
                if A <= codes[i] <= Z:
                    codes[i] = _OTHER[row, codes[i] - A]
        return
    for i in range(start, end):
        code = codes[i]
        if _FIRST <= code < _END:
            codes[i] = _LATIN[code - _FIRST]
        elif ZERO <= code <= NINE and _DIGITS[code - ZERO] != 0:
            codes[i] = _DIGITS[code - ZERO]
