"""Sets of 5-grams of canonical texts: hashes, hash tables, and exact comparison by
code points.

Helpers that are called in loops are force-inlined, since numba passes an array as
seven words, most of them on the stack.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN64

GRAM = 5
# Minimum number of 5-grams in a passage. A missing part of a text counts as left out if
# it is longer than 1 / LEFT_OUT of the text.
PASSAGE, LEFT_OUT = 4, 7
# A stretch of more code points than an ordinary tweet has is only that part of a longer
# text that has most 5-grams of the passage.
LONG_STRETCH = 280
_ZERO = np.int64(0)
_U0, _U1 = np.uint64(0), np.uint64(1)
# The upper 6 bits of a hash, and the next 6.
_WORD, _BIT, _LAST_BIT = np.uint32(26), np.uint32(20), np.uint32(63)
# Odd numbers below 2**32: multiplying by a code point is one cheap instruction per
# lane.
_G0 = np.uint64(0xBF58476D)
_G1 = np.uint64(0x94D049BB)
_G2 = np.uint64(0xD6E8FEB9)
_G3 = np.uint64(0xA0761D65)
_G4 = np.uint64(0xE7037ED1)


class SetScratch(NamedTuple):
    """Scratch for two sets of 5-grams: hash tables of a licensed text and of a span."""

    # uint32: 5-gram hashes of the span and of the text, if the caller has none.
    hashes: np.ndarray
    text_hashes: np.ndarray
    # int32[2**b], more than four times as long as the text and as the span.
    slots: np.ndarray
    span_slots: np.ndarray
    # int32, as long as the text and as the span.
    follows: np.ndarray
    span_follows: np.ndarray


class IndexedText(NamedTuple):
    """A licensed text that begins at ``codes[low]``, and the hash table of its
    5-grams.
    """

    codes: np.ndarray
    low: int
    slots: np.ndarray
    follows: np.ndarray


def set_scratch(longest: int, longest_text: int, hashes: bool = True) -> SetScratch:
    """Return scratch for spans and texts of up to these lengths in code points. Without
    `hashes`, the caller provides them.
    """

    def slots(length: int) -> np.ndarray:
        return np.empty(1 << max(4, (4 * length).bit_length()), np.int32)

    return SetScratch(
        np.empty(longest if hashes else 0, np.uint32),
        np.empty(longest_text if hashes else 0, np.uint32),
        slots(longest_text),
        slots(longest),
        np.empty(longest_text + 1, np.int32),
        np.empty(longest + 1, np.int32),
    )


@kernel
def gram_hashes(codes, out):
    """Write the 32-bit hash of the 5-gram at each code point to uint32 ``out``; 0 for
    the last four.

    The hash is multilinear (five odd multipliers, modulo 2**64), then folded and
    multiplied once more; its upper half is taken.
    """
    count = max(0, len(codes) - GRAM + 1)
    c0, c1, c2 = codes[:count], codes[1 : count + 1], codes[2 : count + 2]
    c3, c4 = codes[3 : count + 3], codes[4 : count + 4]
    for i in range(count):
        h = (
            (np.uint64(c0[i]) * _G0 + np.uint64(c1[i]) * _G1)
            + (np.uint64(c2[i]) * _G2 + np.uint64(c3[i]) * _G3)
            + np.uint64(c4[i]) * _G4
        )
        out[i] = ((h ^ (h >> np.uint64(29))) * GOLDEN64) >> np.uint64(32)
    out[count:] = 0


@helper(forceinline=True)
def _same_gram(a, i, b, j):
    return (
        a[i] == b[j]
        and a[i + 1] == b[j + 1]
        and a[i + 2] == b[j + 2]
        and a[i + 3] == b[j + 3]
        and a[i + 4] == b[j + 4]
    )


@helper(forceinline=True)
def index_grams(codes, hashes, low, count, slots, follows):
    """Fill the hash table of the ``count`` grams from ``low`` on; return the number of
    distinct grams.

    ``slots``, whose length is a power of two, is cleared first. A slot contains the
    first place of a gram, or -1 if it is free; ``follows[i]`` is the next place of the
    gram at place i.
    """
    slots[:] = -1
    mask = np.uint32(len(slots) - 1)
    distinct = 0
    for i in range(count - 1, -1, -1):
        slot = hashes[low + i] & mask
        while slots[slot] >= 0 and not _same_gram(
            codes, low + slots[slot], codes, low + i
        ):
            slot = np.uint32(slot + np.uint32(1)) & mask
        follows[i] = slots[slot]
        distinct += slots[slot] < 0
        slots[slot] = i
    return distinct


@helper(forceinline=True)
def find_gram(codes, hashes, i, text):
    """Return the first place of the gram ``codes[i:i + 5]`` in the indexed text, -1 if
    there is none.
    """
    mask = np.uint32(len(text.slots) - 1)
    slot = hashes[i] & mask
    while text.slots[slot] >= 0:
        if _same_gram(text.codes, text.low + text.slots[slot], codes, i):
            return np.int64(text.slots[slot])
        slot = np.uint32(slot + np.uint32(1)) & mask
    return np.int64(-1)


@helper(forceinline=True)
def nearest_of(text, q, place, width):
    """Return the place nearest to ``place`` of the gram whose first place in the
    indexed text is ``q``; -1 if none is within ``width``.
    """
    best = np.int64(-1)
    while q >= 0:
        if abs(q - place) <= width and (best < 0 or abs(q - place) < abs(best - place)):
            best = q
        q = np.int64(text.follows[q])
    return best


@helper
def table_bits(count):
    bits = 4
    while (1 << bits) < 4 * count:
        bits += 1
    return bits


@helper(forceinline=True)
def mark_grams(hashes, low, count, marks):
    """Mark the hashes of ``count`` grams from ``low`` on; other marks are removed.

    ``marks`` is uint64[64]: the top 12 bits of a hash select its bit.
    """
    marks[:] = 0
    for i in range(low, low + count):
        marks[hashes[i] >> _WORD] |= _U1 << np.uint64(hashes[i] >> _BIT & _LAST_BIT)


@helper(forceinline=True)
def count_marked(hashes, low, count, marks):
    """Return how many of the ``count`` grams from ``low`` on have marked hashes: those
    whose hashes were given to :func:`mark_grams`, and some others by chance.
    """
    marked = _U0
    for i in range(low, low + count):
        bit = np.uint64(hashes[i] >> _BIT & _LAST_BIT)
        marked += marks[hashes[i] >> _WORD] >> bit & _U1
    return np.int64(marked)


@helper
def distinct_grams(codes, hashes, low, high, scratch):
    """Return the number of distinct 5-grams of the span ``codes[low:high]``."""
    grams = high - low - GRAM + 1
    return index_grams(
        codes,
        hashes,
        low,
        grams,
        scratch.span_slots[: 1 << table_bits(grams)],
        scratch.span_follows,
    )


@helper
def common_grams(codes, hashes, low, high, text, scratch):
    """Return the number of distinct 5-grams that the span ``codes[low:high]`` has in
    common with the indexed text, and the number of distinct 5-grams of the span.
    """
    distinct, common = distinct_grams(codes, hashes, low, high, scratch), 0
    for i in range(high - low - GRAM + 1):
        # Count equal 5-grams once, at the last of them.
        if scratch.span_follows[i] < 0:
            common += find_gram(codes, hashes, low + i, text) >= 0
    return common, distinct


@helper
def are_equal(first, second):
    same = len(first) == len(second)
    for i in range(len(first) if same else 0):
        same = same and first[i] == second[i]
    return same


@helper(inline="always")
def _indexed(text, scratch):
    """Fill the hash table of the 5-grams of a text; return the indexed text, and the
    number of distinct 5-grams.
    """
    hashes, grams = scratch.text_hashes[: len(text)], len(text) - GRAM + 1
    gram_hashes(text, hashes)
    slots = scratch.slots[: 1 << table_bits(grams)]
    distinct = index_grams(text, hashes, _ZERO, grams, slots, scratch.follows)
    return IndexedText(text, _ZERO, slots, scratch.follows), distinct


@helper
def compare(codes, text, scratch):
    """Compare the sets of 5-grams of two canonical texts; return the numbers of
    distinct 5-grams (in common, of ``text``, of ``codes``).

    The only shingle of a text of fewer than five code points is the text itself.
    ``scratch`` is a :class:`SetScratch` with hashes.
    """
    if len(codes) < GRAM or len(text) < GRAM:
        same = are_equal(codes, text)
        return np.int64(same), np.int64(len(text) > 0), np.int64(len(codes) > 0)
    hashes = scratch.hashes[: len(codes)]
    gram_hashes(codes, hashes)
    indexed, distinct = _indexed(text, scratch)
    common, span_distinct = common_grams(
        codes, hashes, _ZERO, len(codes), indexed, scratch
    )
    return np.int64(common), np.int64(distinct), np.int64(span_distinct)


@kernel
def compare_rows(records, texts, scratch, grams):
    """Apply :func:`compare` to the i-th text of one code buffer and the i-th of
    another, into int64[n, 3] ``grams``.
    """
    for i in range(len(grams)):
        grams[i, 0], grams[i, 1], grams[i, 2] = compare(
            records.codes[records.offsets[i] : records.offsets[i + 1]],
            texts.codes[texts.offsets[i] : texts.offsets[i + 1]],
            scratch,
        )


@helper
def _densest(common, size, span):
    """Return the stretch with most of the marked 5-grams of a text of ``size`` code
    points: its start and end, and the number of its code points in these 5-grams.

    It is at most a quarter longer than the ``span``, from which words may be missing.
    Other parts of a long text have some of its 5-grams by chance.
    """
    width = max(np.int64(span + span // 4) - GRAM + 1, np.int64(1))
    inside = most = last = _ZERO
    for i in range(size - GRAM + 1):
        inside += np.int64(common[i])
        if i >= width:
            inside -= np.int64(common[i - width])
        if inside > most:
            most, last = inside, np.int64(i)
    start, stop, covered = np.int64(-1), _ZERO, _ZERO
    for i in range(max(_ZERO, last - width + 1), last + 1):
        if common[i] != 0:
            covered += i + GRAM - max(np.int64(i), stop)
            stop = np.int64(i + GRAM)
            if start < 0:
                start = np.int64(i)
    return start, stop, covered


@helper(inline="always")
def copied_wording(codes, text, scratch):
    """Return the stretch of a canonical ``text`` that has 5-grams in ``codes`` (its
    first code point, its end, and the number of its code points in such 5-grams; 0 if
    there are none; see :func:`_densest` for a long text), whether ``codes`` has
    passages of the text in another order, or with a part of the text left out, and the
    similarity of the text to the part of ``codes`` from the first to the last of these
    5-grams.

    A passage is a run of at least :data:`PASSAGE` 5-grams, each with a single place in
    the text, on one diagonal. ``scratch`` is a :class:`SetScratch` with hashes.
    """
    if len(codes) < GRAM or len(text) < GRAM:
        same = np.int64(len(text) if are_equal(codes, text) else 0)
        return _ZERO, same, same, False, np.float64(same > 0)
    hashes = scratch.hashes[: len(codes)]
    gram_hashes(codes, hashes)
    indexed, distinct = _indexed(text, scratch)
    # The last 5-gram of the previous passage, in the text and in the codes; the first
    # and last 5-gram of the current one, and their number. A passage ends at the next
    # 5-gram of the text that is not on its diagonal, or at the end of the codes.
    before = before_at = first = first_at = last = count = _ZERO
    known = pieces = False
    # The first and the last place in the codes of a 5-gram in common.
    low = high = np.int64(-1)
    # The hashes of the text are not needed any more: mark its 5-grams in common.
    common = scratch.text_hashes[: len(text)]
    common[:] = 0
    for i in range(len(codes) - GRAM + 2):
        q = (
            find_gram(codes, hashes, i, indexed)
            if i <= len(codes) - GRAM
            else np.int64(-1)
        )
        end = i == len(codes) - GRAM + 1
        if not end:
            if q < 0:
                continue
            low, high = np.int64(i) if low < 0 else low, np.int64(i)
            place = q
            while place >= 0 and common[place] == 0:
                common[place] = 1
                place = np.int64(scratch.follows[place])
            if scratch.follows[q] >= 0:
                continue
        if not end and count > 0 and q - first == i - first_at:
            last = q
            count += 1
            continue
        if count >= PASSAGE:
            if known:
                ahead = first - before
                pieces |= ahead < 0
                pieces |= LEFT_OUT * (ahead - (first_at - before_at)) > len(text)
            known, before, before_at = True, last, first_at + last - first
        first, first_at, last, count = q, np.int64(i), q, np.int64(1)
    start, stop, covered, both = np.int64(-1), _ZERO, _ZERO, _ZERO
    for i in range(len(text) - GRAM + 1):
        if common[i] != 0:
            covered += i + GRAM - max(np.int64(i), stop)
            stop = np.int64(i + GRAM)
            both += scratch.follows[i] < 0
            if start < 0:
                start = np.int64(i)
    if stop - start > LONG_STRETCH:
        start, stop, covered = _densest(common, len(text), len(codes))
    similarity = 0.0
    if both > 0:
        inside = distinct_grams(codes, hashes, low, high + GRAM, scratch)
        similarity = both / (distinct + inside - both)
    return max(start, _ZERO), stop, covered, pieces, similarity


@kernel
def copied_wording_of_rows(records, texts, scratch, copied, pieces, similarity):
    """Apply :func:`copied_wording` to the i-th text of one code buffer and the i-th of
    another, into int64[n, 3] ``copied``, bool[n] ``pieces`` and float64[n]
    ``similarity``.
    """
    for i in range(len(pieces)):
        copied[i, 0], copied[i, 1], copied[i, 2], pieces[i], similarity[i] = (
            copied_wording(
                records.codes[records.offsets[i] : records.offsets[i + 1]],
                texts.codes[texts.offsets[i] : texts.offsets[i + 1]],
                scratch,
            )
        )
