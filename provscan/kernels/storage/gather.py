"""The entries that a shard has for the keys of a scan: key, text and place."""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.sketch.lanes import prefetch
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import band_hash, bucket_of, equal_range, text_of

_U0, _U1, _U32, _U64 = np.uint64(0), np.uint64(1), np.uint64(32), np.uint64(64)
# Keys that are looked up together.
_TOGETHER = 256


@kernel
def distinct(keys, known, slots, out):
    """The different ones among uint64 ``keys``, of which the upper ``known`` bits
    count, into ``out``; how many.

    They stand in the order of their first appearance, without the other bits. ``slots``
    uint64[2**b] is an empty open-addressed table that has room for all of them.
    """
    lower = _U64 - np.uint64(known)
    last = np.uint64(len(slots) - 1)
    down = _U64
    while last >> (_U64 - down) != _U0:
        down -= _U1
    n = np.int64(0)
    for i in range(len(keys)):
        key = keys[i] >> lower << lower
        slot = key >> down
        while slots[slot] != _U0 and slots[slot] != key | _U1:
            slot = (slot + _U1) & last
        if slots[slot] == _U0:
            # Never 0, since no table knows the lowest bit of a key.
            slots[slot] = key | _U1
            out[n] = key
            n += 1
    return n


@kernel
def ranges(postings, bloom, keys, limit, out):
    """Equal ranges of those uint64 ``keys`` that a filter holds, the first ``limit``
    entries of each, unless empty.

    ``bloom`` is a filter of :func:`provscan.kernels.storage.postings.band_hash`. Into
    ``out``, uint64[n + 1], int64[n + 1] and int64[n + 1], go the keys, first entries
    and sizes. Returns how many there are, and how many entries in all.
    """
    asked, firsts, sizes = out
    known = _U32 + np.uint64(postings.bits) - np.uint64(postings.text_bits)
    n, total = np.int64(0), np.int64(0)
    for low in range(0, len(keys), _TOGETHER):
        m = np.uint64(n)
        for i in range(np.uint64(low), np.uint64(min(low + _TOGETHER, len(keys)))):
            asked[m] = keys[i]
            h = band_hash(keys[i], known)
            m += has_bits(word_of(bloom, h), h)
        # As in provscan.kernels.storage.postings.find_buckets: no read waits for a
        # decision about another one.
        for k in range(n, np.int64(m)):
            firsts[k], sizes[k] = bucket_of(postings, asked[k])
        for k in range(n, np.int64(m)):
            prefetch(postings.entries, firsts[k])
        for k in range(n, np.int64(m)):
            first, size = equal_range(postings, firsts[k], sizes[k], asked[k], limit)
            asked[n], firsts[n], sizes[n] = asked[k], first, min(size, limit)
            total += sizes[n]
            n += size > 0
    return n, total


@kernel
def entries(postings, found, out):
    """The entries of equal ranges ``(keys, firsts, sizes)``, into ``out``: their key,
    number of the text, and place.

    ``out`` is uint64[n], int64[n], int64[n]; the third is the entry's number in the
    table.
    """
    keys, firsts, sizes = found
    key, text, entry = out
    n = np.int64(0)
    for i in range(len(keys)):
        for e in range(firsts[i], firsts[i] + sizes[i]):
            key[n], text[n], entry[n] = keys[i], text_of(postings, e), e
            n += 1
