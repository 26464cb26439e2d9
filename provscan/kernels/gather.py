"""What a shard has of the keys that a scan asks for: its entries, as they were before they were packed."""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.postings import bucket_of, equal_range, text_of


@kernel
def ranges(postings, keys, limit, firsts, sizes):
    """Equal ranges of uint64 ``keys``, the first ``limit`` entries of each, into int64 ``firsts`` and ``sizes``.

    Returns how many entries there are in all.
    """
    total = np.int64(0)
    for i in range(len(keys)):
        low, high = bucket_of(postings, keys[i])
        firsts[i], size = equal_range(postings, low, high, keys[i], limit)
        sizes[i] = min(size, limit)
        total += sizes[i]
    return total


@kernel
def entries(postings, found, keys, out):
    """The entries of equal ranges ``(firsts, sizes)``, into ``out``: their key, number of the text, and place.

    ``out`` is uint64[n], int64[n], int64[n]; the third is the entry's number in the table.
    """
    firsts, sizes = found
    key, text, entry = out
    n = np.int64(0)
    for i in range(len(keys)):
        for e in range(firsts[i], firsts[i] + sizes[i]):
            key[n], text[n], entry[n] = keys[i], text_of(postings, e), e
            n += 1
