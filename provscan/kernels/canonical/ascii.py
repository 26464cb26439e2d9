"""Make ASCII canonical, a block at a time: :func:`look_ahead` folds each byte
independently, :func:`copy_kept` copies the bytes that are kept.
"""

import numpy as np

from provscan.kernels.characters import (
    AT,
    BRACE,
    BRACKET,
    CASE,
    LESS,
    SLASH,
    SPACE,
    UNDERSCORE,
    ZERO,
    A,
)
from provscan.kernels.instructions import (
    LANES,
    WIDE,
    count_up,
    equal_lanes,
    trailing_zeros,
    widen,
)
from provscan.kernels.jit import helper

# The number of code points that are folded together, and the size of a buffer for them
# and their neighbours.
BLOCK = 1024
LOOK_AHEAD = BLOCK + 64
_LETTERS, _DIGITS = np.uint8(26), np.uint8(10)
# The letters with which a dropped token may begin.
_C, _H, _I, _L, _M, _P, _R, _T, _U, _W = np.frombuffer(b"chilmprtuw", np.uint8)
_U1 = np.uint64(1)


@helper(inline="always")
def look_ahead(codes, low, high, count, narrow, folded):
    """Fold the code points ``codes[low:high]`` independently of each other into uint8
    ``folded``.

    A code point becomes a letter or digit, a space if it is a separator, or 0 if it
    needs a closer look because it is not ASCII or because a dropped token may start
    there. All operations are on bytes, 64 at a time; uint8 ``narrow`` is scratch for
    the code points as bytes. ``count`` is the length of the whole text.
    """
    size = high - low
    begin, end = max(low - 1, 0), min(high + 2, count)
    narrow[0], narrow[size + 1], narrow[size + 2] = 0, 0, 0
    wide, to = codes[begin:end], narrow[begin - low + 1 : end - low + 1]
    for j in range(len(wide)):
        to[j] = np.uint8(min(wide[j], np.uint32(0xFF)))
    # Process whole vectors, since the remainder would be processed byte by byte.
    size = (size + 63) // 64 * 64
    before = narrow[:size]
    current = narrow[1 : size + 1]
    second = narrow[2 : size + 2]
    third = narrow[3 : size + 3]
    for j in range(size):
        p, c = before[j], current[j]
        lower = np.uint8(c | CASE)
        n1, n2 = np.uint8(second[j] | CASE), np.uint8(third[j] | CASE)
        letter = np.uint8(lower - A) < _LETTERS
        digit = np.uint8(c - ZERO) < _DIGITS
        inside = (
            (np.uint8(np.uint8(p | CASE) - A) < _LETTERS)
            | (np.uint8(p - ZERO) < _DIGITS)
            | (p == UNDERSCORE)
        )
        closer = (c >= np.uint8(0x80)) | (c == AT)
        # http, www, pic, rt
        closer |= (lower == _H) & (n1 == _T) & (n2 == _T)
        closer |= (lower == _W) & (n1 == _W) & (n2 == _W)
        closer |= (lower == _P) & (n1 == _I) & (n2 == _C)
        closer |= (lower == _R) & (n1 == _T) & (not inside)
        # A bracket and the first letter of a placeholder: user, mention, link, http.
        closer |= ((c == LESS) | (c == BRACKET) | (c == BRACE)) & (
            (n1 == _U) | (n1 == _M) | (n1 == _L) | (n1 == _H)
        )
        # A tag.
        closer |= (c == LESS) & ((np.uint8(n1 - A) < _LETTERS) | (n1 == SLASH))
        value = lower if letter else (c if digit else SPACE)
        folded[j] = np.uint8(0) if closer else value


@helper(forceinline=True)
def copy_kept(folded, base, at, stop, out, where, state):
    """Copy the output of :func:`look_ahead` for a block, from ``at`` on, to ``out[n]``
    and beyond.

    ``out`` and ``where`` are those of
    :func:`~provscan.kernels.canonical.normalize.fold`; up to :data:`WIDE` elements
    after the last output are overwritten as well. ``base`` is the index at which the
    block begins. ``state`` consists of ``n``, the number of outputs so far, and
    ``gap``, whether a separator would be redundant because it follows another one or
    begins the text. Of consecutive separators, only the first is kept. Copying ends at
    ``stop``, or before a code point that needs a closer look. Return the new values of
    ``n``, ``gap`` and ``at``.
    """
    n, gap = state
    before = np.uint64(gap)
    while at < stop:
        size = np.int64(min(stop - at, np.uint64(LANES)))
        size = min(size, trailing_zeros(equal_lanes(folded, np.int64(at), np.uint8(0))))
        if size == 0:
            break
        spaces = equal_lanes(folded, np.int64(at), SPACE)
        kept = ~(spaces & (spaces << _U1 | before)) & ((_U1 << np.uint64(size)) - _U1)
        before = spaces >> np.uint64(size - 1) & _U1
        while kept != 0:
            first = trailing_zeros(kept)
            count = trailing_zeros(~(kept >> np.uint64(first)))
            for i in range(0, count, WIDE):
                widen(folded, np.int64(at) + first + i, out, np.int64(n) + i)
                count_up(base + np.int64(at) + first + i, where, np.int64(n) + i)
            n += np.uint64(count)
            kept &= ~(((_U1 << np.uint64(count)) - _U1) << np.uint64(first))
        at += np.uint64(size)
    return n, before != 0, at
