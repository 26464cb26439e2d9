"""Tables of postings, which record in 32 bits each which text has a key; and the
look-ups of a scan.

Keys are 64-bit hashes, of which a table stores the upper bits. The first ``bits`` bits
of a key are the number of its *bucket*; the bucket offsets ``starts`` (uint32[2**bits +
1]) say where the bucket's entries begin. An *entry*, uint32, consists of the key's next
``32 - text_bits`` bits and, below, the number of the text; the entries of a bucket are
in ascending order. A look-up is one read of the offsets and one of the entries. Entries
with one key are an *equal range*.

Three tables have this form: whole canonical texts, LSH bands, and seeds. The places of
the seeds are in a separate array.

While a table is built, its entries are uint64: the key in the upper bits, then the
number of the text in 24 bits and, for seeds, the place in 8 bits.

Helpers that are called in loops are force-inlined, since numba passes an array as
seven words, most of them on the stack.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import (
    FNV_START,
    GOLDEN32,
    MURMUR1,
    MURMUR2,
    fnv1a,
    murmur_mix,
)
from provscan.kernels.sketch.lanes import prefetch
from provscan.kernels.storage.bloom import has_bits, mark, word_of

_TEXT = np.uint64(0xFFFFFF)
_S20 = np.uint32(20)
_U1, _U32, _U64 = np.uint64(1), np.uint64(32), np.uint64(64)
# The number of bits by which the key of a text or band is shorter than 64.
_WHOLE = np.uint64(0)
# The number of records whose bands are looked up together.
_TOGETHER = 16
# The number of keys by which the prefetch of a slot precedes its use.
_AHEAD = 16
# Maximum entries of a bucket that are compared one by one; in a larger bucket, the
# range is bisected.
_LINEAR = 64
# The score of a text that equals the record: above any number of agreeing minima.
_EQUAL = np.int64(65)
_M1 = np.uint64(0x5555555555555555)
_M2 = np.uint64(0x3333333333333333)
_M4 = np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)


class WholeLimits(NamedTuple):
    """The limits for candidates of whole records.

    Attributes
    ----------
    band_texts
        The maximum number of texts that are read from one LSH band.
    sketch_minima
        The minimum number, of 64 minima, whose two bits must be equal in the sketches
        of record and text.
    candidates
        The maximum number of candidates of one record.
    """

    band_texts: int
    sketch_minima: int
    candidates: int


class WholeScratch(NamedTuple):
    """Scratch of :func:`whole_candidates`: the equal ranges of bands and of texts, and
    the best candidates of a record.
    """

    band_keys: np.ndarray
    band_lows: np.ndarray
    band_highs: np.ndarray
    band_hashes: np.ndarray
    band_words: np.ndarray
    which: np.ndarray
    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    texts: np.ndarray
    scores: np.ndarray


def whole_scratch(bands: int, candidates: int) -> WholeScratch:
    """Return scratch for these numbers of bands and of candidates per record."""
    of_bands, of_texts = bands * _TOGETHER, _TOGETHER
    return WholeScratch(
        *(
            np.empty(of_bands + 1, dtype)
            for dtype in (np.uint64, np.int64, np.int64, np.uint64, np.uint64, np.int64)
        ),
        *(np.empty(of_texts, dtype) for dtype in (np.uint64, np.int64, np.int64)),
        *(np.empty(candidates, np.int64) for _ in range(2)),
    )


@kernel
def text_keys(texts, keys):
    """Write the 128-bit key of each canonical text to uint64[n, 2].

    Two chains over the UTF-8 bytes, ``h = (h ^ byte) * prime`` (FNV-1a) and ``h = (h +
    byte) * odd``, each mixed at the end by MurmurHash3's finaliser; a table of texts
    uses only the first. Since each step waits for the previous one, two texts are
    hashed at the same time.
    """
    text, offsets = texts
    last = len(keys) - 1
    for i in range(0, len(keys), 2):
        # If the number of texts is odd, the last is hashed twice.
        j = min(i + 1, last)
        first = text[offsets[i] : offsets[i + 1]]
        second = text[offsets[j] : offsets[j + 1]]
        both = min(len(first), len(second))
        a, b = (FNV_START, MURMUR2), (FNV_START, MURMUR2)
        for k in range(both):
            a, b = _key_step(a, first[k]), _key_step(b, second[k])
        for byte in first[both:]:
            a = _key_step(a, byte)
        for byte in second[both:]:
            b = _key_step(b, byte)
        keys[i, 0], keys[i, 1] = murmur_mix(a[0]), murmur_mix(a[1])
        keys[j, 0], keys[j, 1] = murmur_mix(b[0]), murmur_mix(b[1])


@helper(forceinline=True)
def _key_step(state, byte):
    return fnv1a(state[0], byte), (state[1] + np.uint64(byte) + _U1) * MURMUR1


@kernel
def number_texts(keys, table, ids, known, numbers):
    """Number the 128-bit keys; equal keys get the number of the first.

    ``table`` uint64[2**b, 2] and ``ids`` uint32[2**b] (0 is free, else number + 1) are
    an open-addressing table that has ``known`` keys and room for all of these. Fill
    int64 ``numbers``, and return the new number of known keys.
    """
    mask = np.uint64(len(ids) - 1)
    for i in range(len(keys)):
        # Prefetch the slots of a later key.
        soon = np.int64(keys[min(i + _AHEAD, len(keys) - 1), 0] & mask)
        prefetch(ids, soon)
        prefetch(table, 2 * soon)
        slot = keys[i, 0] & mask
        while ids[slot] != 0 and (
            table[slot, 0] != keys[i, 0] or table[slot, 1] != keys[i, 1]
        ):
            slot = (slot + np.uint64(1)) & mask
        if ids[slot] == 0:
            known += 1
            ids[slot] = known
            table[slot, 0], table[slot, 1] = keys[i, 0], keys[i, 1]
        numbers[i] = np.int64(ids[slot]) - 1
    return known


@kernel
def move_texts(table, ids, larger, larger_ids):
    """Copy an open-addressing table of :func:`number_texts` into a larger, empty
    one.
    """
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
    """Write the bucket offsets for sorted ``entries`` whose first number in the table
    is ``first``.

    Only the offsets of buckets that begin among these entries are written; the caller
    presets ``starts`` to the length of the table.
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
    """Give each empty bucket the start of the next bucket with entries."""
    for bucket in range(len(starts) - 2, -1, -1):
        starts[bucket] = min(starts[bucket], starts[bucket + 1])


@kernel
def pack_entries(entries, text_bits, key_bits, shift, out, places):
    """Convert uint64 entries to the uint32 entries of a table, in ``out``.

    ``text_bits`` is the number of bits of a text's number, ``key_bits`` the number of
    bits of a key that bucket and entry have together. Below the text there are
    ``shift`` bits, 0 or 8; if 8, they go to uint8 ``places``.
    """
    down = _U64 - np.uint64(key_bits)
    fingerprint = (_U1 << (_U32 - np.uint64(text_bits))) - _U1
    for i in range(len(entries)):
        e = entries[i]
        text = (e >> np.uint64(shift)) & _TEXT
        out[i] = np.uint32(((e >> down) & fingerprint) << np.uint64(text_bits) | text)
    if shift > 0:
        for i in range(len(entries)):
            places[i] = np.uint8(entries[i] & np.uint64(0xFF))


@kernel
def unpack_entries(postings, places, shift, out):
    """Convert a table back to the input of :func:`pack_entries`, in uint64 ``out``;
    ``places`` are read if ``shift`` is 8.
    """
    entries, starts, bits, text_bits = postings
    low = _U64 - np.uint64(bits)
    down = low - (_U32 - np.uint64(text_bits))
    text = (_U1 << np.uint64(text_bits)) - _U1
    for bucket in range(len(starts) - 1):
        for i in range(starts[bucket], starts[bucket + 1]):
            e = np.uint64(entries[i])
            out[i] = (
                np.uint64(bucket) << low
                | (e >> np.uint64(text_bits)) << down
                | (e & text) << np.uint64(shift)
            )
            if shift > 0:
                out[i] |= np.uint64(places[i])


@helper(forceinline=True)
def bucket_of(postings, key):
    """Return the first and last (exclusive) entry of a 64-bit key's bucket."""
    bucket = key >> (_U64 - np.uint64(postings.bits))
    return np.int64(postings.starts[bucket]), np.int64(postings.starts[bucket + _U1])


@helper(forceinline=True)
def text_of(postings, entry):
    return np.int64(
        np.uint64(postings.entries[entry])
        & ((_U1 << np.uint64(postings.text_bits)) - _U1)
    )


@helper(forceinline=True)
def find_buckets(postings, above, keys, lows, highs):
    """Find the buckets of some keys, entries ``lows[i]`` to ``highs[i]``, and prefetch
    them for :func:`equal_range`.

    ``above`` is the number of bits by which the keys are shorter than 64. A look-up
    waits for memory twice. In these loops no read waits for a branch that depends on
    another read, so that many reads are in progress at once.
    """
    entries, starts = postings.entries, postings.starts
    down = _U64 - np.uint64(postings.bits) - above
    for i in range(len(keys)):
        bucket = np.uint64(keys[i]) >> down
        lows[i] = starts[bucket]
        highs[i] = starts[bucket + _U1]
    for i in range(len(keys)):
        prefetch(entries, lows[i])
        prefetch(entries, highs[i])


@helper(forceinline=True)
def equal_range(postings, low, stop, key, limit):
    """Return the first entry with a 64-bit ``key`` in its bucket from ``low`` to
    ``stop``, and the number of such entries; above ``limit`` it need not be exact.
    """
    entries = postings.entries
    text_bits = np.uint64(postings.text_bits)
    fingerprint = (key << np.uint64(postings.bits)) >> (_U32 + text_bits)
    base, texts = np.uint32(fingerprint << text_bits), np.uint32(_U1 << text_bits)
    if stop - low > _LINEAR:
        return _bisected_range(entries, low, stop, (base, texts), limit)
    less, equal = np.int64(0), np.int64(0)
    for e in range(np.uint64(low), np.uint64(stop)):
        less += entries[e] < base
        equal += np.uint32(entries[e] - base) < texts
    return low + less, equal


@helper
def _bisected_range(entries, low, stop, wanted, limit):
    """Compute :func:`equal_range` in a bucket of any length, by bisection. Beyond
    ``limit``, the end is not searched for.
    """
    base, texts = wanted
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] < base:
            low = middle + 1
        else:
            high = middle
    first = low
    if first + limit < stop and np.uint32(entries[first + limit] - base) < texts:
        return first, limit + 1
    high = min(first + limit, stop)
    while low < high:
        middle = (low + high) >> 1
        if np.uint32(entries[middle] - base) < texts:
            low = middle + 1
        else:
            high = middle
    return first, low - first


@helper(forceinline=True)
def ones(x):
    """Return the number of set bits of a uint64."""
    x = x - ((x >> np.uint64(1)) & _M1)
    x = (x & _M2) + ((x >> np.uint64(2)) & _M2)
    x = (x + (x >> np.uint64(4))) & _M4
    return np.int64((x * _H01) >> np.uint64(56))


@helper(forceinline=True)
def agreeing_minima(first, second):
    """Return the number of the 64 minima whose bits agree in two sketches."""
    return 64 - ones((first[0] ^ second[0]) | (first[1] ^ second[1]))


@helper
def _keep_best(text, score, texts, scores, count):
    """Insert a candidate into a list of fixed length, best first, each text once;
    return the number of candidates in the list.
    """
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


@helper(forceinline=True)
def band_hash(key, known):
    """Return the 64-bit hash of a band's key for the filter; the table has the upper
    ``known`` bits of the key.
    """
    half = np.uint32((key >> (_U64 - known) << (_U64 - known)) >> _U32)
    return np.uint64(half) << _U32 | np.uint64(np.uint32(half * GOLDEN32) >> _S20)


@kernel
def mark_bands(entries, known, bloom):
    """Add the bands of uint64 entries to a filter; the table has ``known`` bits of
    each key.
    """
    for entry in entries:
        mark(bloom, band_hash(entry, np.uint64(known)))


@helper(forceinline=True)
def _look_up_bands(table, count, limit, scratch, counters):
    """Find which of the first ``count`` bands in scratch are in the table, with the
    equal range of each; return the number of them.

    Ranges have at most ``limit`` entries; the sketches of their texts are prefetched.
    """
    bands, keys, hashes = table.bands, scratch.band_keys, scratch.band_hashes
    which, lows, highs = scratch.which, scratch.band_lows, scratch.band_highs
    known = _U32 + np.uint64(bands.bits) - np.uint64(bands.text_bits)
    for k in range(count):
        hashes[k] = band_hash(keys[k], known)
    for k in range(count):
        scratch.band_words[k] = word_of(table.band_filter, hashes[k])
    # Few of the bands occur in a licensed text.
    n = np.uint64(0)
    for k in range(np.uint64(count)):
        which[n], keys[n] = k, keys[k]
        n += has_bits(scratch.band_words[k], hashes[k])
    find_buckets(bands, _WHOLE, keys[: np.int64(n)], lows, highs)
    found = np.int64(0)
    for k in range(np.int64(n)):
        start, size = equal_range(bands, lows[k], highs[k], keys[k], limit)
        counters.bands_cut[0] += size > limit
        which[found] = which[k]
        lows[found] = start
        highs[found] = start + min(size, limit)
        found += size > 0
    for k in range(found):
        for e in range(lows[k], highs[k]):
            prefetch(table.sketches, 2 * text_of(bands, e))
    return found


@kernel
def whole_candidates(records, table, limits, scratch, out, counters):
    """Find licensed texts that may equal or resemble whole records.

    From each LSH band up to ``limits.band_texts`` texts are read; those whose sketch
    agrees in at least ``limits.sketch_minima`` of the 64 minima are candidates, at most
    ``limits.candidates`` per record, best first. Several records are looked up
    together, since most reads miss the caches.

    Parameters
    ----------
    records
        :class:`~provscan.kernels.records.Sketches` of the records.
    table
        :class:`~provscan.kernels.records.TextTable` of one segment.
    limits, scratch
        :class:`WholeLimits` and :func:`whole_scratch`.
    out
        :class:`~provscan.kernels.records.Candidates`, of which ``record`` and ``text``
        are filled; it has room for ``limits.candidates`` per record.
    counters
        :class:`~provscan.kernels.records.Counters`: ``bands_cut`` is increased by the
        number of look-ups that were cut short.

    Returns
    -------
    int64
        The number of candidates.
    """
    licensed = table.sketches
    texts, scores = scratch.texts[: limits.candidates], scratch.scores
    each = records.bands.shape[1]
    n = 0
    for first in range(0, len(records.keys), _TOGETHER):
        size = min(_TOGETHER, len(records.keys) - first)
        for i in range(size):
            scratch.keys[i] = records.keys[first + i, 0]
            for b in range(each):
                scratch.band_keys[i * each + b] = records.bands[first + i, b]
        find_buckets(
            table.exact, _WHOLE, scratch.keys[:size], scratch.lows, scratch.highs
        )
        found = _look_up_bands(table, size * each, limits.band_texts, scratch, counters)
        k = np.int64(0)
        for i in range(size):
            record = first + i
            count = np.int64(0)
            low, high = scratch.lows[i], scratch.highs[i]
            start, equal = equal_range(
                table.exact, low, high, scratch.keys[i], limits.candidates
            )
            for e in range(start, start + min(equal, limits.candidates)):
                count = _keep_best(
                    text_of(table.exact, e), _EQUAL, texts, scores, count
                )
            while k < found and scratch.which[k] < (i + 1) * each:
                for e in range(scratch.band_lows[k], scratch.band_highs[k]):
                    text = text_of(table.bands, e)
                    agree = agreeing_minima(records.bits[record], licensed[text])
                    if agree >= limits.sketch_minima:
                        count = _keep_best(text, agree, texts, scores, count)
                k += 1
            for c in range(count):
                out.record[n], out.text[n] = record, texts[c]
                n += 1
    return n


@kernel
def renumber(entries, shift, numbers):
    """Renumber the texts in ``entries`` in place: text t becomes ``numbers[t]``
    (uint32).

    ``shift`` is the number of payload bits below the text: 0, or 8 in a seed table.
    """
    kept = ~(_TEXT << shift)
    for i in range(len(entries)):
        e = entries[i]
        entries[i] = (e & kept) | np.uint64(numbers[(e >> shift) & _TEXT]) << shift


@kernel
def find_texts(keys, texts, postings, licensed, numbers):
    """Write the number of the licensed text that equals each canonical text to int64
    ``numbers``; -1 if there is none.

    ``keys`` uint64[n, 2] are the :func:`text_keys` of ``texts``; ``postings`` are the
    segment's postings of whole texts, ``licensed`` its texts. Bytes are compared, not
    keys.
    """
    text, offsets = texts
    for i in range(len(keys)):
        numbers[i] = -1
        low, high = bucket_of(postings, keys[i, 0])
        first, size = equal_range(
            postings, low, high, keys[i, 0], len(postings.entries)
        )
        length = offsets[i + 1] - offsets[i]
        for e in range(first, first + size):
            number = text_of(postings, e)
            begin = licensed.offsets[number]
            if licensed.offsets[number + 1] - begin != length:
                continue
            same = True
            for j in range(length):
                same = same and text[offsets[i] + j] == licensed.text[begin + j]
            if same:
                numbers[i] = number
