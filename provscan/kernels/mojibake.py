"""Texts that were UTF-8, and were decoded as Latin-1 or Windows-1252 before they were written as UTF-8 once more."""

import numpy as np

from provscan.kernels.jit import kernel

_BLOCK = 64


@kernel
def wrongly_decoded(text, offsets, rows):
    """Write the numbers of rows that hold a wrongly decoded character into ``rows``, and return how many they are.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[n]. What is looked for is a sequence of two
    to four characters that every text of this kind has ("Ã©", "â€™", "ðŸ", "Ð°") and hardly another one.
    """
    found, row = 0, 0
    at, stop = offsets[0], offsets[len(offsets) - 1]
    while at < stop:
        end = min(at + _BLOCK, stop)
        least = np.uint8(0)
        if end + 2 <= stop and end == at + _BLOCK:
            # 0 only where one of three bytes is two places after 0xC3: there is hardly one in other text.
            first, third, least = text[at:end], text[at + 2 : end + 2], np.uint8(0xFF)
            for k in range(_BLOCK):
                c = third[k]
                other = min(np.uint8(c ^ np.uint8(0xC2)), np.uint8(c ^ np.uint8(0xE2)))
                other = min(other, np.uint8(c ^ np.uint8(0xC5)))
                least = min(least, np.uint8(np.uint8(first[k] ^ np.uint8(0xC3)) | other))
        if least == 0:
            for i in range(at, end):
                if text[i] == 0xC3 and _sequence(text, i, stop):
                    while offsets[row + 1] <= i:
                        row += 1
                    if found == 0 or rows[found - 1] != row:
                        rows[found] = row
                        found += 1
        at = end
    return found


@kernel
def _sequence(text, i, stop):
    """Whether a wrongly decoded character begins at a byte 0xC3."""
    if i + 3 >= stop:
        return False
    b, c, d = text[i + 1], text[i + 2], text[i + 3]
    if c == 0xC2:
        # Two bytes became two characters; of three, the second became a control character.
        return 0x82 <= b <= 0x83 or 0x90 <= b <= 0x91 or (0xA3 <= b <= 0xA9 and d < 0xA0)
    if b == 0xA2:
        return c == 0xE2 and d == 0x82 and i + 4 < stop and text[i + 4] == 0xAC
    return b == 0xB0 and c == 0xC5 and d == 0xB8
