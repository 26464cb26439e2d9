"""Postings: sorted 64-bit entries behind a directory, and what a scan looks up in them.

An *entry* is a key above a payload: ``key << shift | payload``. All entries of a table stand sorted in one uint64
array; ``starts`` (uint32[2**bits + 1]) says for the upper ``bits`` of the key where its entries begin. A look-up is
one read of the directory and one of the entries. Entries with equal keys form a *run*.

Three tables use it: whole canonical texts (key 40 bits | text 24), LSH bands (the same) and seeds (key 32 | text 24 |
place 8).
"""

import numpy as np
from numba import njit

_S24 = np.uint64(24)
_S8 = np.uint64(8)
_TEXT = np.uint64(0xFFFFFF)
_PLACE = np.uint64(0xFF)
_ONE = np.uint64(1)
_SEED = np.uint64(0x7FFFF)
_RARE_BIT = np.uint64(0x80000)
# A seed that so few places share may stand alone.
RARE = 4
# Seeds looked up together.
_CHUNK = 64
_S32 = np.uint64(32)
_FNV_START = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX2 = np.uint64(0xC4CEB9FE1A85EC53)
_S33 = np.uint64(33)
_M1 = np.uint64(0x5555555555555555)
_M2 = np.uint64(0x3333333333333333)
_M4 = np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)


@njit(nogil=True, cache=True)
def text_keys(text, offsets, low, high, keys):
    """128-bit key of each canonical text ``low..high`` into uint64[n, 2].

    Two chains over the UTF-8 bytes, ``h = (h ^ byte) * prime`` (FNV-1a) and ``h = (h + byte) * odd``, each mixed at
    the end by MurmurHash3's finaliser; a table of texts uses the first alone.
    """
    for i in range(low, high):
        g, h = _FNV_START, _MIX2
        for j in range(offsets[i], offsets[i + 1]):
            byte = np.uint64(text[j])
            g = (g ^ byte) * _FNV_PRIME
            h = (h + byte + np.uint64(1)) * _MIX1
        keys[i, 0] = _finish(g)
        keys[i, 1] = _finish(h)


@njit(nogil=True, cache=True)
def _finish(h):
    h = (h ^ (h >> _S33)) * _MIX1
    h = (h ^ (h >> _S33)) * _MIX2
    return h ^ (h >> _S33)


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def directory(entries, first, bits, starts):
    """Fill in the directory for sorted ``entries`` that stand from ``first`` on in their table.

    Only buckets that begin among them are written; the caller presets ``starts`` to the table's length.
    """
    shift = np.uint64(64 - bits)
    last = np.int64(-1) if first == 0 else np.int64(-2)
    for i in range(len(entries)):
        bucket = np.int64(entries[i] >> shift) if bits > 0 else np.int64(0)
        if bucket != last:
            starts[bucket] = first + i
            last = bucket


@njit(nogil=True, cache=True)
def close_directory(starts):
    """Give buckets without entries the start of the next one that has some."""
    for bucket in range(len(starts) - 2, -1, -1):
        starts[bucket] = min(starts[bucket], starts[bucket + 1])


@njit(nogil=True, cache=True)
def warm(entries, starts, bits, shift, keys, lows, highs):
    """Buckets of some keys, entries ``lows[i]`` to ``highs[i]``; reads the first entry of each.

    A look-up waits for memory twice. Here no read waits for a decision about another one, so the processor has many
    under way; :func:`find_run`, which decides, then finds everything in its caches. The sum keeps the reads alive.
    """
    down = np.uint64(64 - shift - bits)
    for i in range(len(keys)):
        bucket = np.uint64(keys[i]) >> down
        lows[i] = starts[bucket]
        highs[i] = starts[bucket + np.uint64(1)]
    total = np.uint64(0)
    last = len(entries) - 1
    for i in range(len(keys)):
        total += entries[min(lows[i], last)]
    return total


@njit(nogil=True, cache=True)
def find_run(entries, low, stop, up, key):
    """First entry with ``key`` in the bucket from ``low`` to ``stop``, and how many there are."""
    high = stop
    while high - low > 8:
        middle = (low + high) >> 1
        if entries[middle] >> up < key:
            low = middle + 1
        else:
            high = middle
    while low < stop and entries[low] >> up < key:
        low += 1
    first = low
    # Runs are mostly short; a long one is measured in doubling steps.
    if low + 8 < stop and entries[low + 8] >> up == key:
        step = 16
        while low + step < stop and entries[low + step] >> up == key:
            step *= 2
        high = min(low + step, stop)
        low += step // 2
        while low < high:
            middle = (low + high) >> 1
            if entries[middle] >> up == key:
                low = middle + 1
            else:
                high = middle
    else:
        while low < stop and entries[low] >> up == key:
            low += 1
    return first, low - first


@njit(nogil=True, cache=True)
def _ones(x):
    x = x - ((x >> np.uint64(1)) & _M1)
    x = (x & _M2) + ((x >> np.uint64(2)) & _M2)
    x = (x + (x >> np.uint64(4))) & _M4
    return np.int64((x * _H01) >> np.uint64(56))


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def whole_candidates(
    low, high, text_key, band_key, sketches, table, run_cap, agree, most, best, out_record, out_text, out, counters
):
    """Licensed texts that may equal or resemble the whole records ``low..high``.

    ``text_key`` uint64[n, 2], ``band_key`` uint64[n, bands] and ``sketches`` uint64[n, 2] are the records';
    ``table`` is ``(exact entries, starts, bits, band entries, starts, bits, sketches)`` of one segment. From a band,
    at most ``run_cap`` texts are looked at; those whose one-bit sketch agrees in ``agree`` bits of 128 or more are
    candidates, at most ``most`` a record, best first. ``best`` is ``(int64[most], int64[most])``. Fills ``out_record``
    and ``out_text`` from ``out`` on and returns where it stopped; ``counters[0]`` counts texts passed over by the cap.
    """
    exact, exact_starts, exact_bits, bands, band_starts, band_bits, licensed = table
    scores, texts = best
    bands_each = band_key.shape[1]
    lows, highs = np.empty(bands_each, np.int64), np.empty(bands_each, np.int64)
    sought = np.empty(bands_each, np.uint64)
    for i in range(low, high):
        count = 0
        sought[0] = text_key[i, 0] >> _S24
        counters[3] += np.int64(warm(exact, exact_starts, exact_bits, 24, sought[:1], lows, highs) & _ONE)
        first, size = find_run(exact, lows[0], highs[0], _S24, sought[0])
        for e in range(first, first + min(size, most)):
            count = _keep_best(np.int64(exact[e] & _TEXT), 129, texts, scores, count, most)
        for b in range(bands_each):
            sought[b] = band_key[i, b] >> _S24
        counters[3] += np.int64(warm(bands, band_starts, band_bits, 24, sought, lows, highs) & _ONE)
        sketched = np.uint64(0)
        for b in range(bands_each):
            first, size = find_run(bands, lows[b], highs[b], _S24, sought[b])
            if size > run_cap:
                counters[0] += size - run_cap
                size = run_cap
            lows[b], highs[b] = first, first + size
            for e in range(first, first + size):
                sketched += licensed[bands[e] & _TEXT, 0]
        counters[3] += np.int64(sketched & _ONE)
        for b in range(bands_each):
            for e in range(lows[b], highs[b]):
                text = bands[e] & _TEXT
                same = 128 - _ones(sketches[i, 0] ^ licensed[text, 0]) - _ones(sketches[i, 1] ^ licensed[text, 1])
                if same >= agree:
                    count = _keep_best(np.int64(text), same, texts, scores, count, most)
        for c in range(count):
            out_record[out] = i
            out_text[out] = texts[c]
            out += 1
    return out


@njit(nogil=True, cache=True)
def mark_keys(entries, bits, bitmap):
    """Set the bit of each entry's 32-bit key in uint8 ``bitmap``, which is addressed by the key's upper ``bits``."""
    shift = np.uint64(64 - bits)
    for e in entries:
        bit = e >> shift
        bitmap[bit >> np.uint64(3)] |= np.uint8(1 << np.int64(bit & np.uint64(7)))


@njit(nogil=True, cache=True)
def _add_hits(entries, first, size, seed, token, mark, place_of, hits, n):
    for e in range(first, min(first + size, first + len(hits) - n)):
        entry = entries[e]
        diagonal = token - place_of[entry & _PLACE]
        hits[n] = (
            ((entry >> _S8) & _TEXT) << np.uint64(40)
            | np.uint64(diagonal + 524288) << np.uint64(20)
            | mark
            | np.uint64(seed)
        )
        n += 1
    return n


@njit(nogil=True, cache=True)
def _add_shared_hits(entries, a, a_size, a_seed, a_token, b, b_size, b_seed, b_token, place_of, hits, n, most):
    """Hits of two runs in those texts that have both, 16 tokens or less off one diagonal; at most ``most`` texts."""
    i, j = a, b
    added = 0
    while i < a + a_size and j < b + b_size and added < most and n + 2 <= len(hits):
        text_a, text_b = (entries[i] >> _S8) & _TEXT, (entries[j] >> _S8) & _TEXT
        if text_a == text_b:
            drift = (a_token - place_of[entries[i] & _PLACE]) - (b_token - place_of[entries[j] & _PLACE])
            if abs(drift) <= 16:
                n = _add_hits(entries, i, 1, a_seed, a_token, np.uint64(0), place_of, hits, n)
                n = _add_hits(entries, j, 1, b_seed, b_token, np.uint64(0), place_of, hits, n)
                added += 1
            i += 1
            j += 1
        else:
            i += text_a < text_b
            j += text_b < text_a
    return n


@njit(nogil=True, cache=True)
def seed_hits(keys, low, high, token_at, table, caps, place_of, hits, counters):
    """Look up seeds ``low..high`` and list their hits.

    A hit is uint64 ``text << 40 | (diagonal + 2**19) << 20 | rare << 19 | seed``: ``seed`` counts from ``low``, the
    diagonal is the token place in the record less that in the licensed text, ``place_of`` (int64[256]) decodes the
    latter, ``rare`` is 1 where at most :data:`RARE` places share the seed.

    ``table`` is ``(entries, starts, bits, bitmap, bitmap bits)``, ``caps`` is ``(run, pair, most)``: a seed that more
    than ``run`` places share counts only beside another such seed, for the texts that have both, where neither is
    shared by more than ``pair``; of those at most ``most``. ``counters[1]`` counts the places passed over for it,
    ``counters[2]`` those that ``hits`` had no room for. Returns the number of hits.
    """
    entries, starts, bits, bitmap, bitmap_bits = table
    run_cap, pair_cap, most = caps
    lows, highs = np.empty(_CHUNK, np.int64), np.empty(_CHUNK, np.int64)
    some, which = np.empty(_CHUNK, np.uint32), np.empty(_CHUNK, np.int64)
    down = np.uint32(32 - bitmap_bits)
    before, before_first, before_size = np.int64(-2), np.int64(0), np.int64(0)
    n = 0
    for chunk in range(low, high, _CHUNK):
        count = 0
        for s in range(chunk, min(chunk + _CHUNK, high)):
            bit = keys[s] >> down
            some[count], which[count] = keys[s], s
            count += (bitmap[bit >> np.uint32(3)] >> np.uint8(bit & np.uint32(7))) & 1
        counters[3] += np.int64(warm(entries, starts, bits, 32, some[:count], lows, highs) & _ONE)
        for k in range(count):
            first, size = find_run(entries, lows[k], highs[k], _S32, np.uint64(some[k]))
            s = which[k]
            if size <= run_cap:
                mark = _RARE_BIT if size <= RARE else np.uint64(0)
                counters[2] += max(0, n + size - len(hits))
                n = _add_hits(entries, first, size, s - low, np.int64(token_at[s]), mark, place_of, hits, n)
                continue
            counters[1] += size
            if before == s - 1 and size <= pair_cap and before_size <= pair_cap:
                n = _add_shared_hits(
                    entries, before_first, before_size, before - low, np.int64(token_at[before]),
                    first, size, s - low, np.int64(token_at[s]), place_of, hits, n, most,
                )  # fmt: skip
            before, before_first, before_size = s, first, size
    return n


@njit(nogil=True, cache=True)
def seed_candidates(
    low, high, keys, token_at, code_at, bounds, table, text_offsets, caps, least, each, place_of, hits, tallies,
    out_record, out_text, out_code, out_place, out, counters,
):  # fmt: skip
    """Licensed texts that may stand inside the records ``low..high``: chains of seeds.

    A chain is taken if it has ``least`` seeds, or a rare one, and one for every ``each`` bytes of the licensed text,
    whose offsets are ``text_offsets``.

    A chain is a maximal list of hits of one licensed text whose diagonals, sorted, are at most 16 tokens apart. Of
    each chain the middle hit is written: record, text, the seed's code point in the record and its token place in
    the licensed text. ``hits`` and ``tallies`` (uint16) are room. Returns where writing stopped, and the first record
    that found no room.
    """
    for i in range(low, high):
        first = bounds[i]
        n = seed_hits(keys, first, bounds[i + 1], token_at, table, caps, place_of, hits, counters)
        # Most texts are hit once, by chance: leave them out before sorting. Two texts may share a counter.
        size = 64
        while size < 4 * n and size < len(tallies):
            size *= 2
        few = tallies[:size]
        few[:] = 0
        mask = np.uint64(size - 1)
        for h in hits[:n]:
            few[((h >> np.uint64(40)) * _MIX1 >> _S33) & mask] += 1
        kept = 0
        for h in hits[:n]:
            hits[kept] = h
            kept += few[((h >> np.uint64(40)) * _MIX1 >> _S33) & mask] >= least or h & _RARE_BIT != 0
        n = kept
        if out + n > len(out_text):
            return out, i
        some = hits[:n]
        some.sort()
        begin = 0
        for h in range(1, n + 1):
            if h < n and (some[h] >> np.uint64(20)) - (some[h - 1] >> np.uint64(20)) <= 16:
                continue
            # Repeats inside a text give one seed several hits: count the seeds.
            seeds = 1
            for other in range(begin + 1, h):
                seeds += (some[other] & _SEED) != (some[other - 1] & _SEED)
            text = np.int64(some[begin] >> np.uint64(40))
            if (seeds >= least or some[begin] & _RARE_BIT != 0) and (
                seeds * each >= text_offsets[text + 1] - text_offsets[text]
            ):
                middle = some[(begin + h) >> 1]
                seed = first + np.int64(middle & _SEED)
                diagonal = np.int64((middle >> np.uint64(20)) & np.uint64(0xFFFFF)) - 524288
                out_record[out] = i
                out_text[out] = text
                out_code[out] = code_at[seed]
                out_place[out] = token_at[seed] - diagonal
                out += 1
            begin = h
    return out, high
