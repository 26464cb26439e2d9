"""Seeding: which licensed texts may stand inside a record, and where.

Of each text the index holds its rarest seeds. A text that has one of them in common
with the record is a candidate, on the seed's *diagonal*: its place in the record less
that in the text, in units. Seeds that follow each other on one diagonal make one
candidate every :data:`APART` units.

Helpers that loops call are force-inlined, see
:mod:`provscan.kernels.storage.postings`.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.minimizers import seed_hash
from provscan.kernels.sketch.hashing import MURMUR1
from provscan.kernels.sketch.lanes import prefetch
from provscan.kernels.storage.bloom import has_bits, word_of
from provscan.kernels.storage.postings import equal_range, find_buckets, text_of

SLOT_BITS = 9
# How far the diagonals of two seeds of one copy may differ, in units; from a text's
# unit FAR on, where places are stored less exactly, by more.
BAND_WIDTH = 16
FAR = 384
FAR_BAND_WIDTH = 80
APART = 24
# Seeds looked up together, whichever records they are of: what is prefetched for them
# fits the first-level cache.
CHUNK = 256
_S32 = np.uint64(32)
_SLOT_SHIFT = np.uint64(64 - SLOT_BITS)


class SeedingState(NamedTuple):
    """The candidates that were written last, int32[2**SLOT_BITS, 4], filled with -1:
    text, diagonal, seed and unit, in a slot by a hash of the text; the place that each
    place code stands for, int64[256]; the numbers int64[n] that texts have their slots
    by, empty where those are the table's.
    """

    last: np.ndarray
    places: np.ndarray
    numbers: np.ndarray


class SeedingScratch(NamedTuple):
    """Scratch for the look-ups of :data:`CHUNK` seeds."""

    words: np.ndarray
    may_be_held: np.ndarray
    keys: np.ndarray
    which: np.ndarray
    firsts: np.ndarray
    sizes: np.ndarray


def seeding_scratch() -> SeedingScratch:
    dtypes = (np.uint64, np.bool_, np.uint32, np.int64, np.int64, np.int64)
    return SeedingScratch(*(np.empty(CHUNK + 1, dtype) for dtype in dtypes))


@helper(forceinline=True)
def _look_up(keys, first, table, scratch):
    """Find which seeds may be in the table and write their numbers, from ``first`` on,
    and their keys to scratch; returns how many.

    A scan's look-ups mostly miss the caches. So each kind of read has a loop of its
    own: reads that don't wait for a decision about another one overlap.
    """
    words, may_be_held = scratch.words[: len(keys)], scratch.may_be_held[: len(keys)]
    for j in range(len(words)):
        words[j] = word_of(table.filter, seed_hash(keys[j]))
    for j in range(len(words)):
        may_be_held[j] = has_bits(words[j], seed_hash(keys[j]))
    n = np.uint64(0)
    for j in range(len(words)):
        scratch.keys[n], scratch.which[n] = keys[j], first + j
        n += np.uint64(may_be_held[j])
    return np.int64(n)


@helper(forceinline=True)
def _equal_ranges(table, limit, count, scratch, counters):
    """Find which of the first ``count`` keys in scratch are in the table, each with the
    entries to read; returns how many.

    Of a key that more than ``limit`` places share, the first ``limit / 4`` entries are
    read, and the look-up counts as cut short.
    """
    postings = table.postings
    which, firsts, sizes = scratch.which, scratch.firsts, scratch.sizes
    find_buckets(postings, _S32, scratch.keys[:count], firsts, sizes)
    found = np.int64(0)
    for k in range(count):
        start, size = equal_range(
            postings, firsts[k], sizes[k], np.uint64(scratch.keys[k]) << _S32, limit
        )
        counters.seeds_cut[0] += size > limit
        which[found], firsts[found], sizes[found] = (
            which[k],
            start,
            size if size <= limit else max(1, limit // 4),
        )
        found += size > 0
    for k in range(found):
        prefetch(table.places, firsts[k])
        prefetch(table.places, firsts[k] + sizes[k] - 1)
    return found


@helper(forceinline=True)
def _slot(text, numbers):
    number = np.int64(text) if len(numbers) == 0 else np.int64(numbers[text])
    return (np.uint64(number) * MURMUR1) >> _SLOT_SHIFT


@kernel
def wanted_keys(seeds, table, scratch, out):
    """Keys of seeds that the filter of ``table`` lets pass, into uint32 ``out``; how
    many.

    :func:`seed_candidates` looks up these and no others.
    """
    low, high = seeds.bounds[0], seeds.bounds[-1]
    n = np.int64(0)
    for start in range(low, high, CHUNK):
        count = _look_up(
            seeds.keys[start : min(start + CHUNK, high)], start, table, scratch
        )
        for k in range(count):
            out[n + k] = scratch.keys[k]
        n += count
    return n


@kernel
def seed_candidates(seeds, table, limit, state, scratch, out, counters):
    """Licensed texts of one segment that may stand inside records; how many.

    ``state`` is :class:`SeedingState`, ``scratch`` :func:`seeding_scratch`. Of a key
    that more than ``limit`` places share, the first ``limit / 4`` are read;
    ``counters.seeds_cut`` grows by these look-ups. A candidate has the record, the
    text, and a code point of the record and a place in the text, in units, that lie on
    one diagonal. Those that find no room are counted and not written.
    """
    bounds, last = seeds.bounds, state.last
    record, n = np.int64(0), np.int64(0)
    for low in range(bounds[0], bounds[-1], CHUNK):
        count = _look_up(
            seeds.keys[low : min(low + CHUNK, bounds[-1])], low, table, scratch
        )
        found = _equal_ranges(table, limit, count, scratch, counters)
        for k in range(found):
            seed, first, size = scratch.which[k], scratch.firsts[k], scratch.sizes[k]
            while seed >= bounds[record + 1]:
                record += 1
            # Seeds count through all records: what is older than this record's first
            # one is of another.
            since = bounds[record]
            unit, code = np.int64(seeds.units[seed]), np.int64(seeds.codes[seed])
            for e in range(first, first + size):
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
