"""Keyed seeds and fingerprints, which a blind index contains in place of texts.

A *seed* is the SipHash-2-4 (Aumasson and Bernstein 2012,
doi:10.1007/978-3-642-34931-7_28) of a passage of canonical code points that begins at
any place and has a fixed length in *units*: two for a character of a script that is
written without spaces, one for any other. A *fingerprint* is the low byte of the hash
of a 5-gram of one text under another key, salted with the hash of that text, so equal
5-grams of two texts have unrelated fingerprints. Seeds find texts and places in them;
fingerprints show how much of a text a record contains there.

An entry of the seed table consists of three uint16, the upper bits first: 13 bits of
the hash, those below the bits of the bucket; 1 bit, whether the seed is common; 24
bits, the number of the text; 10 bits, the place in the text.

The module contains, in this order: the hashes (:func:`siphash`, :func:`seed_hashes`);
kernels that build an index (:func:`count_seeds`, :func:`choose_seeds`,
:func:`whole_hashes`, :func:`fill_fingerprints`, :func:`fill_table`); and kernels that
scan (:func:`find_seeds`, :func:`compare_fingerprints`).
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.minimizers import is_wide

_U0, _U1, _U13, _U16, _U17, _U21, _U32 = (
    np.uint64(n) for n in (0, 1, 13, 16, 17, 21, 32)
)
_U43, _U47, _U48, _U51, _U56 = (np.uint64(n) for n in (43, 47, 48, 51, 56))
_V0, _V1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_V2, _V3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_FF = np.uint64(0xFF)
GRAM = 5
# Numbers of bits in an entry: the rest of the hash, the number of the text, the place
# in the text.
REMAINDER = 13
TEXT = 24
PLACE = 10
_COMMON = np.uint64(TEXT + PLACE)
_HASH = np.uint64(TEXT + PLACE + 1)
_REMAINDER = np.uint64((1 << REMAINDER) - 1)
_TEXT = np.uint64((1 << TEXT) - 1)
_PLACE = np.uint64((1 << PLACE) - 1)
# Maximum number of code points by which a copy may shift between two fingerprints.
SLIDE = 4
# Maximum difference between the diagonals of hits that belong to one copy.
REACH = 96
# Maximum number of consecutive fingerprints that may be missing in a copy.
MISSING = 24


class Keys(NamedTuple):
    """Keys of seeds, of fingerprints and of whole texts, uint64[2] each."""

    seeds: np.ndarray
    fingerprints: np.ndarray
    texts: np.ndarray


class BlindTexts(NamedTuple):
    """Texts of a blind index, ordered by their hashes."""

    hashes: np.ndarray  # uint32[n], ascending: hashes of whole texts.
    lengths: np.ndarray  # uint16[n], code points.
    fingerprints: np.ndarray  # uint8[m], those of each text together.
    # int64[n + 1]: the places at which the fingerprints of each text begin.
    first: np.ndarray


class BlindSeeds(NamedTuple):
    """The seed table: uint32[2**bits + 1] starts of the buckets, uint16[m, 3] entries,
    and ``bits``, the number of bits in a bucket's number.
    """

    starts: np.ndarray
    entries: np.ndarray
    bits: int


class SeedChoice(NamedTuple):
    """The rule that chooses the seeds of a text."""

    length: int  # Length of a seed in units.
    step: int  # Places per seed.
    most: int  # Maximum number of seeds of a text.
    # Seeds that more than `frequent` texts share are left out, as long as at least
    # `least` seeds remain.
    frequent: int
    least: int
    common: int  # A seed that more texts than this share is marked as common.


class ChosenSeeds(NamedTuple):
    """Seeds of texts, uint64[m] each."""

    hashes: np.ndarray
    # The lower bits of the entry: whether the seed is common, the number of the text,
    # and the place in the text.
    entries: np.ndarray


class Hits(NamedTuple):
    """Places in records that have a seed of a text, int64[m] each."""

    record: np.ndarray  # The row of the record.
    text: np.ndarray  # The number of the text.
    place: np.ndarray  # In canonical code points of the record.
    # The place in the text, shifted to the right (:func:`place_shift`).
    text_place: np.ndarray
    common: np.ndarray  # 1 if the seed is common, else 0.


class Pairs(NamedTuple):
    """Records and the texts that they may contain, one row per pair and span; int64[n]
    except for ``span`` and ``equal``.
    """

    record: np.ndarray  # The row of the record.
    text: np.ndarray  # The number of the text.
    span: np.ndarray  # int64[n, 2]: start and end, in canonical code points.
    agree: np.ndarray  # The number of the text's fingerprints that the span has.
    fingerprints: np.ndarray  # The number of all fingerprints of the text.
    equal: np.ndarray  # bool[n]: whether span and text are equal.
    # The numbers of rare and of common seeds of the text that the record has there.
    rare: np.ndarray
    common: np.ndarray


@helper
def _round(v0, v1, v2, v3):
    v0 += v1
    v1 = (v1 << _U13) | (v1 >> _U51)
    v1 ^= v0
    v0 = (v0 << _U32) | (v0 >> _U32)
    v2 += v3
    v3 = (v3 << _U16) | (v3 >> _U48)
    v3 ^= v2
    v0 += v3
    v3 = (v3 << _U21) | (v3 >> _U43)
    v3 ^= v0
    v2 += v1
    v1 = (v1 << _U17) | (v1 >> _U47)
    v1 ^= v2
    v2 = (v2 << _U32) | (v2 >> _U32)
    return v0, v1, v2, v3


@kernel
def siphash(key, salt, codes, low, high):
    """Return the SipHash-2-4 under ``key`` (uint64[2]) of the salt's 8 bytes followed
    by ``codes[low:high]``, 4 bytes each.
    """
    v0, v1, v2, v3 = key[0] ^ _V0, key[1] ^ _V1, key[0] ^ _V2, key[1] ^ _V3
    word = np.uint64(salt)
    i = low - 2
    size = np.uint64(8 + 4 * (high - low))
    while True:
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        i += 2
        if i + 1 >= high:
            break
        word = np.uint64(codes[i]) | np.uint64(codes[i + 1]) << _U32
    word = (size & _FF) << _U56
    if i < high:
        word |= np.uint64(codes[i])
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    v2 ^= _FF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def seed_hashes(codes, low, high, length, key, hashes):
    """Write the hashes of the seeds that begin at each place of ``codes[low:high]``
    into uint64 ``hashes``, and return their number.

    The only seed of a text shorter than a seed is the text itself.
    """
    end, units, n = low, np.int64(0), np.int64(0)
    for i in range(low, high):
        while end < high and units < length:
            units += 1 + is_wide(codes[end])
            end += 1
        if units < length:
            if n == 0:
                hashes[0] = siphash(key, _U0, codes, low, high)
                n = 1
            break
        hashes[n] = siphash(key, _U0, codes, i, end)
        n += 1
        units -= 1 + is_wide(codes[i])
    return n


@kernel
def count_seeds(texts, length, key, counts, room):
    """Count the seeds of texts (a code buffer) in uint8 ``counts``, by the lower bits
    of their hashes. The number of counters is a power of two; they stop at 255.
    """
    mask = np.uint64(len(counts) - 1)
    for t in range(len(texts.offsets) - 1):
        n = seed_hashes(
            texts.codes, texts.offsets[t], texts.offsets[t + 1], length, key, room
        )
        for i in range(n):
            place = room[i] & mask
            if counts[place] < 255:
                counts[place] += 1


@kernel
def place_shift(size):
    """Return the number of bits by which places in a text of this length are shifted to
    fit in an entry.
    """
    shift = np.int64(0)
    while size >> shift >= 1 << PLACE:
        shift += 1
    return shift


@kernel
def choose_seeds(texts, numbers, choice, key, counts, room, out):
    """Choose the seeds of each text: the rarest in each stretch of ``step`` places, by
    the ``counts`` of :func:`count_seeds`.

    ``numbers`` int64[n] are the texts' numbers; ``room`` uint64 has space for a text.
    Write them into ``out``, :class:`ChosenSeeds`, and return the number of seeds.
    """
    mask = np.uint64(len(counts) - 1)
    total = np.int64(0)
    for t in range(len(texts.offsets) - 1):
        shift = place_shift(texts.offsets[t + 1] - texts.offsets[t])
        n = seed_hashes(
            texts.codes,
            texts.offsets[t],
            texts.offsets[t + 1],
            choice.length,
            key,
            room,
        )
        pieces = min(np.int64(choice.most), (n + choice.step - 1) // choice.step)
        pieces = max(pieces, min(n, np.int64(choice.least)))
        kept = np.int64(0)
        for p in range(pieces):
            best = n * p // pieces
            for i in range(best + 1, n * (p + 1) // pieces):
                if counts[room[i] & mask] < counts[room[best] & mask]:
                    best = i
            count = np.int64(counts[room[best] & mask])
            if count > choice.frequent and kept + pieces - p > choice.least:
                continue
            kept += 1
            out.hashes[total] = room[best]
            out.entries[total] = (
                np.uint64(count > choice.common) << _COMMON
                | np.uint64(numbers[t]) << np.uint64(PLACE)
                | np.uint64(best >> shift)
            )
            total += 1
    return total


@kernel
def whole_hashes(codes, ranges, key, hashes):
    """Write the hashes of ranges of code points, int64[n, 2], into uint32[n]."""
    for t in range(len(hashes)):
        hashes[t] = np.uint32(
            siphash(key, _U1, codes, ranges[t, 0], ranges[t, 1]) >> _U32
        )


@kernel
def fingerprint_step(length, most):
    """Return the distance between the 5-grams that have a fingerprint, such that a text
    has at most ``most`` of them.
    """
    return max(np.int64(1), (max(np.int64(1), length - GRAM + 1) + most - 1) // most)


@kernel
def fill_fingerprints(codes, texts, most, key, fingerprints):
    """Write the fingerprints of ``texts`` into ``fingerprints``; ``codes`` is their
    code buffer, in the same order.
    """
    for t in range(len(texts.hashes)):
        low, high = codes.offsets[t], codes.offsets[t + 1]
        step = fingerprint_step(high - low, most)
        for j in range(texts.first[t + 1] - texts.first[t]):
            begin = low + j * step
            h = siphash(
                key,
                np.uint64(texts.hashes[t]),
                codes.codes,
                begin,
                min(high, begin + GRAM),
            )
            fingerprints[texts.first[t] + j] = np.uint8(h & _FF)


@kernel
def fill_table(seeds, bits, starts, entries):
    """Write sorted :class:`ChosenSeeds` into ``starts``, which must be zero, and
    ``entries``.
    """
    rest = np.uint64(64 - bits - REMAINDER)
    for e in range(len(seeds.hashes)):
        seed = seeds.hashes[e]
        bucket = np.int64(seed >> np.uint64(64 - bits)) if bits > 0 else np.int64(0)
        starts[bucket + 1] += 1
        word = ((seed >> rest) & _REMAINDER) << _HASH | seeds.entries[e]
        entries[e, 0] = np.uint16(word >> _U32)
        entries[e, 1] = np.uint16((word >> _U16) & np.uint64(0xFFFF))
        entries[e, 2] = np.uint16(word & np.uint64(0xFFFF))
    for b in range(len(starts) - 1):
        starts[b + 1] += starts[b]


@helper(forceinline=True)
def _entry(entries, e):
    return (
        np.uint64(entries[e, 0]) << _U32
        | np.uint64(entries[e, 1]) << _U16
        | np.uint64(entries[e, 2])
    )


@kernel
def highest_text(entries):
    """Return the highest text number in the entries, or -1 if there are none."""
    highest = np.int64(-1)
    for e in range(len(entries)):
        highest = max(
            highest, np.int64((_entry(entries, e) >> np.uint64(PLACE)) & _TEXT)
        )
    return highest


@kernel
def find_seeds(records, length, key, table, most, room, hits):
    """Find the places in records (a code buffer) that have a seed of a text.

    Write them into ``hits``, :class:`Hits`. At most ``most`` texts are read for each
    seed. Return the number of hits, including those for which ``hits`` has no space,
    and the number of truncated look-ups.
    """
    rest = np.uint64(64 - table.bits - REMAINDER)
    total, cut = np.int64(0), np.int64(0)
    for r in range(len(records.offsets) - 1):
        n = seed_hashes(
            records.codes, records.offsets[r], records.offsets[r + 1], length, key, room
        )
        for i in range(n):
            bucket = (
                np.int64(room[i] >> np.uint64(64 - table.bits))
                if table.bits > 0
                else np.int64(0)
            )
            wanted = (room[i] >> rest) & _REMAINDER
            taken = np.int64(0)
            for e in range(
                np.int64(table.starts[bucket]), np.int64(table.starts[bucket + 1])
            ):
                word = _entry(table.entries, e)
                if word >> _HASH != wanted:
                    continue
                if taken == most:
                    cut += 1
                    break
                taken += 1
                if total < len(hits.record):
                    hits.record[total], hits.place[total] = r, i
                    hits.text[total] = np.int64((word >> np.uint64(PLACE)) & _TEXT)
                    hits.text_place[total] = np.int64(word & _PLACE)
                    hits.common[total] = np.int64((word >> _COMMON) & _U1)
                total += 1
    return total, cut


@helper
def _walk(window, fingerprints, step, begin, j, diagonal, ahead, found):
    """Follow a copy from fingerprint ``j`` on ``diagonal`` to the next fingerprints, or
    to the previous ones if ``ahead`` is -1 instead of 1.

    ``window`` contains the fingerprints of the record from place ``begin`` on. A shift
    off the diagonal is accepted only if the next fingerprint agrees, too. Write the
    place of each fingerprint that agrees into ``found``.
    """
    missing = np.int64(0)
    while 0 <= j < len(fingerprints) and missing < MISSING:
        missing += 1
        for slide in range(2 * SLIDE + 1):
            x = (
                j * step
                + diagonal
                + ((slide + 1) >> 1) * (1 if slide & 1 else -1)
                - begin
            )
            if not (0 <= x < len(window) and window[x] == fingerprints[j]):
                continue
            after, opposite = j + ahead, x + ahead * step
            if slide > 0 and not (
                0 <= after < len(fingerprints)
                and 0 <= opposite < len(window)
                and window[opposite] == fingerprints[after]
            ):
                continue
            diagonal = x + begin - j * step
            missing = np.int64(0)
            if found[j] < 0 or slide == 0:
                found[j] = x + begin
            break
        j += ahead


@helper
def _fill_window(codes, low, begin, stop, size, key, salt, window):
    """Write the fingerprints at the places ``begin`` to ``stop`` of a record, which
    has ``size`` code points from ``codes[low]`` on.
    """
    for x in range(begin, stop):
        gram = siphash(key, salt, codes, low + x, low + min(x + GRAM, size))
        window[x - begin] = np.uint8(gram & _FF)


@helper
def _copied_span(found, step, length, size):
    """Return how many fingerprints were ``found``, and the span that they suggest in a
    record of ``size`` code points for a text of ``length`` code points.

    Nothing is known between two fingerprints. If one of the first fingerprints is
    found, the copy is assumed to contain the beginning of the text; if one of the last
    is found, its end.
    """
    agree, start, end = np.int64(0), size, np.int64(-1)
    first, last = np.int64(0), np.int64(0)
    for j in range(len(found)):
        if found[j] < 0:
            continue
        agree += 1
        if found[j] < start:
            start, first = found[j], j * step
        if found[j] > end:
            end, last = found[j], j * step
    edge, after = 2 * step + GRAM, length - last - GRAM
    if first <= edge:
        start = max(np.int64(0), start - first)
    end += GRAM + (after if after <= edge else 0)
    return agree, start, min(max(end, start + 1), size)


@kernel
def compare_fingerprints(records, hits, texts, most, keys, room, places, out):
    """Measure how much of each text the records contain around the hits.

    ``hits`` are :class:`Hits`, sorted by record, text and diagonal; ``room`` is uint8
    with space for a text and four times ``REACH``, ``places`` int64 with space for
    ``most`` fingerprints. Write at most one row per hit into ``out``, :class:`Pairs`,
    and return the number of rows.
    """
    codes, offsets = records
    n, h = np.int64(0), np.int64(0)
    while h < len(hits.record):
        r, t = hits.record[h], hits.text[h]
        low = offsets[r]
        size = offsets[r + 1] - low
        length = np.int64(texts.lengths[t])
        step, shift = fingerprint_step(length, most), place_shift(length)
        fingerprints = texts.fingerprints[texts.first[t] : texts.first[t + 1]]
        first_diagonal = hits.place[h] - (hits.text_place[h] << shift)
        begin = max(np.int64(0), first_diagonal - REACH)
        stop = max(begin + 1, min(size, first_diagonal + length + 2 * REACH) - GRAM + 1)
        window, found = room[: stop - begin], places[: len(fingerprints)]
        salt = np.uint64(texts.hashes[t])
        _fill_window(codes, low, begin, stop, size, keys.fingerprints, salt, window)
        found[:] = -1
        rare, common, place = np.int64(0), np.int64(0), np.int64(-1)
        while h < len(hits.record) and hits.record[h] == r and hits.text[h] == t:
            text_place = hits.text_place[h]
            diagonal = hits.place[h] - (text_place << shift)
            if diagonal - first_diagonal > REACH:
                break
            anchor = min(np.int64(len(fingerprints) - 1), (text_place << shift) // step)
            _walk(window, fingerprints, step, begin, anchor, diagonal, 1, found)
            _walk(window, fingerprints, step, begin, anchor - 1, diagonal, -1, found)
            if text_place != place:
                rare += 1 - hits.common[h]
                common += hits.common[h]
                place = text_place
            h += 1
        agree, start, end = _copied_span(found, step, length, size)
        if agree == 0:
            continue
        equal = False
        if end - start == length:
            span_hash = siphash(keys.texts, _U1, codes, low + start, low + end)
            equal = np.uint32(span_hash >> _U32) == texts.hashes[t]
        out.record[n], out.text[n] = r, t
        out.span[n, 0], out.span[n, 1] = start, end
        out.agree[n], out.fingerprints[n] = agree, len(fingerprints)
        out.equal[n], out.rare[n], out.common[n] = equal, rare, common
        n += 1
    return n
