"""Restore the spaces between words where a text lacks them or has them between letters
(``thisisit``, ``t h i s i s i t``).

In a window of :data:`WINDOW` code points, such text has few spaces, or one after each
letter: :func:`find` finds these passages. In text of a script without spaces, a few
single Latin letters in a row suffice (``m y f o n``), since canonical text contains no
other spaces there. :func:`restore` joins single letters, and divides long words that
occur in no licensed text into the most probable words, given how often each occurs in
licensed texts (Viterbi's algorithm on a unigram model). Unless single letters were
joined, a passage stays as it is if its best sequence is improbable, since it is then in
another language or no language at all.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.characters import FIRST_UNSPACED, SPACE, is_unspaced
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import FNV_PRIME, GOLDEN64

_BLOCK = 8
WINDOW = 4 * _BLOCK
# The maximum number of spaces in a window that lacks spaces, and the minimum number in
# one with spaces between letters.
FEW, MANY = 2, 14
# The number of code points before and after such a window that belong to the passage.
CONTEXT = 64
# After TRIES passages in a row that can't be restored, the text is probably in another
# language. Further passages are then skipped, up to the first one that begins more than
# NEAR code points after the end of the previous one.
TRIES, NEAR = 2, 2000
# The minimum number of single letters in a row that are joined, and the minimum number
# of letters of a long word.
JOINED, LONG = 3, 10
# The maximum number of letters of a word of licensed texts, and of a text that is
# divided at once.
LONGEST_WORD, LONGEST = 14, 1024
# Costs are in eighths of a nat. A restoration that costs more than _MOST per letter is
# rejected; each letter of an unknown word adds _UNKNOWN_LETTER to the cost of the word.
NAT = 8
_MOST, _UNKNOWN_LETTER = 18, 2 * NAT
_TABLE_BITS = 18
SLOTS = 1 << _TABLE_BITS
_SLOT, _MASK = np.uint64(64 - _TABLE_BITS), np.uint32(SLOTS - 1)
_ONE, _TAG, _COST = np.uint32(1), np.uint32(0xFFFFFF00), np.uint32(0xFF)
_U0, _U1, _S8 = np.uint64(0), np.uint64(1), np.uint64(8)
# The factor of the polynomial hash.
_FACTOR = FNV_PRIME


class Words(NamedTuple):
    """The words of licensed texts and their costs."""

    # uint32[SLOTS]: 24 bits of a word's hash and 8 bits of its cost; 0 if the
    # slot is empty.
    table: np.ndarray
    unknown: int  # The cost of an unknown word, without its letters.


class Passages(NamedTuple):
    """Passages whose spaces are restored."""

    codes: np.ndarray  # uint32[m].
    # int64[m]: the place from which each code point comes; for a restored space, that
    # of the next letter.
    origins: np.ndarray
    offsets: np.ndarray  # int64[n + 1].
    record: np.ndarray  # int64[n].


class SpacingScratch(NamedTuple):
    """Scratch for the letters that are divided at once."""

    letters: np.ndarray  # uint32[LONGEST].
    places: np.ndarray  # int64[LONGEST].
    # uint64[LONGEST + 1]: element i is the hash of the first i letters.
    sums: np.ndarray
    # int64[LONGEST + 1]: for each i, the cost of the first i letters, and the index of
    # the letter at which the last word of these begins.
    costs: np.ndarray
    starts: np.ndarray


def spacing_scratch() -> SpacingScratch:
    return SpacingScratch(
        np.empty(LONGEST, np.uint32),
        np.empty(LONGEST, np.int64),
        np.empty(LONGEST + 1, np.uint64),
        *(np.empty(LONGEST + 1, np.int64) for _ in range(2)),
    )


@helper
def _longer(total, code):
    """Return the polynomial hash of a word with one more letter."""
    return total * _FACTOR + np.uint64(code) + _U1


@helper
def _entry(table, total):
    """Return the entry of a word with a polynomial hash; 0 if it is unknown."""
    key = total * GOLDEN64
    slot, tag = np.uint32(key >> _SLOT), np.uint32(key >> _S8) & _TAG
    while table[slot] != 0 and table[slot] & _TAG != tag:
        slot = (slot + _ONE) & _MASK
    return table[slot]


@kernel
def word_hashes(codes, offsets, hashes):
    """Compute the polynomial hashes of the words of canonical texts, except those
    longer than :data:`LONGEST_WORD`; return their number.
    """
    n = 0
    for text in range(len(offsets) - 1):
        total, begin, end = _U0, offsets[text], offsets[text + 1]
        for i in range(begin, end + 1):
            if i < end and not _ends_word(codes[i]):
                total = _longer(total, codes[i])
                continue
            if 0 < i - begin <= LONGEST_WORD:
                hashes[n] = total
                n += 1
            total, begin = _U0, i + 1
    return n


@kernel
def add_words(hashes, costs, table):
    """Add distinct words to the table, with their costs. If several words have equal
    tags, only the first is added.
    """
    for i in range(len(hashes)):
        if _entry(table, hashes[i]) == 0:
            key = hashes[i] * GOLDEN64
            slot, tag = np.uint32(key >> _SLOT), np.uint32(key >> _S8) & _TAG
            while table[slot] != 0:
                slot = (slot + _ONE) & _MASK
            table[slot] = tag | costs[i]


@helper(inline="always")
def _is_known(codes, words):
    total = _U0
    for k in range(len(codes)):
        total = _longer(total, codes[k])
    return _entry(words.table, total) != 0


@helper(inline="always")
def _divide(count, words, scratch):
    """Divide the first ``count`` letters into words, and return the cost.
    ``scratch.costs[i]`` becomes -1 for each i at which a word begins.
    """
    letters, _, sums, costs, starts = scratch
    costs[0], sums[0] = 0, 0
    for end in range(1, count + 1):
        sums[end] = _longer(sums[end - 1], letters[end - 1])
        power, best, start = _FACTOR, np.int64(1 << 40), end - 1
        for begin in range(end - 1, max(end - LONGEST_WORD, 0) - 1, -1):
            entry = _entry(words.table, sums[end] - sums[begin] * power)
            power *= _FACTOR
            cost = words.unknown + _UNKNOWN_LETTER * (end - begin)
            if entry != 0:
                cost = np.int64(entry & _COST)
            cost += costs[begin]
            if cost < best:
                best, start = cost, begin
        costs[end], starts[end] = best, start
    total, end = costs[count], count
    while end > 0:
        end = starts[end]
        costs[end] = -1
    return total


@helper(inline="always")
def _has_unspaced(codes):
    for i in range(len(codes)):  # noqa: SIM110
        if is_unspaced(codes[i]):
            return True
    return False


@helper
def _has_single_letters(codes, low, high, bounds):
    """Return whether ``codes[low:high]`` has :data:`JOINED` single letters in a row,
    given the bounds of the record.
    """
    for at in range(low, high):
        before = at == bounds[0] or _ends_word(codes[at - 1])
        if before and _single_letters(codes, at, min(high, bounds[1])):
            return True
    return False


@kernel
def find(codes, offsets, passages):
    """Find the windows that lack spaces or have them between letters, and fill
    int64[n, 3] ``passages``: record, start and end of each; return their number.

    Windows that overlap are one passage, which begins and ends with whole words.
    """
    n = 0
    for record in range(len(offsets) - 1):
        low, high = offsets[record], offsets[record + 1]
        # The numbers of spaces in the three blocks before the current one. Until there
        # are three, WINDOW makes the total too large.
        a = b = c = WINDOW
        end, spaces_before, beyond_before = low, np.uint32(0), np.uint32(0)
        for at in range(low, high - _BLOCK + 1, _BLOCK):
            block = codes[at : at + _BLOCK]
            spaces, beyond = np.uint32(0), np.uint32(0)
            for j in range(_BLOCK):
                spaces += np.uint32(block[j] == SPACE)
                beyond |= np.uint32(block[j] >= FIRST_UNSPACED)
            total = a + b + c + np.int64(spaces)
            near, mixed = spaces_before + spaces, (beyond_before | beyond) != 0
            a, b, c = b, c, np.int64(spaces)
            spaces_before, beyond_before = spaces, beyond
            start, stop = max(low, at - _BLOCK), at + _BLOCK
            if not (
                mixed
                and near >= JOINED - 1
                and _has_unspaced(codes[start:stop])
                and _has_single_letters(codes, start, stop, (low, high))
            ):
                start = stop - WINDOW
                if FEW < total < MANY or total > WINDOW:
                    continue
                if _has_unspaced(codes[start:stop]):
                    continue
            if start > end or end == low:
                passages[n, 0] = record
                passages[n, 1] = _word_start(codes, start, end)
                n += 1
            end = _word_end(codes, max(end, stop), high)
            passages[n - 1, 2] = end
    return n


@helper
def _ends_word(code):
    return code == SPACE or is_unspaced(code)


@helper(inline="always")
def _is_break(codes, at):
    """Return whether a word ends or begins between a code point and the one before."""
    return _ends_word(codes[at]) or _ends_word(codes[at - 1])


@helper(inline="always")
def _word_start(codes, at, low):
    while at > low and not _ends_word(codes[at - 1]):
        at -= 1
    return at


@helper
def _word_end(codes, at, high):
    while at < high and not _ends_word(codes[at]):
        at += 1
    return at


@helper
def _single_letters(codes, at, end):
    """Return the number of words of one letter in a row; 0 if they are few."""
    count = 0
    while at < end and count < LONGEST and not _ends_word(codes[at]):
        last = at + 1 >= end or is_unspaced(codes[at + 1])
        if not last and codes[at + 1] != SPACE:
            break
        count += 1
        at += 2
        if last:
            break
    return count if count >= JOINED else 0


@helper
def _respace(codes, at, end, words, scratch, out, n):
    """Restore the spaces in ``codes[at:end]``, write the result to ``out`` from ``n``
    on, and return its end, the cost and number of the letters that were divided, and
    whether letters were joined.
    """
    letters, places, _, costs, starts = scratch
    begin, cost, divided, joined = n, np.int64(0), np.int64(0), False
    while at < end:
        if is_unspaced(codes[at]):
            out.codes[n], out.origins[n] = codes[at], at
            n, at = n + 1, at + 1
            continue
        stop, count = _word_end(codes, at, min(end, at + LONGEST)), 0
        if stop == at + 1:
            count = _single_letters(codes, at, end)
            joined |= count > 0
            for k in range(count):
                letters[k], places[k] = codes[at + 2 * k], at + 2 * k
            stop = max(stop, at + 2 * count - 1)
        elif stop - at >= LONG and not _is_known(codes[at:stop], words):
            count = stop - at
            for k in range(count):
                letters[k], places[k] = codes[at + k], at + k
        if n > begin and not is_unspaced(out.codes[n - 1]):
            out.codes[n], out.origins[n] = SPACE, at
            n += 1
        if count:
            cost += _divide(count, words, scratch)
            divided += count
            if count == LONGEST:
                # More letters may follow, so the last word is divided again with them.
                count = starts[count]
                stop = places[count]
            for k in range(count):
                if k and costs[k] == -1:
                    out.codes[n], out.origins[n] = SPACE, places[k]
                    n += 1
                out.codes[n], out.origins[n] = letters[k], places[k]
                n += 1
        else:
            for k in range(at, stop):
                out.codes[n], out.origins[n] = codes[k], k
                n += 1
        at = stop
        if at < end and codes[at] == SPACE:
            at += 1
    return n, cost, divided, joined


@kernel
def restore(codes, offsets, passages, words, scratch, out):
    """Restore the spaces of passages and their contexts, and return the number of
    passages for which this is possible.
    """
    n, kept = np.int64(0), 0
    out.offsets[0] = 0
    failed, previous, near = 0, np.int64(-1), np.int64(0)
    for p in range(len(passages)):
        record, start, end = passages[p]
        if record != previous or start > near:
            failed = 0
        previous, near = record, end + NEAR
        if failed == TRIES:
            continue
        _, cost, divided, joined = _respace(codes, start, end, words, scratch, out, n)
        if not joined and (divided == 0 or cost > _MOST * divided):
            failed += 1
            continue
        failed = 0
        low, high = offsets[record], offsets[record + 1]
        first, last = max(start - CONTEXT, low), min(end + CONTEXT, high)
        while low < first < start and not _is_break(codes, first):
            first += 1
        while high > last > end and not _is_break(codes, last):
            last -= 1
        n, _, _, _ = _respace(codes, first, last, words, scratch, out, n)
        out.record[kept] = record
        kept += 1
        out.offsets[kept] = n
    return kept
