"""Counting and scoring of character n-grams for the background model.

`chars` uint32[n] is the code points of all texts one after the other, `offsets` int64[texts + 1] where each starts.
A table is three arrays of one power-of-two length: `keys` uint64, 0 where empty, found by open addressing with linear
probing; `counts` uint32; `follow` uint32, how many different code points were seen after a context. N-grams and
contexts of all orders share one table: a key mixes length and code points, and a context's key is the complement of
its n-gram's.

Contexts do not reach over the start of a text: before it stands code point 0, which no canonical text holds.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from provscan.kernels.compiled import kernel

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)
_START = np.uint64(0x2545F4914F6CDD1D)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)


@kernel
def _mix(key: Any, char: Any) -> Any:
    """The key of an n-gram one code point longer than that of `key`, on its right; never 0."""
    key = (key ^ (np.uint64(char) + _ONE)) * _MULTIPLY
    return (key ^ (key >> _SHIFT)) | _ONE


@kernel
def _slot(keys: U64, key: Any) -> Any:
    """Where `key` stands, or the empty slot where it would."""
    mask = np.uint64(len(keys) - 1)
    slot = (key * _MULTIPLY >> _SHIFT) & mask
    while keys[slot] != np.uint64(0) and keys[slot] != key:
        slot = (slot + _ONE) & mask
    return slot


@kernel
def _char(chars: U32, start: int, at: int) -> Any:
    """Code point at `at`, or the 0 that stands before the text."""
    return chars[at] if at >= start else np.uint32(0)


@kernel
def _context(chars: U32, start: int, at: int, length: int) -> Any:
    """Key of the `length` code points before `at`."""
    key = _START + np.uint64(length)
    for i in range(at - length, at):
        key = _mix(key, _char(chars, start, i))
    return key


@kernel
def count_grams(
    chars: U32, offsets: I64, first: int, last: int, order: int, keys: U64, counts: U32, follow: U32, limit: int
) -> tuple[int, int]:
    """Add texts `first` to `last` to the table; stop before a text that could take more than `limit` slots in all.

    Returns
    -------
    texts, used : int64, int64
        The text to go on with (in a larger table), and the slots that were newly taken.
    """
    used = 0
    for text in range(first, last):
        start, end = offsets[text], offsets[text + 1]
        if used + (end - start) * order * 2 > limit:
            return text, used
        for at in range(start, end):
            for length in range(order):
                context = _context(chars, start, at, length)
                gram = _mix(context, chars[at])
                slot = _slot(keys, gram)
                fresh = keys[slot] == np.uint64(0) or counts[slot] == 0
                if keys[slot] == np.uint64(0):
                    keys[slot] = gram
                    used += 1
                counts[slot] += np.uint32(1)
                # The context's own entry holds what came after it; as a gram of its own it is counted elsewhere.
                slot = _slot(keys, ~context | _ONE)
                if keys[slot] == np.uint64(0):
                    keys[slot] = ~context | _ONE
                    used += 1
                counts[slot] += np.uint32(1)
                if fresh:
                    follow[slot] += np.uint32(1)
    return last, used


@kernel
def rehash(keys: U64, counts: U32, follow: U32, new_keys: U64, new_counts: U32, new_follow: U32) -> None:
    """Move every entry into a larger, empty table."""
    for i in range(len(keys)):
        if keys[i] != np.uint64(0):
            slot = _slot(new_keys, keys[i])
            new_keys[slot] = keys[i]
            new_counts[slot] = counts[i]
            new_follow[slot] = follow[i]


@kernel
def score_texts(
    chars: U32,
    offsets: I64,
    order: int,
    discount: float,
    floor_bits: float,
    keys: U64,
    counts: U32,
    follow: U32,
    copies: I64,
    all_keys: U64,
    all_counts: U32,
    bits: F64,
) -> None:
    """Bits of every text under the interpolated model.

    Parameters
    ----------
    discount : float64
        Taken off every count and given to the shorter context.
    floor_bits : float64
        Bits of a code point of which nothing is known.
    copies : int64[texts]
        How often each text stands in what the table was trained on: its own n-grams are taken off as often.
    all_keys, all_counts : uint64[m], uint32[m]
        Scratch of a power-of-two length above ``8 * order * longest text`` where any text has copies, else of length 1.
    bits : float64[texts]
        Written: minus the base-2 logarithm of the text's probability.
    """
    own_keys, own_counts = all_keys, all_counts
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        own = copies[text]
        if own > 0:
            # As much of the scratch as this text needs: clearing all of it would cost more than the text.
            room = 8
            while room < 8 * order * (end - start):
                room *= 2
            own_keys = all_keys[:room]
            own_counts = all_counts[:room]
            own_keys[:] = np.uint64(0)
            own_counts[:] = np.uint32(0)
            for at in range(start, end):
                for length in range(order):
                    context = _context(chars, start, at, length)
                    _own_add(own_keys, own_counts, _mix(context, chars[at]))
                    _own_add(own_keys, own_counts, ~context | _ONE)
            _own_follow(chars, start, end, order, own, keys, counts, own_keys, own_counts)
        total = 0.0
        for at in range(start, end):
            probability = 2.0**-floor_bits
            for length in range(order):
                context = _context(chars, start, at, length)
                gram = _mix(context, chars[at])
                slot = _slot(keys, ~context | _ONE)
                seen = np.int64(counts[slot])
                different = np.int64(follow[slot])
                hit = np.int64(counts[_slot(keys, gram)])
                if own > 0:
                    seen -= own * np.int64(own_counts[_slot(own_keys, ~context | _ONE)])
                    hit -= own * np.int64(own_counts[_slot(own_keys, gram)])
                    different -= np.int64(own_counts[_slot(own_keys, (context ^ _MULTIPLY) | _ONE)])
                if seen <= 0:
                    break
                kept = max(hit - discount, 0.0)
                probability = (kept + discount * max(int(different), 1) * probability) / seen
            total -= math.log2(probability)
        bits[text] = total


@kernel
def _own_add(keys: U64, counts: U32, key: Any) -> None:
    slot = _slot(keys, key)
    keys[slot] = key
    counts[slot] += np.uint32(1)


@kernel
def _own_follow(
    chars: U32, start: int, end: int, order: int, own: int, keys: U64, counts: U32, own_keys: U64, own_counts: U32
) -> None:
    """Count, for each context, the code points that only this text shows after it: without it they were not seen."""
    for at in range(start, end):
        for length in range(order):
            context = _context(chars, start, at, length)
            gram = _mix(context, chars[at])
            mine = own_counts[_slot(own_keys, gram)]
            done = _slot(own_keys, (gram ^ _START) | _ONE)
            if own_keys[done] == np.uint64(0):
                own_keys[done] = (gram ^ _START) | _ONE
                if np.int64(counts[_slot(keys, gram)]) <= own * np.int64(mine):
                    _own_add(own_keys, own_counts, (context ^ _MULTIPLY) | _ONE)
