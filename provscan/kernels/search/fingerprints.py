"""Fingerprints: test whether the wording around a seed agrees, before a candidate is
examined more closely.

Nearly all seeds that a long record shares with licensed texts are shared by chance: the
two have a phrase in common, and nothing around it. A *fingerprint* is one byte derived
from a 5-gram. The fingerprints of the licensed text around the seed are searched for in
the record, within :data:`DRIFT` places of the seed's diagonal, so that words may be
omitted, inserted or replaced. A candidate passes if enough of them are found for a
match; if only a part of a longer text is compared, the share
:data:`AGREEING` is enough. A copy with a typing error in every twelve characters has
that share; an unrelated text rarely has it. 64 fingerprints are computed and searched
for at once, without a branch (:mod:`provscan.kernels.instructions`). Most of the time
is spent on fetching the texts.

From place :data:`~provscan.kernels.search.minimizers.FAR` on, the index stores places
in large steps. All places of the step at which the text has the first two code points
of the seed are then tested, until the wording agrees.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.instructions import (
    FINGERPRINTED,
    FINGERPRINTS,
    LANES,
    NEARBY,
    high_lanes,
    nearby_fingerprints,
    prefetch,
)
from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.grams import GRAM
from provscan.kernels.search.minimizers import FAR, FAR_STEP, has_wide, length_units
from provscan.kernels.search.verify import code_of_unit, least_hits
from provscan.kernels.sketch.bands import ones
from provscan.kernels.sketch.hashing import MURMUR1

# The maximum distance from the diagonal, in code points.
DRIFT = NEARBY // 2
# The share of fingerprints near the diagonal with which a candidate passes.
AGREEING = 0.44
# The number of zeros before and after the fingerprints of each record, so that
# searches near its ends do not reach into another record.
GAP = FINGERPRINTS + NEARBY
_BEFORE = 26
_ZERO = np.int64(0)
# The number of candidates that prefetching is ahead of the test, and the bytes of a
# cache line.
_AHEAD, _LINE = 16, 64
_ALL = np.uint64(2**64 - 1)
SLOT_BITS = 10
_SLOT_SHIFT = np.uint64(64 - SLOT_BITS)
_THREE = np.uint8(3)


class FingerprintedRecords(NamedTuple):
    """The code points of records and their fingerprints."""

    codes: np.ndarray  # uint32[m].
    offsets: np.ndarray  # int64[n + 1], of ``codes``.
    fingerprints: np.ndarray  # uint8, the output of :func:`fingerprints`.


class ComparedText(NamedTuple):
    """A licensed text around whose seed the wording is compared. It begins at
    ``letters[low]``. There are at least :data:`FINGERPRINTED` elements from there on.
    """

    letters: np.ndarray  # uint8 or uint32.
    low: int
    length: int  # In code points.
    units: int


class FingerprintsScratch(NamedTuple):
    """Scratch for the code points of one text, and the memory of :func:`agreeing`.

    The caller makes a new one for each call (:func:`fingerprints_scratch`), since
    ``seen`` must not contain candidates of other records.
    """

    # uint32: the code points of the longest text, and those that are read beyond its
    # end.
    codes: np.ndarray
    # int64[2**SLOT_BITS, 3], initially -1: the record, text and diagonal (in code
    # points) of the candidate that was kept last in each slot, which a hash of the text
    # selects.
    seen: np.ndarray


def fingerprints_scratch(longest: int) -> FingerprintsScratch:
    """Return scratch for texts of up to ``longest`` bytes."""
    return FingerprintsScratch(
        np.empty(longest + FINGERPRINTED, np.uint32), np.full((1 << SLOT_BITS, 3), -1)
    )


@helper(forceinline=True)
def _is_ascii(values, start, stop):
    """Return whether all bytes of ``values[start:stop]`` are below 128.

    ``LANES`` bytes are tested at a time, so for a shorter text the result also depends
    on the bytes before it. It may then be false for ASCII, which only costs time.
    """
    last = stop - LANES
    if last < 0:
        return False
    high = high_lanes(values, last)
    for i in range(4):
        high |= high_lanes(values, min(start + i * LANES, last))
    for i in range(start + 4 * LANES, last, LANES):
        high |= high_lanes(values, i)
    return high == 0


@kernel
def fingerprints(codes, offsets, out):
    """Compute the fingerprint of the 5-gram at each code point of some records.

    It is the value at 3 of the polynomial whose coefficients are the code points,
    modulo 256.

    Parameters
    ----------
    codes, offsets
        Code points of the records, uint32[m] and int64[n + 1].
    out
        uint8[m + GAP * (n + 1)], output: the fingerprints of record ``i`` begin at
        ``offsets[i] + GAP * (i + 1)``; zeros separate those of two records.
    """
    end = _ZERO
    for r in range(len(offsets) - 1):
        low = offsets[r]
        begin, count = low + GAP * (r + 1), max(_ZERO, offsets[r + 1] - low - GRAM + 1)
        out[end:begin] = 0
        end = begin + count
        c0, c1, c2 = (
            codes[low : low + count],
            codes[low + 1 : low + count + 1],
            codes[low + 2 : low + count + 2],
        )
        c3, c4, filled = (
            codes[low + 3 : low + count + 3],
            codes[low + 4 : low + count + 4],
            out[begin:end],
        )
        for i in range(count):
            total = np.uint8(np.uint8(c0[i]) * _THREE + np.uint8(c1[i]))
            total = np.uint8(total * _THREE + np.uint8(c2[i]))
            total = np.uint8(total * _THREE + np.uint8(c3[i]))
            filled[i] = np.uint8(total * _THREE + np.uint8(c4[i]))
    out[end:] = 0


@helper(forceinline=True)
def _window(length, place):
    """Return the first 5-gram to compare around a place in a text, and their
    number.
    """
    first = max(_ZERO, min(place - _BEFORE, length - GRAM + 1 - FINGERPRINTS))
    return first, min(np.int64(FINGERPRINTS), length - GRAM + 1 - first)


@helper(forceinline=True)
def _least_agreeing(text, size, thresholds):
    """Return how many of the ``size`` compared fingerprints of a text must occur near
    their places in a record.

    All fingerprints of a short text are compared. In a longer text only those around
    the seed are, and a copy may have more of its edits there than elsewhere.
    """
    least = least_hits(text.length, text.units, size, thresholds)
    return least if text.length - GRAM + 1 == size else min(least, AGREEING * size)


@helper(forceinline=True)
def _agrees(records, record, code, text, place, thresholds):
    """Return whether the wording around a place of a text agrees with that around a
    code point of a record.
    """
    first, size = _window(text.length, place)
    begin = records.offsets[record] + code + GAP * (record + 1) - DRIFT - place + first
    found = nearby_fingerprints(
        records.fingerprints, begin, text.letters, text.low + first
    )
    agree = ones(found & (_ALL >> np.uint64((FINGERPRINTS - size) & 63)))
    return agree >= _least_agreeing(text, size, thresholds)


@helper
def _far_place(records, record, code, text, place, thresholds):
    """Return the first place in a text, from ``place`` on, at which the seed at code
    point ``code`` of a record may be and around which the wording agrees; -1 if there
    is none.
    """
    seed = records.offsets[record] + code
    for at in range(place, min(place + FAR_STEP, text.length - 1)):
        # Each seed has at least two code points.
        if (
            text.letters[text.low + at] == records.codes[seed]
            and text.letters[text.low + at + 1] == records.codes[seed + 1]
            and _agrees(records, record, code, text, at, thresholds)
        ):
            return at
    return np.int64(-1)


@helper(forceinline=True)
def _agreeing_place(records, record, code, text, place, far, thresholds):
    """Return the place of a seed in a text, in code points, if the wording around it
    agrees with that around code point ``code`` of a record; -1 otherwise.

    For a seed that is ``far`` into its text, ``place`` is the smallest possible place.
    In a damaged index, a place may be outside of its text.
    """
    place = min(place, text.length)
    if far:
        return _far_place(records, record, code, text, place, thresholds)
    if _agrees(records, record, code, text, place, thresholds):
        return place
    return np.int64(-1)


@kernel
def agreeing(records, texts, candidates, thresholds, scratch, kept):
    """Keep the candidates for which the wording around the seed agrees; return their
    number.

    A candidate whose place is :data:`FAR` or greater has the smallest place at which
    its seed may be. If it is kept, this is replaced by the exact place, unless the text
    has wide characters. A candidate is not kept if the last one that was kept for its
    record and text is on the same diagonal, to within :data:`DRIFT`.

    Parameters
    ----------
    records, texts
        :class:`FingerprintedRecords` and
        :class:`~provscan.kernels.records.TextBuffer`.
    candidates
        :class:`~provscan.kernels.records.Candidates`, int32[n], ordered by record,
        none for a whole record.
    thresholds
        :class:`~provscan.kernels.records.Thresholds` of a match.
    scratch
        :func:`fingerprints_scratch`.
    kept
        int64[n], output: the indices of the candidates that are kept.
    """
    record, text, code, place = candidates
    text_bytes, bounds = texts
    codes, seen = scratch
    count, n = len(record), 0
    for c in range(-2 * _AHEAD if count else 0, count):
        # No read waits for a branch that depends on another read.
        prefetch(bounds, text[min(c + 2 * _AHEAD, count - 1)])
        if c + _AHEAD >= 0:
            soon = text[min(c + _AHEAD, count - 1)]
            start, stop = bounds[soon], bounds[soon + 1]
            prefetch(text_bytes, start)
            prefetch(text_bytes, min(start + _LINE, stop))
            prefetch(text_bytes, stop - 1)
        if c < 0:
            continue
        start, stop = bounds[text[c]], bounds[text[c] + 1]
        # A text has at least as many bytes as units.
        if stop - start < thresholds.units:
            continue
        # ``at`` is the place in code points. The comparison is compiled twice: for the
        # bytes of an ASCII text, which are its code points, and for decoded texts.
        length = units = stop - start
        wide = False
        far = place[c] >= FAR
        if start + max(length, FINGERPRINTED) <= len(text_bytes) and _is_ascii(
            text_bytes, start, stop
        ):
            plain = ComparedText(text_bytes, start, length, units)
            at = _agreeing_place(
                records, record[c], code[c], plain, place[c], far, thresholds
            )
        else:
            length = decode(text_bytes, start, stop, codes)
            units, wide = length_units(codes, _ZERO, length), has_wide(codes[:length])
            decoded = ComparedText(codes, _ZERO, length, units)
            at = place[c]
            if wide:
                at = code_of_unit(codes, _ZERO, length, place[c])
            at = _agreeing_place(
                records, record[c], code[c], decoded, at, far, thresholds
            )
        if at < 0:
            continue
        if not wide:
            place[c] = at
        number = np.int64(text[c])
        slot, diagonal = (np.uint64(number) * MURMUR1) >> _SLOT_SHIFT, code[c] - at
        if (
            seen[slot, 0] == record[c]
            and seen[slot, 1] == number
            and abs(seen[slot, 2] - diagonal) <= DRIFT
        ):
            continue
        seen[slot, 0], seen[slot, 1], seen[slot, 2] = record[c], number, diagonal
        kept[n] = c
        n += 1
    return n
