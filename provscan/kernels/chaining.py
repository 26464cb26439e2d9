"""Chains of seeds: which licensed texts may stand inside a record, and where.

What is looked up are *pairs*, two seeds that follow each other (minimizer-space k-mers of order 2: Ekim, Berger, Chikhi
2021, doi:10.1016/j.cels.2021.08.009), and *lone* seeds, those that so few places share that one is enough in a short
text. A single seed of a longer text makes no candidate, and of two that many texts share few texts have both.

A *chain* gathers the hits of one licensed text whose diagonals (token place in the record less that in the text)
follow each other by :data:`DRIFT` tokens or less, or by :data:`FAR_DRIFT` from the text's token :data:`FAR` on, where
places are stored less exactly. An open chain has one of :data:`PAIR` places, by a hash of its text, in a small table; a
text that repeats itself is hit on several diagonals by each pair, and has up to :data:`WAYS`. A new chain takes the
place of one of another record, or of the one that is shortest and has been idle longest. There are thirty times as
many places as hits between two seeds of a chain, but variants of a text are hit with it by every pair: with a single
place, one of which falls on the text's own would keep it from ever having two pairs.

Units that loops call are inlined by force, see :mod:`provscan.kernels.postings`.

A row of the table is int32[4]: text, last diagonal, last seed, and ``seeds << 1 | frequent``, where frequent is 1 if
all its pairs are. Seeds are negative once the chain has become a candidate.
"""

import numpy as np

from provscan.kernels.bloom import has_bits, word_of
from provscan.kernels.jit import allocating, kernel
from provscan.kernels.minimizers import pair_hash, seed_hash
from provscan.kernels.postings import find_run, warm

CHAIN_BITS = 11
PAIR, WAYS = 2, 4
DRIFT = 16
FAR = 384
FAR_DRIFT = 80
# Seeds looked up together, whichever records they are of.
CHUNK = 512
_DONE = np.int32(-(1 << 30))
_ONE = np.uint64(1)
_S8 = np.uint64(8)
_S32 = np.uint64(32)
_TEXT = np.uint64(0xFFFFFF)
_PLACE = np.uint64(0xFF)
_SPREAD = np.uint64(0xFF51AFD7ED558CCD)
_PAIR, _WAYS = np.uint64(PAIR), np.uint64(WAYS)
_CHAIN_SHIFT = np.uint64(64 - CHAIN_BITS + 1)
# So many seeds are worth keeping a chain for as many more.
_WORTH = np.int64(8)


@kernel(forceinline=True)
def _look_up(keys, bounds, record, low, high, table, text_sizes, limit, room, counters):
    """Find the runs of the seeds ``low..high`` and of each with its successor, measured up to ``limit``; how many.

    ``record`` is that of seed ``low`` or one before. ``room`` is made by :func:`seed_candidates`; what is found goes to
    its ``which`` (twice the seed, and 1 for a pair), ``firsts`` and ``sizes``.

    Most of what a scan looks up is in no cache. So each thing that is read has a loop of its own, the sizes of the
    texts found among them: where no read waits for a decision about another one, the processor has many under way.
    ``counters[3]`` is written to keep reads alive.
    """
    entries, starts, bits, pairs, pairs_down, lone, lone_down = table
    hashes, words, is_pair, is_lone, some, which, firsts, sizes = room
    count = high - low
    here, after = keys[low:high], keys[low + 1 : min(high + 1, bounds[-1])]
    together, alone = is_pair[:count], is_lone[:count]
    h, word = hashes[: len(after)], words[: len(after)]
    for j in range(len(h)):
        h[j] = pair_hash(here[j], after[j])
    for j in range(len(h)):
        word[j] = word_of(pairs, pairs_down, h[j])
    for j in range(len(h)):
        together[j] = has_bits(word[j], h[j])
    # The last seed of a record has no successor.
    while record < len(bounds) - 1 and bounds[record + 1] <= high:
        record += 1
        if bounds[record] > low:
            together[bounds[record] - 1 - low] = False
    word = words[:count]
    for j in range(len(word)):
        word[j] = word_of(lone, lone_down, seed_hash(here[j]))
    for j in range(len(word)):
        alone[j] = has_bits(word[j], seed_hash(here[j]))
    n = np.uint64(0)
    first = np.uint64(low)
    for j in range(np.uint64(count)):
        some[n], which[n] = here[j], (first + j) << _ONE
        n += np.uint64(alone[j])
        some[n], which[n] = hashes[j] >> _S32, (first + j) << _ONE | _ONE
        n += np.uint64(together[j])
    maybe = np.int64(n)
    counters[3] += np.int64(warm(entries, starts, bits, 32, some[:maybe], firsts, sizes) & _ONE)
    found = 0
    for k in range(maybe):
        start, run = find_run(entries, firsts[k], sizes[k], _S32, np.uint64(some[k]), limit)
        which[found], firsts[found], sizes[found] = which[k], start, run
        found += run > 0
    ahead = np.int64(0)
    for k in range(found):
        for e in range(firsts[k], firsts[k] + min(sizes[k], limit)):
            ahead += text_sizes[(entries[e] >> _S8) & _TEXT]
    counters[3] += ahead & 1
    return found


@kernel(forceinline=True)
def _add_hit(entry, record, seed, pair, token, code, frequent, since, limits, state, out, n):
    """Add a hit of a pair or a lone seed to the chain of its text; write a candidate when there are seeds enough."""
    units, frequent_units = limits
    chains, text_sizes, place_of = state
    text = np.int32((entry >> _S8) & _TEXT)
    place = place_of[entry & _PLACE]
    diagonal = token - place
    drift = DRIFT if place < FAR else FAR_DRIFT
    home = (np.uint64(text) * _SPREAD) >> _CHAIN_SHIFT << _ONE
    c, least, mine, same = home, np.int64(1) << 40, False, 0
    for way in range(_WAYS):
        # A text that has both its places is one that repeats itself, and has the two beside them as well.
        if mine or (way == _PAIR and same < PAIR):
            break
        r = home ^ way
        last = np.int64(chains[r, 2])
        # The place to give up is that of a chain of another record, else of one that is short and idle.
        worth = np.int64(-1)
        if last >= since:
            same += chains[r, 0] == text
            mine = chains[r, 0] == text and abs(chains[r, 1] - diagonal) <= drift
            worth = last + (min(np.int64(chains[r, 3] >> np.int32(1)), _WORTH) if chains[r, 3] >= 0 else _WORTH)
        if mine or worth < least:
            c, least = r, worth
    seeds = 1 + pair
    if mine:
        # Of a pair the last one's second seed may be the first.
        new = min(seed + pair - np.int64(chains[c, 2]), seeds)
        frequent = min(frequent, chains[c, 3] & np.int32(1))
        seeds = np.int64(chains[c, 3] >> np.int32(1)) + new
    chains[c, 0], chains[c, 1], chains[c, 2] = text, diagonal, seed + pair
    chains[c, 3] = np.int32(seeds << 1) | frequent
    if seeds < 0 or (pair and seeds * (frequent_units if frequent else units) < text_sizes[text]):
        return n
    # Written once: no later seed brings the count up again.
    chains[c, 3] = _DONE
    if n < len(out):
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = record, text, code, place
    return n + 1


@allocating
def seed_candidates(keys, token_at, code_at, bounds, low, high, table, caps, state, limits, out, n, counters):
    """Licensed texts that may stand inside the records ``low..high``.

    A chain becomes a candidate once it has one seed for every ``units`` of the text's size, or, if all its pairs are
    frequent, one for every ``frequent_units``; and by a lone seed.

    Parameters
    ----------
    keys, token_at, code_at, bounds
        What :func:`provscan.kernels.minimizers.seeds_of` wrote: uint32, int32, int32, int64.
    table
        ``(entries, starts, bits, pairs, down, lone, down)``: postings of pairs and lone seeds, and a filter of each
        (:mod:`provscan.kernels.bloom`).
    caps
        ``(run, frequent)``: of the places that share a key the first ``run`` are looked at; a key that more than
        ``frequent`` share is frequent.
    state
        ``(chains, text sizes, places)``: the table of open chains, int32[2**CHAIN_BITS, 4], filled with -1; of the
        licensed texts :func:`~provscan.kernels.minimizers.text_sizes`; the place of each code, int32[256].
    limits
        ``(units, frequent_units)``.
    out
        int64[m, 4], written from row ``n`` on: record, text, and a code point of the record and a token place in the
        text that lie on one diagonal.
    counters
        int64[4]: ``counters[1]`` counts the look-ups cut short.

    Returns
    -------
    int64
        The row after the last one. Rows that find no room are counted and not written.
    """
    entries, text_sizes = table[0], state[1]
    cap, many = caps
    which, firsts, sizes = (
        np.empty(2 * CHUNK + 2, np.int64),
        np.empty(2 * CHUNK, np.int64),
        np.empty(2 * CHUNK, np.int64),
    )
    hashes, words, some = np.empty(CHUNK, np.uint64), np.empty(CHUNK, np.uint64), np.empty(2 * CHUNK + 2, np.uint32)
    room = (hashes, words, np.empty(CHUNK, np.bool_), np.empty(CHUNK, np.bool_), some, which, firsts, sizes)
    record = low
    for chunk in range(bounds[low], bounds[high], CHUNK):
        after = min(chunk + CHUNK, bounds[high])
        found = _look_up(keys, bounds, record, chunk, after, table, text_sizes, cap, room, counters)
        for k in range(found):
            seed, pair, first, size = which[k] >> 1, which[k] & 1, firsts[k], sizes[k]
            while seed >= bounds[record + 1]:
                record += 1
            # Seeds count through all records: a chain whose last seed is older than this record is none.
            since = bounds[record]
            token, code = np.int64(token_at[seed]), np.int64(code_at[seed])
            counters[1] += size > cap
            frequent = np.int32(size > many)
            for e in range(first, first + min(size, cap)):
                n = _add_hit(entries[e], record, seed, pair, token, code, frequent, since, limits, state, out, n)
    return n
