"""Verification of candidates: the span that fits a licensed text best, and its exact similarity.

A candidate is a record and a licensed text, with or without a *diagonal* (the place in the record less the place in
the text, in code points). The record's 5-grams that stand in the text, near the diagonal, are hits. The span is the
run of 5-grams with the highest Jaccard index of hits, found exactly by Dinkelbach's iteration (1967,
doi:10.1287/mnsc.13.7.492): maximise ``hits - j * misses`` by Kadane's scan, set j to the index reached, repeat.
Then both sets of 5-grams are compared in full, code point by code point.

What decides is either the share of the text that the span has (similarity and containment), or how much that is:

- *spread*: hits near one diagonal that reach over nearly all of the text, as an edited copy leaves them;
- *half*: hits that are half of the text, wherever in it, and longer;
- *partial*: a stretch of the text, the run with the greatest ``hits - misses``, that is long enough. One that reaches
  the text's begin or end, at a word's border in the record, was cut once; any other was cut twice and must be longer.
  It may be shorter where it is a large part of the text.

Where hits near the diagonal are too few, those of a text whose parts changed places are sought in its whole reach.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.align import BAND, MAX_REST, SPACE, Edge, aligned_end, new_costs
from provscan.kernels.grams import (
    GRAM,
    IndexedText,
    SetScratch,
    common_grams,
    distinct_grams,
    index_grams,
    set_scratch,
    table_bits,
)
from provscan.kernels.hits import (
    EVEN,
    Hits,
    Record,
    best_run,
    count_distinct,
    diagonal_by_vote,
    find_hits,
    hits_between,
    may_hold,
    most_similar_run,
    new_hits,
    window_around,
)
from provscan.kernels.jit import kernel
from provscan.kernels.minimizers import is_wide, length_units
from provscan.kernels.normalize import is_unspaced

_ZERO = np.int64(0)
# Of the length of a stretch: enough where it is a large part of its text, or spread over it; and needed within a text.
LARGE_LENGTH, INNER_LENGTH = 0.9, 1.5
# Of a text: a large part, and the part that spread hits reach over, with their similarity.
LARGE, REACH, SPREAD_SIMILARITY = 0.45, 0.8, 0.3
# The length of hits that are half of the text's 5-grams or more: of those that are spread, and of others.
HALF, SPREAD_LENGTH, HALF_LENGTH = 0.5, 0.6, 0.7
# Where the similarity is below this, the minimum length is so much greater.
ALIKE, UNLIKE_LENGTH = 0.6, 1.2
# Of a text whose parts changed places: hits on one diagonal.
SWAPPED_HITS = 0.45
# The penalty of a miss in a run that reaches further than the most similar one, of the minimum similarity.
WIDE = 0.5
# Of the 5-grams of a stretch, those that are the text's.
OWN = 0.8
# Code points that a stretch may lack of the text's begin or end.
EDGE = 4


class VerifyScratch(NamedTuple):
    """Scratch of :func:`verify`."""

    sets: SetScratch  # For the longest text and the longest span looked at.
    hits: Hits  # For the longest span looked at.
    marks: np.ndarray  # int32, as long as the longest text.
    votes: np.ndarray  # int32: as long as the longest text and the longest record together, and 32.
    costs: np.ndarray  # Of `provscan.kernels.align.aligned_end`.


def verify_scratch(longest_record: int, longest_text: int) -> VerifyScratch:
    """Scratch for records and licensed texts of up to so many code points."""
    window = min(longest_record, 4 * longest_text + 256)
    return VerifyScratch(
        set_scratch(window, longest_text, hashes=False),
        new_hits(window),
        np.empty(longest_text, np.int32),
        np.empty(longest_text + longest_record + 32, np.int32),
        new_costs(),
    )


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
    return min(min(thresholds.containment, SWAPPED_HITS) * distinct, max(spread, 1.0))


@kernel(forceinline=True)
def _is_enough(common, distinct, length, units, thresholds):
    """Whether a span with so many of a text's ``distinct`` 5-grams may be similar, spread, or half of it."""
    held = (common + GRAM - 1) * units
    enough = LARGE_LENGTH if common < HALF * distinct else SPREAD_LENGTH
    similar = common >= thresholds.containment * distinct and held >= thresholds.units * length
    half = common >= HALF * distinct and held >= HALF_LENGTH * thresholds.stretch * length
    return similar, held >= enough * thresholds.stretch * length, half


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
def _stretch(record, window, hits, runs):
    """The stretch of hits in a window: begin and end in the record and in the text, and its length in units.

    The length is less by the misses; it counts for less where the text was cut twice, and for more where it is a large
    part of the text.
    """
    codes, length = record.codes, window.length
    start, stop = best_run(runs, 1.0)
    if start == stop:
        return _ZERO, _ZERO, _ZERO, _ZERO, 0.0
    value = 2 * hits_between(runs, start, stop) - (stop - start)
    first = record.low + window.first
    head, tail = np.int64(hits.nearest[start]), np.int64(hits.nearest[stop - 1]) + GRAM
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
    """Verify candidates and write those that are similar enough; how many.

    The `texts` are those of the candidates, one a candidate. A candidate whose ``code`` is -1 is compared with the
    whole record. Of the length in units, both the licensed text and what the span has in common with it must have the
    minimum. Similarity and containment may be below theirs where the hits are spread or a stretch is long enough.
    """
    codes, hashes, offsets = records
    record, _, code, place = candidates
    sets, hits, marks, costs = scratch.sets, scratch.hits, scratch.marks, scratch.costs
    marks[:] = 0
    # The mark of the latest count.
    mark = np.int32(0)
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
        slots = sets.slots[: 1 << table_bits(grams)]
        distinct = index_grams(texts.codes, texts.hashes, a, grams, slots, sets.follows)
        text = IndexedText(texts.codes, a, slots, sets.follows)
        if code[c] >= 0:
            diagonal = code[c] - code_of_unit(texts.codes, a, b, place[c])
        else:
            diagonal = diagonal_by_vote(codes, hashes, begin, size - GRAM + 1, text, grams, scratch.votes)
        whole, window = Record(codes, hashes, begin, end), window_around(size, length, diagonal, width)
        total, bounds = find_hits(whole, window, text, width, hits)
        if total < least_hits(length, units, distinct, thresholds):
            continue
        runs, firsts = hits.runs[:bounds], hits.firsts[: window.grams]
        start, stop, common, span_distinct, head, tail = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
        similarity, similar, spread, half, exact, short = 0.0, False, False, False, False, False
        most_similar = (start, stop, common, span_distinct, head, tail, similarity)
        mark += 1
        # No span of the window has more in common with the text than the window itself.
        known = count_distinct(firsts, marks, mark)
        like, over, much = _is_enough(known, distinct, length, units, thresholds)
        for wide in range(2 if like or over or much or known == distinct else 0):
            # The most similar run may leave out the ends of a copy that was edited near them.
            if wide == 0:
                start, stop = most_similar_run(runs, grams, thresholds.similarity)
            else:
                start, stop = best_run(runs, EVEN * WIDE * thresholds.similarity)
            first = begin + window.first
            start, stop = _trimmed(codes, first + start, first + stop + GRAM - 1)
            start, stop = start - begin, stop - begin
            short = stop - start < GRAM
            if short:
                break
            if wide == 0 and stop - start >= length:
                # Where the whole text stands there, it alone is the span, whatever the text has beside it elsewhere.
                copy = _find_copy(codes, begin + start, begin + stop, text, length, begin + diagonal)
                if copy >= 0:
                    start, stop, exact = copy - begin, copy - begin + length, True
                    break
            low, high = start - window.first, stop - window.first - GRAM + 1
            mark += 1
            common = count_distinct(firsts[low:high], marks, mark)
            head, tail = np.int64(hits.nearest[low]), np.int64(hits.nearest[high - 1])
            tail = tail + GRAM if tail >= 0 else tail
            like, over, much = _is_enough(common, distinct, length, units, thresholds)
            much = much and wide == 0
            over = over and head >= 0 and tail - head >= REACH * length
            if not (like or over or much):
                continue
            span_distinct = distinct_grams(codes, hashes, begin + start, begin + stop, sets)
            similarity = common / (distinct + span_distinct - common)
            held = (common + GRAM - 1) * units
            alike = similarity >= ALIKE or held >= UNLIKE_LENGTH * thresholds.units * length
            similar = like and alike and similarity >= thresholds.similarity
            spread = over and similarity >= SPREAD_SIMILARITY
            if similar or spread:
                break
            if much and similarity >= SPREAD_SIMILARITY:
                half, most_similar = True, (start, stop, common, span_distinct, head, tail, similarity)
        if short:
            continue
        if exact:
            out.candidate[n], out.similarity[n], out.partial[n] = c, 1.0, False
            out.span[n, 0], out.span[n, 1] = start, stop
            out.copied[n, 0], out.copied[n, 1] = 0, length
            out.grams[n, :] = distinct
            n += 1
            continue
        least = thresholds.similarity if similar else similarity
        if not similar:
            low, high, part_head, part_tail, part = _stretch(whole, window, hits, runs)
            far = window_around(size, length, diagonal, length + width)
            mark += 1
            if total >= SWAPPED_HITS * distinct and may_hold(
                ALIKE * distinct, whole, window, far, text, firsts, marks, mark
            ):
                # The parts of the text may have changed places.
                _, bounds = find_hits(whole, far, text, 4 * length + width, hits)
                far_low, far_high = most_similar_run(hits.runs[:bounds], grams, thresholds.similarity)
                first = begin + far.first
                far_low, far_high = _trimmed(codes, first + far_low, first + far_high + GRAM - 1)
                shared, far_distinct = common_grams(codes, hashes, far_low, far_high, text, sets)
                index = shared / (distinct + far_distinct - shared)
                if (
                    index >= max(ALIKE, thresholds.similarity)
                    and shared >= thresholds.containment * distinct
                    and (shared + GRAM - 1) * units >= thresholds.units * length
                ):
                    out.candidate[n], out.similarity[n], out.partial[n] = c, index, False
                    out.span[n, 0], out.span[n, 1] = far_low - begin, far_high - begin
                    out.copied[n, :] = -1
                    out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = shared, distinct, far_distinct
                    n += 1
                    continue
            if not spread and part >= thresholds.stretch:
                shared, part_distinct = common_grams(codes, hashes, begin + low, begin + high, text, sets)
                # A letter that is repeated is one 5-gram, however long that goes on.
                held = (shared + GRAM - 1) * units
                if shared >= OWN * part_distinct and held >= LARGE_LENGTH * thresholds.stretch * length:
                    out.candidate[n], out.partial[n] = c, True
                    out.similarity[n] = shared / (distinct + part_distinct - shared)
                    out.span[n, 0], out.span[n, 1] = low, high
                    out.copied[n, 0], out.copied[n, 1] = part_head, part_tail
                    out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = shared, distinct, part_distinct
                    n += 1
                    continue
            if not spread:
                if not half:
                    continue
                start, stop, common, span_distinct, head, tail, similarity = most_similar
                least = similarity
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
            far_common, far_distinct = common_grams(codes, hashes, begin + far_start, begin + far_stop, text, sets)
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
