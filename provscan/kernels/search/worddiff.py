"""Find the words in which two texts differ, by a longest common subsequence of their
first :data:`MAX_WORDS` words.

A word is a run of canonical code points; a code point of a script written without
spaces is a word by itself. Words are compared by their canonical form and reported by
their place in the raw text. Differences that canonical text ignores (case, accents,
links, punctuation) are thereby distinguished from real ones.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.characters import SPACE, is_unspaced
from provscan.kernels.jit import helper, kernel

# The number of words of each text that are compared; the rest is reported as not
# compared.
MAX_WORDS = 400
MAX_RUNS = 4 * MAX_WORDS + 4
# A typed zero: helpers would be compiled once more for the literal.
_ZERO = np.int64(0)
LEFT_OUT, DIFFERS, NOT_COMPARED = np.int64(1), np.int64(2), np.int64(3)


class ComparedText(NamedTuple):
    """One of the two texts."""

    codes: np.ndarray  # uint32[n], canonical code points.
    # int64[n], the place of each in the raw text.
    start: np.ndarray
    end: np.ndarray
    raw: np.ndarray  # uint32[m], raw code points.
    # int64[MAX_WORDS + 1, 4], room for the words: canonical start and end, raw start
    # and end.
    words: np.ndarray
    runs: np.ndarray  # int64[MAX_RUNS, 3], the runs: raw start and end, kind.


@helper
def _split(text):
    """Fill the words; return their number, and whether there are more than fit."""
    codes, words = text.codes, text.words
    count, inside = 0, False
    for i in range(len(codes)):
        if codes[i] == SPACE:
            inside = False
            continue
        alone = is_unspaced(codes[i])
        if alone or not inside:
            if count == MAX_WORDS:
                return count, True
            words[count, 0], words[count, 2] = i, text.start[i]
            count += 1
        words[count - 1, 1], words[count - 1, 3] = i + 1, text.end[i]
        inside = not alone
    return count, False


@helper
def _same(codes, low, high, others, other_low, other_high):
    """Return whether two slices have the same code points."""
    if high - low != other_high - other_low:
        return False
    for k in range(high - low):  # noqa: SIM110
        if codes[low + k] != others[other_low + k]:
            return False
    return True


@helper
def _same_word(a, i, b, j):
    """Return whether word i of a and word j of b have the same canonical form."""
    return _same(
        a.codes, a.words[i, 0], a.words[i, 1], b.codes, b.words[j, 0], b.words[j, 1]
    )


@helper
def _add(runs, count, low, high, kind):
    """Append a run, or extend the one that ends where it begins."""
    if low >= high:
        return count
    if count and runs[count - 1, 2] == kind and runs[count - 1, 1] >= low:
        runs[count - 1, 1] = max(runs[count - 1, 1], high)
        return count
    if count == MAX_RUNS:
        return count
    runs[count, 0], runs[count, 1], runs[count, 2] = low, high, kind
    return count + 1


@helper
def _add_gap(text, count, low, high):
    """Append what canonical text omits between two words, without surrounding white
    space.
    """
    raw = text.raw
    while low < high and (raw[low] <= SPACE or raw[low] == 0xA0):
        low += 1
    while low < high and (raw[high - 1] <= SPACE or raw[high - 1] == 0xA0):
        high -= 1
    return _add(text.runs, count, low, high, LEFT_OUT)


@helper
def _add_differing(text, i, state, aligned):
    """Append word ``i``, which the other text lacks, and the gap before it.

    ``state`` is the place in the raw text up to which it has been compared, and the
    number of runs. Return the new values. ``aligned`` is whether the previous words of
    the two texts were equal; if not, the word extends the run of the previous word.
    """
    place, count = state
    low, high = text.words[i, 2], text.words[i, 3]
    if not aligned and count and text.runs[count - 1, 1] == place:
        low = place
    count = _add_gap(text, count, place, low)
    return high, _add(text.runs, count, low, high, DIFFERS)


@helper
def _add_rest(text, more, state, same):
    """Append what follows the last word, unless it is the ``same`` in both texts, and
    convert the places of all runs to UTF-16 units. Return the number of runs.
    """
    (place, count), end = state, len(text.raw)
    if more:
        count = _add(text.runs, count, place, end, NOT_COMPARED)
    elif not same:
        count = _add_gap(text, count, place, end)
    at = astral = 0
    for k in range(2 * count):
        place = text.runs[k // 2, k % 2]
        while at < place:
            astral += text.raw[at] > 0xFFFF
            at += 1
        text.runs[k // 2, k % 2] = place + astral
    return count


@helper(inline="always")
def _fill_table(a, b, first, ends, table):
    """Compute the length of the longest common subsequence of the words from i and from
    j on, for all i and j from ``first`` to ``ends``.
    """
    for i in range(ends[0], first - 1, -1):
        for j in range(ends[1], first - 1, -1):
            if i == ends[0] or j == ends[1]:
                table[i, j] = 0
            elif _same_word(a, i, b, j):
                table[i, j] = table[i + 1, j + 1] + 1
            else:
                table[i, j] = max(table[i + 1, j], table[i, j + 1])


@helper(inline="always")
def _alike_ends(a, n, b, m, all_words):
    """Return the number of equal words at the beginning of both texts, and for each
    text the number of its words without the equal words at the end of both.

    The end is compared only if the lists have all words of the texts.
    """
    first = _ZERO
    while first < n and first < m and _same_word(a, first, b, first):
        first += 1
    while all_words and n > first and m > first and _same_word(a, n - 1, b, m - 1):
        n, m = n - 1, m - 1
    return first, n, m


@kernel
def differing_runs(a, b, table):
    """Fill ``a.runs`` and ``b.runs`` with the differences, in UTF-16 units; return the
    number of runs of each.

    ``table``, int32[MAX_WORDS + 1, MAX_WORDS + 1], is scratch. Two texts of n and m
    words take O(n m) steps.
    """
    (n, more_a), (m, more_b) = _split(a), _split(b)
    first, end_a, end_b = _alike_ends(a, n, b, m, not (more_a or more_b))
    _fill_table(a, b, first, (end_a, end_b), table)
    i = j = count_a = count_b = place_a = place_b = _ZERO
    aligned = np.bool_(True)
    while i < n or j < m:
        tail = i >= end_a and j >= end_b
        if i < first or tail or (i < end_a and j < end_b and _same_word(a, i, b, j)):
            low_a, low_b = a.words[i, 2], b.words[j, 2]
            if not (aligned and _same(a.raw, place_a, low_a, b.raw, place_b, low_b)):
                count_a = _add_gap(a, count_a, place_a, low_a)
                count_b = _add_gap(b, count_b, place_b, low_b)
            place_a, place_b = a.words[i, 3], b.words[j, 3]
            if not _same(a.raw, low_a, place_a, b.raw, low_b, place_b):
                count_a = _add(a.runs, count_a, low_a, place_a, LEFT_OUT)
                count_b = _add(b.runs, count_b, low_b, place_b, LEFT_OUT)
            i, j, aligned = i + 1, j + 1, True
        elif j >= end_b or (i < end_a and table[i + 1, j] >= table[i, j + 1]):
            place_a, count_a = _add_differing(a, i, (place_a, count_a), aligned)
            i, aligned = i + 1, False
        else:
            place_b, count_b = _add_differing(b, j, (place_b, count_b), aligned)
            j, aligned = j + 1, False
    same = aligned and _same(a.raw, place_a, len(a.raw), b.raw, place_b, len(b.raw))
    return (
        _add_rest(a, more_a, (place_a, count_a), same),
        _add_rest(b, more_b, (place_b, count_b), same),
    )
