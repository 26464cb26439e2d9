"""Prints: whether the wording around a seed agrees, before a candidate is looked at more closely.

Nearly all seeds that a long record shares with licensed texts are chance: a phrase, and nothing else around it. A
*print* is one byte of a 5-gram. Every second one of the licensed text around the seed is sought in the record, within
:data:`DRIFT` places of the seed's diagonal, so that words may be left out, put in or replaced. A true copy has at least
:data:`AGREEING` of them even with a typing error in every twelve characters; chance hardly ever has so many. This costs
a fraction of :mod:`provscan.kernels.prefilter`, since all places are compared at once (:mod:`provscan.kernels.lanes`).
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.grams import GRAM
from provscan.kernels.hashing import MURMUR1
from provscan.kernels.jit import kernel
from provscan.kernels.lanes import LANES, equal_lanes, high_lanes
from provscan.kernels.minimizers import has_wide
from provscan.kernels.utf8 import decode
from provscan.kernels.verify import code_of_unit

WINDOW, STEP = 64, 2
DRIFT = LANES // 2
AGREEING = 0.46
# Where places are stored in larger steps, the diagonal is not known well enough.
FAR = 384
_BEFORE = 26
_ZERO = np.int64(0)
# Candidates whose texts are prefetched together.
_AHEAD = 64
# Prints that are sought before it is asked whether there can still be enough.
_TOGETHER = 16
_SLOT_BITS = 10
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)
_M0, _M1, _M2, _M3, _M4 = (np.uint8(m) for m in (0x1D, 0x35, 0x6B, 0xA7, 0xD3))


class PrintsScratch(NamedTuple):
    codes: np.ndarray  # uint32, the code points of the longest text.
    wanted: np.ndarray  # uint8[WINDOW].
    # int64: where the texts of some candidates begin and end.
    starts: np.ndarray
    stops: np.ndarray
    seen: np.ndarray  # int64[2**_SLOT_BITS, 3]: record, number of the text, and diagonal of what was kept last.


def prints_scratch(longest: int) -> PrintsScratch:
    """Scratch for texts of up to so many bytes."""
    starts, stops = np.empty((2, _AHEAD), np.int64)
    seen = np.full((1 << _SLOT_BITS, 3), -1)
    return PrintsScratch(np.empty(longest, np.uint32), np.empty(WINDOW, np.uint8), starts, stops, seen)


@kernel(forceinline=True)
def _is_ascii(values, start, stop):
    """Whether bytes are all below 128."""
    size = stop - start
    if size < LANES:
        high = np.uint8(0)
        for i in range(start, stop):
            high |= values[i]
        return high < 0x80
    for i in range(start, stop - LANES, LANES):
        if high_lanes(values, i) != 0:
            return False
    return high_lanes(values, stop - LANES) == 0


@kernel(forceinline=True)
def _prints(codes, count, out):
    """The prints of the first ``count`` 5-grams, into ``out``."""
    c0, c1, c2 = codes[:count], codes[1 : count + 1], codes[2 : count + 2]
    c3, c4 = codes[3 : count + 3], codes[4 : count + 4]
    filled = out[:count]
    for i in range(count):
        filled[i] = np.uint8(
            np.uint8(c0[i]) * _M0
            + np.uint8(c1[i]) * _M1
            + np.uint8(c2[i]) * _M2
            + np.uint8(c3[i]) * _M3
            + np.uint8(c4[i]) * _M4
        )


@kernel
def prints(codes, out):
    """The print of the 5-gram at each code point: a sum of odd multiples, modulo 256.

    ``out`` is uint8 and has a place for each 5-gram; ``codes`` may be code points or bytes of ASCII.
    """
    _prints(codes, len(out), out)


@kernel(forceinline=True)
def _window(length, place):
    """First 5-gram and number of those around a place in a text of some length."""
    first = max(_ZERO, min(place - _BEFORE, length - GRAM + 1 - WINDOW))
    return first, min(np.int64(WINDOW), length - GRAM + 1 - first)


@kernel(forceinline=True)
def _wording_agrees(known, begin, wanted, size, low, last):
    """Whether enough of ``wanted[:size]`` stand near where they belong, ``begin`` being where the first is sought.

    Places are sought from ``low`` to ``last``.
    """
    needed, total = AGREEING * size, np.int64(0)
    if begin < low or begin + size > last:
        for j in range(0, size, STEP):
            if low - DRIFT <= begin + j <= last + DRIFT:
                total += equal_lanes(known, min(max(begin + j, low), last), wanted[j]) != 0
        return STEP * total >= needed
    for first in range(0, size, _TOGETHER):
        for j in range(first, min(first + _TOGETHER, size), STEP):
            total += equal_lanes(known, begin + j, wanted[j]) != 0
        # Chance is out of reach soon.
        if STEP * total + max(_ZERO, size - first - _TOGETHER) + 1 < needed:
            return False
    return STEP * total >= needed


@kernel
def agreeing(records, texts, candidates, scratch, kept):
    """Mark the candidates around whose seeds the wording agrees, and those of which that is not known.

    Of a record and a text one is kept for each diagonal, to within :data:`DRIFT` code points.

    Parameters
    ----------
    records
        ``(prints, offsets)``, of the records' code points: uint8[m], of which the last four of each record say nothing,
        and int64[n + 1].
    texts
        ``(texts, numbers)``: :class:`~provscan.kernels.records.TextBuffer` of the licensed texts, and the numbers by
        which they are told apart, empty where those are their places.
    candidates
        :class:`~provscan.kernels.records.Candidates`, int64[n], none of a whole record, by record.
    scratch
        :func:`prints_scratch`.
    kept
        bool[n], filled in.

    Returns
    -------
    int64
        A sum that keeps the prefetches from being optimised away.
    """
    record, text, code, place = candidates
    known, offsets = records
    (bytes_of, bounds), numbers = texts
    codes, wanted, starts, stops, seen = scratch
    count = len(record)
    alive = np.int64(0)
    for c in range(count):
        nearby = c % _AHEAD
        if nearby == 0:
            # No read waits for a decision about another one.
            ahead = min(_AHEAD, count - c)
            for i in range(ahead):
                starts[i], stops[i] = bounds[text[c + i]], bounds[text[c + i] + 1]
            for i in range(ahead):
                at = min(starts[i] + place[c + i], stops[i] - 1)
                alive += bytes_of[starts[i]] + bytes_of[at] + bytes_of[min(at + WINDOW, stops[i] - 1)]
        number = text[c] if len(numbers) == 0 else np.int64(numbers[text[c]])
        slot = (np.uint64(number) * MURMUR1) >> _SLOT_SHIFT
        diagonal = code[c] - place[c]
        kept[c] = seen[slot, 0] != record[c] or seen[slot, 1] != number or abs(seen[slot, 2] - diagonal) > DRIFT
        low, last = offsets[record[c]], offsets[record[c] + 1] - GRAM + 1 - LANES
        start, stop = starts[nearby], stops[nearby]
        if kept[c] and place[c] < FAR and last >= low:
            at = place[c]
            if _is_ascii(bytes_of, start, stop):
                first, size = _window(stop - start, at)
                if start + first + WINDOW + GRAM - 1 <= len(bytes_of):
                    # A loop of a known length is unrolled; what stands behind the text is not asked for.
                    _prints(bytes_of[start + first :], WINDOW, wanted)
                else:
                    _prints(bytes_of[start + first :], size, wanted)
            else:
                length = decode(bytes_of, start, stop, codes)
                if has_wide(codes[:length]):
                    at = code_of_unit(codes, _ZERO, length, at)
                first, size = _window(length, at)
                _prints(codes[first:], size, wanted)
            kept[c] = _wording_agrees(known, low + code[c] - at + first - DRIFT, wanted, size, low, last)
        if kept[c]:
            seen[slot, 0], seen[slot, 1], seen[slot, 2] = record[c], number, diagonal
    return alive
