"""Licensed texts that equal a stretch of a record, word for word, around a match of another one.

A template has thousands of variants that share nearly all their seeds; some of them are compared with a record, one of
those is the best match. If the record holds a variant as it is, its key tells: stretches from one word border to
another that begin and end near the match's edges are looked up in the table of whole texts.
"""

import numpy as np

from provscan.kernels.align import SPACE
from provscan.kernels.jit import allocating, kernel
from provscan.kernels.postings import find_run, finish, hash_byte, hash_start, warm

# Words around each edge of a match.
WORDS = 2
_BORDERS = 2 * WORDS + 1
_S24 = np.uint64(24)
_TEXT = np.uint64(0xFFFFFF)
_SIX = np.uint32(0x3F)


@kernel
def _before(codes, at, begin, words):
    """Where the word that holds ``at`` begins, or one of so many words before, not before ``begin``."""
    while True:
        while at > begin and codes[at - 1] != SPACE:
            at -= 1
        if words == 0 or at == begin:
            return at
        at -= 1
        words -= 1


@kernel
def _after(codes, at, end, words):
    """Where the word that ends at ``at`` or later ends, or one of so many words after, not after ``end``."""
    while True:
        while at < end and codes[at] != SPACE:
            at += 1
        if words == 0 or at == end:
            return at
        at += 1
        words -= 1


@kernel(forceinline=True)
def _hash_code(state, code):
    """FNV-1a of one code point's UTF-8."""
    if code < 0x80:
        return hash_byte(state, code)
    if code < 0x800:
        state = hash_byte(state, np.uint32(0xC0) | (code >> 6))
    else:
        if code < 0x10000:
            state = hash_byte(state, np.uint32(0xE0) | (code >> 12))
        else:
            state = hash_byte(state, np.uint32(0xF0) | (code >> 18))
            state = hash_byte(state, np.uint32(0x80) | ((code >> 12) & _SIX))
        state = hash_byte(state, np.uint32(0x80) | ((code >> 6) & _SIX))
    return hash_byte(state, np.uint32(0x80) | (code & _SIX))


@allocating
def variants(codes, offsets, record, span, similarity, least, table, most, out_row, out_text, out_code, counters):
    """Candidates that equal a stretch around a match.

    Parameters
    ----------
    codes, offsets
        uint32 and int64: canonical code points of the records, where each begins.
    record, span, similarity
        int64[n], int64[n, 2] and float64[n]: the matches. Those of ``least <= similarity < 1`` are looked at.
    table
        ``(entries, starts, bits)`` of whole texts, see :mod:`provscan.kernels.postings`.
    most
        Texts of one key that are taken at most.
    out_row, out_text, out_code
        int64[m]: of each candidate the match, the text, and where in the record it begins.
    counters
        int64[1], written to keep reads alive.

    Returns
    -------
    int64
        How many there are; no more than ``m``.
    """
    entries, starts, bits = table
    keys = np.empty(_BORDERS, np.uint64)
    lows, highs = np.empty(_BORDERS, np.int64), np.empty(_BORDERS, np.int64)
    n = 0
    for m in range(len(record)):
        if similarity[m] >= 1.0 or similarity[m] < least:
            continue
        begin, end = offsets[record[m]], offsets[record[m] + 1]
        low, high = begin + span[m, 0], begin + span[m, 1]
        first = _before(codes, low, begin, WORDS)
        last = _after(codes, low, end, WORDS)
        nearest = _before(codes, high - 1, begin, WORDS)
        furthest = _after(codes, high, end, WORDS)
        at = first
        while at < last and n < len(out_row):
            state = hash_start()
            count = 0
            for i in range(at, furthest):
                if i > nearest and codes[i] == SPACE and count < _BORDERS - 1:
                    keys[count] = finish(state) >> _S24
                    count += 1
                state = _hash_code(state, codes[i])
            keys[count] = finish(state) >> _S24
            count += 1
            counters[0] += np.int64(warm(entries, starts, bits, 24, keys[:count], lows, highs) & np.uint64(1))
            for k in range(count):
                found, size = find_run(entries, lows[k], highs[k], _S24, keys[k], most)
                for e in range(found, found + min(size, most)):
                    if n < len(out_row):
                        out_row[n], out_text[n], out_code[n] = m, np.int64(entries[e] & _TEXT), at - begin
                        n += 1
            at = _after(codes, at, end, 0) + 1
    return n
