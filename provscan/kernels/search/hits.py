"""Hits: the 5-grams of a record that occur in a licensed text near a diagonal, and
runs of such 5-grams.

The *diagonal* is the place in the record minus the place in the text, in code points.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper
from provscan.kernels.search.grams import GRAM, find_gram, nearest_of
from provscan.kernels.search.minimizers import length_units

_ZERO = np.int64(0)
# A shorter stretch beyond a replaced word is often shared by chance. This is the length
# of a seed: ten letters, or five Chinese characters.
END_UNITS = 10
# The weight of a miss relative to a hit. It is slightly below 1 to break ties: a run
# extends over misses that are exactly balanced by further hits.
EVEN = 1 - 1e-12


class Record(NamedTuple):
    """A record ``codes[low:high]`` with the hash of the 5-gram at each code point."""

    codes: np.ndarray
    hashes: np.ndarray
    low: int
    high: int


class Window(NamedTuple):
    """A range of a record, ``grams`` 5-grams from ``first`` on, that may contain a
    text of a given length on a given diagonal.
    """

    first: int
    grams: int
    length: int
    diagonal: int


class Hits(NamedTuple):
    """The places in the text of each 5-gram of a window, and the stretches of hits
    near the diagonal; all int32.
    """

    # The first place of each 5-gram in the text, -1 if it has none; and the place
    # nearest to the diagonal, -1 if none is near.
    firsts: np.ndarray
    nearest: np.ndarray
    # The start and end of each stretch of hits, alternately; and scratch.
    runs: np.ndarray
    likely: np.ndarray


def new_hits(longest: int) -> Hits:
    """Return scratch for windows of up to ``longest`` code points."""
    return Hits(*(np.empty(longest + 2, np.int32) for _ in Hits._fields))


@helper(forceinline=True)
def window_around(size, length, diagonal, reach):
    """Return the part of a record where a text on a diagonal would be, with a margin
    of ``reach`` on both sides.
    """
    first = max(_ZERO, diagonal - reach)
    return Window(
        first,
        max(_ZERO, min(size, diagonal + length + reach) - first - GRAM + 1),
        length,
        diagonal,
    )


@helper(inline="always")
def diagonal_by_vote(codes, hashes, low, count, text, grams, votes):
    """Return the diagonal around which there are the most hits, to within 8 code
    points.

    Hits are counted in bins of 8 neighbouring diagonals, and the result is the middle
    of the two neighbouring bins with the most hits. 5-grams that the text repeats are
    not counted. Without hits the result is 0: record and text begin together.
    """
    bins = (count + grams) // 8 + 3
    votes[:bins] = 0
    voters = 0
    for j in range(count):
        q = find_gram(codes, hashes, low + j, text)
        if q >= 0 and text.follows[q] < 0:
            votes[(j - q + grams) // 8] += 1
            voters += 1
    if voters == 0:
        return 0
    best = 0
    for b in range(1, bins - 1):
        if votes[b] + votes[b + 1] > votes[best] + votes[best + 1]:
            best = b
    return best * 8 + 8 - grams


@helper
def find_hits(record, window, text, width, hits):
    """Find the places of a window's 5-grams in the text, and those within ``width`` of
    the diagonal.

    Fill ``hits``; its ``runs`` get the start and end, alternately, of each stretch of
    5-grams near the diagonal. Return the number of these 5-grams, and the number of
    bounds in ``runs``.
    """
    firsts, nearest, runs, likely = hits
    first, place = record.low + window.first, window.first - window.diagonal
    # List the 5-grams that the table may contain, without a branch, which the
    # processor could not predict.
    mask, m = np.uint32(len(text.slots) - 1), np.uint64(0)
    for j in range(window.grams):
        likely[m] = j
        m += np.uint64(text.slots[record.hashes[first + j] & mask] >= 0)
    firsts[: window.grams] = -1
    nearest[: window.grams] = -1
    total, n, end = _ZERO, _ZERO, np.int64(-1)
    for j in likely[: np.int64(m)]:
        q = find_gram(record.codes, record.hashes, first + j, text)
        if q < 0:
            continue
        firsts[j] = q
        best = nearest_of(text, q, place + j, width)
        if best < 0:
            continue
        nearest[j] = best
        if j != end:
            if n > 0:
                runs[n] = end
                n += 1
            runs[n] = j
            n += 1
        end = np.int64(j) + 1
        total += 1
    if n > 0:
        runs[n] = end
        n += 1
    return total, n


@helper(forceinline=True)
def count_distinct(places, marks, mark):
    """Return the number of distinct places other than -1. Each gets the ``mark``,
    which must not be in use.
    """
    count = _ZERO
    for q in places:
        if q >= 0:
            count += marks[q] != mark
            marks[q] = mark
    return count


@helper(inline="always")
def has_enough_grams(needed, record, window, far, text, firsts, marks, mark):
    """Return whether a record has at least ``needed`` distinct 5-grams of a text in
    the window ``far``.

    ``far`` contains ``window``, whose ``firsts`` are known (see :class:`Hits`). The
    places of the 5-grams get the ``mark``.
    """
    missing = needed - count_distinct(firsts, marks, mark)
    low, high = record.low + far.first, record.low + far.first + far.grams
    known = record.low + window.first
    for start, stop in ((low, known), (known + window.grams, high)):
        for i in range(start, stop):
            if missing < 0.5:
                break
            q = find_gram(record.codes, record.hashes, i, text)
            if q >= 0 and marks[q] != mark:
                marks[q] = mark
                missing -= 1.0
    return missing < 0.5


@helper(forceinline=True)
def best_run(runs, penalty):
    """Return the bounds of the run with the greatest ``hits - penalty * misses``; of
    equal runs the first, then the shortest.

    ``runs`` contains the start and end of each uninterrupted stretch of hits,
    alternately.
    """
    best, best_low, best_high = 0.0, 0, 0
    total, low = 0.0, 0
    for r in range(0, len(runs), 2):
        start, stop = np.int64(runs[r]), np.int64(runs[r + 1])
        if r > 0:
            total -= penalty * (start - np.int64(runs[r - 1]))
        if total <= 0.0:
            total, low = 0.0, start
        total += stop - start
        if total > best:
            best, best_low, best_high = total, low, stop
    return best_low, best_high


@helper
def longest_similar_run(record, window, runs, grams, index):
    """Return the bounds of the run with the most hits whose Jaccard index is at least
    ``index``, for a text of ``grams`` 5-grams; 0 and 0 if there is none.

    Unlike :func:`most_similar_run`, it extends over words that were replaced by longer
    ones. Its first and last stretch of hits have at least :data:`END_UNITS` units.
    """
    first, most, best_start, best_stop = record.low + window.first, np.int64(0), 0, 0
    for r in range(0, len(runs), 2):
        start, hits = np.int64(runs[r]), np.int64(0)
        if not _may_end(record.codes, first + start, first + np.int64(runs[r + 1])):
            continue
        for other in range(r, len(runs), 2):
            begin, stop = np.int64(runs[other]), np.int64(runs[other + 1])
            hits += stop - begin
            if (
                hits > most
                and hits >= index * (grams + stop - start - hits)
                and _may_end(record.codes, first + begin, first + stop)
            ):
                most, best_start, best_stop = hits, start, stop
    return best_start, best_stop


@helper(forceinline=True)
def _may_end(codes, low, high):
    """Return whether a run may begin or end with a stretch of hits."""
    return length_units(codes, low, high + GRAM - 1) >= END_UNITS


@helper(forceinline=True)
def hits_between(runs, start, stop):
    """Return the number of hits from ``start``, the start of a stretch, to ``stop``,
    the end of one.
    """
    total = np.int64(0)
    for r in range(0, len(runs), 2):
        if start <= runs[r] and runs[r + 1] <= stop:
            total += np.int64(runs[r + 1] - runs[r])
    return total


@helper(inline="always")
def most_similar_run(runs, grams, index):
    """Return the bounds of the run of hits with the greatest Jaccard index, for a text
    of ``grams`` 5-grams; the search starts at ``index``.
    """
    start, stop = 0, 0
    for _ in range(8):
        was_start, was_stop = start, stop
        start, stop = best_run(runs, EVEN * index)
        if start == was_start and stop == was_stop:
            break
        common = hits_between(runs, start, stop)
        index = common / (grams + stop - start - common) if common < grams else 1.0
    return start, stop
