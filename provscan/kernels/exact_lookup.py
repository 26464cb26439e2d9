"""Which texts of a segment are equal to given ones."""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.postings import bucket_of, equal_range

_S24 = np.uint64(24)
_TEXT = np.uint64(0xFFFFFF)


@kernel
def find_texts(keys, texts, postings, licensed, numbers):
    """Number of the licensed text that equals each canonical text, into int64 ``numbers``; -1 where there is none.

    ``keys`` uint64[n, 2] are the :func:`provscan.kernels.postings.text_keys` of ``texts``; ``postings`` are the
    segment's of whole texts, ``licensed`` its texts. Bytes are compared, not keys.
    """
    text, offsets = texts
    for i in range(len(keys)):
        numbers[i] = -1
        key = keys[i, 0] >> _S24
        low, high = bucket_of(postings, _S24, key)
        first, size = equal_range(postings.entries, low, high, _S24, key, len(postings.entries))
        length = offsets[i + 1] - offsets[i]
        for e in range(first, first + size):
            number = np.int64(postings.entries[e] & _TEXT)
            begin = licensed.offsets[number]
            if licensed.offsets[number + 1] - begin != length:
                continue
            same = True
            for j in range(length):
                same = same and text[offsets[i] + j] == licensed.text[begin + j]
            if same:
                numbers[i] = number
