"""Replace letters that imitate letters of another script.

A copy is disguised if some of its Latin letters are replaced by Cyrillic or Greek ones
that look the same, or the other way round. Such a word mixes scripts. It becomes a word
of one script, if each of its letters has a look-alike in that script; otherwise it
stays as it is, as does a word in one script.

The look-alikes are those of Unicode's confusables (UTS #39,
https://www.unicode.org/reports/tr39/) between Latin, Cyrillic and Greek, in either
letter case, since canonical text has no upper case.
"""

import numpy as np

from provscan.kernels.jit import helper

_FIRST, _CYRILLIC, _END = 0x370, 0x400, 0x530
_SPACE = 0x20
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
    for _letter, _latin in _pairs.split():
        _LATIN[ord(_letter) - _FIRST] = ord(_latin)
        _OTHER[_row, ord(_latin) - 0x61] = ord(_letter)


@helper
def unify_scripts(codes, count):
    """Replace letters in words of ``codes[:count]`` that mix scripts, in place."""
    found = False
    for i in range(count):
        found |= (codes[i] >= _FIRST) & (codes[i] < _END)
    if not found:
        return
    start = 0
    while start < count:
        # Find the scripts of the word, and those in which it can be written.
        latin, greek, cyrillic = False, False, False
        as_latin, as_greek, as_cyrillic = True, True, True
        end = start
        while end < count and codes[end] != _SPACE:
            code = codes[end]
            if 0x61 <= code <= 0x7A:
                latin = True
                as_greek &= _OTHER[0, code - 0x61] != 0
                as_cyrillic &= _OTHER[1, code - 0x61] != 0
            elif _FIRST <= code < _END:
                is_cyrillic = code >= _CYRILLIC
                cyrillic |= is_cyrillic
                greek |= not is_cyrillic
                as_latin &= _LATIN[code - _FIRST] != 0
            end += 1
        if latin and (greek or cyrillic):
            if as_latin:
                for i in range(start, end):
                    if _FIRST <= codes[i] < _END:
                        codes[i] = _LATIN[codes[i] - _FIRST]
            elif greek != cyrillic and (as_cyrillic if cyrillic else as_greek):
                row = 1 if cyrillic else 0
                for i in range(start, end):
                    if 0x61 <= codes[i] <= 0x7A:
                        codes[i] = _OTHER[row, codes[i] - 0x61]
        start = end + 1
