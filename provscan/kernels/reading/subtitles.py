"""Find texts that may have subtitles, by the arrow between the two times of a cue."""

import numpy as np

from provscan.kernels.characters import GREATER, MINUS, NINE, SPACE, TAB, ZERO
from provscan.kernels.jit import helper, kernel

# The number of bytes that are tested together.
_BLOCK = 64


@kernel
def timed(text, offsets, rows):
    """Write the numbers of rows with ``-->`` between digits into ``rows``, and return
    their number.

    ``text`` and ``offsets`` are uint8[m] and int64[n + 1], ``rows`` int64[n]. Blanks
    may surround the arrow.
    """
    found, row = 0, 0
    at, stop = offsets[0], offsets[len(offsets) - 1]
    while at + 2 < stop:
        end = min(at + _BLOCK, stop - 2)
        least = np.uint8(0)
        if end == at + _BLOCK:
            # The value is 0 only at an arrow.
            first = text[at:end]
            second = text[at + 1 : end + 1]
            third = text[at + 2 : end + 2]
            least = np.uint8(0xFF)
            for k in range(_BLOCK):
                dashes = np.uint8(
                    np.uint8(first[k] ^ MINUS) | np.uint8(second[k] ^ MINUS)
                )
                least = min(least, np.uint8(dashes | np.uint8(third[k] ^ GREATER)))
        if least == 0:
            for i in range(at, end):
                if text[i] == MINUS and text[i + 1] == MINUS and text[i + 2] == GREATER:
                    while offsets[row + 1] <= i:
                        row += 1
                    between = _between_digits(text, i, offsets[row], offsets[row + 1])
                    if between and (found == 0 or rows[found - 1] != row):
                        rows[found] = row
                        found += 1
        at = end
    return found


@helper(inline="always")
def _between_digits(text, i, start, stop):
    """Return whether the characters before and after the arrow at a place are digits,
    apart from blanks.
    """
    before, after = i - 1, i + 3
    while before >= start and (text[before] == SPACE or text[before] == TAB):
        before -= 1
    while after < stop and (text[after] == SPACE or text[after] == TAB):
        after += 1
    return (
        before >= start
        and after < stop
        and ZERO <= text[before] <= NINE
        and ZERO <= text[after] <= NINE
    )
