"""Seeding: find the licensed texts that may occur inside a record, and where.

The index stores the rarest seeds of each text. A text that shares one of them with the
record is a candidate on the seed's *diagonal*: its place in the record minus its place
in the text, in units. Each seed that a copy and its text share yields a candidate. One
of them is kept when the wording around the seeds is compared
(:mod:`provscan.kernels.search.fingerprints`).

Helpers that are called in loops are force-inlined, see
:mod:`provscan.kernels.storage.postings`.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.minimizers import seed_hash
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import (
    LINEAR,
    equal_range,
    find_buckets,
    stored_key,
    text_of,
)

# The number of seeds looked up together, from any records: the data prefetched for
# them fits into the first-level cache.
CHUNK = 512
_S32 = np.uint64(32)


class SeedingScratch(NamedTuple):
    """Scratch for looking up :data:`CHUNK` seeds."""

    # For each seed: its word of the filter, and whether the seed passes.
    words: np.ndarray
    passes: np.ndarray
    # For each seed that passes: its index, its key, and the bounds of its bucket.
    passed: np.ndarray
    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    # For each entry with the key of a seed: the index of the seed, and the entry.
    seeds: np.ndarray
    entries: np.ndarray


def seeding_scratch(limit: int) -> SeedingScratch:
    """Return scratch for look-ups that read up to ``limit`` entries per seed."""
    room = CHUNK * max(LINEAR, limit)
    return SeedingScratch(
        np.empty(CHUNK, np.uint64),
        np.empty(CHUNK, np.bool_),
        np.empty(CHUNK + 1, np.int64),
        np.empty(CHUNK + 1, np.uint32),
        np.empty(CHUNK, np.int64),
        np.empty(CHUNK, np.int64),
        np.empty(room + 1, np.int64),
        np.empty(room + 1, np.int64),
    )


@helper(forceinline=True)
def _filter(keys, first, table, scratch):
    """Write the seeds that may be in the table to ``scratch.passed`` and
    ``scratch.keys``; return their number. The seed ``keys[0]`` has number ``first``.

    A scan's look-ups mostly miss the caches. Each kind of read therefore has its own
    loop, so that reads overlap instead of waiting for branches that depend on other
    reads.
    """
    words, passes = scratch.words[: len(keys)], scratch.passes[: len(keys)]
    for j in range(len(words)):
        words[j] = word_of(table.filter, seed_hash(keys[j]))
    for j in range(len(words)):
        passes[j] = has_bits(words[j], seed_hash(keys[j]))
    n = np.uint64(0)
    for j in range(len(words)):
        scratch.keys[n], scratch.passed[n] = keys[j], first + j
        n += np.uint64(passes[j])
    return np.int64(n)


@helper(forceinline=True)
def _look_up(table, limit, count, scratch, counters):
    """Find the entries with the keys of the ``count`` seeds that passed the filter, and
    write them to ``scratch``; return their number.

    If more than ``limit`` places share a key, its first ``limit / 4`` entries are
    read, and the look-up counts as cut short.
    """
    postings, lows, highs = table.postings, scratch.lows, scratch.highs
    find_buckets(postings, _S32, scratch.keys[:count], lows, highs)
    n = np.uint64(0)
    for k in range(count):
        key, seed, before = np.uint64(scratch.keys[k]) << _S32, scratch.passed[k], n
        low, high = lows[k], highs[k]
        if high - low > LINEAR:
            low, size = equal_range(postings, low, high, key, limit)
            high = low + size
        # Most buckets are short. All of their entries are written and only those with
        # the key are kept, without a branch, which the processor could not predict.
        base, texts = stored_key(postings, key)
        for e in range(np.uint64(low), np.uint64(high)):
            scratch.seeds[n], scratch.entries[n] = seed, e
            n += np.uint64(np.uint32(postings.entries[e] - base) < texts)
        if n - before > limit:
            n = before + np.uint64(max(1, limit // 4))
            counters.seeds_cut[0] += 1
    for h in range(n):
        prefetch(table.places, scratch.entries[h])
    return np.int64(n)


@kernel
def seed_candidates(seeds, table, limit, places, scratch, out, counters):
    """Find the licensed texts of one segment that may occur inside records; return the
    number of candidates.

    int64 ``places`` maps each place code to a place in units, ``scratch`` is a
    :func:`seeding_scratch`. If more than ``limit`` places share a key, its first
    ``limit / 4`` entries are read, and ``counters.seeds_cut`` is incremented. A
    candidate consists of the record, the text, and a code point of the record and a
    place in the text, in units, on the same diagonal. Candidates for which there is no
    room are counted but not written.
    """
    bounds, checks = seeds.bounds, seeds.checks
    wide = table.places.itemsize > 1
    record, n = np.int64(0), np.int64(0)
    for low in range(bounds[0], bounds[-1], CHUNK):
        count = _filter(
            seeds.keys[low : min(low + CHUNK, bounds[-1])], low, table, scratch
        )
        hits = _look_up(table, limit, count, scratch, counters)
        for h in range(hits):
            seed, entry = scratch.seeds[h], scratch.entries[h]
            while seed >= bounds[record + 1]:
                record += 1
            place = np.int64(table.places[entry])
            if wide and place >> 8 != checks[seed]:
                continue
            if n < len(out.record):
                out.record[n], out.text[n] = record, text_of(table.postings, entry)
                out.code[n] = seeds.codes[seed]
                out.place[n] = places[place & 0xFF]
            n += 1
    return n
