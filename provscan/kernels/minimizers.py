"""Seeds of a canonical text: minimizers (Schleimer, Wilkerson, Aiken 2003, doi:10.1145/872757.872770; Roberts et
al. 2004, doi:10.1093/bioinformatics/bth408).

Of every ``window`` consecutive k-mers the one with the least hash is a seed. Hashes are compared by the upper 22 of
their 32 bits; of equal ones the first is taken. Two texts that share ``k + window - 1`` tokens in a row share a seed;
about ``2 / (window + 1)`` of all k-mers are seeds.

A *token* is a code point, or one half of it where a code point is a Chinese character, a kana or a Korean syllable:
those tell two to three times as much as a letter does, so that a k-mer holds half as many of them.

A short licensed text may have few seeds, or none that others don't share; so it has every one that a copy may have.

A licensed text with emoji has two rows of seeds: with them, and with a space where they stood. Whoever cleans text
removes them, and in a short text they leave no seed whole. A record has the first row only.
"""

import numpy as np

from provscan.kernels.bloom import holds, mark
from provscan.kernels.jit import kernel
from provscan.kernels.utf8 import decode

_S8, _S32 = np.uint64(8), np.uint64(32)
_S20 = np.uint32(20)
_TEXT = np.uint64(0xFFFFFF)
_PLACE, _NONE = np.uint64(0xFF), np.uint64(0xFFFFFFFFFFFFFFFF)
_HALF = np.uint32(0x1000000)
_LOW32 = np.uint64(0xFFFFFFFF)
_SPACE = np.uint32(0x20)
_SPREAD = np.uint32(0x9E3779B1)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_PAIR1, _PAIR2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# Window starts handled in one go: their hashes and minima stay in the first-level cache. Their windows have no more
# k-mers than _PLACES tells apart.
_CHUNK = 960
# Tokens of a licensed text that has more seeds than a record has: at its ends, which are much of it.
SHORT = 40
MAX_LENGTH, MAX_WINDOW = 32, 64
_PLACES = np.uint32(0x3FF)
ROOM = _CHUNK + MAX_WINDOW + MAX_LENGTH


def _multipliers() -> np.ndarray:
    """Odd numbers, two a level: SplitMix64 from 1 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)."""
    state, values = 1, []
    for _ in range(2 * MAX_LENGTH.bit_length()):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        values.append((z ^ (z >> 31)) | 1)
    return np.array(values, np.uint64).reshape(-1, 2)


_MULTIPLIERS = _multipliers()


@kernel
def is_wide(code):
    """Whether a code point is two tokens: kana, Chinese characters, Korean syllables."""
    return code >= 0x3040 and (
        code < 0x3100 or 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xD7B0 or 0x20000 <= code < 0x32000
    )


@kernel
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
def weight(codes, low, high):
    """Length of ``codes[low:high]`` in tokens."""
    total = high - low
    for i in range(low, high):
        total += is_wide(codes[i])
    return total


@kernel
def text_sizes(text, offsets, unit, codes, out):
    """Lengths of texts in units of so many tokens, rounded up, into uint8 ``out``; 255 stands for all greater ones.

    ``text`` is UTF-8, ``codes`` uint32 room for the code points of one.
    """
    for i in range(len(out)):
        length = weight(codes, 0, decode(text, offsets[i], offsets[i + 1], codes))
        out[i] = min(255, (length + unit - 1) // unit)


@kernel
def tokens(codes, out, places):
    """Tokens of ``codes`` into uint32 ``out``, the code point that each comes from into int32 ``places``.

    Both hold ``2 * len(codes)``. Returns how many there are.
    """
    n = 0
    for i in range(len(codes)):
        out[n] = codes[i]
        places[n] = i
        n += 1
        if is_wide(codes[i]):
            out[n] = codes[i] | _HALF
            places[n] = i
            n += 1
    return n


@kernel
def is_emoji(code):
    """Whether a canonical code point is an emoji or another symbol."""
    return 0x2190 <= code < 0x2C00 or 0x1F000 <= code < 0x20000


@kernel
def _has_emoji(codes):
    top = np.uint32(0)
    for i in range(len(codes)):
        top = max(top, codes[i])
    if top >= 0x2190:
        for i in range(len(codes)):
            if is_emoji(codes[i]):
                return True
    return False


@kernel
def tokens_without_emoji(codes, out, places):
    """:func:`tokens` with a space for emoji, one for several; int32 ``places`` count tokens with emoji."""
    n = 0
    token = 0
    gap = True
    for i in range(len(codes)):
        code = _SPACE if is_emoji(codes[i]) else codes[i]
        if code != _SPACE or not gap:
            out[n], places[n] = code, token
            n += 1
        gap = code == _SPACE
        token += 1
        if is_wide(code):
            out[n], places[n] = code | _HALF, token
            n += 1
            token += 1
    return n - 1 if gap and n > 0 else n


@kernel
def _hash_kmers(some, k, sums, keys, ranks):
    """Hashes of the k-mers of ``some`` into uint32 ``keys``, and what windows compare into uint32 ``ranks``.

    Hashing along a tree (Carter, Wegman 1979, doi:10.1016/0022-0000(79)90044-8): the hash of two stretches is that of
    the first times an odd multiplier of the level plus that of the second, modulo 2**64. Where a level has an odd
    number of tokens the last is added likewise. The key is the sum folded, times the golden ratio, its upper half. A
    rank is the key's upper 22 bits and the place in ``some``. ``sums`` is uint64[2, ROOM]. Returns how many there are.
    """
    count = len(some)
    here, there = sums[0], sums[1]
    wide = here[:count]
    for j in range(len(wide)):
        wide[j] = some[j]
    size = 1
    level = 0
    while 1 << level + 1 <= k:
        level += 1
    while level > 0:
        level -= 1
        odd = k >> level & 1
        count -= size + odd
        first, second, out = here[:count], here[size : size + count], there[:count]
        m0, m1 = _MULTIPLIERS[level]
        if odd:
            last = some[2 * size : 2 * size + count]
            for j in range(len(out)):
                out[j] = (first[j] * m0 + second[j]) * m1 + np.uint64(last[j])
        else:
            for j in range(len(out)):
                out[j] = first[j] * m0 + second[j]
        size = 2 * size + odd
        here, there = there, here
    out, keys, ranks = here[:count], keys[:count], ranks[:count]
    for j in range(len(out)):
        h = out[j]
        key = np.uint32(((h ^ (h >> _S32)) * _MIX) >> _S32)
        keys[j] = key
        ranks[j] = (key & ~_PLACES) | np.uint32(j)
    return count


@kernel
def minimizers(some, k, window, room, keys, places):
    """Seeds of the tokens ``some``: uint32 ``keys`` and int32 ``places``, in tokens; how many there are.

    ``room`` is ``(uint64[2, ROOM], uint32[3, ROOM])``; ``keys`` and ``places`` have room for every token. Fewer than
    ``window`` k-mers count as one window. A key is that of the k-mer spread once more: minimizers are small by choice,
    and a table wants its keys spread evenly.
    """
    kmers = len(some) - k + 1
    if kmers < 1:
        return 0
    window = min(window, kmers)
    sums, rows = room
    hashes = rows[0]
    n = np.uint64(0)
    last = np.int32(-1)
    for start in range(0, kmers - window + 1, _CHUNK):
        stop = min(start + _CHUNK, kmers - window + 1)
        count = _hash_kmers(some[start : stop + window - 1 + k - 1], k, sums, hashes, rows[1])
        # Minima of ever longer windows, from one row to the other: in place, LLVM would not vectorise.
        least, spare = rows[1], rows[2]
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            count -= step
            here, ahead, out = least[:count], least[step : step + count], spare[:count]
            for j in range(len(out)):
                out[j] = min(here[j], ahead[j])
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
            keys[s] = hashes[places[s] - start] * _SPREAD
    return np.int64(n)


@kernel
def index_minimizers(some, k, window, room, keys, places):
    """Seeds of a licensed text: :func:`minimizers`, and in one of up to SHORT tokens all that a copy of it may have.

    Inside a record windows reach over the ends of the copy. If such a window has its least k-mer in the copy, it is the
    least of those in the part of the window that lies there.
    """
    if len(some) > SHORT or len(some) < k:
        return minimizers(some, k, window, room, keys, places)
    sums, rows = room
    hashes, ranks = rows[0], rows[1]
    kmers = _hash_kmers(some, k, sums, hashes, ranks)
    n = 0
    last = np.int64(-1)
    for low in range(1 - window, kmers):
        least = np.uint32(0xFFFFFFFF)
        for rank in ranks[max(low, 0) : min(low + window, kmers)]:
            least = min(least, rank)
        place = np.int64(least & _PLACES)
        if place != last:
            keys[n], places[n] = hashes[place] * _SPREAD, place
            n += 1
            last = place
    return n


@kernel
def place_code(token):
    """One byte for a seed's place in its text, in tokens: exact below 128, in steps of 4 to 384, then of 64.

    Places past 4,416 have none: -1.
    """
    if token < 128:
        return token
    if token < 384:
        return 128 + (token - 128) // 4
    if token < 4480:
        return 192 + (token - 384) // 64
    return -1


@kernel
def place_of(code):
    """The least place that :func:`place_code` gives ``code`` to."""
    if code < 128:
        return code
    if code < 192:
        return 128 + (code - 128) * 4
    return 384 + (code - 192) * 64


@kernel
def seed_entries(codes, offsets, low, high, first_id, k, window, scratch, keys, places, entries):
    """Index entries of the texts ``low..high``: ``key << 32 | text id << 8 | place code``, uint64.

    ``scratch`` is ``(uint32[2m], int32[2m], room of minimizers)`` for texts of up to m code points; ``keys`` and
    ``places`` are room for what :func:`minimizers` writes, uint32[2m] and int32[2m]. Text i has id ``first_id + i``.
    Returns how many entries were written; there is room for two a token. Of the seeds without emoji those are written
    that are new, and their neighbours: pairs are taken from entries that follow each other.
    """
    stripped, origins, room = scratch
    n = 0
    for i in range(low, high):
        codes_of = codes[offsets[i] : offsets[i + 1]]
        some = codes_of
        if has_wide(some):
            some = stripped[: tokens(some, stripped, origins)]
        text = np.uint64(first_id + i) << _S8
        first = n
        for s in range(index_minimizers(some, k, window, room, keys, places)):
            place = place_code(places[s])
            if place >= 0:
                entries[n] = np.uint64(keys[s]) << _S32 | text | np.uint64(place)
                n += 1
        if not _has_emoji(codes_of):
            continue
        known, at = n, first
        waiting, near = _NONE, False
        some = stripped[: tokens_without_emoji(codes_of, stripped, origins)]
        for s in range(index_minimizers(some, k, window, room, keys, places)):
            place = place_code(origins[places[s]])
            if place < 0:
                break
            entry = np.uint64(keys[s]) << _S32 | text | np.uint64(place)
            while at < known and entries[at] & _PLACE < np.uint64(place):
                at += 1
            new = True
            same = at
            while same < known and entries[same] & _PLACE == np.uint64(place):
                new &= entries[same] != entry
                same += 1
            if new and waiting != _NONE:
                entries[n] = waiting
                n += 1
            if new or near:
                entries[n] = entry
                n += 1
            waiting = _NONE if new or near else entry
            near = new
    return n


@kernel
def seeds_of(codes, offsets, low, high, k, window, scratch, keys, token_at, code_at, bounds):
    """Seeds of the texts ``low..high``: uint32 ``keys`` and where they stand, int32, in tokens and in code points.

    ``scratch`` is that of :func:`seed_entries`. Those of text i are ``bounds[i - low]`` to ``bounds[i - low + 1]``.
    """
    wide_tokens, origins, room = scratch
    n = 0
    bounds[0] = 0
    for i in range(low, high):
        some = codes[offsets[i] : offsets[i + 1]]
        wide = has_wide(some)
        if wide:
            some = wide_tokens[: tokens(some, wide_tokens, origins)]
        count = minimizers(some, k, window, room, keys[n:], token_at[n:])
        tokens_of, codes_at = token_at[n : n + count], code_at[n : n + count]
        if wide:
            for s in range(len(codes_at)):
                codes_at[s] = origins[tokens_of[s]]
        else:
            for s in range(len(codes_at)):
                codes_at[s] = tokens_of[s]
        n += count
        bounds[i - low + 1] = n
    return n


@kernel(forceinline=True)
def pair_hash(first, second):
    """64-bit hash of two seeds that follow each other: SplitMix64's finaliser over both keys.

    The upper half is the pair's key.
    """
    h = np.uint64(first) << _S32 | np.uint64(second)
    h = (h ^ (h >> np.uint64(30))) * _PAIR1
    h = (h ^ (h >> np.uint64(27))) * _PAIR2
    return h ^ (h >> np.uint64(31))


@kernel(forceinline=True)
def seed_hash(key):
    """64-bit hash of a seed as the filters want it: its uint32 key above what is mixed from it."""
    return np.uint64(key) << _S32 | np.uint64(np.uint32(key * _SPREAD) >> _S20)


@kernel
def pair_entries(entries, hashes, out):
    """Entries of pairs, ``pair key << 32 | text id << 8 | place code`` of the first, into uint64 ``out``; how many.

    Each pair's :func:`pair_hash` goes into uint64 ``hashes``.
    ``entries`` are those of whole texts, as :func:`seed_entries` writes them; a pair has the keys of two that follow
    each other.
    """
    n = 0
    for i in range(1, len(entries)):
        before, here = entries[i - 1] & _LOW32, entries[i] & _LOW32
        hashes[n] = pair_hash(entries[i - 1] >> _S32, entries[i] >> _S32)
        out[n] = hashes[n] & ~_LOW32 | before
        # The second row of a text begins before the first one ends.
        n += (before >> _S8 == here >> _S8) & (before <= here)
    return n


@kernel
def lone_entries(entries, most, longest, text_sizes, common, down, out):
    """Of sorted entries those that may stand for their text alone, into uint64 ``out``; how many.

    Their key is shared by at most ``most`` places, and the text has a size of at most ``longest``, see
    :func:`text_sizes`. Keys that more places share are added to ``common``, see
    :mod:`provscan.kernels.bloom`.
    """
    n, first = 0, 0
    while first < len(entries):
        key = entries[first] >> _S32
        after = first
        while after < len(entries) and entries[after] >> _S32 == key:
            after += 1
        if after - first > most:
            mark(common, down, seed_hash(np.uint32(key)))
        else:
            for e in range(first, after):
                out[n] = entries[e]
                n += text_sizes[(entries[e] >> _S8) & _TEXT] <= longest
        first = after
    return n


@kernel
def mark_seeds(entries, words, down):
    """Add the keys of seed entries to a filter, see :mod:`provscan.kernels.bloom`."""
    for entry in entries:
        mark(words, down, seed_hash(np.uint32(entry >> _S32)))


@kernel
def held_seeds(entries, words, down, held):
    """Whether the keys of seed entries may be in a filter, into bool ``held``."""
    for i in range(len(entries)):
        held[i] = holds(words, down, seed_hash(np.uint32(entries[i] >> _S32)))
