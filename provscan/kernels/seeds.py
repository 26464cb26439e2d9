"""Seeds of a canonical text: minimizers (Schleimer, Wilkerson, Aiken 2003, doi:10.1145/872757.872770; Roberts et
al. 2004, doi:10.1093/bioinformatics/bth408).

Of every ``window`` consecutive k-mers the one with the least hash is a seed, the first of equal ones. Two texts that
share ``k + window - 1`` tokens in a row share a seed; about ``2 / (window + 1)`` of all k-mers are seeds.

A *token* is a code point, or one half of it where a code point is a Chinese character, a kana or a Korean syllable:
those tell two to three times as much as a letter does, so that a k-mer holds half as many of them.

A licensed text with emoji has two rows of seeds: with them, and with a space where they stood. Whoever cleans text
removes them, and in a short text they leave no seed whole. A record has the first row only.
"""

import numpy as np
from numba import njit

_S8, _S32 = np.uint64(8), np.uint64(32)
_PLACE, _NONE = np.uint64(0xFF), np.uint64(0xFFFFFFFFFFFFFFFF)
_HALF = np.uint32(0x1000000)
_LOW32 = np.uint64(0xFFFFFFFF)
_SPACE = np.uint32(0x20)
_SPREAD = np.uint64(0x9E3779B1)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_PAIR1, _PAIR2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# Window starts handled in one go: their hashes and minima stay in the first-level cache.
_CHUNK = 1024
MAX_LENGTH, MAX_WINDOW = 32, 64
ROOM = _CHUNK + MAX_WINDOW


def _multipliers() -> np.ndarray:
    """32 odd numbers below 2**32: SplitMix64 from 1 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)."""
    state, values = 1, []
    for _ in range(MAX_LENGTH):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        values.append(((z ^ (z >> 31)) >> 32) | 1)
    return np.array(values, np.uint64)


_MULTIPLIERS = _multipliers()


@njit(nogil=True, cache=True)
def is_wide(code):
    """Whether a code point is two tokens: kana, Chinese characters, Korean syllables."""
    return code >= 0x3040 and (
        code < 0x3100 or 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xD7B0 or 0x20000 <= code < 0x32000
    )


@njit(nogil=True, cache=True)
def has_wide(codes):
    top = np.uint32(0)
    for i in range(len(codes)):
        top = max(top, codes[i])
    if top >= 0x3040:
        for i in range(len(codes)):
            if is_wide(codes[i]):
                return True
    return False


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def is_emoji(code):
    """Whether a canonical code point is an emoji or another symbol."""
    return 0x2190 <= code < 0x2C00 or 0x1F000 <= code < 0x20000


@njit(nogil=True, cache=True)
def _has_emoji(codes):
    top = np.uint32(0)
    for i in range(len(codes)):
        top = max(top, codes[i])
    if top >= 0x2190:
        for i in range(len(codes)):
            if is_emoji(codes[i]):
                return True
    return False


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _hash_kmers(some, k, first, room, out):
    """``key << 32 | place`` of the k-mers of ``some`` into uint64 ``out``; places count from ``first``.

    The key is the upper half of the sum of the tokens times odd multipliers, modulo 2**64 (multilinear hashing,
    Lemire, Kaser 2014, arXiv:1202.4961), times the golden ratio.
    """
    count = len(some) - k + 1
    sums = room[:count]
    t0 = some[:count]
    m0 = _MULTIPLIERS[0]
    for j in range(count):
        sums[j] = np.uint64(t0[j]) * m0
    for i in range(1, k - 3, 4):
        t0, t1 = some[i : i + count], some[i + 1 : i + 1 + count]
        t2, t3 = some[i + 2 : i + 2 + count], some[i + 3 : i + 3 + count]
        m0, m1, m2, m3 = _MULTIPLIERS[i], _MULTIPLIERS[i + 1], _MULTIPLIERS[i + 2], _MULTIPLIERS[i + 3]
        for j in range(count):
            sums[j] += (np.uint64(t0[j]) * m0 + np.uint64(t1[j]) * m1) + (np.uint64(t2[j]) * m2 + np.uint64(t3[j]) * m3)
    for i in range(1 + (k - 1) // 4 * 4, k):
        t0, m0 = some[i : i + count], _MULTIPLIERS[i]
        for j in range(count):
            sums[j] += np.uint64(t0[j]) * m0
    for j in range(count):
        h = sums[j]
        h = (h ^ (h >> _S32)) * _MIX
        out[j] = (h >> _S32) << _S32 | np.uint64(first + j)
    return count


@njit(nogil=True, cache=True)
def minimizers(some, k, window, room, seeds):
    """Seeds of the tokens ``some`` into uint64 ``seeds``, ``key << 32 | place`` in tokens; how many there are.

    ``room`` is uint64[2, m] with ``m >= ROOM``; ``seeds`` has a place for every token. Fewer than ``window`` k-mers
    count as one window. Places are compared after keys, so that of equal k-mers the first is the seed.
    """
    kmers = len(some) - k + 1
    if kmers < 1:
        return 0
    window = min(window, kmers)
    n = 0
    last = np.uint64(0xFFFFFFFFFFFFFFFF)
    for start in range(0, kmers - window + 1, _CHUNK):
        stop = min(start + _CHUNK, kmers - window + 1)
        count = _hash_kmers(some[start : stop + window - 1 + k - 1], k, start, room[0], room[1])
        # Minima of ever longer windows, from one row to the other: in place, LLVM would not vectorise.
        least, spare = room[1], room[0]
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            count -= step
            here, ahead, out = least[:count], least[step : step + count], spare[:count]
            for j in range(len(out)):
                out[j] = min(here[j], ahead[j])
            least, spare = spare, least
            reach += step
        for j in range(stop - start):
            seeds[n] = least[j]
            n += least[j] != last
            last = least[j]
    return n


@njit(nogil=True, cache=True)
def seed_key(seed):
    """The 32-bit key of a seed: minimizers are small by choice, and a table wants its keys spread evenly."""
    return ((seed >> _S32) * _SPREAD) & _LOW32


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def place_of(code):
    """The least place that :func:`place_code` gives ``code`` to."""
    if code < 128:
        return code
    if code < 192:
        return 128 + (code - 128) * 4
    return 384 + (code - 192) * 64


@njit(nogil=True, cache=True)
def seed_entries(codes, offsets, low, high, first_id, k, window, scratch, entries):
    """Index entries of the texts ``low..high``: ``key << 32 | text id << 8 | place code``, uint64.

    ``scratch`` is ``(uint32[2m], int32[2m], uint64[2, ROOM], uint64[2m])`` for texts of up to m code points. Text i
    has id ``first_id + i``. Returns how many entries were written; there is room for two a token. Of the seeds without
    emoji those are written that are new, and their neighbours: pairs are taken from entries that follow each other.
    """
    room, places, sums, seeds = scratch
    n = 0
    for i in range(low, high):
        codes_of = codes[offsets[i] : offsets[i + 1]]
        some = codes_of
        if has_wide(some):
            some = room[: tokens(some, room, places)]
        text = np.uint64(first_id + i) << _S8
        first = n
        for s in range(minimizers(some, k, window, sums, seeds)):
            place = place_code(np.int64(seeds[s] & _LOW32))
            if place >= 0:
                entries[n] = seed_key(seeds[s]) << _S32 | text | np.uint64(place)
                n += 1
        if not _has_emoji(codes_of):
            continue
        known, at = n, first
        waiting, near = _NONE, False
        some = room[: tokens_without_emoji(codes_of, room, places)]
        for s in range(minimizers(some, k, window, sums, seeds)):
            place = place_code(np.int64(places[np.int64(seeds[s] & _LOW32)]))
            if place < 0:
                break
            entry = seed_key(seeds[s]) << _S32 | text | np.uint64(place)
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


@njit(nogil=True, cache=True)
def seeds_of(codes, offsets, low, high, k, window, scratch, keys, token_at, code_at, bounds):
    """Seeds of the texts ``low..high``: uint32 ``keys`` and where they stand, int32, in tokens and in code points.

    ``scratch`` is that of :func:`seed_entries`. Those of text i are ``bounds[i - low]`` to ``bounds[i - low + 1]``.
    """
    room, places, sums, seeds = scratch
    n = 0
    bounds[0] = 0
    for i in range(low, high):
        some = codes[offsets[i] : offsets[i + 1]]
        wide = has_wide(some)
        if wide:
            some = room[: tokens(some, room, places)]
        for s in range(minimizers(some, k, window, sums, seeds)):
            at = np.int64(seeds[s] & _LOW32)
            keys[n] = np.uint32(seed_key(seeds[s]))
            token_at[n] = at
            code_at[n] = places[at] if wide else at
            n += 1
        bounds[i - low + 1] = n
    return n


@njit(nogil=True, cache=True, forceinline=True)
def pair_key(first, second):
    """32-bit key of two seeds that follow each other: SplitMix64's finaliser over both keys, the upper half."""
    h = np.uint64(first) << _S32 | np.uint64(second)
    h = (h ^ (h >> np.uint64(30))) * _PAIR1
    h = (h ^ (h >> np.uint64(27))) * _PAIR2
    return np.uint32((h ^ (h >> np.uint64(31))) >> _S32)


@njit(nogil=True, cache=True)
def pair_keys(entries, keys):
    """Pair keys of the seed entries of some texts, as :func:`seed_entries` writes them, into ``keys``; how many."""
    n = 0
    for i in range(1, len(entries)):
        keys[n] = pair_key(entries[i - 1] >> _S32, entries[i] >> _S32)
        n += (entries[i] & _LOW32) >> np.uint64(8) == (entries[i - 1] & _LOW32) >> np.uint64(8)
    return n
