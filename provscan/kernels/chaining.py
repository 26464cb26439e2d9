"""Chains of seeds: which licensed texts may stand inside a record, and where.

What is looked up are rare seeds, of which each makes a candidate by itself, since so few places share it, and
k-min-mers of order 2 (Ekim, Berger, Chikhi 2021, doi:10.1016/j.cels.2021.08.009), two frequent seeds that follow each
other: of two seeds that many texts share few texts have both. Rare seeds that follow each other on one diagonal make
one candidate every :data:`APART` units.

A *chain* gathers the k-min-mers of one licensed text whose diagonals (place in the record less that in the text, in
units) follow each other by :data:`BAND_WIDTH` units or less, or by :data:`FAR_BAND_WIDTH` from the text's unit
:data:`FAR` on, where places are stored less exactly. An open chain has one of :data:`PAIR` slots, by a hash of its
text, in a small table; a text that repeats itself is hit on several diagonals by each k-min-mer, and has up to
:data:`WAYS`. A new chain takes the slot of one of another record, or of the one that is shortest and has been idle
longest. There are thirty times as many slots as hits between two seeds of a chain, but variants of a text are hit with
it by every k-min-mer: with a single slot, a variant that falls on the text's own would keep it from ever having two
k-min-mers.

Units that loops call are inlined by force, see :mod:`provscan.kernels.postings`.

A row of the table is int32[4]: text, last diagonal, last seed, and ``seeds << 1 | frequent``, where frequent is 1 if
all its k-min-mers are. Seeds are negative once the chain has become a candidate. A row of the table of rare seeds is
text, diagonal, seed and unit of the last candidate.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.bloom import has_bits, word_of
from provscan.kernels.hashing import MURMUR1
from provscan.kernels.jit import kernel
from provscan.kernels.minimizers import kminmer_hash, seed_hash
from provscan.kernels.postings import equal_range, prefetch, text_of

CHAIN_BITS = 11
PAIR, WAYS = 2, 4
BAND_WIDTH = 16
FAR = 384
FAR_BAND_WIDTH = 80
APART = 24
# Seeds looked up together, whichever records they are of.
CHUNK = 512
_DONE = np.int32(-(1 << 30))
_U1 = np.uint64(1)
_S32 = np.uint64(32)
_PAIR, _WAYS = np.uint64(PAIR), np.uint64(WAYS)
_CHAIN_SHIFT = np.uint64(64 - CHAIN_BITS + 1)
# So many seeds are worth keeping a chain for as many more.
_WORTH = np.int64(8)


class ChainLimits(NamedTuple):
    places: int  # Places that are read of one key at most.
    frequent_places: int  # A key that more places share is frequent.
    # A chain becomes a candidate once it has a seed for each ``size`` of its text's size; if all its k-min-mers are
    # frequent, for each ``frequent_size``.
    size: int
    frequent_size: int


class ChainState(NamedTuple):
    """Open chains and candidates of rare seeds, int32[2**CHAIN_BITS, 4] each, filled with -1; of the licensed texts
    :func:`~provscan.kernels.minimizers.text_sizes`; the place that each place code stands for, int64[256]; the numbers
    int64[n] that texts have their slots by, empty where those are the table's."""

    chains: np.ndarray
    rare: np.ndarray
    text_sizes: np.ndarray
    places: np.ndarray
    numbers: np.ndarray


class ChainScratch(NamedTuple):
    """Scratch for the look-ups of :data:`CHUNK` seeds."""

    hashes: np.ndarray
    words: np.ndarray
    is_kminmer: np.ndarray
    is_rare: np.ndarray
    keys: np.ndarray
    which: np.ndarray
    firsts: np.ndarray
    sizes: np.ndarray


class _Hit(NamedTuple):
    """A k-min-mer of a record that is in the table: where its first seed stands, and its place in the text."""

    record: int
    seed: int
    unit: int
    code: int
    frequent: int
    place: int


def chain_scratch() -> ChainScratch:
    return ChainScratch(
        *(np.empty(CHUNK, dtype) for dtype in (np.uint64, np.uint64, np.bool_, np.bool_)),
        *(np.empty(2 * CHUNK + 2, dtype) for dtype in (np.uint32, np.int64, np.int64, np.int64)),
    )


@kernel(forceinline=True)
def _look_up(seeds, record, low, high, table, scratch):
    """Which of the seeds ``low..high`` and of the k-min-mers that begin with them may be in the table; how many.

    ``record`` is that of seed ``low`` or one before. Into ``scratch.which`` goes twice the seed, and 1 for a k-min-mer,
    into ``scratch.keys`` what to look for.

    Most of what a scan looks up is in no cache. So each thing that is read has a loop of its own: where no read waits
    for a decision about another one, the processor has many under way.
    """
    count = high - low
    bounds = seeds.bounds
    current, after = seeds.keys[low:high], seeds.keys[low + 1 : min(high + 1, bounds[-1])]
    together, alone = scratch.is_kminmer[:count], scratch.is_rare[:count]
    h, word = scratch.hashes[: len(after)], scratch.words[: len(after)]
    for j in range(len(h)):
        h[j] = kminmer_hash(current[j], after[j])
    for j in range(len(h)):
        word[j] = word_of(table.kminmers, h[j])
    for j in range(len(h)):
        together[j] = has_bits(word[j], h[j])
    # The last seed of a record has no successor.
    while record < len(bounds) - 1 and bounds[record + 1] <= high:
        record += 1
        if bounds[record] > low:
            together[bounds[record] - 1 - low] = False
    word = scratch.words[:count]
    for j in range(len(word)):
        word[j] = word_of(table.rare, seed_hash(current[j]))
    for j in range(len(word)):
        alone[j] = has_bits(word[j], seed_hash(current[j]))
    n = np.uint64(0)
    first = np.uint64(low)
    for j in range(np.uint64(count)):
        scratch.keys[n], scratch.which[n] = current[j], (first + j) << _U1
        n += np.uint64(alone[j])
        scratch.keys[n], scratch.which[n] = scratch.hashes[j] >> _S32, (first + j) << _U1 | _U1
        n += np.uint64(together[j])
    return np.int64(n)


@kernel(forceinline=True)
def _equal_ranges(table, text_sizes, limit, count, scratch, counters):
    """Of the first ``count`` keys in scratch those that the table holds, each with its equal range; how many.

    Ranges are measured up to ``limit``; what chains of k-min-mers need of their texts is prefetched.
    """
    postings = table.postings
    which, firsts, sizes = scratch.which, scratch.firsts, scratch.sizes
    counters.reads[0] += np.int64(prefetch(postings, _S32, scratch.keys[:count], firsts, sizes) & _U1)
    found = np.int64(0)
    for k in range(count):
        start, size = equal_range(postings, firsts[k], sizes[k], np.uint64(scratch.keys[k]) << _S32, limit)
        which[found], firsts[found], sizes[found] = which[k], start, size
        found += size > 0
    ahead = np.int64(0)
    for k in range(found):
        last = firsts[k] + min(sizes[k], limit)
        for e in range(firsts[k], last):
            ahead += np.int64(table.places[e])
        if which[k] & 1:
            for e in range(firsts[k], last):
                ahead += np.int64(text_sizes[text_of(postings, e)])
    counters.reads[0] += ahead & 1
    return found


@kernel(forceinline=True)
def _slot(text, numbers):
    number = np.int64(text) if len(numbers) == 0 else np.int64(numbers[text])
    return (np.uint64(number) * MURMUR1) >> _CHAIN_SHIFT


@kernel(forceinline=True)
def _add_hit(text, hit, since, limits, state, out, n):
    """Add a hit to the chain of its text, and write a candidate when that has seeds enough; the rows written then."""
    chains, text_sizes = state.chains, state.text_sizes
    frequent, place = hit.frequent, hit.place
    diagonal = hit.unit - place
    width = BAND_WIDTH if place < FAR else FAR_BAND_WIDTH
    home = _slot(text, state.numbers) << _U1
    c, least, known, same = home, np.int64(1) << 40, False, 0
    for way in range(_WAYS):
        # A text that has both its slots is one that repeats itself, and has the two beside them as well.
        if known or (way == _PAIR and same < PAIR):
            break
        r = home ^ way
        last = np.int64(chains[r, 2])
        # The slot to take is that of a chain of another record, else of one that is short and idle.
        worth = np.int64(-1)
        if last >= since:
            same += chains[r, 0] == text
            known = chains[r, 0] == text and abs(chains[r, 1] - diagonal) <= width
            worth = last + (min(np.int64(chains[r, 3] >> np.int32(1)), _WORTH) if chains[r, 3] >= 0 else _WORTH)
        if known or worth < least:
            c, least = r, worth
    seeds = np.int64(2)
    if known:
        # The second seed of the last k-min-mer may be the first of this one.
        new = min(hit.seed + 1 - np.int64(chains[c, 2]), seeds)
        frequent = min(frequent, chains[c, 3] & np.int32(1))
        seeds = np.int64(chains[c, 3] >> np.int32(1)) + new
    chains[c, 0], chains[c, 1], chains[c, 2] = text, diagonal, hit.seed + 1
    chains[c, 3] = np.int32(seeds << 1) | frequent
    needed = limits.frequent_size if frequent else limits.size
    if seeds < 0 or seeds * needed < text_sizes[text]:
        return n
    # Written once: no later seed brings the count up again.
    chains[c, 3] = _DONE
    if n < len(out.record):
        out.record[n], out.text[n], out.code[n], out.place[n] = hit.record, text, hit.code, place
    return n + 1


@kernel
def wanted_keys(seeds, table, scratch, out):
    """Keys of seeds and of k-min-mers that the filters of ``table`` let pass, into uint32 ``out``; how many.

    :func:`seed_candidates` looks up these and no others.
    """
    bounds = seeds.bounds
    record, n = np.int64(0), np.int64(0)
    for low in range(bounds[0], bounds[-1], CHUNK):
        while bounds[record + 1] <= low:
            record += 1
        count = _look_up(seeds, record, low, min(low + CHUNK, bounds[-1]), table, scratch)
        for k in range(count):
            out[n + k] = scratch.keys[k]
        n += count
    return n


@kernel
def seed_candidates(seeds, table, limits, state, scratch, out, counters):
    """Licensed texts of one segment that may stand inside records; how many. A rare seed makes a candidate by itself.

    `state` is :class:`ChainState`, `scratch` :func:`chain_scratch`. A candidate has the record, the text, and a code
    point of the record and a place in the text, in units, that lie on one diagonal. Those that find no room are counted
    and not written. ``counters.seeds_cut`` grows by the look-ups cut short.
    """
    bounds, rare = seeds.bounds, state.rare
    record, n = np.int64(0), np.int64(0)
    for low in range(bounds[0], bounds[-1], CHUNK):
        high = min(low + CHUNK, bounds[-1])
        count = _look_up(seeds, record, low, high, table, scratch)
        found = _equal_ranges(table, state.text_sizes, limits.places, count, scratch, counters)
        for k in range(found):
            seed, is_kminmer = scratch.which[k] >> 1, scratch.which[k] & 1
            first, size = scratch.firsts[k], scratch.sizes[k]
            while seed >= bounds[record + 1]:
                record += 1
            # Seeds count through all records: what is older than this record's first one is of another.
            since = bounds[record]
            counters.seeds_cut[0] += size > limits.places
            unit, code = np.int64(seeds.units[seed]), np.int64(seeds.codes[seed])
            frequent = np.int32(size > limits.frequent_places)
            for e in range(first, first + min(size, limits.places)):
                text, place = np.int32(text_of(table.postings, e)), state.places[table.places[e]]
                if is_kminmer:
                    hit = _Hit(record, seed, unit, code, frequent, place)
                    n = _add_hit(text, hit, since, limits, state, out, n)
                    continue
                slot, diagonal = _slot(text, state.numbers), unit - place
                width = BAND_WIDTH if place < FAR else FAR_BAND_WIDTH
                same = (rare[slot, 0] == text) & (rare[slot, 2] >= since) & (unit - rare[slot, 3] < APART)
                if same and abs(rare[slot, 1] - diagonal) <= width:
                    continue
                rare[slot, 0], rare[slot, 1], rare[slot, 2], rare[slot, 3] = text, diagonal, seed, unit
                if n < len(out.record):
                    out.record[n], out.text[n], out.code[n], out.place[n] = record, text, code, place
                n += 1
    return n
