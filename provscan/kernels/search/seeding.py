"""Seeding: find the licensed texts that may occur inside a record, and where.

The index has the rarest seeds of each text. A text that shares one of them with the
record is a candidate on the seed's *diagonal*: its place in the record minus its place
in the text, in units. Consecutive seeds on one diagonal yield one candidate every
:data:`APART` units.

Helpers that are called in loops are force-inlined, see
:mod:`provscan.kernels.storage.postings`.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.minimizers import FAR, seed_hash
from provscan.kernels.sketch.hashing import MURMUR1
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import equal_range, find_buckets, text_of

SLOT_BITS = 9
# The maximum difference in units between the diagonals of two seeds of one copy, before
# unit FAR of the text and from there on, where places are stored less exactly.
BAND_WIDTH, FAR_BAND_WIDTH = 16, 80
APART = 24
# The number of seeds looked up together, from any records: the data prefetched for
# them fits into the first-level cache.
CHUNK = 256
_S32 = np.uint64(32)
_SLOT_SHIFT = np.uint64(64 - SLOT_BITS)


class SeedingState(NamedTuple):
    """The state of :func:`seed_candidates`."""

    # int32[2**SLOT_BITS, 4], initially -1. A hash of a text selects a slot, which keeps
    # the latest of its candidates: text, diagonal in units, seed, and unit in the
    # record.
    last: np.ndarray
    places: np.ndarray  # int64[256]: the place in units for each place code.
    # int64[n]: the number by which each text of the table selects a slot; empty if that
    # is its number in the table.
    numbers: np.ndarray


class SeedingScratch(NamedTuple):
    """Scratch for looking up :data:`CHUNK` seeds."""

    # For each seed: its word of the filter, and whether the seed passes.
    words: np.ndarray
    passes: np.ndarray
    # For each seed that passes: its number, its key, and the bounds of its bucket.
    passed: np.ndarray
    keys: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    # For each seed in the table: its number, its first entry, and the number of
    # entries to read.
    found: np.ndarray
    firsts: np.ndarray
    counts: np.ndarray


def seeding_scratch() -> SeedingScratch:
    filter_types = (np.uint64, np.bool_)
    table_types = (np.int64, np.uint32, *[np.int64] * 5)
    return SeedingScratch(
        *(np.empty(CHUNK + 1, dtype) for dtype in (*filter_types, *table_types))
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
    """Find which of the ``count`` seeds that passed the filter are in the table, and
    write them to ``scratch.found`` with the entries to read; return their number.

    If more than ``limit`` places share a key, its first ``limit / 4`` entries are
    read, and the look-up counts as cut short.
    """
    postings, lows, highs = table.postings, scratch.lows, scratch.highs
    firsts, counts = scratch.firsts, scratch.counts
    find_buckets(postings, _S32, scratch.keys[:count], lows, highs)
    found = np.int64(0)
    for k in range(count):
        key = np.uint64(scratch.keys[k]) << _S32
        first, size = equal_range(postings, lows[k], highs[k], key, limit)
        counters.seeds_cut[0] += size > limit
        scratch.found[found], firsts[found] = scratch.passed[k], first
        counts[found] = size if size <= limit else max(1, limit // 4)
        found += size > 0
    for k in range(found):
        prefetch(table.places, firsts[k])
        prefetch(table.places, firsts[k] + counts[k] - 1)
    return found


@helper(forceinline=True)
def _slot(text, numbers):
    number = np.int64(text) if len(numbers) == 0 else np.int64(numbers[text])
    return (np.uint64(number) * MURMUR1) >> _SLOT_SHIFT


@kernel
def wanted_keys(seeds, table, scratch, out):
    """Write the keys of seeds that pass the filter of ``table`` to uint32 ``out``;
    return their number.

    :func:`seed_candidates` looks up exactly these.
    """
    low, high = seeds.bounds[0], seeds.bounds[-1]
    n = np.int64(0)
    for start in range(low, high, CHUNK):
        count = _filter(
            seeds.keys[start : min(start + CHUNK, high)], start, table, scratch
        )
        for k in range(count):
            out[n + k] = scratch.keys[k]
        n += count
    return n


@kernel
def seed_candidates(seeds, table, limit, state, scratch, out, counters):
    """Find the licensed texts of one segment that may occur inside records; return the
    number of candidates.

    ``state`` is a :class:`SeedingState`, ``scratch`` a :func:`seeding_scratch`. If
    more than ``limit`` places share a key, its first ``limit / 4`` entries are read,
    and ``counters.seeds_cut`` is incremented. A candidate has the record, the text, and
    a code point of the record and a place in the text, in units, on the same diagonal.
    Candidates for which there is no room are counted but not written.
    """
    bounds, last = seeds.bounds, state.last
    record, n = np.int64(0), np.int64(0)
    for low in range(bounds[0], bounds[-1], CHUNK):
        count = _filter(
            seeds.keys[low : min(low + CHUNK, bounds[-1])], low, table, scratch
        )
        for k in range(_look_up(table, limit, count, scratch, counters)):
            seed, first = scratch.found[k], scratch.firsts[k]
            while seed >= bounds[record + 1]:
                record += 1
            # Seeds are numbered across all records: a seed before this record's first
            # belongs to another record.
            since = bounds[record]
            unit, code = np.int64(seeds.units[seed]), np.int64(seeds.codes[seed])
            for e in range(first, first + scratch.counts[k]):
                text, place = (
                    np.int32(text_of(table.postings, e)),
                    state.places[table.places[e]],
                )
                slot, diagonal = _slot(text, state.numbers), unit - place
                width = BAND_WIDTH if place < FAR else FAR_BAND_WIDTH
                same = (
                    (last[slot, 0] == text)
                    & (last[slot, 2] >= since)
                    & (unit - last[slot, 3] < APART)
                )
                if same and abs(last[slot, 1] - diagonal) <= width:
                    continue
                last[slot, 0], last[slot, 1], last[slot, 2], last[slot, 3] = (
                    text,
                    diagonal,
                    seed,
                    unit,
                )
                if n < len(out.record):
                    out.record[n], out.text[n], out.code[n], out.place[n] = (
                        record,
                        text,
                        code,
                        place,
                    )
                n += 1
    return n
