"""Which texts of a segment are equal to given ones."""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.postings import find_run

_S24 = np.uint64(24)
_TEXT = np.uint64(0xFFFFFF)


@kernel
def find_texts(keys, text, offsets, table, licensed, licensed_offsets, numbers):
    """Number of the licensed text that equals each canonical text, into int64 ``numbers``; -1 where there is none.

    ``keys`` uint64[n, 2] are the texts' :func:`provscan.kernels.postings.text_keys`; ``table`` is the segment's
    ``(exact entries, starts, bits)``, ``licensed`` and ``licensed_offsets`` its texts. Bytes are compared, not keys.
    """
    entries, starts, bits = table
    down = np.uint64(40 - bits)
    for i in range(len(keys)):
        numbers[i] = -1
        key = keys[i, 0] >> _S24
        bucket = key >> down
        low, high = np.int64(starts[bucket]), np.int64(starts[bucket + np.uint64(1)])
        first, size = find_run(entries, low, high, _S24, key, len(entries))
        length = offsets[i + 1] - offsets[i]
        for e in range(first, first + size):
            number = np.int64(entries[e] & _TEXT)
            begin = licensed_offsets[number]
            if licensed_offsets[number + 1] - begin != length:
                continue
            same = True
            for j in range(length):
                same = same and text[offsets[i] + j] == licensed[begin + j]
            if same:
                numbers[i] = number
