"""Find how far a copy extends beyond an edited edge, by edit distance in a band
(Ukkonen 1985, doi:10.1016/S0019-9958(85)80046-2).
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.characters import SPACE
from provscan.kernels.jit import helper

# The maximum length of an aligned edge, and its maximum distance from the diagonal.
MAX_REST = 96
BAND = 8


class Edge(NamedTuple):
    """The beginning of an edge: a place in each text, and the direction of the
    alignment, 1 or -1.
    """

    text_at: int
    record_at: int
    step: int


def new_costs() -> np.ndarray:
    return np.empty((2, 2 * BAND + 1), np.int64)


@helper
def aligned_end(text, codes, edge, rest, room, costs):
    """Return the number of code points by which a copy extends beyond its outermost
    hit.

    The ``rest`` code points of the licensed ``text`` from ``edge.text_at`` on are
    aligned in full with up to ``room`` of the record's ``codes`` from
    ``edge.record_at`` on, by edit distance within :data:`BAND` of the diagonal;
    ``costs`` is int64[2, 2 * BAND + 1] of scratch. The result is the number of aligned
    code points of the record. It is 0 if the number of edits is more than 6 in 10 of
    ``rest``, or more than 8 in 10 if the outermost word is unchanged.
    """
    at, place, step = edge
    width = 2 * BAND + 1
    for b in range(width):
        costs[0, b] = b - BAND if b >= BAND else rest + room
    row = 0
    for i in range(1, rest + 1):
        other = 1 - row
        for b in range(width):
            j = i + b - BAND
            best = rest + room + 1
            if 0 <= j <= room:
                if j > 0:
                    same = text[at + step * (i - 1)] == codes[place + step * (j - 1)]
                    best = costs[row, b] + (0 if same else 1)
                    if b > 0:
                        best = min(best, costs[other, b - 1] + 1)
                if b + 1 < width:
                    best = min(best, costs[row, b + 1] + 1)
            costs[other, b] = best
        row = other
    best, reach = rest + room + 1, 0
    for b in range(width):
        j = rest + b - BAND
        if 0 <= j <= room and (
            costs[row, b] < best
            or (costs[row, b] == best and abs(j - rest) < abs(reach - rest))
        ):
            best, reach = costs[row, b], j
    if reach == 0:
        return 0
    if best * 10 <= rest * 6:
        return reach
    if best * 10 <= rest * 8:
        for i in range(rest):
            letter = text[at + step * (rest - 1 - i)]
            if i >= reach or letter != codes[place + step * (reach - 1 - i)]:
                return 0
            if letter == SPACE:
                return reach
    return 0
