"""Verification of candidates: the span that fits a licensed text best, and its exact similarity.

A candidate is a record and a licensed text, with or without a *diagonal* (the place in the record less the place in
the text, in code points). The record's 5-grams that stand in the text, near the diagonal, are hits. The span is the
run of 5-grams with the highest Jaccard index of hits, found exactly by Dinkelbach's iteration (1967,
doi:10.1287/mnsc.13.7.492): maximise ``hits - j * misses`` by Kadane's scan, set j to the index reached, repeat.
Then both sets of 5-grams are compared in full, code point by code point.

What decides is either the share of the text that the span has (similarity and containment), or how much that is:

- *spread*: hits near one diagonal that reach over nearly all of the text, as an edited copy leaves them;
- *partial*: a stretch of the text, the run with the greatest ``hits - misses``, that is long enough. One that reaches
  the text's begin or end, at a word's border in the record, was cut once; any other was cut twice and must be longer.
  It may be shorter where it is a large part of the text.

Where hits near the diagonal are too few, those of a text whose parts changed places are sought in its whole reach.

Units that the loops call are inlined by force: numba passes an array as seven words, most of them on the stack.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.align import BAND, MAX_REST, SPACE, Edge, aligned_end, new_costs
from provscan.kernels.hashing import GOLDEN64
from provscan.kernels.jit import kernel
from provscan.kernels.minimizers import is_wide, length_units
from provscan.kernels.normalize import is_unspaced

GRAM = 5
_ZERO = np.int64(0)
# Of the length of a stretch: enough where it is a large part of its text, or spread over it; and needed within a text.
LARGE_LENGTH, INNER_LENGTH = 0.85, 1.5
# Of a text: a large part, and the part that spread hits reach over, with their similarity.
LARGE, REACH, SPREAD_SIMILARITY = 0.45, 0.8, 0.25
# Of a text whose parts changed places: hits on one diagonal, and similarity.
SWAPPED_HITS, SWAPPED_SIMILARITY = 0.25, 0.6
# Of the 5-grams of a stretch, those that are the text's.
OWN = 0.8
# Code points that a stretch may lack of the text's begin or end.
EDGE = 4
# Odd and below 2**32: the product with a code point is one cheap instruction a lane.
_G0 = np.uint64(0xBF58476D)
_G1 = np.uint64(0x94D049BB)
_G2 = np.uint64(0xD6E8FEB9)
_G3 = np.uint64(0xA0761D65)
_G4 = np.uint64(0xE7037ED1)


class SetScratch(NamedTuple):
    """Scratch for two sets of 5-grams: hash tables of a licensed text and of a span.

    Attributes
    ----------
    hashes, text_hashes
        uint32: 5-gram hashes of the span and of the text, where the caller has none.
    slots, span_slots
        int32[2**b], more than twice as long as the text and the span.
    follows, span_follows
        int32, as long as the text and the span.
    """

    hashes: np.ndarray
    text_hashes: np.ndarray
    slots: np.ndarray
    span_slots: np.ndarray
    follows: np.ndarray
    span_follows: np.ndarray


class VerifyScratch(NamedTuple):
    """Scratch of :func:`verify`.

    Attributes
    ----------
    sets
        For the longest text and the longest span looked at.
    hits
        bool, as long as the longest span looked at.
    votes
        int32: as long as the longest text and the longest record together, and 32.
    costs
        Of :func:`provscan.kernels.align.aligned_end`.
    """

    sets: SetScratch
    hits: np.ndarray
    votes: np.ndarray
    costs: np.ndarray


class _IndexedText(NamedTuple):
    """A licensed text that begins at ``codes[low]``, and the hash table of its 5-grams."""

    codes: np.ndarray
    low: int
    slots: np.ndarray
    follows: np.ndarray


class _Record(NamedTuple):
    """A record ``codes[low:high]``, with the hash of the 5-gram at each code point."""

    codes: np.ndarray
    hashes: np.ndarray
    low: int
    high: int


class _Window(NamedTuple):
    """The ``grams`` 5-grams of a record from ``first`` on, of a text of some length that stands on a diagonal."""

    first: int
    grams: int
    length: int
    diagonal: int


def set_scratch(longest: int, longest_text: int, hashes: bool = True) -> SetScratch:
    """Scratch for spans and texts of up to so many code points; without hashes where the caller has them."""

    def slots(length: int) -> np.ndarray:
        return np.empty(1 << max(4, (2 * length).bit_length()), np.int32)

    return SetScratch(
        np.empty(longest if hashes else 0, np.uint32),
        np.empty(longest_text if hashes else 0, np.uint32),
        slots(longest_text),
        slots(longest),
        np.empty(longest_text + 1, np.int32),
        np.empty(longest + 1, np.int32),
    )


def verify_scratch(longest_record: int, longest_text: int) -> VerifyScratch:
    """Scratch for records and licensed texts of up to so many code points."""
    window = min(longest_record, 4 * longest_text + 256)
    return VerifyScratch(
        set_scratch(window, longest_text, hashes=False),
        np.empty(window + 1, np.bool_),
        np.empty(longest_text + longest_record + 32, np.int32),
        new_costs(),
    )


@kernel
def gram_hashes(codes, out):
    """32-bit hash of the 5-gram from each code point on into uint32 ``out``; of the last four, 0.

    Multilinear (five odd multipliers, modulo 2**64), folded and multiplied once more; the upper half.
    """
    count = max(0, len(codes) - GRAM + 1)
    c0, c1, c2 = codes[:count], codes[1 : count + 1], codes[2 : count + 2]
    c3, c4 = codes[3 : count + 3], codes[4 : count + 4]
    for i in range(count):
        h = (
            (np.uint64(c0[i]) * _G0 + np.uint64(c1[i]) * _G1)
            + (np.uint64(c2[i]) * _G2 + np.uint64(c3[i]) * _G3)
            + np.uint64(c4[i]) * _G4
        )
        out[i] = ((h ^ (h >> np.uint64(29))) * GOLDEN64) >> np.uint64(32)
    out[count:] = 0


@kernel(forceinline=True)
def _same_gram(a, i, b, j):
    return (
        a[i] == b[j] and a[i + 1] == b[j + 1] and a[i + 2] == b[j + 2] and a[i + 3] == b[j + 3] and a[i + 4] == b[j + 4]
    )


@kernel(forceinline=True)
def _index_grams(codes, hashes, low, count, slots, follows):
    """Fill the hash table of the ``count`` grams from ``low`` on; how many distinct ones there are.

    ``slots`` (a power of two long) is cleared first: -1 is free, else the gram's first place. ``follows[i]`` leads to
    the gram's next place.
    """
    slots[:] = -1
    mask = np.uint32(len(slots) - 1)
    distinct = 0
    for i in range(count - 1, -1, -1):
        slot = hashes[low + i] & mask
        while slots[slot] >= 0 and not _same_gram(codes, low + slots[slot], codes, low + i):
            slot = np.uint32(slot + np.uint32(1)) & mask
        follows[i] = slots[slot]
        distinct += slots[slot] < 0
        slots[slot] = i
    return distinct


@kernel(forceinline=True)
def _find_gram(codes, hashes, i, text):
    """First place of the gram ``codes[i:i + 5]`` in the indexed text, -1 if it has none."""
    mask = np.uint32(len(text.slots) - 1)
    slot = hashes[i] & mask
    while text.slots[slot] >= 0:
        if _same_gram(text.codes, text.low + text.slots[slot], codes, i):
            return np.int64(text.slots[slot])
        slot = np.uint32(slot + np.uint32(1)) & mask
    return np.int64(-1)


@kernel(forceinline=True)
def _near(codes, hashes, i, text, place, width):
    """The gram's place in the indexed text that is nearest to ``place``; -1 if none is within ``width``."""
    q = _find_gram(codes, hashes, i, text)
    best = np.int64(-1)
    while q >= 0:
        if abs(q - place) <= width and (best < 0 or abs(q - place) < abs(best - place)):
            best = q
        q = np.int64(text.follows[q])
    return best


@kernel
def _bits_for(count):
    bits = 4
    while (1 << bits) < 2 * count:
        bits += 1
    return bits


@kernel(forceinline=True)
def band_width(length):
    """How far off the diagonal, in code points, a text of some length may stand."""
    return 16 + length // 4


@kernel(forceinline=True)
def code_of_unit(codes, low, high, unit):
    """Code point, from ``low``, that a place in units falls on."""
    seen = 0
    for i in range(low, high):
        if seen >= unit:
            return i - low
        seen += 2 if is_wide(codes[i]) else 1
    return high - low


@kernel
def _diagonal_by_vote(codes, hashes, low, count, text, grams, votes):
    """The diagonal that most hits lie on, to 8 code points; hits of grams that the text repeats do not vote.

    If none does, it is 0: record and text begin together.
    """
    bins = (count + grams) // 8 + 3
    votes[:bins] = 0
    voters = 0
    for j in range(count):
        q = _find_gram(codes, hashes, low + j, text)
        if q >= 0 and text.follows[q] < 0:
            votes[(j - q + grams) // 8] += 1
            voters += 1
    if voters == 0:
        return 0
    best = 0
    for b in range(1, bins - 1):
        if votes[b] + votes[b + 1] > votes[best] + votes[best + 1]:
            best = b
    return best * 8 + 8 - grams


@kernel(forceinline=True)
def _best_run(hits, count, penalty):
    """Bounds of the run with the greatest ``hits - penalty * misses``; among equals the first, then the shortest."""
    best, best_low, best_high = 0.0, 0, 0
    total, low = 0.0, 0
    for j in range(count):
        if total <= 0.0:
            total, low = 0.0, j
        total += 1.0 if hits[j] else -penalty
        if total > best:
            best, best_low, best_high = total, low, j + 1
    return best_low, best_high


@kernel
def _sets(codes, hashes, low, high, text, scratch):
    """5-grams that the span ``codes[low:high]`` has in common with the indexed text, and distinct ones of the span."""
    grams = high - low - GRAM + 1
    bits = _bits_for(grams)
    slots = scratch.span_slots[: 1 << bits]
    distinct = _index_grams(codes, hashes, low, grams, slots, scratch.span_follows)
    common = 0
    for slot in range(1 << bits):
        if slots[slot] >= 0:
            common += _find_gram(codes, hashes, low + slots[slot], text) >= 0
    return common, distinct


@kernel
def compare(codes, text, scratch):
    """Sets of 5-grams of two canonical texts in full: (in common, of ``text``, of ``codes``).

    A text of fewer than five code points is its own only shingle. ``scratch`` is a :class:`SetScratch` with hashes.
    """
    if len(codes) < GRAM or len(text) < GRAM:
        same = len(codes) == len(text)
        for i in range(len(codes) if same else 0):
            same = same and codes[i] == text[i]
        return np.int64(same), np.int64(len(text) > 0), np.int64(len(codes) > 0)
    hashes, text_hashes = scratch.hashes[: len(codes)], scratch.text_hashes[: len(text)]
    gram_hashes(codes, hashes)
    gram_hashes(text, text_hashes)
    grams = len(text) - GRAM + 1
    slots = scratch.slots[: 1 << _bits_for(grams)]
    distinct = _index_grams(text, text_hashes, _ZERO, grams, slots, scratch.follows)
    indexed = _IndexedText(text, _ZERO, slots, scratch.follows)
    common, span_distinct = _sets(codes, hashes, _ZERO, len(codes), indexed, scratch)
    return np.int64(common), np.int64(distinct), np.int64(span_distinct)


@kernel
def compare_rows(records, texts, scratch, grams):
    """:func:`compare` the i-th text of one code buffer with the i-th of another, into int64[n, 3] ``grams``."""
    for i in range(len(grams)):
        grams[i, 0], grams[i, 1], grams[i, 2] = compare(
            records.codes[records.offsets[i] : records.offsets[i + 1]],
            texts.codes[texts.offsets[i] : texts.offsets[i + 1]],
            scratch,
        )


@kernel
def _find_copy(codes, low, high, text, length, ideal):
    """Where in ``codes[low:high]`` the whole text stands nearest to ``ideal``, -1 if it doesn't."""
    best = -1
    for i in range(low, high - length + 1):
        if best >= 0 and abs(i - ideal) >= abs(best - ideal):
            continue
        same = 0
        while same < length and codes[i + same] == text.codes[text.low + same]:
            same += 1
        if same == length:
            best = i
    return best


@kernel(forceinline=True)
def least_hits(length, units, distinct, thresholds):
    """Fewest 5-grams in common with which a text of some length and number of distinct 5-grams is accepted."""
    spread = LARGE_LENGTH * thresholds.stretch * length / units - GRAM + 1
    return min(thresholds.containment * distinct, max(spread, 1.0))


@kernel
def _mark_hits(record, window, text, width, hits):
    """Mark which 5-grams of a window stand in the text within ``width`` of the diagonal; how many do."""
    total = 0
    first, place = record.low + window.first, window.first - window.diagonal
    for j in range(window.grams):
        found = _near(record.codes, record.hashes, first + j, text, place + j, width) >= 0
        hits[j] = found
        total += found
    return total


@kernel
def _most_similar_run(hits, count, grams, index):
    """Bounds of the run of hits with the greatest Jaccard index with a text of ``grams`` 5-grams, from ``index`` on."""
    start, stop = 0, 0
    for _ in range(8):
        was_start, was_stop = start, stop
        start, stop = _best_run(hits, count, index)
        if start == was_start and stop == was_stop:
            break
        common = 0
        for j in range(start, stop):
            common += hits[j]
        index = common / (grams + stop - start - common) if common < grams else 1.0
    return start, stop


@kernel
def _trimmed(codes, start, stop):
    """A span without the spaces at its ends."""
    while start < stop and codes[start] == SPACE:
        start += 1
    while start < stop and codes[stop - 1] == SPACE:
        stop -= 1
    return start, stop


@kernel
def _is_border(record, at):
    """Whether a word of a record may begin or end at a place."""
    codes = record.codes
    if at <= record.low or at >= record.high or codes[at - 1] == SPACE or codes[at] == SPACE:
        return True
    return is_unspaced(codes[at - 1]) or is_unspaced(codes[at])


@kernel
def _stretch(record, window, text, hits):
    """The stretch of hits in a window: begin and end in the record and in the text, and its length in units.

    The length is less by the misses; it counts for less where the text was cut twice, and for more where it is a large
    part of the text.
    """
    codes, length, width = record.codes, window.length, band_width(window.length)
    start, stop = _best_run(hits, window.grams, 1.0)
    if start == stop:
        return _ZERO, _ZERO, _ZERO, _ZERO, 0.0
    value = 0
    for j in range(start, stop):
        value += 1 if hits[j] else -1
    first, place = record.low + window.first, window.first - window.diagonal
    head = _near(codes, record.hashes, first + start, text, place + start, width)
    tail = _near(codes, record.hashes, first + stop - 1, text, place + stop - 1, width) + GRAM
    begin, end = first + start, first + stop + GRAM - 1
    size = length_units(codes, begin, end) * (value + GRAM - 1) / (end - begin)
    first_letter, after_last = _trimmed(codes, begin, end)
    head, tail = head + first_letter - begin, tail - (end - after_last)
    at_begin = head <= EDGE and _is_border(record, first_letter)
    at_end = tail >= length - EDGE and _is_border(record, after_last)
    if not (at_begin or at_end):
        size /= INNER_LENGTH
    elif value + GRAM - 1 >= LARGE * length:
        size /= LARGE_LENGTH
    return np.int64(first_letter - record.low), np.int64(after_last - record.low), head, tail, size


@kernel
def verify(records, texts, candidates, thresholds, scratch, out):
    """Verify candidates and write those that are similar enough.

    Parameters
    ----------
    records
        :class:`~provscan.kernels.records.Grams` of the records.
    texts
        The same of the candidates' licensed texts, one text a candidate.
    candidates
        :class:`~provscan.kernels.records.Candidates`; where ``code`` is -1 the whole record is compared.
    thresholds
        :class:`~provscan.kernels.records.Thresholds`; of the length in units, both the licensed text and what the span
        has in common with it must have the minimum. Similarity and containment may be below theirs where the hits are
        spread or a stretch is long enough.
    scratch
        :func:`verify_scratch`.
    out
        :class:`~provscan.kernels.records.VerifiedRows` with room for each candidate.

    Returns
    -------
    int64
        How many were written.
    """
    codes, hashes, offsets = records
    record, _, code, place = candidates
    sets, hits, costs = scratch.sets, scratch.hits, scratch.costs
    n = 0
    for c in range(len(record)):
        a, b = texts.offsets[c], texts.offsets[c + 1]
        begin, end = offsets[record[c]], offsets[record[c] + 1]
        length, size = b - a, end - begin
        units = length_units(texts.codes, a, b)
        if units < thresholds.units:
            continue
        if length < GRAM or size < GRAM:
            if length != size:
                continue
            same = True
            for k in range(length):
                same = same and texts.codes[a + k] == codes[begin + k]
            if same and length > 0:
                out.candidate[n], out.similarity[n], out.partial[n] = c, 1.0, False
                out.span[n, 0], out.span[n, 1] = 0, size
                out.copied[n, 0], out.copied[n, 1] = 0, length
                out.grams[n, :] = 1
                n += 1
            continue
        grams = length - GRAM + 1
        width = band_width(length)
        diagonal, first, count = np.int64(0), np.int64(0), size - GRAM + 1
        if code[c] >= 0:
            diagonal = code[c] - code_of_unit(texts.codes, a, b, place[c])
            first = max(0, diagonal - width)
            count = min(size, diagonal + length + width) - first - GRAM + 1
        slots = sets.slots[: 1 << _bits_for(grams)]
        distinct = _index_grams(texts.codes, texts.hashes, a, grams, slots, sets.follows)
        text = _IndexedText(texts.codes, a, slots, sets.follows)
        if code[c] < 0:
            diagonal = _diagonal_by_vote(codes, hashes, begin, count, text, grams, scratch.votes)
            first = max(0, diagonal - width)
            count = min(size, diagonal + length + width) - first - GRAM + 1
        whole = _Record(codes, hashes, begin, end)
        window = _Window(first, count, length, diagonal)
        total = _mark_hits(whole, window, text, width, hits)
        if total < least_hits(length, units, distinct, thresholds):
            continue
        start, stop = _most_similar_run(hits, count, grams, thresholds.similarity)
        if stop == start:
            continue
        start, stop = _trimmed(codes, begin + first + start, begin + first + stop + GRAM - 1)
        start, stop = start - begin, stop - begin
        if stop - start < GRAM:
            continue
        if stop - start >= length:
            # Where the whole text stands there, it alone is the span, whatever beside it the text has elsewhere too.
            copy = _find_copy(codes, begin + start, begin + stop, text, length, begin + diagonal)
            if copy >= 0:
                out.candidate[n], out.similarity[n], out.partial[n] = c, 1.0, False
                out.span[n, 0], out.span[n, 1] = copy - begin, copy - begin + length
                out.copied[n, 0], out.copied[n, 1] = 0, length
                out.grams[n, :] = distinct
                n += 1
                continue
        common, span_distinct = _sets(codes, hashes, begin + start, begin + stop, text, sets)
        similarity = common / (distinct + span_distinct - common)
        head = _near(codes, hashes, begin + start, text, start - diagonal, width)
        tail = _near(codes, hashes, begin + stop - GRAM, text, stop - GRAM - diagonal, width)
        tail = tail + GRAM if tail >= 0 else tail
        held = (common + GRAM - 1) * units
        least = thresholds.similarity
        if (
            similarity < thresholds.similarity
            or common < thresholds.containment * distinct
            or held < thresholds.units * length
        ):
            least = similarity
            spread = (
                head >= 0
                and tail - head >= REACH * length
                and similarity >= SPREAD_SIMILARITY
                and held >= LARGE_LENGTH * thresholds.stretch * length
            )
            low, high, part_head, part_tail, part = _stretch(whole, window, text, hits)
            if total >= SWAPPED_HITS * distinct:
                # The parts of the text may have changed places.
                far = max(_ZERO, diagonal - length - width)
                count = min(size, diagonal + 2 * length + width) - far - GRAM + 1
                window = _Window(far, count, length, diagonal)
                _mark_hits(whole, window, text, 4 * length + width, hits)
                far_low, far_high = _most_similar_run(hits, count, grams, thresholds.similarity)
                far_low, far_high = _trimmed(codes, begin + far + far_low, begin + far + far_high + GRAM - 1)
                shared, far_distinct = _sets(codes, hashes, far_low, far_high, text, sets)
                index = shared / (distinct + far_distinct - shared)
                if (
                    index >= max(SWAPPED_SIMILARITY, thresholds.similarity)
                    and shared >= thresholds.containment * distinct
                    and (shared + GRAM - 1) * units >= thresholds.units * length
                ):
                    out.candidate[n], out.similarity[n], out.partial[n] = c, index, False
                    out.span[n, 0], out.span[n, 1] = far_low - begin, far_high - begin
                    out.copied[n, :] = -1
                    out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = shared, distinct, far_distinct
                    n += 1
                    continue
            if not spread:
                if part < thresholds.stretch:
                    continue
                common, span_distinct = _sets(codes, hashes, begin + low, begin + high, text, sets)
                if common < OWN * span_distinct:
                    continue
                out.candidate[n], out.partial[n] = c, True
                out.similarity[n] = common / (distinct + span_distinct - common)
                out.span[n, 0], out.span[n, 1] = low, high
                out.copied[n, 0], out.copied[n, 1] = part_head, part_tail
                out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = common, distinct, span_distinct
                n += 1
                continue
        # Where the edge of the copy was edited, the run stops short of it: align what is left of the text.
        far_start, far_stop = start, stop
        if 0 < head <= MAX_REST:
            edge = Edge(a + head - 1, begin + start - 1, -1)
            far_start -= aligned_end(texts.codes, codes, edge, head, min(start, head + BAND), costs)
        rest = length - tail
        if tail >= 0 and 0 < rest <= MAX_REST:
            edge = Edge(a + tail, begin + stop, 1)
            far_stop += aligned_end(texts.codes, codes, edge, rest, min(size - stop, rest + BAND), costs)
        if far_start < start or far_stop > stop:
            far_start, far_stop = _trimmed(codes, begin + far_start, begin + far_stop)
            far_start, far_stop = far_start - begin, far_stop - begin
            far_common, far_distinct = _sets(codes, hashes, begin + far_start, begin + far_stop, text, sets)
            if far_common >= least * (distinct + far_distinct - far_common):
                head = 0 if far_start < start else head
                tail = length if far_stop > stop else tail
                start, stop, common, span_distinct = far_start, far_stop, far_common, far_distinct
                similarity = common / (distinct + span_distinct - common)
        out.candidate[n], out.similarity[n], out.partial[n] = c, similarity, False
        out.span[n, 0], out.span[n, 1] = start, stop
        out.copied[n, 0], out.copied[n, 1] = head, tail
        out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = common, distinct, span_distinct
        n += 1
    return n
