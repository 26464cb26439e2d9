"""Chains of seeds: which licensed texts may stand inside a record, and where.

Seeds are looked up in the order in which they stand. A *chain* gathers the hits of one licensed text whose diagonals
(token place in the record less that in the text) follow each other by :data:`DRIFT` tokens or less, or by
:data:`FAR_DRIFT` from the text's token :data:`FAR` on, where places are stored less exactly. An open chain has one
of two places, by a hash of its text, in a small table; a new chain ends the older one there. There are thirty times as
many places as hits between two seeds of a chain, but variants of a text are hit with it by every seed: with a single
place, one of which falls on the text's own would keep it from ever having two seeds.

Units that loops call are inlined by force, see :mod:`provscan.kernels.postings`.

A row of the table is int32[4]: text, last diagonal, last seed, and ``seeds << 2 | kind``, where kind is the least of
the chain's seeds: 0 rare, 1 neither, 2 frequent. Seeds are negative once the chain has become a candidate.
"""

import numpy as np

from provscan.kernels.compiled import allocating, kernel
from provscan.kernels.postings import find_run, warm
from provscan.kernels.seeds import is_wide, pair_key

CHAIN_BITS = 11
DRIFT = 16
FAR = 384
FAR_DRIFT = 80
# A seed that so few places share may stand alone: an index is built with this number.
RARE = 4
# Seeds looked up together.
CHUNK = 256
_DONE = np.int32(-(1 << 30))
_KIND = np.int32(3)
_ONE = np.uint64(1)
_S3, _LOW3 = np.uint64(3), np.uint64(7)
_S8 = np.uint64(8)
_S32 = np.uint64(32)
_TEXT = np.uint64(0xFFFFFF)
_PLACE = np.uint64(0xFF)
_SPREAD = np.uint64(0xFF51AFD7ED558CCD)
_CHAIN_SHIFT = np.uint64(64 - CHAIN_BITS)


@kernel
def text_sizes(text, offsets, unit, out):
    """Lengths of texts in units of so many tokens, rounded up, into uint8 ``out``; 255 stands for all greater ones.

    ``text`` is valid UTF-8.
    """
    for i in range(len(out)):
        tokens = 0
        for j in range(offsets[i], offsets[i + 1]):
            tokens += text[j] & 0xC0 != 0x80
            if text[j] >= 0xE3:
                code = (
                    np.uint32(text[j] & 0xF) << 12 | np.uint32(text[j + 1] & 0x3F) << 6 | np.uint32(text[j + 2] & 0x3F)
                )
                if text[j] >= 0xF0:
                    code = np.uint32(text[j] & 0x7) << 18 | (code & 0xFFF) << 6 | np.uint32(text[j + 3] & 0x3F)
                tokens += is_wide(code)
        out[i] = min(255, (tokens + unit - 1) // unit)


@kernel(forceinline=True)
def _marked(bitmap, down, key):
    """Whether the bit of a 32-bit key is set, 0 or 1."""
    bit = np.uint64(key >> down)
    return (bitmap[bit >> _S3] >> np.uint8(bit & _LOW3)) & np.uint8(1)


@kernel(forceinline=True)
def _look_up(
    keys, low, high, begin, end, entries, starts, bits, filters, limit,
    inside, good, some, which, firsts, sizes, counters,
):  # fmt: skip
    """Find the runs of the seeds ``low..high``, measured up to ``limit``; how many of them are in the table.

    A seed is looked up if it and a neighbour in the record, ``begin..end``, follow each other in some text, or if it
    may stand alone: one that is by itself makes no chain. Fills int64 ``which`` (the seed), ``firsts`` and ``sizes``;
    ``inside`` and ``good`` are uint8[CHUNK + 3] and ``some`` uint32[CHUNK + 3] of room. ``counters[3]`` is written to
    keep reads alive.
    """
    bitmap, down, lone, lone_down, pairs, pairs_down = filters
    first, last = np.uint64(max(low - 1, begin)), np.uint64(min(high + 1, end))
    size = last - first
    for k in range(size):
        inside[k] = _marked(bitmap, down, keys[first + k])
    inside[size] = 0
    known = np.uint64(0)
    for k in range(size):
        which[known] = first + k
        known += np.uint64(inside[k])
    # Flags first and choices after: a read that waited for a choice would wait for memory.
    for j in range(known):
        k = np.uint64(which[j]) - first
        key = keys[first + k]
        beside = inside[k + _ONE]
        pair = _marked(pairs, pairs_down, pair_key(key, keys[first + k + np.uint64(beside)]))
        good[j] = (beside & pair) | (_marked(lone, lone_down, key) << np.uint8(1))
    count = np.uint64(0)
    before = np.uint8(0)
    from_, to = np.uint64(low), np.uint64(high)
    for j in range(known):
        s = np.uint64(which[j])
        some[count], which[count] = keys[s], s
        count += np.uint64(((before | good[j]) != np.uint8(0)) & (s >= from_) & (s < to))
        before = good[j] & np.uint8(1)
    maybe = np.int64(count)
    counters[3] += np.int64(warm(entries, starts, bits, 32, some[:maybe], firsts, sizes) & _ONE)
    found = 0
    for k in range(maybe):
        first_entry, run = find_run(entries, firsts[k], sizes[k], _S32, np.uint64(some[k]), limit)
        which[found], firsts[found], sizes[found] = which[k], first_entry, run
        found += run > 0
    return found


@kernel(forceinline=True)
def _add_hit(
    entry, seed, token, code, kind, since,
    least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
):  # fmt: skip
    """Add one hit to the chain of its text; write a candidate when the chain has seeds enough."""
    text = np.int32((entry >> _S8) & _TEXT)
    place = place_of[entry & _PLACE]
    diagonal = token - place
    drift = DRIFT if place < FAR else FAR_DRIFT
    c = (np.uint64(text) * _SPREAD) >> _CHAIN_SHIFT
    # The other place of the text if its chain is there, or if neither is its own and that one has been idle longer.
    other = c ^ _ONE
    if chains[c, 0] != text and (chains[other, 0] == text or chains[other, 2] < chains[c, 2]):
        c = other
    if chains[c, 0] != text or chains[c, 2] < since or abs(chains[c, 1] - diagonal) > drift:
        chains[c, 0], chains[c, 1], chains[c, 2], chains[c, 3] = text, diagonal, seed, 4 | kind
        if kind > 0 or text_sizes[text] > rare_units:
            return n
    else:
        chains[c, 1] = diagonal
        state = chains[c, 3]
        state = (state & ~_KIND) | min(state & _KIND, kind)
        again = chains[c, 2] == seed
        chains[c, 2] = seed
        chains[c, 3] = state if again else state + 4
        seeds = np.int64(chains[c, 3] >> 2)
        if again or seeds < least:
            return n
        share = frequent_units if state & _KIND == 2 else units
        if seeds * share < text_sizes[text]:
            return n
    if n < len(out):
        # Written once: no later seed brings the count up again.
        chains[c, 3] = _DONE | kind
        out[n, 1], out[n, 2], out[n, 3] = text, code, token - diagonal
        n += 1
    return n


@kernel
def _add_shared(
    entries, a, a_size, a_seed, a_token, a_code, a_kind, b, b_size, b_seed, b_token, b_code, b_kind, steps, most, since,
    least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
):  # fmt: skip
    """Add the hits of two runs in those texts that have both, DRIFT tokens or less off one diagonal.

    The runs are merged for ``steps`` steps or until ``most`` texts are found. Copies of a template share most of both
    runs and are met at once; texts that have the two seeds by chance are far between.
    """
    i, j = a, b
    added = 0
    for _ in range(steps):
        if i == a + a_size or j == b + b_size or added == most:
            break
        text_a, text_b = (entries[i] >> _S8) & _TEXT, (entries[j] >> _S8) & _TEXT
        if text_a == text_b:
            drift = (a_token - place_of[entries[i] & _PLACE]) - (b_token - place_of[entries[j] & _PLACE])
            if abs(drift) <= DRIFT and (a_kind == b_kind or text_sizes[text_a] <= rare_units):
                n = _add_hit(
                    entries[i], a_seed, a_token, a_code, a_kind, since,
                    least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
                )  # fmt: skip
                n = _add_hit(
                    entries[j], b_seed, b_token, b_code, b_kind, since,
                    least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
                )  # fmt: skip
                added += 1
            i += 1
            j += 1
        else:
            i += text_a < text_b
            j += text_b < text_a
    return n


@allocating
def seed_candidates(keys, token_at, code_at, bounds, low, high, table, caps, state, limits, out, n, counters):
    """Licensed texts that may stand inside the records ``low..high``.

    A chain becomes a candidate once it has ``least`` seeds and one for every ``units`` of the text's size, or, if all
    its seeds are frequent, one for every ``frequent_units``. One seed that at most :data:`RARE` places share is enough
    in a text of up to ``rare_units``.

    Parameters
    ----------
    keys, token_at, code_at, bounds
        What :func:`provscan.kernels.seeds.seeds_of` wrote: uint32, int32, int32, int64.
    table
        ``(entries, starts, bits, filters)``, the filters as :meth:`provscan.index.filters.SeedFilters.shifted` gives
        them.
    caps
        ``(run, steps, most)``: a seed that more than ``run`` places share is frequent. It counts only in a pair with
        the seed before or after, for the texts that have both: the first ``most`` that ``steps`` steps through the two
        runs find; beside one that is not frequent only if ``steps`` places share it, for texts of up to ``rare_units``.
    state
        ``(chains, text sizes, places)``: the table of open chains, int32[2**CHAIN_BITS, 4], filled with -1, the
        licensed texts' :func:`text_sizes`, and what place each place code stands for, int32[256].
    limits
        ``(least, units, rare_units, frequent_units)``.
    out
        int64[m, 4], written from row ``n`` on: record, text, and a code point of the record and a token place in the
        text that lie on one diagonal.
    counters
        int64[4]: ``counters[1]`` counts the look-ups of frequent seeds, ``counters[2]`` the records whose candidates
        found no room.

    Returns
    -------
    int64
        The row after the last one written.
    """
    entries, starts, bits, filters = table
    run_cap, steps, most = caps
    chains, text_sizes, place_of = state
    least, units, rare_units, frequent_units = limits
    inside, good = np.empty(CHUNK + 3, np.uint8), np.empty(CHUNK + 3, np.uint8)
    some, which = np.empty(CHUNK + 3, np.uint32), np.empty(CHUNK + 3, np.int64)
    firsts, sizes = np.empty(CHUNK + 3, np.int64), np.empty(CHUNK + 3, np.int64)
    for i in range(low, high):
        # Seeds count through all records: a chain whose last seed is older than this record is none.
        since = bounds[i]
        written = n
        before, before_first, before_size, before_kind = np.int64(-2), np.int64(0), np.int64(0), np.int32(0)
        for chunk in range(bounds[i], bounds[i + 1], CHUNK):
            found = _look_up(
                keys, chunk, min(chunk + CHUNK, bounds[i + 1]), bounds[i], bounds[i + 1],
                entries, starts, bits, filters,
                max(run_cap, steps), inside, good, some, which, firsts, sizes, counters,
            )  # fmt: skip
            for k in range(found):
                s, first, size = which[k], firsts[k], sizes[k]
                token, code = np.int64(token_at[s]), np.int64(code_at[s])
                kind = np.int32(2 if size > run_cap else size > RARE)
                # Where only one is frequent, its run must be short enough to be gone through.
                paired = before == s - 1 and max(kind, before_kind) == 2
                paired &= kind == before_kind or max(size, before_size) <= steps
                if paired:
                    n = _add_shared(
                        entries, before_first, before_size, before, np.int64(token_at[before]),
                        np.int64(code_at[before]), before_kind, first, size, s, token, code, kind, steps, most, since,
                        least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
                    )  # fmt: skip
                if kind < 2:
                    for e in range(first, first + size):
                        n = _add_hit(
                            entries[e], s, token, code, kind, since,
                            least, units, rare_units, frequent_units, chains, text_sizes, place_of, out, n,
                        )  # fmt: skip
                else:
                    counters[1] += 1
                # Of three frequent ones the second is in a pair with the first, so not with the third as well.
                before = np.int64(-2) if paired and min(kind, before_kind) == 2 else s
                before_first, before_size, before_kind = first, size, kind
        counters[2] += n == len(out)
        out[written:n, 0] = i
    return n
