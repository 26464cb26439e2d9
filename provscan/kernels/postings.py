"""Postings: sorted 64-bit entries behind a directory, and what a scan looks up in them.

An *entry* is a key above a payload: ``key << shift | payload``. All entries of a table stand sorted in one uint64
array; ``starts`` (uint32[2**bits + 1]) says for the upper ``bits`` of the key where its entries begin. A look-up is
one read of the directory and one of the entries. Entries with equal keys form a *run*.

Three tables use it: whole canonical texts (key 40 bits | text 24), LSH bands (the same) and pairs of seeds with
lone ones (key 32 | text 24 | place 8).

Units that the loops call are inlined by force: numba passes an array as seven words, most of them on the stack.
"""

import numpy as np

from provscan.kernels.jit import allocating, kernel

_S8, _S24, _S32 = np.uint64(8), np.uint64(24), np.uint64(32)
_TEXT = np.uint64(0xFFFFFF)
_ONE = np.uint64(1)
# Entries that a look-up compares at once: a cache line of them, and mostly all that a bucket holds.
_STRIDE = np.uint64(8)
_LINE = ~np.uint64(7)
# Records whose bands are looked up together.
_TOGETHER = 16
# Strides before a bucket is bisected.
_STRIDES = 8
_FNV_START = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX2 = np.uint64(0xC4CEB9FE1A85EC53)
_S33 = np.uint64(33)
_M1 = np.uint64(0x5555555555555555)
_M2 = np.uint64(0x3333333333333333)
_M4 = np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)


@kernel(forceinline=True)
def hash_start():
    """FNV-1a of nothing."""
    return _FNV_START


@kernel(forceinline=True)
def hash_byte(state, byte):
    """FNV-1a of one more byte."""
    return (state ^ np.uint64(byte)) * _FNV_PRIME


@kernel(forceinline=True)
def finish(h):
    """MurmurHash3's finaliser."""
    h = (h ^ (h >> _S33)) * _MIX1
    h = (h ^ (h >> _S33)) * _MIX2
    return h ^ (h >> _S33)


@kernel
def text_keys(text, offsets, low, high, keys):
    """128-bit key of each canonical text ``low..high`` into uint64[n, 2].

    Two chains over the UTF-8 bytes, ``h = (h ^ byte) * prime`` (FNV-1a) and ``h = (h + byte) * odd``, each mixed at
    the end by MurmurHash3's finaliser; a table of texts uses the first alone.
    """
    for i in range(low, high):
        g, h = hash_start(), _MIX2
        for j in range(offsets[i], offsets[i + 1]):
            g = hash_byte(g, text[j])
            h = (h + np.uint64(text[j]) + np.uint64(1)) * _MIX1
        keys[i, 0] = finish(g)
        keys[i, 1] = finish(h)


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
def directory(entries, first, bits, starts):
    """Fill in the directory for sorted ``entries`` that stand from ``first`` on in their table.

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
def close_directory(starts):
    """Give buckets without entries the start of the next one that has some."""
    for bucket in range(len(starts) - 2, -1, -1):
        starts[bucket] = min(starts[bucket], starts[bucket + 1])


@kernel(forceinline=True)
def warm(entries, starts, bits, shift, keys, lows, highs):
    """Buckets of some keys, entries ``lows[i]`` to ``highs[i]``; reads where :func:`find_run` will.

    A look-up waits for memory twice. Here no read waits for a decision about another one, so the processor has many
    under way; :func:`find_run`, which decides, then finds everything in its caches. The sum keeps the reads alive.
    """
    down = np.uint64(64 - shift - bits)
    for i in range(len(keys)):
        bucket = np.uint64(keys[i]) >> down
        lows[i] = starts[bucket]
        highs[i] = starts[bucket + _ONE]
    total = np.uint64(0)
    last = np.uint64(max(len(entries), 1) - 1)
    for i in range(len(keys)):
        low, high = np.uint64(lows[i]), np.uint64(highs[i])
        total += entries[min(low, last)] ^ entries[min(high, last)]
    return total


@kernel(forceinline=True)
def find_run(entries, low, stop, up, key, limit):
    """First entry with ``key`` in the bucket from ``low`` to ``stop``, and how many there are, up to ``limit`` or so.

    Entries before the bucket are less and those after it greater, so that a line of them can be counted without a
    branch on any.
    """
    less, upto = np.int64(0), np.int64(0)
    start = np.uint64(low) & _LINE
    first = start
    for _ in range(_STRIDES):
        if np.int64(first + _STRIDE) > len(entries):
            break
        here_less, here_upto = np.int64(0), np.int64(0)
        for e in range(_STRIDE):
            here = entries[first + e] >> up
            here_less += here < key
            here_upto += here <= key
        less += here_less
        upto += here_upto
        if here_upto < np.int64(_STRIDE) or upto - less > limit:
            return np.int64(start) + less, upto - less
        first += _STRIDE
    return _find_long_run(entries, low, stop, up, key, limit)


@kernel
def _find_long_run(entries, low, stop, up, key, limit):
    """:func:`find_run` in a bucket of any length, by bisection. The end of a run beyond ``limit`` is not looked for."""
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] >> up < key:
            low = middle + 1
        else:
            high = middle
    first = low
    if first + limit < stop and entries[first + limit] >> up == key:
        return first, limit + 1
    high = min(first + limit, stop)
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] >> up == key:
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
def _keep_best(text, score, texts, scores, count, most):
    """Insert a candidate into a list of at most ``most``, best first, each text once; its new length."""
    for i in range(count):
        if texts[i] == text:
            return count
    if count == most:
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
def _look_up_bands(bands, starts, bits, sketches, sought, lows, highs, cap, counters):
    """Entries ``lows[k]`` to ``highs[k]`` of each band, at most ``cap``; reads the sketches of their texts."""
    alive = warm(bands, starts, bits, 24, sought, lows, highs)
    for k in range(len(sought)):
        start, run = find_run(bands, lows[k], highs[k], _S24, sought[k], cap)
        counters[0] += run > cap
        lows[k], highs[k] = start, start + min(run, cap)
    for k in range(len(sought)):
        for e in range(lows[k], highs[k]):
            alive += sketches[bands[e] & _TEXT, 0]
    counters[3] += np.int64(alive & _ONE)


@allocating
def whole_candidates(
    low, high, text_key, band_key, sketches, table, run_cap, agree, most, best, out_record, out_text, out, counters
):
    """Licensed texts that may equal or resemble the whole records ``low..high``.

    ``text_key`` uint64[n, 2], ``band_key`` uint64[n, bands] and ``sketches`` uint64[n, 2] are the records';
    ``table`` is ``(exact entries, starts, bits, band entries, starts, bits, sketches)`` of one segment. From a band,
    at most ``run_cap`` texts are looked at; those whose one-bit sketch agrees in ``agree`` bits of 128 or more are
    candidates, at most ``most`` a record, best first. ``best`` is ``(int64[most], int64[most])``. Fills ``out_record``
    and ``out_text`` from ``out`` on and returns where it stopped; ``counters[0]`` counts bands cut short by the cap.

    Some records are looked up together, since most of what is read is in no cache.
    """
    exact, exact_starts, exact_bits, bands, band_starts, band_bits, licensed = table
    scores, texts = best
    each = band_key.shape[1]
    sought, lows, highs = (
        np.empty(each * _TOGETHER, np.uint64),
        np.empty(each * _TOGETHER, np.int64),
        np.empty(each * _TOGETHER, np.int64),
    )
    keys, starts, ends = np.empty(_TOGETHER, np.uint64), np.empty(_TOGETHER, np.int64), np.empty(_TOGETHER, np.int64)
    for first in range(low, high, _TOGETHER):
        size = min(_TOGETHER, high - first)
        for i in range(size):
            keys[i] = text_key[first + i, 0] >> _S24
            for b in range(each):
                sought[i * each + b] = band_key[first + i, b] >> _S24
        counters[3] += np.int64(warm(exact, exact_starts, exact_bits, 24, keys[:size], starts, ends) & _ONE)
        count = size * each
        _look_up_bands(bands, band_starts, band_bits, licensed, sought[:count], lows, highs, run_cap, counters)
        for i in range(size):
            record = first + i
            count = 0
            start, run = find_run(exact, starts[i], ends[i], _S24, keys[i], most)
            for e in range(start, start + min(run, most)):
                count = _keep_best(np.int64(exact[e] & _TEXT), 129, texts, scores, count, most)
            for k in range(i * each, (i + 1) * each):
                for e in range(lows[k], highs[k]):
                    text = bands[e] & _TEXT
                    differ = _ones(sketches[record, 0] ^ licensed[text, 0])
                    differ += _ones(sketches[record, 1] ^ licensed[text, 1])
                    if 128 - differ >= agree:
                        count = _keep_best(np.int64(text), 128 - differ, texts, scores, count, most)
            for c in range(count):
                out_record[out], out_text[out] = record, texts[c]
                out += 1
    return out
