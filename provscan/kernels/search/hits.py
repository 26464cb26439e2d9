"""Hits: the 5-grams of a record that stand in a licensed text near a diagonal, and runs
of them.

The *diagonal* is the place in the record less the place in the text, in code points.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper
from provscan.kernels.search.grams import GRAM, find_gram, nearest_of

_ZERO = np.int64(0)
# Tie-break: misses weigh slightly less, so that a run takes in hits that only make up
# for the misses beside them.
EVEN = 1 - 1e-12


class Record(NamedTuple):
    """A record ``codes[low:high]``, with the hash of the 5-gram at each code point."""

    codes: np.ndarray
    hashes: np.ndarray
    low: int
    high: int


class Window(NamedTuple):
    """The ``grams`` 5-grams of a record from ``first`` on, of a text of some length
    that stands on a diagonal.
    """

    first: int
    grams: int
    length: int
    diagonal: int


class Hits(NamedTuple):
    """Of each 5-gram of a window, int32: places in the text, and stretches of those
    that stand near the diagonal.
    """

    # The first place that a 5-gram has in the text, and the nearest one; -1 if there is
    # none (near the diagonal).
    firsts: np.ndarray
    nearest: np.ndarray
    # Where each stretch of hits begins and ends, in turn; and scratch.
    runs: np.ndarray
    likely: np.ndarray


def new_hits(longest: int) -> Hits:
    """Scratch for windows of up to ``longest`` code points."""
    return Hits(*(np.empty(longest + 2, np.int32) for _ in Hits._fields))


@helper(forceinline=True)
def window_around(size, length, diagonal, reach):
    """The part of a record of some size where a text stands on a diagonal, with
    ``reach`` on both sides of it.
    """
    first = max(_ZERO, diagonal - reach)
    return Window(
        first,
        max(_ZERO, min(size, diagonal + length + reach) - first - GRAM + 1),
        length,
        diagonal,
    )


@helper
def diagonal_by_vote(codes, hashes, low, count, text, grams, votes):
    """The diagonal that most hits lie on, to 8 code points; hits of grams that the text
    repeats do not vote.

    If none does, it is 0: record and text begin together.
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
    """Where the 5-grams of a window stand in the text, and which of them within
    ``width`` of the diagonal.

    Fills ``hits``, of which ``runs`` get where each stretch of the latter begins and
    ends, in turn. Returns how many of these there are, and how many such bounds.
    """
    firsts, nearest, runs, likely = hits
    first, place = record.low + window.first, window.first - window.diagonal
    # List the 5-grams that the table may contain. This takes no branch, since a
    # processor can't predict which ones they are.
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
    """How many different places there are without the -1; each gets the ``mark``, which
    none has.
    """
    count = _ZERO
    for q in places:
        if q >= 0:
            count += marks[q] != mark
            marks[q] = mark
    return count


@helper
def may_hold(needed, record, window, far, text, firsts, marks, mark):
    """Whether a record has ``needed`` different 5-grams of a text in a window.

    The window ``far`` contains ``window``, of which ``firsts`` are known (see
    :class:`Hits`). The places of the 5-grams get the ``mark``.
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
    """Bounds of the run with the greatest ``hits - penalty * misses``; among equals the
    first, then the shortest.

    ``runs`` are where each stretch of nothing but hits begins and ends, in turn.
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


@helper(forceinline=True)
def hits_between(runs, start, stop):
    """Hits from ``start``, where a stretch of them begins, to ``stop``, where one
    ends.
    """
    total = np.int64(0)
    for r in range(0, len(runs), 2):
        if start <= runs[r] and runs[r + 1] <= stop:
            total += np.int64(runs[r + 1] - runs[r])
    return total


@helper
def most_similar_run(runs, grams, index):
    """Bounds of the run of hits with the greatest Jaccard index with a text of
    ``grams`` 5-grams, from ``index`` on.
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
