"""Find licensed texts that may equal or resemble whole records, by their keys and LSH
bands.

Helpers that are called in loops are force-inlined, see
:mod:`provscan.kernels.storage.postings`.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.bands import agreeing_minima
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import (
    band_hash,
    equal_range,
    find_buckets,
    text_of,
)

_U32 = np.uint64(32)
# The keys of texts and bands have 64 bits: see `find_buckets`.
_WHOLE = np.uint64(0)
# The number of records whose bands are looked up together.
_TOGETHER = 16
# The score of a text that equals the record: above any number of agreeing minima.
_EQUAL = np.int64(65)


class WholeLimits(NamedTuple):
    """The limits for candidates of whole records.

    Attributes
    ----------
    band_texts
        The maximum number of texts that are read from one LSH band.
    sketch_minima
        A sketch has two bits for each of 64 minima. Record and text must agree in the
        bits of at least this many minima.
    candidates
        The maximum number of candidates of one record.
    """

    band_texts: int
    sketch_minima: int
    candidates: int


class WholeScratch(NamedTuple):
    """Scratch of :func:`whole_candidates`, which looks up :data:`_TOGETHER` records at
    once.
    """

    # For each band of these records: its key, and the bounds of its bucket, then of its
    # entries in the table.
    band_keys: np.ndarray
    band_lows: np.ndarray
    band_highs: np.ndarray
    # For each band: the hash of its key, and its word of the filter.
    band_hashes: np.ndarray
    band_words: np.ndarray
    # For each band in the table: its index among all bands of these records.
    found: np.ndarray
    # For each of these records: its key, and the bounds of the bucket of texts.
    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    # The best candidates of one record, best first, and their scores: the number of
    # agreeing minima, or _EQUAL.
    texts: np.ndarray
    scores: np.ndarray


def whole_scratch(bands: int, candidates: int) -> WholeScratch:
    """Return scratch for this many bands and candidates per record."""
    band_room, text_room = bands * _TOGETHER, _TOGETHER
    return WholeScratch(
        *(
            np.empty(band_room + 1, dtype)
            for dtype in (np.uint64, np.int64, np.int64, np.uint64, np.uint64, np.int64)
        ),
        *(np.empty(text_room, dtype) for dtype in (np.uint64, np.int64, np.int64)),
        *(np.empty(candidates, np.int64) for _ in range(2)),
    )


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
def _look_up_bands(table, count, limit, scratch, counters):
    """Find which of the first ``count`` bands in scratch are in the table, with the
    equal range of each; return the number of them.

    Ranges have at most ``limit`` entries; the sketches of their texts are prefetched.
    """
    bands, keys, hashes = table.bands, scratch.band_keys, scratch.band_hashes
    numbers, lows, highs = scratch.found, scratch.band_lows, scratch.band_highs
    known = _U32 + np.uint64(bands.bits) - np.uint64(bands.text_bits)
    for k in range(count):
        hashes[k] = band_hash(keys[k], known)
    for k in range(count):
        scratch.band_words[k] = word_of(table.band_filter, hashes[k])
    # Few of the bands occur in a licensed text.
    n = np.uint64(0)
    for k in range(np.uint64(count)):
        numbers[n], keys[n] = k, keys[k]
        n += has_bits(scratch.band_words[k], hashes[k])
    find_buckets(bands, _WHOLE, keys[: np.int64(n)], lows, highs)
    found = np.int64(0)
    for k in range(np.int64(n)):
        start, size = equal_range(bands, lows[k], highs[k], keys[k], limit)
        counters.bands_cut[0] += size > limit
        numbers[found] = numbers[k]
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

    Up to ``limits.band_texts`` texts are read from each LSH band. Texts whose key
    equals the record's and texts whose sketch agrees in at least
    ``limits.sketch_minima`` of the 64 minima are candidates, at most
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
            while k < found and scratch.found[k] < (i + 1) * each:
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
