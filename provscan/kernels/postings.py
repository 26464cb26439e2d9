"""Postings: sorted 64-bit entries with bucket offsets, and what a scan looks up in them.

An *entry* is a key above a payload: ``key << shift | payload``. All entries of a table stand sorted in one uint64
array; the bucket offsets ``starts`` (uint32[2**bits + 1]) say for the upper ``bits`` of the key where its entries
begin. A look-up is one read of the offsets and one of the entries. Entries with one key are an *equal range*.

Three tables use it: whole canonical texts (key 40 bits | text 24), LSH bands (the same), and k-min-mers of seeds with
rare seeds (key 32 | text 24 | place 8).

Units that the loops call are inlined by force: numba passes an array as seven words, most of them on the stack.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.hashing import FNV_START, MURMUR1, MURMUR2, fnv1a, murmur_mix
from provscan.kernels.jit import kernel

_S8, _S24, _S32 = np.uint64(8), np.uint64(24), np.uint64(32)
_TEXT = np.uint64(0xFFFFFF)
_U1 = np.uint64(1)
# Entries that a look-up compares at once: a cache line of them, and mostly all that a bucket holds.
_STRIDE = np.uint64(8)
_LINE = ~np.uint64(7)
_KEY_SHIFT = np.int64(24)
# Records whose bands are looked up together.
_TOGETHER = 16
# Strides before a bucket is bisected.
_STRIDES = 8
# Score of a text that equals the record: above what any sketch agrees in.
_EQUAL = np.int64(129)
_M1 = np.uint64(0x5555555555555555)
_M2 = np.uint64(0x3333333333333333)
_M4 = np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)


class WholeLimits(NamedTuple):
    """Limits of candidates of whole records.

    Attributes
    ----------
    band_texts
        Texts that are read of one LSH band at most.
    sketch_bits
        Bits of 128 in which the one-bit sketches of record and text must agree.
    candidates
        Candidates of one record at most.
    """

    band_texts: int
    sketch_bits: int
    candidates: int


class WholeScratch(NamedTuple):
    """Scratch of :func:`whole_candidates`: equal ranges of bands and of texts, and the best candidates of a record."""

    band_keys: np.ndarray
    band_lows: np.ndarray
    band_highs: np.ndarray
    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    texts: np.ndarray
    scores: np.ndarray


def whole_scratch(bands: int, candidates: int) -> WholeScratch:
    """Scratch for so many bands a record and candidates a record."""
    of_bands, of_texts = bands * _TOGETHER, _TOGETHER
    return WholeScratch(
        *(np.empty(of_bands, dtype) for dtype in (np.uint64, np.int64, np.int64)),
        *(np.empty(of_texts, dtype) for dtype in (np.uint64, np.int64, np.int64)),
        *(np.empty(candidates, np.int64) for _ in range(2)),
    )


@kernel
def text_keys(texts, keys):
    """128-bit key of each canonical text into uint64[n, 2].

    Two chains over the UTF-8 bytes, ``h = (h ^ byte) * prime`` (FNV-1a) and ``h = (h + byte) * odd``, each mixed at
    the end by MurmurHash3's finaliser; a table of texts uses the first alone.
    """
    text, offsets = texts
    for i in range(len(keys)):
        g, h = FNV_START, MURMUR2
        for j in range(offsets[i], offsets[i + 1]):
            g = fnv1a(g, text[j])
            h = (h + np.uint64(text[j]) + _U1) * MURMUR1
        keys[i, 0] = murmur_mix(g)
        keys[i, 1] = murmur_mix(h)


@kernel
def number_texts(keys, table, ids, known, numbers):
    """Give each 128-bit key its number: its first appearance's.

    ``table`` uint64[2**b, 2] and ``ids`` uint32[2**b] (0 is free, else number + 1) are an open-addressed table that
    holds ``known`` keys and has room for all of these. Fills int64 ``numbers`` and returns how many keys are
    known then.
    """
    mask = np.uint64(len(ids) - 1)
    for i in range(len(keys)):
        slot = keys[i, 0] & mask
        while ids[slot] != 0 and (table[slot, 0] != keys[i, 0] or table[slot, 1] != keys[i, 1]):
            slot = (slot + np.uint64(1)) & mask
        if ids[slot] == 0:
            known += 1
            ids[slot] = known
            table[slot, 0], table[slot, 1] = keys[i, 0], keys[i, 1]
        numbers[i] = np.int64(ids[slot]) - 1
    return known


@kernel
def move_texts(table, ids, larger, larger_ids):
    """Copy an open-addressed table of :func:`number_texts` into a larger, empty one."""
    mask = np.uint64(len(larger_ids) - 1)
    for i in range(len(ids)):
        if ids[i] != 0:
            slot = table[i, 0] & mask
            while larger_ids[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            larger_ids[slot] = ids[i]
            larger[slot, 0], larger[slot, 1] = table[i, 0], table[i, 1]


@kernel
def bucket_offsets(entries, first, bits, starts):
    """Fill in the bucket offsets for sorted ``entries`` that stand from ``first`` on in their table.

    Only buckets that begin among them are written; the caller presets ``starts`` to the table's length.
    """
    shift = np.uint64(64 - bits)
    last = np.int64(-1) if first == 0 else np.int64(-2)
    for i in range(len(entries)):
        bucket = np.int64(entries[i] >> shift) if bits > 0 else np.int64(0)
        if bucket != last:
            starts[bucket] = min(starts[bucket], np.uint32(first + i))
            last = bucket


@kernel
def close_bucket_offsets(starts):
    """Give buckets without entries the start of the next one that has some."""
    for bucket in range(len(starts) - 2, -1, -1):
        starts[bucket] = min(starts[bucket], starts[bucket + 1])


@kernel(forceinline=True)
def bucket_of(postings, shift, key):
    """First and last (exclusive) entry of a key's bucket; the key stands above ``shift`` bits of an entry."""
    bucket = key >> np.uint64(np.uint64(64) - shift - np.uint64(postings.bits))
    return np.int64(postings.starts[bucket]), np.int64(postings.starts[bucket + _U1])


@kernel(forceinline=True)
def prefetch(postings, shift, keys, lows, highs):
    """Buckets of some keys, entries ``lows[i]`` to ``highs[i]``, and reads of what :func:`equal_range` will read.

    A look-up waits for memory twice. In these loops no read waits for a decision about another one, so the processor
    has many under way; :func:`equal_range`, which decides, then finds everything in its caches. The sum that is
    returned keeps the reads from being optimised away.
    """
    entries, starts, bits = postings
    down = np.uint64(64 - shift - bits)
    for i in range(len(keys)):
        bucket = np.uint64(keys[i]) >> down
        lows[i] = starts[bucket]
        highs[i] = starts[bucket + _U1]
    total = np.uint64(0)
    last = np.uint64(max(len(entries), 1) - 1)
    for i in range(len(keys)):
        low, high = np.uint64(lows[i]), np.uint64(highs[i])
        total += entries[min(low, last)] ^ entries[min(high, last)]
    return total


@kernel(forceinline=True)
def equal_range(entries, low, stop, shift, key, limit):
    """First entry with ``key`` in the bucket from ``low`` to ``stop``, and how many there are, up to ``limit`` or so.

    Entries before the bucket are less and those after it greater, so a cache line of them is counted without a branch
    on any.
    """
    less, upto = np.int64(0), np.int64(0)
    start = np.uint64(low) & _LINE
    first = start
    for _ in range(_STRIDES):
        if np.int64(first + _STRIDE) > len(entries):
            break
        line_less, line_upto = np.int64(0), np.int64(0)
        for e in range(_STRIDE):
            entry = entries[first + e] >> shift
            line_less += entry < key
            line_upto += entry <= key
        less += line_less
        upto += line_upto
        if line_upto < np.int64(_STRIDE) or upto - less > limit:
            return np.int64(start) + less, upto - less
        first += _STRIDE
    return _bisected_range(entries, low, stop, shift, key, limit)


@kernel
def _bisected_range(entries, low, stop, shift, key, limit):
    """:func:`equal_range` in a bucket of any length, by bisection. Past ``limit`` the end is not looked for."""
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] >> shift < key:
            low = middle + 1
        else:
            high = middle
    first = low
    if first + limit < stop and entries[first + limit] >> shift == key:
        return first, limit + 1
    high = min(first + limit, stop)
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] >> shift == key:
            low = middle + 1
        else:
            high = middle
    return first, low - first


@kernel(forceinline=True)
def _ones(x):
    x = x - ((x >> np.uint64(1)) & _M1)
    x = (x & _M2) + ((x >> np.uint64(2)) & _M2)
    x = (x + (x >> np.uint64(4))) & _M4
    return np.int64((x * _H01) >> np.uint64(56))


@kernel
def _keep_best(text, score, texts, scores, count):
    """Insert a candidate into a full-length list, best first, each text once; how many of it are in use then."""
    for i in range(count):
        if texts[i] == text:
            return count
    if count == len(texts):
        if score <= scores[count - 1]:
            return count
        count -= 1
    i = count
    while i > 0 and scores[i - 1] < score:
        scores[i], texts[i] = scores[i - 1], texts[i - 1]
        i -= 1
    scores[i], texts[i] = score, text
    return count + 1


@kernel(forceinline=True)
def _look_up_bands(table, keys, lows, highs, limit, counters):
    """Entries ``lows[k]`` to ``highs[k]`` of each band, at most ``limit``; prefetches the sketches of their texts."""
    entries = table.bands.entries
    alive = prefetch(table.bands, _KEY_SHIFT, keys, lows, highs)
    for k in range(len(keys)):
        start, size = equal_range(entries, lows[k], highs[k], _S24, keys[k], limit)
        counters.bands_cut[0] += size > limit
        lows[k], highs[k] = start, start + min(size, limit)
    for k in range(len(keys)):
        for e in range(lows[k], highs[k]):
            alive += table.sketches[entries[e] & _TEXT, 0]
    counters.reads[0] += np.int64(alive & _U1)


@kernel
def whole_candidates(records, table, limits, scratch, out, counters):
    """Licensed texts that may equal or resemble whole records.

    From each LSH band up to ``limits.band_texts`` texts are read; those whose one-bit sketch agrees in
    ``limits.sketch_bits`` bits of 128 or more are candidates, at most ``limits.candidates`` a record, best first. Some
    records are looked up together, since most of what is read is in no cache.

    Parameters
    ----------
    records
        :class:`~provscan.kernels.records.Sketches` of the records.
    table
        :class:`~provscan.kernels.records.TextTable` of one segment.
    limits, scratch
        :class:`WholeLimits` and :func:`whole_scratch`.
    out
        :class:`~provscan.kernels.records.Candidates`, of which ``record`` and ``text`` are filled; room for
        ``limits.candidates`` a record.
    counters
        :class:`~provscan.kernels.records.Counters`: ``bands_cut`` grows by the look-ups cut short.

    Returns
    -------
    int64
        How many there are.
    """
    exact, licensed = table.exact.entries, table.sketches
    texts, scores = scratch.texts[: limits.candidates], scratch.scores
    each = records.bands.shape[1]
    n = 0
    for first in range(0, len(records.keys), _TOGETHER):
        size = min(_TOGETHER, len(records.keys) - first)
        for i in range(size):
            scratch.keys[i] = records.keys[first + i, 0] >> _S24
            for b in range(each):
                scratch.band_keys[i * each + b] = records.bands[first + i, b] >> _S24
        alive = prefetch(table.exact, _KEY_SHIFT, scratch.keys[:size], scratch.lows, scratch.highs)
        counters.reads[0] += np.int64(alive & _U1)
        _look_up_bands(
            table, scratch.band_keys[: size * each], scratch.band_lows, scratch.band_highs, limits.band_texts, counters
        )
        for i in range(size):
            record = first + i
            count = np.int64(0)
            start, equal = equal_range(
                exact, scratch.lows[i], scratch.highs[i], _S24, scratch.keys[i], limits.candidates
            )
            for e in range(start, start + min(equal, limits.candidates)):
                count = _keep_best(np.int64(exact[e] & _TEXT), _EQUAL, texts, scores, count)
            for k in range(i * each, (i + 1) * each):
                for e in range(scratch.band_lows[k], scratch.band_highs[k]):
                    text = table.bands.entries[e] & _TEXT
                    differ = _ones(records.bits[record, 0] ^ licensed[text, 0])
                    differ += _ones(records.bits[record, 1] ^ licensed[text, 1])
                    if 128 - differ >= limits.sketch_bits:
                        count = _keep_best(np.int64(text), 128 - differ, texts, scores, count)
            for c in range(count):
                out.record[n], out.text[n] = record, texts[c]
                n += 1
    return n


@kernel
def renumber(entries, shift, numbers):
    """Give the texts in ``entries`` new numbers, in place: text t becomes ``numbers[t]`` (uint32).

    ``shift`` says how many bits of the payload stand below the text: 0, or 8 in a seed table.
    """
    kept = ~(_TEXT << shift)
    for i in range(len(entries)):
        e = entries[i]
        entries[i] = (e & kept) | np.uint64(numbers[(e >> shift) & _TEXT]) << shift
