"""The screen before verification: candidates that can't reach the least containment go, cheaply.

Nearly all candidates are chance, a phrase or two in common. Here each licensed text is decoded into scratch that stays
in the first-level cache, and the record's 5-grams near the diagonal are counted that may stand in the text, at most: a
Bloom filter of one hash (Bloom 1970, doi:10.1145/362686.362692). No candidate is lost that
:func:`provscan.kernels.verify.verify` would keep.
"""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.minimizers import has_wide, weight
from provscan.kernels.utf8 import decode
from provscan.kernels.verify import GRAM, code_of_token, gram_hashes, slack_of

FILTER_BITS = 12
_DOWN = np.uint32(32 - FILTER_BITS)
_MARKED = np.uint8(1)
# Candidates whose texts are fetched together.
_AHEAD = 32


@kernel
def screen(
    hashes, offsets, texts, text_offsets, record, text, code_at, place, least_share, least_weight,
    codes, text_hashes, marks, kept,
):  # fmt: skip
    """Mark the candidates to verify.

    Parameters
    ----------
    hashes, offsets
        uint32 and int64: :func:`~provscan.kernels.verify.gram_hashes` of the records, where each record begins.
    texts, text_offsets
        uint8 and int64: UTF-8 of the licensed texts, where each begins.
    record, text, code_at, place
        int64[n]: of each candidate the record, the licensed text, and the diagonal as ``verify`` takes it.
    least_share, least_weight
        As for ``verify``.
    codes, text_hashes
        uint32: room for as many elements as the longest text has bytes.
    marks
        uint8[2**FILTER_BITS], room for the filter.
    kept
        bool[n], filled in.

    Returns
    -------
    int64
        A sum that keeps the reads ahead alive.
    """
    count = len(record)
    alive = np.int64(0)
    last = np.int64(-1)
    length, heavy, distinct, wide = np.int64(0), np.int64(0), np.int64(0), False
    for c in range(count):
        if c % _AHEAD == 0:
            for ahead in range(c, min(c + _AHEAD, count)):
                far = text[ahead]
                alive += texts[text_offsets[far]] + texts[text_offsets[far + 1] - 1]
        begin, size = offsets[record[c]], offsets[record[c] + 1] - offsets[record[c]]
        kept[c] = False
        if text[c] != last:
            last = text[c]
            length = decode(texts, text_offsets[last], text_offsets[last + 1], codes)
            wide = has_wide(codes[:length])
            heavy = weight(codes, 0, length) if wide else length
            marks[:] = 0
            if length >= GRAM:
                gram_hashes(codes[:length], text_hashes)
                distinct = np.int64(0)
                for h in text_hashes[: length - GRAM + 1]:
                    distinct += np.int64(marks[h >> _DOWN] ^ _MARKED)
                    marks[h >> _DOWN] = _MARKED
        if heavy < least_weight:
            continue
        if length < GRAM or size < GRAM:
            kept[c] = length == size
            continue
        first, last_gram = np.int64(0), size - GRAM + 1
        if code_at[c] >= 0:
            slack = slack_of(length)
            diagonal = code_at[c] - (code_of_token(codes, 0, length, place[c]) if wide else min(place[c], length))
            first = max(0, diagonal - slack)
            last_gram = min(size, diagonal + length + slack) - GRAM + 1
        total = np.int64(0)
        for h in hashes[begin + first : begin + last_gram]:
            total += np.int64(marks[h >> _DOWN])
        kept[c] = total >= least_share * distinct
    return alive
