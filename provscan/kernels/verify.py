"""Verification of candidates: the span that fits a licensed text best, and its exact similarity.

A candidate is a record and a licensed text, with or without a *diagonal* (the place in the record less the place in
the text, in code points). The record's 5-grams that stand in the text, near the diagonal, are hits. The span is the
run of 5-grams with the highest Jaccard index of hits, found exactly by Dinkelbach's iteration (1967,
doi:10.1287/mnsc.13.7.492): maximise ``hits - j * misses`` by Kadane's scan, set j to the index reached, repeat.
Then both sets of 5-grams are compared in full, code point by code point.

Units that the loops call are inlined by force: numba passes an array as seven words, most of them on the stack, and
counts references to it.
"""

import numpy as np

from provscan.kernels.align import BAND, MAX_REST, SPACE, aligned_end
from provscan.kernels.jit import allocating, kernel
from provscan.kernels.minimizers import is_wide, weight

GRAM = 5
_MIX = np.uint64(0x9E3779B97F4A7C15)
# Odd and below 2**32: the product with a code point is one cheap instruction a lane.
_G0 = np.uint64(0xBF58476D)
_G1 = np.uint64(0x94D049BB)
_G2 = np.uint64(0xD6E8FEB9)
_G3 = np.uint64(0xA0761D65)
_G4 = np.uint64(0xE7037ED1)


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
        out[i] = ((h ^ (h >> np.uint64(29))) * _MIX) >> np.uint64(32)
    out[count:] = 0


@kernel(forceinline=True)
def _same_gram(a, i, b, j):
    return (
        a[i] == b[j] and a[i + 1] == b[j + 1] and a[i + 2] == b[j + 2] and a[i + 3] == b[j + 3] and a[i + 4] == b[j + 4]
    )


@kernel(forceinline=True)
def _index_grams(codes, hashes, low, count, slots, follows):
    """Hash table of the ``count`` grams from ``low``; ``follows[i]`` leads to the gram's next place. Distinct ones.

    ``slots`` (a power of two long) is cleared first: -1 is free, else the gram's first place.
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
def _find_gram(codes, hashes, i, text, low, slots):
    """First place of the gram ``codes[i:i + 5]`` in the indexed text, -1 if it has none."""
    mask = np.uint32(len(slots) - 1)
    slot = hashes[i] & mask
    while slots[slot] >= 0:
        if _same_gram(text, low + slots[slot], codes, i):
            return np.int64(slots[slot])
        slot = np.uint32(slot + np.uint32(1)) & mask
    return np.int64(-1)


@kernel(forceinline=True)
def _near(codes, hashes, i, text, low, slots, follows, place, slack):
    """The gram's place in the indexed text that is nearest to ``place``; -1 if none is within ``slack``."""
    q = _find_gram(codes, hashes, i, text, low, slots)
    best = np.int64(-1)
    while q >= 0:
        if abs(q - place) <= slack and (best < 0 or abs(q - place) < abs(best - place)):
            best = q
        q = np.int64(follows[q])
    return best


@kernel
def _bits_for(count):
    bits = 4
    while (1 << bits) < 2 * count:
        bits += 1
    return bits


@kernel(forceinline=True)
def slack_of(length):
    """How far off the diagonal, in code points, a text of some length may stand."""
    return 16 + length // 4


@kernel(forceinline=True)
def code_of_token(codes, low, high, token):
    """Code point, from ``low``, that a token place falls on."""
    seen = 0
    for i in range(low, high):
        if seen >= token:
            return i - low
        seen += 2 if is_wide(codes[i]) else 1
    return high - low


@kernel
def _diagonal_by_vote(codes, hashes, low, count, text, text_low, grams, slots, follows, votes):
    """The diagonal that most hits lie on, to 8 code points; hits of grams that the text repeats do not vote.

    If none does, it is 0: record and text begin together.
    """
    bins = (count + grams) // 8 + 3
    votes[:bins] = 0
    voters = 0
    for j in range(count):
        q = _find_gram(codes, hashes, low + j, text, text_low, slots)
        if q >= 0 and follows[q] < 0:
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
def _sets(codes, hashes, low, high, text, text_low, table, span_slots, span_follows):
    """5-grams that the span ``codes[low:high]`` has in common with the indexed text, and distinct ones of the span."""
    grams = high - low - GRAM + 1
    bits = _bits_for(grams)
    span_table = span_slots[: 1 << bits]
    distinct = _index_grams(codes, hashes, low, grams, span_table, span_follows)
    common = 0
    for slot in range(1 << bits):
        if span_table[slot] >= 0:
            common += _find_gram(codes, hashes, low + span_table[slot], text, text_low, table) >= 0
    return common, distinct


@allocating
def compare(codes, text):
    """Sets of 5-grams of two canonical texts in full: (in common, of ``text``, of ``codes``).

    A text of fewer than five code points is its own only shingle.
    """
    if len(codes) < GRAM or len(text) < GRAM:
        same = len(codes) == len(text)
        for i in range(len(codes) if same else 0):
            same = same and codes[i] == text[i]
        return np.int64(same), np.int64(len(text) > 0), np.int64(len(codes) > 0)
    hashes, text_hashes = np.empty(len(codes), np.uint32), np.empty(len(text), np.uint32)
    gram_hashes(codes, hashes)
    gram_hashes(text, text_hashes)
    longest = max(len(codes), len(text))
    follows = np.empty(longest, np.int32)
    slots, span_slots = np.empty(1 << _bits_for(longest), np.int32), np.empty(1 << _bits_for(longest), np.int32)
    grams = len(text) - GRAM + 1
    table = slots[: 1 << _bits_for(grams)]
    distinct = _index_grams(text, text_hashes, 0, grams, table, follows)
    common, span_distinct = _sets(codes, hashes, 0, len(codes), text, 0, table, span_slots, follows)
    return np.int64(common), np.int64(distinct), np.int64(span_distinct)


@allocating
def compare_rows(codes, offsets, texts, text_offsets, grams):
    """:func:`compare` the i-th canonical text of the one with the i-th of the other, into int64[n, 3] ``grams``."""
    for i in range(len(grams)):
        grams[i, 0], grams[i, 1], grams[i, 2] = compare(
            codes[offsets[i] : offsets[i + 1]], texts[text_offsets[i] : text_offsets[i + 1]]
        )


@kernel
def _find_copy(codes, low, high, text, text_low, length, ideal):
    """Where in ``codes[low:high]`` the whole text stands nearest to ``ideal``, -1 if it doesn't."""
    best = -1
    for i in range(low, high - length + 1):
        if best >= 0 and abs(i - ideal) >= abs(best - ideal):
            continue
        same = 0
        while same < length and codes[i + same] == text[text_low + same]:
            same += 1
        if same == length:
            best = i
    return best


@allocating
def verify(
    codes, hashes, offsets, texts, text_hashes, text_offsets, record, code_at, place, low, high,
    threshold, least_share, least_weight, slots, follows, span_slots, span_follows, hits, votes,
    out_candidate, out_span, out_text_span, out_grams, out_similarity,
):  # fmt: skip
    """Verify candidates ``low..high`` and write those that are similar enough.

    Parameters
    ----------
    codes, hashes, offsets
        uint32, uint32, int64: canonical code points of the records, their :func:`gram_hashes`, where each begins.
    texts, text_hashes, text_offsets
        The same of the candidates' licensed texts, one text a candidate.
    record, code_at, place
        int64: of each candidate the record, the code point in it and the token place in the licensed text that lie
        on one diagonal; ``code_at`` is -1 where none is known and the whole record is compared.
    threshold, least_share
        Least Jaccard index, and least share of the text's 5-grams that the span must hold.
    least_weight
        Least :func:`~provscan.kernels.minimizers.weight` of a licensed text, and of what the span shares with it.
    slots, span_slots
        int32[2**b], more than twice the longest text and the longest span looked at.
    follows, span_follows, hits, votes
        int32, int32, bool, int32: room for as many elements as the longest text or record has code points, and 32.
    out_candidate, out_span, out_text_span, out_grams, out_similarity
        int64[n]; int64[n, 2], the span in the record's code points; int64[n, 2], what it is a copy of, in those of
        the text, -1 where that is not known; int32[n, 3], distinct 5-grams in common, of the
        text, of the span; float64[n], the Jaccard index.

    Returns
    -------
    int64
        How many were written.
    """
    n = 0
    costs = np.empty((2, 2 * BAND + 1), np.int64)
    for c in range(low, high):
        a, b = text_offsets[c], text_offsets[c + 1]
        begin, end = offsets[record[c]], offsets[record[c] + 1]
        length, size = b - a, end - begin
        heavy = weight(texts, a, b)
        if heavy < least_weight:
            continue
        if length < GRAM or size < GRAM:
            if length != size:
                continue
            same = True
            for k in range(length):
                same = same and texts[a + k] == codes[begin + k]
            if same and length > 0:
                out_candidate[n], out_similarity[n] = c, 1.0
                out_span[n, 0], out_span[n, 1] = 0, size
                out_text_span[n, 0], out_text_span[n, 1] = 0, length
                out_grams[n, :] = 1
                n += 1
            continue
        grams = length - GRAM + 1
        slack = slack_of(length)
        diagonal, first, count = np.int64(0), np.int64(0), size - GRAM + 1
        if code_at[c] >= 0:
            diagonal = code_at[c] - code_of_token(texts, a, b, place[c])
            first = max(0, diagonal - slack)
            count = min(size, diagonal + length + slack) - first - GRAM + 1
        table = slots[: 1 << _bits_for(grams)]
        distinct = _index_grams(texts, text_hashes, a, grams, table, follows)
        if code_at[c] < 0:
            diagonal = _diagonal_by_vote(codes, hashes, begin, count, texts, a, grams, table, follows, votes)
            first = max(0, diagonal - slack)
            count = min(size, diagonal + length + slack) - first - GRAM + 1
        total = 0
        for j in range(count):
            q = _near(codes, hashes, begin + first + j, texts, a, table, follows, first + j - diagonal, slack)
            hits[j] = q >= 0
            total += q >= 0
        if total < least_share * distinct:
            continue
        index, start, stop = threshold, 0, 0
        for _ in range(8):
            was_start, was_stop = start, stop
            start, stop = _best_run(hits, count, index)
            if start == was_start and stop == was_stop:
                break
            common = 0
            for j in range(start, stop):
                common += hits[j]
            index = common / (grams + stop - start - common) if common < grams else 1.0
        if stop == start:
            continue
        start, stop = first + start, first + stop + GRAM - 1
        while codes[begin + start] == SPACE:
            start += 1
        while codes[begin + stop - 1] == SPACE:
            stop -= 1
        if stop - start < GRAM:
            continue
        if stop - start >= length:
            # Where the whole text stands there, it alone is the span, whatever beside it the text has elsewhere too.
            copy = _find_copy(codes, begin + start, begin + stop, texts, a, length, begin + diagonal)
            if copy >= 0:
                out_candidate[n], out_similarity[n] = c, 1.0
                out_span[n, 0], out_span[n, 1] = copy - begin, copy - begin + length
                out_text_span[n, 0], out_text_span[n, 1] = 0, length
                out_grams[n, :] = distinct
                n += 1
                continue
        common, span_distinct = _sets(
            codes, hashes, begin + start, begin + stop, texts, a, table, span_slots, span_follows
        )
        similarity = common / (distinct + span_distinct - common)
        if similarity < threshold or common < least_share * distinct:
            continue
        if (common + GRAM - 1) * heavy < least_weight * length:
            continue
        # Where the edge of the copy was edited, the run stops short of it: align what is left of the text.
        far_start, far_stop = start, stop
        head = _near(codes, hashes, begin + start, texts, a, table, follows, start - diagonal, slack)
        tail = _near(codes, hashes, begin + stop - GRAM, texts, a, table, follows, stop - GRAM - diagonal, slack)
        tail = tail + GRAM if tail >= 0 else tail
        if 0 < head <= MAX_REST:
            far_start -= aligned_end(
                texts, a + head - 1, -1, head, codes, begin + start - 1, min(start, head + BAND), costs
            )
        rest = length - tail
        if tail >= 0 and 0 < rest <= MAX_REST:
            far_stop += aligned_end(texts, a + tail, 1, rest, codes, begin + stop, min(size - stop, rest + BAND), costs)
        if far_start < start or far_stop > stop:
            while codes[begin + far_start] == SPACE:
                far_start += 1
            while codes[begin + far_stop - 1] == SPACE:
                far_stop -= 1
            far_common, far_distinct = _sets(
                codes, hashes, begin + far_start, begin + far_stop, texts, a, table, span_slots, span_follows
            )
            if far_common >= threshold * (distinct + far_distinct - far_common):
                head = 0 if far_start < start else head
                tail = length if far_stop > stop else tail
                start, stop, common, span_distinct = far_start, far_stop, far_common, far_distinct
                similarity = common / (distinct + span_distinct - common)
        out_candidate[n], out_similarity[n] = c, similarity
        out_span[n, 0], out_span[n, 1] = start, stop
        out_text_span[n, 0], out_text_span[n, 1] = head, tail
        out_grams[n, 0], out_grams[n, 1], out_grams[n, 2] = common, distinct, span_distinct
        n += 1
    return n
