"""Decode HTML5 character references like Python's ``html.unescape``, and keep the
place of each code point in the original.

``provscan.text.tables`` describes the tables.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.entries import NOT_ASCII, ascii_of
from provscan.kernels.characters import (
    AMPERSAND,
    CASE,
    FORM_FEED,
    HASH,
    LESS,
    NEWLINE,
    NINE,
    SEMICOLON,
    SPACE,
    TAB,
    ZERO,
    A,
    digit_value,
)
from provscan.kernels.jit import helper
from provscan.kernels.sketch.hashing import FNV_START, fnv1a

_X = np.uint8(ord("x"))
_UNCHANGED = np.uint32(0xFFFFFFFF)


class Stream(NamedTuple):
    """Code points, uint32, and the stretch of the original that each comes from, int32
    first and last (end exclusive).
    """

    codes: np.ndarray
    first: np.ndarray
    last: np.ndarray


@helper
def _entity(key, entity_keys):
    """Return the slot of an entity name's hash in the table of names; -1 if the table
    does not have it.
    """
    mask = np.uint64(len(entity_keys) - 1)
    slot = key & mask
    while entity_keys[slot] != 0:
        if entity_keys[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@helper(inline="always")
def _numeric(codes, i, count, tables):
    """Parse a numeric reference at ``codes[i] == '&'``. Return the index after it, and
    its code point or, if it has no output, 0.

    The index is ``i`` if there is no reference.
    """
    j = i + 2
    value = np.int64(0)
    if j < count and codes[j] | CASE == _X:
        j += 1
        first = j
        while j < count:
            digit = digit_value(np.int64(ascii_of(codes, j, count, tables)))
            if digit < 0:
                break
            value = min(value * 16 + digit, 0x110000)
            j += 1
    else:
        first = j
        while j < count and ZERO <= codes[j] <= NINE:
            value = min(value * 10 + np.int64(codes[j]) - ZERO, 0x110000)
            j += 1
    if j == first:
        return i, np.uint32(0)
    if j < count and ascii_of(codes, j, count, tables) == SEMICOLON:
        j += 1
    if value < 256 and tables.references[value] != _UNCHANGED:
        return j, tables.references[value]
    if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        return j, np.uint32(0xFFFD)
    if 0xFDD0 <= value <= 0xFDEF or value & 0xFFFE == 0xFFFE:
        return j, np.uint32(0)
    return j, np.uint32(value)


@helper(inline="always")
def _named(codes, i, count, tables):
    """Parse a named reference at ``codes[i] == '&'``. Return the index after it, and
    its slot or, if there is none, -1.
    """
    key = FNV_START
    best, slot = i, np.int64(-1)
    j = i + 1
    while j < count and j - i <= 32:
        c = ascii_of(codes, j, count, tables)
        if (
            c == SEMICOLON
            or c == AMPERSAND
            or c == LESS
            or c == HASH
            or c == SPACE
            or c == TAB
            or c == NEWLINE
            or c == FORM_FEED
        ):
            break
        if c == NOT_ASCII:
            key = np.uint64(0)
        else:
            key = fnv1a(key, c)
            if 2 <= j - i <= 6:
                found = _entity(key, tables.entity_keys)
                if found >= 0:
                    best, slot = j + 1, found
        if key == 0:
            break
        j += 1
    ended = j < count and ascii_of(codes, j, count, tables) == SEMICOLON
    if key != 0 and ended and j > i + 1:
        found = _entity(fnv1a(key, SEMICOLON), tables.entity_keys)
        if found >= 0:
            best, slot = j + 1, found
    return best, slot


@helper
def _copy(source, low, high, target, at):
    head, to = source[low:high], target[at : at + high - low]
    for k in range(len(head)):
        to[k] = head[k]


@helper
def unescape(source, count, tables, out):
    """Decode HTML5 character references once, as ``html.unescape`` does.

    ``source`` and ``out`` are each a :class:`Stream`; ``source`` has ``count`` code
    points. Return the number of outputs, and whether another round might find more
    references.
    """
    codes, first, last = source
    n = i = np.int64(0)
    decoded = False
    while i < count:
        run = i
        while run < count and codes[run] != AMPERSAND:
            run += 1
        if run > i:
            _copy(codes, i, run, out.codes, n)
            _copy(first, i, run, out.first, n)
            _copy(last, i, run, out.last, n)
            n += run - i
            i = run
            continue
        after = i
        if i + 1 < count:
            if codes[i + 1] == HASH:
                after, value = _numeric(codes, i, count, tables)
                if after > i and value != 0:
                    out.codes[n] = value
                    out.first[n], out.last[n] = first[i], last[after - 1]
                    n += 1
            else:
                after, slot = _named(codes, i, count, tables)
                if after > i:
                    for k in range(2):
                        if tables.entity_values[slot, k] != 0:
                            out.codes[n] = tables.entity_values[slot, k]
                            out.first[n], out.last[n] = first[i], last[after - 1]
                            n += 1
        decoded = decoded or after > i
        if after == i:
            out.codes[n] = codes[i]
            out.first[n], out.last[n] = first[i], last[i]
            n += 1
            after = i + 1
        i = after
    return n, decoded and refers(out.codes[:n])


@helper
def refers(codes):
    """Return whether there may be a character reference: an ampersand before a hash
    sign or a letter.
    """
    found = False
    current, following = codes[: max(0, len(codes) - 1)], codes[1:]
    for i in range(len(current)):
        letter = (following[i] | np.uint32(CASE)) - np.uint32(A) < np.uint32(26)
        found |= (current[i] == np.uint32(AMPERSAND)) & (
            letter | (following[i] == np.uint32(HASH))
        )
    return found
