"""Texts that were UTF-8, and were decoded as Latin-1 or Windows-1252 before they were
written as UTF-8 once more.
"""

import numpy as np

from provscan.kernels.jit import helper, kernel

_BLOCK = 64


@kernel
def wrongly_decoded(text, offsets, rows):
    """Write the numbers of rows that hold a wrongly decoded character into ``rows``,
    and return how many they are.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[n]. What is
    looked for is a sequence of two to four characters that every text of this kind has
    ("Ã©", "â€™", "ðŸ", "Ð°") and hardly another one.
    """
    found, row = 0, 0
    at, stop = offsets[0], offsets[len(offsets) - 1]
    while at < stop:
        end = min(at + _BLOCK, stop)
        least = np.uint8(0)
        if end + 2 <= stop and end == at + _BLOCK:
            # 0 only where one of three bytes is two places after 0xC3: there is hardly
            # one in other text.
            first, third, least = text[at:end], text[at + 2 : end + 2], np.uint8(0xFF)
            for k in range(_BLOCK):
                c = third[k]
                other = min(np.uint8(c ^ np.uint8(0xC2)), np.uint8(c ^ np.uint8(0xE2)))
                other = min(other, np.uint8(c ^ np.uint8(0xC5)))
                least = min(
                    least, np.uint8(np.uint8(first[k] ^ np.uint8(0xC3)) | other)
                )
        if least == 0:
            for i in range(at, end):
                if text[i] == 0xC3:
                    while offsets[row + 1] <= i:
                        row += 1
                    if _sequence(text, i, offsets[row + 1]) and (
                        found == 0 or rows[found - 1] != row
                    ):
                        rows[found] = row
                        found += 1
        at = end
    return found


@helper
def _sequence(text, i, stop):
    """Whether a wrongly decoded character begins at a byte 0xC3."""
    if i + 3 >= stop:
        return False
    b, c, d = text[i + 1], text[i + 2], text[i + 3]
    if c == 0xC2:
        # Two bytes became two characters; of three, the second became a control
        # character.
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
    # A Chinese character or a kana, and the next one; in French a letter may stand
    # before quotes and dots.
    second = i + 2 + _further(text, i + 2, stop)
    third = second + _further(text, second, stop)
    space = second + 1 < stop and text[second] == 0xC2 and text[second + 1] == 0xA0
    following = (
        third + 1 < stop and text[third] == 0xC3 and 0xA3 <= text[third + 1] <= 0xA9
    )
    return i + 2 < second < third and not space and following


@helper
def _further(text, i, stop):
    """Bytes of the character at a place if one of the bytes 0x80 to 0xBF decodes to it;
    else 0.
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
