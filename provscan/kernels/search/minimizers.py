"""Seeds of a canonical text: minimizers (Schleimer, Wilkerson, Aiken 2003,
doi:10.1145/872757.872770; Roberts et al. 2004, doi:10.1093/bioinformatics/bth408).

Of every ``window`` consecutive k-mers the one with the least hash is a seed. Hashes are
compared by the upper 22 of their 32 bits; of equal ones the first is taken. Two texts
that share ``k + window - 1`` units in a row share a seed; about ``2 / (window + 1)`` of
all k-mers are seeds.

A *unit* is a code point, or one half of it where a code point is a Chinese character, a
kana or a Korean syllable: those tell two to three times as much as a letter does, so
that a k-mer holds half as many of them.

A short licensed text may have few seeds, or none that others don't share; so the index
holds all that a copy of it may have.
"""

import numpy as np

from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN32, splitmix64
from provscan.kernels.storage.bloom import holds, mark

_S8, _S32 = np.uint64(8), np.uint64(32)
_S16, _S20 = np.uint32(16), np.uint32(20)
_ODD = np.uint32(1)
_HALF = np.uint32(0x1000000)
_LOW32 = np.uint64(0xFFFFFFFF)
_ZERO = np.int64(0)
# Window starts handled in one go: their hashes and minima stay in the first-level
# cache. Their windows have no more k-mers than _PLACES tells apart.
_CHUNK = 960
# Units of a licensed text that is indexed with more seeds than a record has: at its
# ends, which are much of it.
SHORT = 40
MAX_LENGTH, MAX_WINDOW = 32, 64
# Levels of :func:`seed_levels`: up to 16 places share a seed; more than 512 do.
SHARED_LEVEL, LAST_LEVEL = 4, 10
_PLACES = np.uint32(0x3FF)
ROOM = _CHUNK + MAX_WINDOW + MAX_LENGTH
# Odd numbers, two a level.
_MULTIPLIERS = (
    splitmix64(1, np.arange(1, 2 * MAX_LENGTH.bit_length() + 1)) >> np.uint64(32)
).astype(np.uint32) | _ODD
_MULTIPLIERS = _MULTIPLIERS.reshape(-1, 2)


@kernel
def is_wide(code):
    """Whether a code point is two units: kana, Chinese characters, Korean syllables."""
    return code >= 0x3040 and (
        code < 0x3100
        or 0x3400 <= code < 0xA000
        or 0xAC00 <= code < 0xD7B0
        or 0x20000 <= code < 0x32000
    )


@helper
def has_wide(codes):
    top = np.uint32(0)
    for i in range(len(codes)):
        top = max(top, codes[i])
    if top >= 0x3040:
        for i in range(len(codes)):
            if is_wide(codes[i]):
                return True
    return False


@kernel
def length_units(codes, low, high):
    total = high - low
    if has_wide(codes[low:high]):
        for i in range(low, high):
            total += is_wide(codes[i])
    return total


@helper
def units_of(codes, out, origins):
    """Units of ``codes``, some of which are wide, into uint32 ``out``, the code point
    that each comes from into int32 ``origins``.

    Both hold ``2 * len(codes)``. Returns how many there are.
    """
    n = 0
    for i in range(len(codes)):
        out[n] = codes[i]
        origins[n] = i
        n += 1
        if is_wide(codes[i]):
            out[n] = codes[i] | _HALF
            origins[n] = i
            n += 1
    return n


@helper
def _hash_kmers(units, k, scratch):
    """Hashes of the k-mers of ``units`` into ``scratch.ranks[0]``, and what windows
    compare into ``scratch.ranks[1]``.

    Hashing along a tree (Carter, Wegman 1979, doi:10.1016/0022-0000(79)90044-8): the
    hash of two stretches is that of the first times an odd multiplier of the level plus
    that of the second, modulo 2**32. Where a level has an odd number of units the last
    is added likewise. The key is the sum folded, times the golden ratio. A rank is the
    key's upper 22 bits and the place in ``units``. Returns how many there are.
    """
    count = len(units)
    sums, sums_out = scratch.sums[0], scratch.sums[1]
    wide = sums[:count]
    for j in range(len(wide)):
        wide[j] = units[j]
    size = 1
    level = 0
    while 1 << level + 1 <= k:
        level += 1
    while level > 0:
        level -= 1
        odd = k >> level & 1
        count -= size + odd
        first, second, out = sums[:count], sums[size : size + count], sums_out[:count]
        m0, m1 = _MULTIPLIERS[level]
        if odd:
            last = units[2 * size : 2 * size + count]
            for j in range(len(out)):
                out[j] = (first[j] * m0 + second[j]) * m1 + last[j]
        else:
            for j in range(len(out)):
                out[j] = first[j] * m0 + second[j]
        size = 2 * size + odd
        sums, sums_out = sums_out, sums
    out, keys, ranks = sums[:count], scratch.ranks[0][:count], scratch.ranks[1][:count]
    for j in range(len(out)):
        key = np.uint32((out[j] ^ (out[j] >> _S16)) * GOLDEN32)
        keys[j] = key
        ranks[j] = (key & ~_PLACES) | np.uint32(j)
    return count


@kernel
def minimizers(units, params, scratch, keys, places):
    """Seeds of ``units``: uint32 ``keys`` and int32 ``places``, in units; how many
    there are.

    ``params`` are :class:`~provscan.kernels.records.SeedParams`, ``scratch`` is a
    :class:`~provscan.kernels.records.SeedScratch`; ``keys`` and ``places`` have room
    for every unit. Fewer than ``window`` k-mers count as one window. A key is that of
    the k-mer spread once more: minimizers are small by choice, and a table wants its
    keys spread evenly.
    """
    k = params.length
    kmers = len(units) - k + 1
    if kmers < 1:
        return 0
    window = min(params.window, kmers)
    hashes = scratch.ranks[0]
    n = np.uint64(0)
    last = np.int32(-1)
    for start in range(0, kmers - window + 1, _CHUNK):
        stop = min(start + _CHUNK, kmers - window + 1)
        count = _hash_kmers(units[start : stop + window - 1 + k - 1], k, scratch)
        # Minima of ever longer windows, from one row to the other: in place, LLVM would
        # not vectorise.
        least, spare = scratch.ranks[1], scratch.ranks[2]
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            count -= step
            current, ahead, out = (
                least[:count],
                least[step : step + count],
                spare[:count],
            )
            for j in range(len(out)):
                out[j] = min(current[j], ahead[j])
            least, spare = spare, least
            reach += step
        before = n
        chosen = least[: stop - start]
        for j in range(len(chosen)):
            place = np.int32(start + np.int64(chosen[j] & _PLACES))
            places[n] = place
            n += np.uint64(place != last)
            last = place
        for s in range(before, n):
            keys[s] = hashes[places[s] - start] * GOLDEN32
    return np.int64(n)


@kernel
def index_minimizers(units, params, scratch, keys, places):
    """Seeds of a licensed text: :func:`minimizers`, and in one of up to SHORT units all
    that a copy of it may have.

    Inside a record windows reach over the ends of the copy. If such a window has its
    least k-mer in the copy, it is the least of those in the part of the window that
    lies there.
    """
    if len(units) > SHORT or len(units) < params.length:
        return minimizers(units, params, scratch, keys, places)
    hashes, ranks = scratch.ranks[0], scratch.ranks[1]
    kmers = _hash_kmers(units, params.length, scratch)
    n = 0
    last = np.int64(-1)
    for low in range(1 - params.window, kmers):
        least = np.uint32(0xFFFFFFFF)
        for rank in ranks[max(low, 0) : min(low + params.window, kmers)]:
            least = min(least, rank)
        place = np.int64(least & _PLACES)
        if place != last:
            keys[n], places[n] = hashes[place] * GOLDEN32, place
            n += 1
            last = place
    return n


@kernel
def place_code(unit):
    """One byte for a seed's place in its text, in units: exact below 128, in steps of 4
    to 384, then of 64.

    Places past 4,416 have none: -1.
    """
    if unit < 128:
        return unit
    if unit < 384:
        return 128 + (unit - 128) // 4
    if unit < 4480:
        return 192 + (unit - 384) // 64
    return -1


def place_of(code: int) -> int:
    """The least place that :func:`place_code` gives ``code`` to."""
    if code < 128:
        return code
    if code < 192:
        return 128 + (code - 128) * 4
    return 384 + (code - 192) * 64


@kernel
def seed_entries(texts, first_id, params, scratch, entries, lengths):
    """Index entries of texts: ``key << 32 | text id << 8 | place code``, uint64.

    Parameters
    ----------
    texts
        :class:`~provscan.kernels.records.TextBuffer`; text i has id ``first_id + i``.
    params, scratch
        :class:`~provscan.kernels.records.SeedParams` and
        :class:`~provscan.kernels.records.SeedEntriesScratch`.
    entries
        Room for two a byte.
    lengths
        ``(step, uint8[n])``: filled with the lengths of the texts in steps of ``step``
        units, rounded up; 255 stands for all greater ones.

    Returns
    -------
    int64
        How many entries were written.
    """
    text, offsets = texts
    seeds = scratch.seeds
    step, steps = lengths
    n = 0
    for i in range(len(steps)):
        units = scratch.codes[: decode(text, offsets[i], offsets[i + 1], scratch.codes)]
        if has_wide(units):
            units = seeds.units[: units_of(units, seeds.units, seeds.origins)]
        steps[i] = min(255, (len(units) + step - 1) // step)
        number = np.uint64(first_id + i) << _S8
        for s in range(
            index_minimizers(units, params, seeds, scratch.keys, scratch.places)
        ):
            place = place_code(scratch.places[s])
            if place >= 0:
                entries[n] = (
                    np.uint64(scratch.keys[s]) << _S32 | number | np.uint64(place)
                )
                n += 1
    return n


@kernel
def seeds_of(texts, params, scratch, out):
    """Seeds of the texts of a :class:`~provscan.kernels.records.CodeBuffer`; how many.

    ``out`` are :class:`~provscan.kernels.records.Seeds` with room for two a code point,
    and two more.
    """
    n = 0
    out.bounds[0] = 0
    for i in range(len(texts.offsets) - 1):
        codes = texts.codes[texts.offsets[i] : texts.offsets[i + 1]]
        wide = has_wide(codes)
        units = (
            scratch.units[: units_of(codes, scratch.units, scratch.origins)]
            if wide
            else codes
        )
        count = minimizers(units, params, scratch, out.keys[n:], out.units[n:])
        places, origins = out.units[n : n + count], out.codes[n : n + count]
        for s in range(len(places)):
            origins[s] = scratch.origins[places[s]] if wide else places[s]
        n += count
        out.bounds[i + 1] = n
    return n


@kernel(forceinline=True)
def seed_hash(key):
    """64-bit hash of a seed as filters want it: its uint32 key above what is mixed from
    it.
    """
    return np.uint64(key) << _S32 | np.uint64(np.uint32(key * GOLDEN32) >> _S20)


@kernel
def seed_levels(entries, levels):
    """How many places share the key of each of sorted seed entries, as a level, into
    uint8 ``levels``.

    Level 0 is one place, 1 is two, 2 up to four, 3 up to eight and so on; no level is
    above :data:`LAST_LEVEL`.
    """
    first = 0
    while first < len(entries):
        key = entries[first] >> _S32
        after = first
        while after < len(entries) and entries[after] >> _S32 == key:
            after += 1
        level = 0
        while 1 << level < after - first and level < LAST_LEVEL:
            level += 1
        levels[first:after] = level
        first = after


@kernel
def seeds_within(entries, sizes, most, taken, out):
    """The seed entries that their texts have room for, into uint64 ``out``; how many:
    the first ones.

    Of each text uint8 ``sizes`` is its size, uint16 ``most[size]`` how many it may
    have, and uint16 ``taken`` how many it has, which grows.
    """
    n = np.uint64(0)
    for i in range(len(entries)):
        text = (entries[i] & _LOW32) >> _S8
        has_room = taken[text] < most[sizes[text]]
        out[n] = entries[i]
        taken[text] += np.uint16(has_room)
        n += np.uint64(has_room)
    return np.int64(n)


@kernel
def possible_seeds(entries, ends, sizes, most, taken, out):
    """The seed entries of levels above 0 that :func:`seeds_within` may take still, into
    uint64 ``out``.

    The entries stand in the order of their levels, int64 ``ends`` says where each level
    ends, and then where it does in ``out``; ``most`` is uint16[levels, 256].
    """
    n, low = np.uint64(0), ends[0]
    ends[0] = 0
    for level in range(1, len(ends)):
        for i in range(low, ends[level]):
            text = (entries[i] & _LOW32) >> _S8
            out[n] = entries[i]
            n += np.uint64(taken[text] < most[level, sizes[text]])
        low = ends[level]
        ends[level] = n


@kernel
def mark_seeds(entries, bloom):
    """Add the keys of seed entries to a filter."""
    for entry in entries:
        mark(bloom, seed_hash(np.uint32(entry >> _S32)))


@kernel
def held_seeds(entries, bloom, held):
    """Whether the keys of seed entries may be in a filter, into bool ``held``."""
    for i in range(len(entries)):
        held[i] = holds(bloom, seed_hash(np.uint32(entries[i] >> _S32)))
