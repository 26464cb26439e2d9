"""Collect the entries that a shard has for the keys of a scan: the distinct keys
(:func:`collect_distinct`), their ranges in a table (:func:`find_ranges`), and the
entries in these ranges (:func:`copy_entries`).
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import kernel
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import band_hash, bucket_of, equal_range, text_of

_U0, _U1, _U32, _U64 = np.uint64(0), np.uint64(1), np.uint64(32), np.uint64(64)
# At least this number of keys are looked up together.
_TOGETHER = 256


class Ranges(NamedTuple):
    """Equal ranges of a table: uint64[n], the keys, and int64[n] each, the first entry
    and the entry after the last.
    """

    keys: np.ndarray
    firsts: np.ndarray
    ends: np.ndarray


class Entries(NamedTuple):
    """Entries of a table: uint64[n], the keys, and int64[n] each, the number of the
    text and the number of the entry.
    """

    keys: np.ndarray
    texts: np.ndarray
    numbers: np.ndarray


@kernel
def collect_distinct(keys, known, slots, out):
    """Write the distinct values of uint64 ``keys``, of which only the upper ``known``
    bits count, to ``out``; return their number.

    They are in the order of first appearance, with the other bits cleared. ``slots``,
    uint64[2**b], is an empty open-addressing table with room for all of them.
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
            # The stored value is never 0: no table stores the lowest bit of a key, so
            # it can be set.
            slots[slot] = key | _U1
            out[n] = key
            n += 1
    return n


@kernel
def find_ranges(postings, bloom, keys, limit, out):
    """Find the equal ranges of the uint64 ``keys`` that pass a filter. Empty ranges are
    left out, and long ones are cut to their first ``limit`` entries.

    ``bloom`` is a filter of :func:`provscan.kernels.storage.postings.band_hash`
    hashes. ``out`` is a :class:`Ranges` with room for one more range than there are
    keys. Return the number of ranges, and the total number of entries.
    """
    asked, firsts, ends = out
    known = _U32 + np.uint64(postings.bits) - np.uint64(postings.text_bits)
    n, total, read = np.int64(0), np.int64(0), np.int64(0)
    while read < len(keys):
        m = np.uint64(n)
        while read < len(keys) and m < np.uint64(n + _TOGETHER):
            stop = min(read + _TOGETHER, len(keys))
            for i in range(np.uint64(read), np.uint64(stop)):
                asked[m] = keys[i]
                h = band_hash(keys[i], known)
                m += has_bits(word_of(bloom, h), h)
            read = stop
        # As in provscan.kernels.storage.postings.find_buckets, no read waits for a
        # branch that depends on another read.
        for k in range(n, np.int64(m)):
            firsts[k], ends[k] = bucket_of(postings, asked[k])
        for k in range(n, np.int64(m)):
            prefetch(postings.entries, firsts[k])
            prefetch(postings.entries, ends[k])
        for k in range(n, np.int64(m)):
            first, size = equal_range(postings, firsts[k], ends[k], asked[k], limit)
            taken = min(size, limit)
            asked[n], firsts[n], ends[n] = asked[k], first, first + taken
            total += taken
            n += size > 0
    return n, total


@kernel
def copy_entries(postings, ranges, out):
    """Write the entries of :class:`Ranges` to :class:`Entries`."""
    n = np.int64(0)
    for i in range(len(ranges.keys)):
        for e in range(ranges.firsts[i], ranges.ends[i]):
            out.keys[n], out.texts[n], out.numbers[n] = (
                ranges.keys[i],
                text_of(postings, e),
                e,
            )
            n += 1
