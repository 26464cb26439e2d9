"""Count character n-grams, and score texts with them, for the background model.

`chars`, uint32[n], contains the code points of all texts, one text after the other;
`offsets`, int64[texts + 1], contains the start of each.

A table is uint64[n, 2], where n is a power of two, with open addressing and linear
probing. A row consists of the key, or 0 if the slot is empty, and ``different << 32 |
count``, where ``different`` is the number of distinct code points that follow a
context. Both are in one row so that a look-up reads one place of memory. N-grams and
contexts of all orders share one table.

The key of an n-gram is computed in steps, one per code point: first those of its
context, from the last to the first, so that a longer context takes one more step; then
the code point that follows the context. The key of the context itself is the complement
of the key before that final step, with the lowest bit set, so that it is never 0.

Every code point before the start of a text counts as 0, which no canonical text
contains.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.grams import GRAM
from provscan.kernels.search.minimizers import is_wide
from provscan.kernels.sketch.hashing import GOLDEN64

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_START = np.uint64(0x2545F4914F6CDD1D)
_SHIFT = np.uint64(32)
_U1 = np.uint64(1)
_EMPTY = np.uint64(0)
_COUNT = np.uint64(0xFFFFFFFF)
_DIFFERENT = np.uint64(1 << 32)
# The number of code points whose n-grams are prefetched together, since a table does
# not fit in a cache.
TOGETHER = 8


class NgramModel(NamedTuple):
    """An interpolated model of n-grams, with absolute discounting."""

    order: int  # The number of code points of the longest n-gram.
    discount: float  # Subtracted from every count and given to the shorter context.
    floor_bits: float  # The bits of a code point in no known context.
    table: U64  # uint64[n, 2], see the module's docstring.


@helper
def _mix(key: Any, char: Any) -> Any:
    """Extend the key of an n-gram by one code point; never 0."""
    key = (key ^ (np.uint64(char) + _U1)) * GOLDEN64
    return (key ^ (key >> _SHIFT)) | _U1


@helper
def _home(table: U64, key: Any) -> Any:
    """Return the first slot that `key` may occupy."""
    return (key * GOLDEN64 >> _SHIFT) & np.uint64(len(table) - 1)


@helper
def _slot(table: U64, key: Any) -> Any:
    """Return the slot of `key`, or the empty slot that it would take."""
    mask = np.uint64(len(table) - 1)
    slot = _home(table, key)
    while table[slot, 0] != _EMPTY and table[slot, 0] != key:
        slot = (slot + _U1) & mask
    return slot


@helper
def _count(table: U64, key: Any) -> Any:
    """Return the count of `key`."""
    return np.int64(table[_slot(table, key), 1] & _COUNT)


@helper(inline="always")
def _char(chars: U32, start: int, at: int) -> Any:
    """Return the code point at `at`, or the 0 that precedes the text."""
    return chars[at] if at >= start else np.uint32(0)


@helper
def _longer(context: Any, chars: U32, start: int, at: int, length: int) -> Any:
    """Return the key of the context of ``length + 1`` code points before `at`.

    `context` is the key of the `length` code points before `at`, which is `_START` for
    ``length`` 0.
    """
    return _mix(context, _char(chars, start, at - 1 - length))


@helper
def _prefetch(table: U64, chars: U32, start: int, at: int, order: int) -> None:
    """Prefetch the entries of all n-grams that end at `at`, and of their contexts."""
    context = _START
    for length in range(order):
        prefetch(table, 2 * np.int64(_home(table, ~context | _U1)))
        prefetch(table, 2 * np.int64(_home(table, _mix(context, chars[at]))))
        context = _longer(context, chars, start, at, length)


@kernel
def count_grams(
    chars: U32, offsets: I64, first: int, last: int, order: int, table: U64, limit: int
) -> tuple[int, int]:
    """Add texts `first` to `last` to the table; stop before a text that could take more
    than `limit` slots in all.

    Return the text to continue with (in a larger table), and the number of newly used
    slots.
    """
    used = 0
    for text in range(first, last):
        start, end = offsets[text], offsets[text + 1]
        if used + (end - start) * order * 2 > limit:
            return text, used
        for at in range(start, min(start + TOGETHER, end)):
            _prefetch(table, chars, start, at, order)
        for at in range(start, end):
            if at + TOGETHER < end:
                _prefetch(table, chars, start, at + TOGETHER, order)
            context = _START
            for length in range(order):
                gram = _mix(context, chars[at])
                slot = _slot(table, gram)
                fresh = table[slot, 1] & _COUNT == _EMPTY
                used += table[slot, 0] == _EMPTY
                table[slot, 0] = gram
                table[slot, 1] += _U1
                # The entry of a context counts what followed it; the context is
                # counted as an n-gram elsewhere.
                slot = _slot(table, ~context | _U1)
                used += table[slot, 0] == _EMPTY
                table[slot, 0] = ~context | _U1
                table[slot, 1] += _DIFFERENT + _U1 if fresh else _U1
                context = _longer(context, chars, start, at, length)
    return last, used


@kernel
def rehash(table: U64, larger: U64) -> None:
    """Copy every entry into a larger, empty table."""
    for i in range(len(table)):
        if table[i, 0] != _EMPTY:
            slot = _slot(larger, table[i, 0])
            larger[slot, 0], larger[slot, 1] = table[i, 0], table[i, 1]


@kernel
def score_texts(
    chars: U32,
    offsets: I64,
    model: NgramModel,
    copies: I64,
    scratch: U64,
    keys: U64,
    bits: F64,
) -> None:
    """Compute the bits, float64[n], of every code point under the interpolated model:
    minus the base-2 logarithm of its probability.

    `copies`, int64[texts], says how many times each text occurs in the training texts
    of the table; its own n-grams are subtracted that many times. `scratch` is uint64[m,
    2]; m is a power of two of at least ``8 * order * longest text`` if any text has
    copies, else 1. `keys`, uint64[2, TOGETHER, order], is also scratch.
    """
    order, discount, floor_bits, table = model
    own_grams = scratch
    contexts, grams = keys[0], keys[1]
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        own = copies[text]
        if own > 0:
            # Clear only as much of the scratch as this text needs; clearing all would
            # take longer than the text.
            room = 8
            while room < 8 * order * (end - start):
                room *= 2
            own_grams = scratch[:room]
            own_grams[:] = _EMPTY
            for at in range(start, end):
                context = _START
                for length in range(order):
                    _add(own_grams, _mix(context, chars[at]))
                    _add(own_grams, ~context | _U1)
                    context = _longer(context, chars, start, at, length)
            _add_followers(chars, start, end, order, own, table, own_grams)
        for first in range(start, end, TOGETHER):
            last = min(first + TOGETHER, end)
            for at in range(first, last):
                context = _START
                for length in range(order):
                    gram, row = _mix(context, chars[at]), at - first
                    contexts[row, length], grams[row, length] = context, gram
                    prefetch(table, 2 * np.int64(_home(table, ~context | _U1)))
                    prefetch(table, 2 * np.int64(_home(table, gram)))
                    context = _longer(context, chars, start, at, length)
            for row in range(last - first):
                probability = 2.0**-floor_bits
                for length in range(order):
                    context, gram = contexts[row, length], grams[row, length]
                    known = table[_slot(table, ~context | _U1), 1]
                    seen, different = (
                        np.int64(known & _COUNT),
                        np.int64(known >> _SHIFT),
                    )
                    hit = _count(table, gram)
                    if own > 0:
                        seen -= own * _count(own_grams, ~context | _U1)
                        hit -= own * _count(own_grams, gram)
                        different -= _count(own_grams, (context ^ GOLDEN64) | _U1)
                    if seen <= 0:
                        break
                    kept = max(hit - discount, 0.0)
                    probability = (
                        kept + discount * max(int(different), 1) * probability
                    ) / seen
                bits[first + row] = -math.log2(probability)


@kernel
def cap_bits(chars: U32, offsets: I64, most: float, seen: U64, bits: F64) -> None:
    """Cap the bits of every code point at `most`, and at twice as much if it is wide.
    Set those of repetition to 0: of the last code point of a 5-gram that occurs before
    in the same text.

    `seen` is scratch, uint64[m]; m is a power of two of at least twice the length of
    the longest text.
    """
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        room = 8
        while room < 2 * (end - start):
            room *= 2
        keys = seen[:room]
        keys[:] = _EMPTY
        mask = np.uint64(room - 1)
        for at in range(start, end):
            bits[at] = min(bits[at], 2.0 * most if is_wide(chars[at]) else most)
            if at - start < GRAM - 1:
                continue
            key = _START
            for before in range(GRAM):
                key = _mix(key, chars[at - before])
            slot = (key * GOLDEN64 >> _SHIFT) & mask
            while keys[slot] != _EMPTY and keys[slot] != key:
                slot = (slot + _U1) & mask
            if keys[slot] == key:
                bits[at] = 0.0
            keys[slot] = key


@helper
def _add(table: U64, key: Any) -> None:
    slot = _slot(table, key)
    table[slot, 0] = key
    table[slot, 1] += _U1


@helper(inline="always")
def _add_followers(
    chars: U32, start: int, end: int, order: int, own: int, table: U64, own_grams: U64
) -> None:
    """For each context of a text, count in `own_grams` the code points that follow it
    only in the text's own copies among the training texts.

    `own` is the number of these copies, and `own_grams` contains the n-grams of one
    copy. A code point follows a context only in the copies if the table's count of the
    n-gram is at most its count in the copies.
    """
    for at in range(start, end):
        context = _START
        for length in range(order):
            gram = _mix(context, chars[at])
            done = _slot(own_grams, (gram ^ _START) | _U1)
            if own_grams[done, 0] == _EMPTY:
                own_grams[done, 0] = (gram ^ _START) | _U1
                if _count(table, gram) <= own * _count(own_grams, gram):
                    _add(own_grams, (context ^ GOLDEN64) | _U1)
            context = _longer(context, chars, start, at, length)
