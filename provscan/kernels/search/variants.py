"""Find licensed texts that equal a stretch of a record, word for word, around a match
of another text.

A template may have thousands of variants that share nearly all their seeds, and only a
few of them are compared with a record. A variant that the record contains unchanged is
found by its key: stretches between word boundaries that begin and end near the match's
edges are looked up in the table of whole texts.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.characters import SPACE
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import FNV_START, fnv1a, murmur_mix
from provscan.kernels.storage.postings import equal_range, find_buckets, text_of

# The number of words searched on each side of an edge of a match.
WORDS = np.int64(2)
_BORDERS = 2 * int(WORDS) + 1
# The keys of texts have 64 bits: see `find_buckets`.
_WHOLE = np.uint64(0)
_NO_WORDS = np.int64(0)
_SIX = np.uint32(0x3F)


class MatchedPlaces(NamedTuple):
    """Matches around which variants are searched for."""

    record: np.ndarray  # int64[n].
    span: np.ndarray  # int64[n, 2], in code points of the record.
    similarity: np.ndarray  # float64[n].


class Variants(NamedTuple):
    """Licensed texts that equal a stretch of a record around a match; int64[n] each."""

    match: np.ndarray  # The index of the match.
    text: np.ndarray  # The row of the text in its tables.
    start: np.ndarray  # Where the stretch begins, in code points of the record.
    # The index of the stretch among those that begin there.
    stretch: np.ndarray


class VariantLimits(NamedTuple):
    """The minimum similarity of a match whose surroundings are searched, and the
    maximum number of texts taken for one key.
    """

    similarity: float
    texts: int


class VariantScratch(NamedTuple):
    """Scratch for the stretches that begin at one word boundary."""

    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray


def variant_scratch() -> VariantScratch:
    return VariantScratch(
        *(np.empty(_BORDERS, dtype) for dtype in (np.uint64, np.int64, np.int64))
    )


@helper
def _before(codes, at, begin, words):
    """Return the start of the word around ``at``, or of the word ``words`` words
    earlier, but not before ``begin``.
    """
    while True:
        while at > begin and codes[at - 1] != SPACE:
            at -= 1
        if words == 0 or at == begin:
            return at
        at -= 1
        words -= 1


@helper
def _after(codes, at, end, words):
    """Return the end of the first word that ends at or after ``at``, or of the word
    ``words`` words later, but not after ``end``.
    """
    while True:
        while at < end and codes[at] != SPACE:
            at += 1
        if words == 0 or at == end:
            return at
        at += 1
        words -= 1


@helper(forceinline=True)
def _hash_code(state, code):
    """Update an FNV-1a hash with the UTF-8 of one code point."""
    if code < 0x80:
        return fnv1a(state, code)
    if code < 0x800:
        state = fnv1a(state, np.uint32(0xC0) | (code >> 6))
    else:
        if code < 0x10000:
            state = fnv1a(state, np.uint32(0xE0) | (code >> 12))
        else:
            state = fnv1a(state, np.uint32(0xF0) | (code >> 18))
            state = fnv1a(state, np.uint32(0x80) | ((code >> 12) & _SIX))
        state = fnv1a(state, np.uint32(0x80) | ((code >> 6) & _SIX))
    return fnv1a(state, np.uint32(0x80) | (code & _SIX))


@kernel
def variants(records, matches, postings, limits, scratch, out):
    """Find texts that equal a stretch around a match, and write them to ``out``,
    :class:`Variants`. Return their number, which is limited by the room for them.

    Only those of the ``matches``, :class:`MatchedPlaces`, that are similar enough and
    not exact copies are examined.
    """
    codes, offsets = records
    record, span, similarity = matches
    keys, lows, highs = scratch.keys, scratch.lows, scratch.highs
    room = len(out.match)
    n = 0
    for m in range(len(record)):
        if similarity[m] >= 1.0 or similarity[m] < limits.similarity:
            continue
        begin, end = offsets[record[m]], offsets[record[m] + 1]
        low, high = begin + span[m, 0], begin + span[m, 1]
        first = _before(codes, low, begin, WORDS)
        last = _after(codes, low, end, WORDS)
        nearest = _before(codes, high - 1, begin, WORDS)
        furthest = _after(codes, high, end, WORDS)
        at = first
        while at < last and n < room:
            state = FNV_START
            count = 0
            for i in range(at, furthest):
                if i > nearest and codes[i] == SPACE and count < _BORDERS - 1:
                    keys[count] = murmur_mix(state)
                    count += 1
                state = _hash_code(state, codes[i])
            keys[count] = murmur_mix(state)
            count += 1
            find_buckets(postings, _WHOLE, keys[:count], lows, highs)
            for k in range(count):
                start, size = equal_range(
                    postings, lows[k], highs[k], keys[k], limits.texts
                )
                for e in range(start, start + min(size, limits.texts)):
                    if n < room:
                        out.match[n], out.text[n], out.start[n], out.stretch[n] = (
                            m,
                            text_of(postings, e),
                            at - begin,
                            k,
                        )
                        n += 1
            at = _after(codes, at, end, _NO_WORDS) + 1
    return n
