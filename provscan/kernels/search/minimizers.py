"""Seeds of a canonical text: minimizers (Schleimer, Wilkerson, Aiken 2003,
doi:10.1145/872757.872770; Roberts et al. 2004, doi:10.1093/bioinformatics/bth408).

In every ``window`` consecutive k-mers, the one with the smallest hash is a seed.
Hashes are compared by the upper 22 of their 32 bits; of equal hashes, the first wins.
Two texts that share ``k + window - 1`` units in a row share a seed; about ``2 / (window
+ 1)`` of all k-mers are seeds.

A *unit* is a code point, or half a code point for Chinese characters, kana and
syllables of Korean and Ethiopic. These carry two to three times as much information as
a letter, so a k-mer of them is half as long.

A short licensed text may have few seeds, or only seeds that other texts share. The
index therefore chooses among more seeds of such a text: all those that an unchanged
copy of it may have in a record (:func:`index_minimizers`).
"""

import numpy as np

from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.characters import FIRST_UNSPACED, is_unspaced
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN32, splitmix64
from provscan.kernels.storage.bloom import mark, may_contain
from provscan.kernels.storage.postings import entry_text, key_of

# A seed entry is a uint64: 32 bits for the key, 24 for the text's row, and 8 for the
# place code: ``key << KEY_SHIFT | text << TEXT_SHIFT | place code``. In a wide table,
# the key has 40 bits, with the check of the seed after its first 32
# (:class:`~provscan.kernels.records.EntryForm`).
KEY_SHIFT, TEXT_SHIFT = np.uint64(32), np.uint64(8)
_U24 = np.uint64(24)
_S16, _S20 = np.uint32(16), np.uint32(20)
_U32 = np.uint64(32)
_ODD = np.uint32(1)
_HALF = np.uint32(0x1000000)
_CHECK0, _CHECK1, _S24 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(24)
_ZERO = np.int64(0)
# The number of windows that are handled together, so that their hashes and minima stay
# in the first-level cache. Together they have at most _CHUNK + MAX_WINDOW - 1 k-mers,
# whose places must fit into the bits of _PLACES.
_CHUNK = 960
# Maximum units of a short licensed text. Much of it is near its ends, so the index also
# stores the seeds of windows that extend beyond them. This applies to seeds of up to
# SHORT_LENGTH units: longer ones are for large indexes, in which these additional seeds
# would cause chance matches.
SHORT, SHORT_LENGTH = 40, 10
MAX_LENGTH, MAX_WINDOW = 32, 64
LETTERS_PER_SPACE = 6
# Levels of :func:`seed_levels`: the highest level of seeds that at most 16 places
# share, and the level of seeds that more than 512 places share.
SHARED_LEVEL, LAST_LEVEL = 4, 10
_PLACES = np.uint32(0x3FF)
ROOM = _CHUNK + MAX_WINDOW + MAX_LENGTH
# From place FAR on, in units, the places of seeds are stored in steps of FAR_STEP.
FAR, FAR_STEP = 384, 64
# Odd multipliers, two per level.
_MULTIPLIERS = (
    splitmix64(1, np.arange(1, 2 * MAX_LENGTH.bit_length() + 1)) >> np.uint64(32)
).astype(np.uint32) | _ODD
_MULTIPLIERS = _MULTIPLIERS.reshape(-1, 2)


@helper
def is_wide(code):
    """Return whether a code point has two units: Ethiopic and Korean syllables, kana,
    Chinese.
    """
    return code >= 0x1200 and (
        code < 0x1380
        or 0x3040 <= code < 0x3100
        or 0x3400 <= code < 0xA000
        or 0xAC00 <= code < 0xD7B0
        or 0x20000 <= code < 0x32000
    )


@helper
def has_wide(codes):
    top = np.uint32(0)
    for i in range(len(codes)):
        top = max(top, codes[i])
    if top >= 0x1200:
        for i in range(len(codes)):
            if is_wide(codes[i]):
                return True
    return False


@helper
def length_units(codes, low, high):
    """Return the length of canonical ``codes[low:high]`` as ``min_chars`` counts it.

    Wide characters count as two, and :data:`LETTERS_PER_SPACE` letters of scripts whose
    spaces are dropped as one more: a sixth of the characters of other scripts are
    spaces.
    """
    total, top, unspaced = high - low, np.uint32(0), 0
    for i in range(low, high):
        top = max(top, codes[i])
    if top >= FIRST_UNSPACED:
        for i in range(low, high):
            total += is_wide(codes[i])
            unspaced += is_unspaced(codes[i])
    return total + unspaced // LETTERS_PER_SPACE


@kernel
def lengths(codes, offsets, out):
    """Write :func:`length_units` of canonical texts to int64[n] ``out``."""
    for i in range(len(out)):
        out[i] = length_units(codes, offsets[i], offsets[i + 1])


@helper
def units_of(codes, out, origins):
    """Write the units of ``codes``, some of which are wide, to uint32 ``out``, and the
    code point that each comes from to int32 ``origins``.

    Both have room for ``2 * len(codes)``. Return the number of units.
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
    """Write the keys of the k-mers of ``units`` to ``scratch.ranks[0]``, and their
    ranks, which windows compare, to ``scratch.ranks[1]``. Return the number of k-mers.

    K-mers are hashed by a tree (Carter, Wegman 1979,
    doi:10.1016/0022-0000(79)90044-8), modulo 2**32. The hash of one unit is the unit.
    The hash of 2 s units is the hash of the first s times a multiplier, plus the hash
    of the other s; the hash of 2 s + 1 units is that of the first 2 s times a second
    multiplier, plus the last unit. Each level of the tree has its own two multipliers,
    which are odd. For k = 10, the hashes of 2, 5 and 10 units are computed from one
    another. The key of a k-mer is ``(hash ^ hash >> 16) * GOLDEN32``, which
    docs/format.md calls the rank of a seed. What is called a rank here consists of the
    key's upper 22 bits and the place in ``units``.
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


@helper
def minimizers(units, params, scratch, keys, places):
    """Find the seeds of ``units``: uint32 ``keys`` and int32 ``places``, in units.
    Return their number.

    ``params`` are :class:`~provscan.kernels.records.SeedParams`, ``scratch`` is a
    :class:`~provscan.kernels.records.SeedScratch`; ``keys`` and ``places`` have room
    for every unit. Fewer than ``window`` k-mers count as one window. A seed's key is
    the key of its k-mer, mixed once more: minimizers are small by selection, and a
    table needs evenly distributed keys.
    """
    k = params.length
    kmers = len(units) - k + 1
    if kmers < 1:
        return 0
    window = min(params.window, kmers)
    kmer_keys = scratch.ranks[0]
    n = np.uint64(0)
    last = np.int32(-1)
    for start in range(0, kmers - window + 1, _CHUNK):
        stop = min(start + _CHUNK, kmers - window + 1)
        count = _hash_kmers(units[start : stop + window - 1 + k - 1], k, scratch)
        # Element j of ``least`` is the minimum of the ``reach`` ranks from j on. Each
        # pass at most doubles ``reach``, and writes to the other array: LLVM would not
        # vectorise an update in place.
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
            keys[s] = kmer_keys[places[s] - start] * GOLDEN32
    return np.int64(n)


@helper(inline="always")
def index_minimizers(units, params, scratch, keys, places):
    """Find the seeds of a licensed text: its :func:`minimizers` and, if it has at most
    SHORT units and seeds at most SHORT_LENGTH, all seeds that a copy of it may have.

    In a record, a window may cover only the beginning or the end of the copy, besides
    other text. If its k-mer with the smallest hash is in the copy, it is the smallest
    k-mer of that beginning or end, so each beginning and end is treated as a window.
    """
    if len(units) > SHORT or not params.length <= min(len(units), SHORT_LENGTH):
        return minimizers(units, params, scratch, keys, places)
    kmer_keys, ranks = scratch.ranks[0], scratch.ranks[1]
    kmers = _hash_kmers(units, params.length, scratch)
    n = 0
    last = np.int64(-1)
    for low in range(1 - params.window, kmers):
        least = np.uint32(0xFFFFFFFF)
        for rank in ranks[max(low, 0) : min(low + params.window, kmers)]:
            least = min(least, rank)
        place = np.int64(least & _PLACES)
        if place != last:
            keys[n], places[n] = kmer_keys[place] * GOLDEN32, place
            n += 1
            last = place
    return n


@kernel
def place_code(unit):
    """Encode a seed's place in its text, in units, as one byte: exact below 128, in
    steps of 4 up to :data:`FAR`, then in steps of :data:`FAR_STEP`.

    The last place with a code is 4,479; the result is -1 for later places.
    """
    if unit < 128:
        return unit
    if unit < FAR:
        return 128 + (unit - 128) // 4
    if unit < 4480:
        return 192 + (unit - FAR) // FAR_STEP
    return -1


def place_of(code: int) -> int:
    """Return the smallest place whose :func:`place_code` is ``code``."""
    if code < 128:
        return code
    if code < 192:
        return 128 + (code - 128) * 4
    return FAR + (code - 192) * FAR_STEP


@helper
def seed_check(units, place, k):
    """Return 8 bits that tell the seed of ``k`` units at ``place`` from others with the
    same key: the upper bits of another hash of the units.
    """
    h = np.uint32(k)
    for unit in units[place : place + k]:
        h = (h ^ unit) * _CHECK0
    return np.uint8((h ^ h >> _S16) * _CHECK1 >> _S24)


@kernel
def seed_entries(texts, first_id, params, scratch, entries, step, sizes, wide):
    """Write the seed entries of texts, uint64, see :data:`KEY_SHIFT`. If ``wide``, the
    key takes 40 bits and the text's row 16.

    Parameters
    ----------
    texts
        :class:`~provscan.kernels.records.TextBuffer`; text i has id ``first_id + i``.
    params, scratch
        :class:`~provscan.kernels.records.SeedParams` and
        :class:`~provscan.kernels.records.SeedEntriesScratch`.
    entries
        Output, with room for two entries per byte of text.
    step, sizes
        uint8[n], output: the lengths of the texts in steps of ``step`` units, rounded
        up; 255 stands for all greater lengths.

    Returns
    -------
    int64
        The number of entries written.
    """
    text, offsets = texts
    seeds = scratch.seeds
    n = 0
    for i in range(len(sizes)):
        units = scratch.codes[: decode(text, offsets[i], offsets[i + 1], scratch.codes)]
        if has_wide(units):
            units = seeds.units[: units_of(units, seeds.units, seeds.origins)]
        sizes[i] = min(255, (len(units) + step - 1) // step)
        number = np.uint64(first_id + i) << TEXT_SHIFT
        for s in range(
            index_minimizers(units, params, seeds, scratch.keys, scratch.places)
        ):
            place = place_code(scratch.places[s])
            if place >= 0:
                key = np.uint64(scratch.keys[s]) << KEY_SHIFT
                if wide:
                    check = seed_check(units, scratch.places[s], params.length)
                    key |= np.uint64(check) << _U24
                entries[n] = key | number | np.uint64(place)
                n += 1
    return n


@kernel
def seeds_of(texts, params, scratch, out):
    """Find the seeds of the texts of a :class:`~provscan.kernels.records.CodeBuffer`;
    return their number.

    ``out`` is a :class:`~provscan.kernels.records.Seeds` with room for two seeds per
    code point and two more.
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
        count = minimizers(units, params, scratch, out.keys[n:], out.codes[n:])
        for s in range(n, min(n + count, len(out.checks))):
            out.checks[s] = seed_check(units, out.codes[s], params.length)
        if wide:
            places = out.codes[n : n + count]
            for s in range(len(places)):
                places[s] = scratch.origins[places[s]]
        n += count
        out.bounds[i + 1] = n
    return n


@helper(forceinline=True)
def seed_hash(key):
    """Return the 64-bit hash of a seed for filters: its uint32 key in the upper half,
    a mix of the key in the lower.
    """
    return np.uint64(key) << _U32 | np.uint64(np.uint32(key * GOLDEN32) >> _S20)


@kernel
def seed_levels(entries, form, levels):
    """Write to uint8 ``levels`` how many places share the key of each of the sorted
    seed entries, as a level.

    Level 0 is one place, 1 is two, 2 up to four, 3 up to eight and so on; no level is
    above :data:`LAST_LEVEL`.
    """
    first, below = 0, np.uint64(form.text_bits + form.place_bits)
    while first < len(entries):
        key = entries[first] >> below
        after = first
        while after < len(entries) and entries[after] >> below == key:
            after += 1
        level = 0
        while 1 << level < after - first and level < LAST_LEVEL:
            level += 1
        levels[first:after] = level
        first = after


@kernel
def seeds_within(entries, form, sizes, most, taken, out):
    """Write the first seed entries of each text, at most as many as the text may still
    take, to uint64 ``out``; return the number written.

    For each text, uint8 ``sizes`` is its size, uint16 ``most[size]`` how many entries
    it may take, and uint16 ``taken`` how many it has taken, which is updated.
    """
    n = np.uint64(0)
    for i in range(len(entries)):
        text = entry_text(entries[i], form)
        has_room = taken[text] < most[sizes[text]]
        out[n] = entries[i]
        taken[text] += np.uint16(has_room)
        n += np.uint64(has_room)
    return np.int64(n)


@kernel
def mark_seeds(entries, form, bloom):
    """Add the keys of seed entries to a filter."""
    for entry in entries:
        mark(bloom, seed_hash(np.uint32(key_of(entry, form) >> _U32)))


@kernel
def marked_seeds(entries, bloom, marked):
    """Set bool ``marked`` for each seed entry whose key may be in a filter, and clear
    it for the others.
    """
    for i in range(len(entries)):
        marked[i] = may_contain(bloom, seed_hash(np.uint32(entries[i] >> KEY_SHIFT)))
