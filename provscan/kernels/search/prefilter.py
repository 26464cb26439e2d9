"""The prefilter, which rejects candidates that have too little in common with their
texts before verification.

Nearly all candidates are chance, with a phrase or two in common. The prefilter decodes
each licensed text into scratch that stays in the first-level cache, and counts the
record's 5-grams near the diagonal that may occur in the text, with a Bloom filter of
one hash (Bloom 1970, doi:10.1145/362686.362692). It rejects no candidate that
:func:`provscan.kernels.search.verify.verify` would keep.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import kernel
from provscan.kernels.search.grams import GRAM, gram_hashes
from provscan.kernels.search.minimizers import has_wide, length_units
from provscan.kernels.search.verify import band_width, code_of_unit, least_hits

FILTER_BITS = 12
_DOWN = np.uint32(32 - FILTER_BITS)
_MARKED = np.uint8(1)
_ZERO = np.int64(0)
# The number of candidates whose texts are prefetched together.
_AHEAD = 32


class PrefilterScratch(NamedTuple):
    """Room for the code points and 5-gram hashes of the longest text (uint32), and the
    filter (uint8[2**FILTER_BITS]).
    """

    codes: np.ndarray
    hashes: np.ndarray
    marks: np.ndarray


def prefilter_scratch(longest: int) -> PrefilterScratch:
    """Return scratch for texts of up to ``longest`` bytes."""
    marks = np.empty(1 << FILTER_BITS, np.uint8)
    return PrefilterScratch(
        np.empty(longest, np.uint32), np.empty(longest, np.uint32), marks
    )


@kernel
def prefilter(records, texts, candidates, thresholds, scratch, kept):
    """Mark the candidates to verify in bool[n] ``kept``.

    ``records`` are :class:`~provscan.kernels.records.Grams`, ``texts`` the licensed
    texts of the segment (:class:`~provscan.kernels.records.TextBuffer`).
    """
    record, text, code, place = candidates
    codes, text_hashes, marks = scratch
    count = len(record)
    last = np.int64(-1)
    length, units, distinct, wide = np.int64(0), np.int64(0), np.int64(0), False
    for c in range(count):
        if c % _AHEAD == 0:
            for ahead in range(c, min(c + _AHEAD, count)):
                far = text[ahead]
                prefetch(texts.text, texts.offsets[far])
                prefetch(texts.text, texts.offsets[far + 1] - 1)
        begin = records.offsets[record[c]]
        size = records.offsets[record[c] + 1] - begin
        kept[c] = False
        if text[c] != last:
            last = text[c]
            length = decode(
                texts.text, texts.offsets[last], texts.offsets[last + 1], codes
            )
            wide = has_wide(codes[:length])
            units = length_units(codes, _ZERO, length) if wide else length
            marks[:] = 0
            if length >= GRAM:
                gram_hashes(codes[:length], text_hashes[:length])
                distinct = np.int64(0)
                for h in text_hashes[: length - GRAM + 1]:
                    distinct += np.int64(marks[h >> _DOWN] ^ _MARKED)
                    marks[h >> _DOWN] = _MARKED
        if units < thresholds.units:
            continue
        if length < GRAM or size < GRAM:
            kept[c] = length == size
            continue
        first, last_gram = np.int64(0), size - GRAM + 1
        if code[c] >= 0:
            width = band_width(length)
            diagonal = code[c] - (
                code_of_unit(codes, _ZERO, length, place[c])
                if wide
                else min(place[c], length)
            )
            first = max(0, diagonal - width)
            last_gram = min(size, diagonal + length + width) - GRAM + 1
        total = np.int64(0)
        for h in records.hashes[begin + first : begin + last_gram]:
            total += np.int64(marks[h >> _DOWN])
        kept[c] = total >= least_hits(length, units, distinct, thresholds)
