"""Prints: whether the wording around a seed agrees, before a candidate is looked at more closely.

Nearly all seeds that a long record shares with licensed texts are chance: a phrase, and nothing else around it. A
*print* is one byte of a 5-gram. Every second one of the licensed text around the seed is sought in the record, within
:data:`DRIFT` places of the seed's diagonal, so that words may be left out, put in or replaced. A true copy has at least
:data:`AGREEING` of them even with a typing error in every twelve characters; chance hardly ever has so many. This costs
a fraction of :mod:`provscan.kernels.prefilter`, since :func:`any_equal` compares all places at once.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from provscan.kernels.grams import GRAM
from provscan.kernels.jit import kernel
from provscan.kernels.minimizers import has_wide
from provscan.kernels.utf8 import decode
from provscan.kernels.verify import code_of_unit

WINDOW, STEP = 64, 2
DRIFT = 16
AGREEING = 0.46
# Where places are stored in larger steps, the diagonal is not known well enough.
FAR = 384
_BEFORE = 26
_LANES = 2 * DRIFT
_ZERO = np.int64(0)
# Candidates whose texts are prefetched together.
_AHEAD = 32
_M0, _M1, _M2, _M3, _M4 = (np.uint8(m) for m in (0x1D, 0x35, 0x6B, 0xA7, 0xD3))


def any_equal(values, start, value):
    """Whether one of the 32 bytes from ``values[start]`` on is ``value``."""
    return bool((values[start : start + _LANES] == value).any())


@intrinsic
def _any_equal(_context, values, start, value):
    def generate(context, builder, signature, arguments):
        vector, lane = ir.VectorType(ir.IntType(8), _LANES), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        lanes = builder.load(builder.bitcast(builder.gep(data, [arguments[1]]), vector.as_pointer()), align=1)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], lane(0))
        zeros = ir.Constant(ir.VectorType(lane, _LANES), [0] * _LANES)
        everywhere = builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)
        equal = builder.bitcast(builder.icmp_unsigned("==", lanes, everywhere), ir.IntType(_LANES))
        return builder.icmp_unsigned("!=", equal, ir.IntType(_LANES)(0))

    return types.boolean(values, types.int64, types.uint8), generate


@overload(any_equal, jit_options={"nogil": True})
def _compiled_any_equal(values, start, value):
    return lambda values, start, value: _any_equal(values, start, value)


@kernel
def prints(codes, out):
    """The print of the 5-gram at each code point: a sum of odd multiples, modulo 256.

    ``out`` is uint8 and has a place for each 5-gram; ``codes`` may be code points or bytes of ASCII.
    """
    count = len(out)
    c0, c1, c2 = codes[:count], codes[1 : count + 1], codes[2 : count + 2]
    c3, c4 = codes[3 : count + 3], codes[4 : count + 4]
    for i in range(count):
        out[i] = np.uint8(
            np.uint8(c0[i]) * _M0
            + np.uint8(c1[i]) * _M1
            + np.uint8(c2[i]) * _M2
            + np.uint8(c3[i]) * _M3
            + np.uint8(c4[i]) * _M4
        )


@kernel(forceinline=True)
def _window(length, place):
    """First 5-gram and number of those around a place in a text of some length."""
    first = max(_ZERO, min(place - _BEFORE, length - GRAM + 1 - WINDOW))
    return first, min(np.int64(WINDOW), length - GRAM + 1 - first)


@kernel
def agreeing(records, texts, candidates, scratch, kept):
    """Mark the candidates around whose seeds the wording agrees, and those of which that is not known.

    Parameters
    ----------
    records
        ``(prints, offsets)``, of the records' code points: uint8[m], of which the last four of each record say nothing,
        and int64[n + 1].
    texts
        :class:`~provscan.kernels.records.TextBuffer` of the licensed texts.
    candidates
        :class:`~provscan.kernels.records.Candidates`, int64[n], none of a whole record.
    scratch
        uint32 for the code points of the longest text, and uint8[WINDOW].
    kept
        bool[n], filled in.

    Returns
    -------
    int64
        A sum that keeps the prefetches from being optimised away.
    """
    record, text, code, place = candidates
    known, offsets = records
    codes, wanted = scratch
    count = len(record)
    alive = np.int64(0)
    for c in range(count):
        if c % _AHEAD == 0:
            for ahead in range(c, min(c + _AHEAD, count)):
                far = text[ahead]
                alive += texts.text[texts.offsets[far]] + texts.text[texts.offsets[far + 1] - 1]
        low, last = offsets[record[c]], offsets[record[c] + 1] - GRAM + 1 - _LANES
        kept[c] = True
        if place[c] >= FAR or last < low:
            continue
        start, stop = texts.offsets[text[c]], texts.offsets[text[c] + 1]
        narrow = texts.text[start:stop]
        high = np.uint8(0)
        for i in range(len(narrow)):
            high |= narrow[i]
        at = place[c]
        if high < 0x80:
            first, size = _window(stop - start, at)
            prints(narrow[first : first + size + GRAM - 1], wanted[:size])
        else:
            length = decode(texts.text, start, stop, codes)
            if has_wide(codes[:length]):
                at = code_of_unit(codes, _ZERO, length, at)
            first, size = _window(length, at)
            prints(codes[first : first + size + GRAM - 1], wanted[:size])
        begin = low + code[c] - at + first - DRIFT
        total = np.int64(0)
        if low <= begin and begin + size <= last:
            for j in range(0, size, STEP):
                total += any_equal(known, begin + j, wanted[j])
        else:
            for j in range(0, size, STEP):
                if low - DRIFT <= begin + j <= last + DRIFT:
                    total += any_equal(known, min(max(begin + j, low), last), wanted[j])
        kept[c] = STEP * total >= AGREEING * size
    return alive
