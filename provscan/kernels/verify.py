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

Where hits near the diagonal are too few, those of a text whose parts changed places are sought in its whole reach; not
of a short one, whose parts are phrases.
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
# Of the length of a stretch: enough where it is a large part of its text; and needed within a text, or spread over it.
LARGE_LENGTH, INNER_LENGTH = 0.9, 1.5
# Of a text: a large part, and the part that spread hits reach over, with their similarity.
LARGE, REACH, SPREAD_SIMILARITY = 0.45, 0.8, 0.3
# The length of hits that are half of the text's 5-grams or more: of those that are spread, and of others.
HALF, SPREAD_LENGTH, HALF_LENGTH = 0.5, 0.6, 0.7
# Where the similarity is below this, the minimum length is so much greater.
ALIKE, UNLIKE_LENGTH = 0.6, 1.2
# Of a text whose parts may have changed places: its length in units, and hits on one diagonal.
SWAPPED_UNITS, SWAPPED_HITS = 40, 0.45
# The penalty of a miss in a run that reaches further than the most similar one, of the minimum similarity.
WIDE = 0.5
# Of the 5-grams of a stretch, those that are the text's.
OWN = 0.8
# Code points that a stretch may lack of the text's begin or end.
EDGE = 4


class VerifyScratch(NamedTuple):
    sets: SetScratch  # For the longest text and the longest span looked at.
    hits: Hits  # For the longest span looked at.
    marks: np.ndarray  # int32, as long as the longest text.
    latest: np.ndarray  # int32[1]: the mark of the latest count.
    votes: np.ndarray  # int32: as long as the longest text and the longest record together, and 32.
    costs: np.ndarray  # Of `provscan.kernels.align.aligned_end`.


class Text(NamedTuple):
    """A licensed text that a record is compared with."""

    indexed: IndexedText
    length: int  # In code points.
    units: int
    distinct: int  # Different 5-grams.


class Fit(NamedTuple):
    """A span of a record that may be a copy, or a part of one."""

    # The span, in code points of the record.
    start: int
    stop: int
    # Different 5-grams that span and text have in common, and that the span has.
    common: int
    distinct: int
    # The part of the text that it is a copy of; -1 where that is not one stretch.
    head: int
    tail: int
    similarity: float


# What a span is: what :func:`_fitting_run` may find, from nothing to an exact copy, and a part of a text.
_NOTHING, _HALF, _SPREAD, _SIMILAR, _EXACT, _PART = range(6)


def verify_scratch(longest_record: int, longest_text: int) -> VerifyScratch:
    """Scratch for records and licensed texts of up to so many code points."""
    window = min(longest_record, 4 * longest_text + 256)
    return VerifyScratch(
        set_scratch(window, longest_text, hashes=False),
        new_hits(window),
        np.empty(longest_text, np.int32),
        np.empty(1, np.int32),
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
def _find_copy(codes, low, high, text, ideal):
    """Where in ``codes[low:high]`` the whole text stands nearest to ``ideal``, -1 if it doesn't."""
    indexed, length = text.indexed, text.length
    best = -1
    for i in range(low, high - length + 1):
        if best >= 0 and abs(i - ideal) >= abs(best - ideal):
            continue
        same = 0
        while same < length and codes[i + same] == indexed.codes[indexed.low + same]:
            same += 1
        if same == length:
            best = i
    return best


@kernel(forceinline=True)
def least_hits(length, units, distinct, thresholds):
    """Fewest 5-grams in common with which a text of some length and number of distinct 5-grams is accepted."""
    stretch = thresholds.stretch * length / units
    share = min(thresholds.containment, SWAPPED_HITS) * distinct
    if units < SWAPPED_UNITS:
        unlike = UNLIKE_LENGTH * thresholds.units * length / units - GRAM + 1
        similar = max(thresholds.containment * distinct, min(ALIKE * distinct, unlike))
        share = min(similar, max(HALF * distinct, SPREAD_LENGTH * stretch - GRAM + 1))
    return min(share, max(LARGE_LENGTH * stretch - GRAM + 1, 1.0))


@kernel(forceinline=True)
def _count(places, scratch):
    """How many different places of the text there are."""
    scratch.latest[0] += 1
    return count_distinct(places, scratch.marks, scratch.latest[0])


@kernel(forceinline=True)
def _nothing():
    return Fit(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, 0.0)


@kernel(forceinline=True)
def spread_length(share):
    """How long what is spread over a text must be, as a part of a stretch, where it is such a share of the text."""
    if share >= HALF:
        return SPREAD_LENGTH
    return LARGE_LENGTH if share >= LARGE else INNER_LENGTH


@kernel(forceinline=True)
def _is_enough(common, text, thresholds):
    """Whether a span with so many of a text's different 5-grams may be similar, spread, or half of it."""
    held = (common + GRAM - 1) * text.units
    enough = spread_length(common / text.distinct)
    similar = common >= thresholds.containment * text.distinct and held >= thresholds.units * text.length
    half = common >= HALF * text.distinct and held >= HALF_LENGTH * thresholds.stretch * text.length
    return similar, held >= enough * thresholds.stretch * text.length, half


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
def _fitting_run(record, text, window, bounds, thresholds, scratch):
    """What the run of hits is that fits the text best, and its span."""
    codes, low, hits = record.codes, record.low, scratch.hits
    runs, firsts = hits.runs[:bounds], hits.firsts[: window.grams]
    kind, best = _NOTHING, _nothing()
    # No span of the window has more in common with the text than the window itself.
    known = _count(firsts, scratch)
    like, over, much = _is_enough(known, text, thresholds)
    if not (like or over or much or known == text.distinct):
        return kind, best
    for wide in range(2):
        # The most similar run may leave out the ends of a copy that was edited near them.
        if wide == 0:
            start, stop = most_similar_run(runs, text.length - GRAM + 1, thresholds.similarity)
        else:
            start, stop = best_run(runs, EVEN * WIDE * thresholds.similarity)
        first = low + window.first
        start, stop = _trimmed(codes, first + start, first + stop + GRAM - 1)
        start, stop = np.int64(start - low), np.int64(stop - low)
        if stop - start < GRAM:
            return _NOTHING, _nothing()
        if wide == 0 and stop - start >= text.length:
            # Where the whole text stands there, it alone is the span, whatever the text has beside it elsewhere.
            copy = _find_copy(codes, low + start, low + stop, text, low + window.diagonal)
            if copy >= 0:
                start, distinct = np.int64(copy - low), np.int64(text.distinct)
                return _EXACT, Fit(start, start + text.length, distinct, distinct, _ZERO, text.length, 1.0)
        begin, end = start - window.first, stop - window.first - GRAM + 1
        common = _count(firsts[begin:end], scratch)
        head, tail = np.int64(hits.nearest[begin]), np.int64(hits.nearest[end - 1])
        tail = tail + GRAM if tail >= 0 else tail
        like, over, much = _is_enough(common, text, thresholds)
        much = much and wide == 0
        over = over and head >= 0 and tail - head >= REACH * text.length
        if not (like or over or much):
            continue
        distinct = distinct_grams(codes, record.hashes, low + start, low + stop, scratch.sets)
        similarity = common / (text.distinct + distinct - common)
        fit = Fit(start, stop, common, distinct, head, tail, similarity)
        held = (common + GRAM - 1) * text.units
        alike = similarity >= ALIKE or held >= UNLIKE_LENGTH * thresholds.units * text.length
        if like and alike and similarity >= thresholds.similarity:
            return _SIMILAR, fit
        if over and similarity >= SPREAD_SIMILARITY:
            return _SPREAD, fit
        if much and similarity >= SPREAD_SIMILARITY:
            kind, best = _HALF, fit
    return kind, best


@kernel
def _swapped(record, text, window, width, thresholds, scratch):
    """The span of a text whose parts may have changed places; without anything in common if there is none."""
    codes, length, hits = record.codes, text.length, scratch.hits
    far = window_around(record.high - record.low, length, window.diagonal, length + width)
    scratch.latest[0] += 1
    firsts, mark = hits.firsts[: window.grams], scratch.latest[0]
    if not may_hold(ALIKE * text.distinct, record, window, far, text.indexed, firsts, scratch.marks, mark):
        return _nothing()
    _, bounds = find_hits(record, far, text.indexed, 4 * length + width, hits)
    start, stop = most_similar_run(hits.runs[:bounds], length - GRAM + 1, thresholds.similarity)
    first = record.low + far.first
    start, stop = _trimmed(codes, first + start, first + stop + GRAM - 1)
    common, distinct = common_grams(codes, record.hashes, start, stop, text.indexed, scratch.sets)
    similarity = common / (text.distinct + distinct - common)
    if (
        similarity < max(ALIKE, thresholds.similarity)
        or common < thresholds.containment * text.distinct
        or (common + GRAM - 1) * text.units < thresholds.units * length
    ):
        return _nothing()
    none = np.int64(-1)
    return Fit(np.int64(start - record.low), np.int64(stop - record.low), common, distinct, none, none, similarity)


@kernel
def _with_ends(record, text, fit, least, scratch):
    """A span with its ends, where the run stopped short of them since the copy was edited there.

    What is left of the text is aligned with what stands there; the similarity must not fall below the `least`.
    """
    codes, indexed, low = record.codes, text.indexed, record.low
    start, stop = fit.start, fit.stop
    if 0 < fit.head <= MAX_REST:
        edge = Edge(indexed.low + fit.head - 1, low + start - 1, -1)
        start -= aligned_end(indexed.codes, codes, edge, fit.head, min(start, fit.head + BAND), scratch.costs)
    rest = text.length - fit.tail
    if fit.tail >= 0 and 0 < rest <= MAX_REST:
        edge, left = Edge(indexed.low + fit.tail, low + stop, 1), record.high - low - stop
        stop += aligned_end(indexed.codes, codes, edge, rest, min(left, rest + BAND), scratch.costs)
    if start == fit.start and stop == fit.stop:
        return fit
    start, stop = _trimmed(codes, low + start, low + stop)
    common, distinct = common_grams(codes, record.hashes, start, stop, indexed, scratch.sets)
    start, stop = np.int64(start - low), np.int64(stop - low)
    if common < least * (text.distinct + distinct - common):
        return fit
    head = _ZERO if start < fit.start else fit.head
    tail = np.int64(text.length) if stop > fit.stop else fit.tail
    return Fit(start, stop, common, distinct, head, tail, common / (text.distinct + distinct - common))


@kernel
def _copy(record, text, diagonal, thresholds, scratch):
    """What a record holds of a text near a diagonal, and its span."""
    width = band_width(text.length)
    window = window_around(record.high - record.low, text.length, diagonal, width)
    total, bounds = find_hits(record, window, text.indexed, width, scratch.hits)
    if total < least_hits(text.length, text.units, text.distinct, thresholds):
        return _NOTHING, _nothing()
    kind, fit = _fitting_run(record, text, window, bounds, thresholds, scratch)
    if kind == _EXACT:
        return kind, fit
    if kind == _SIMILAR:
        return kind, _with_ends(record, text, fit, thresholds.similarity, scratch)
    start, stop, head, tail, size = _stretch(record, window, scratch.hits, scratch.hits.runs[:bounds])
    if text.units >= SWAPPED_UNITS and total >= SWAPPED_HITS * text.distinct:
        swapped = _swapped(record, text, window, width, thresholds, scratch)
        if swapped.common > 0:
            return _SIMILAR, swapped
    if kind != _SPREAD and size >= thresholds.stretch:
        low = record.low
        common, distinct = common_grams(
            record.codes, record.hashes, low + start, low + stop, text.indexed, scratch.sets
        )
        # A letter that is repeated is one 5-gram, however long that goes on.
        held = (common + GRAM - 1) * text.units
        if common >= OWN * distinct and held >= LARGE_LENGTH * thresholds.stretch * text.length:
            similarity = common / (text.distinct + distinct - common)
            return _PART, Fit(start, stop, common, distinct, head, tail, similarity)
    if kind == _NOTHING:
        return kind, fit
    return kind, _with_ends(record, text, fit, fit.similarity, scratch)


@kernel
def _are_equal(first, second):
    same = len(first) == len(second)
    for i in range(len(first) if same else 0):
        same = same and first[i] == second[i]
    return same


@kernel
def verify(records, texts, candidates, thresholds, scratch, out):
    """Verify candidates and write those that are similar enough; how many.

    The `texts` are those of the candidates, one a candidate. A candidate whose ``code`` is -1 is compared with the
    whole record. Of the length in units, both the licensed text and what the span has in common with it must have the
    minimum. Similarity and containment may be below theirs where the hits are spread or a stretch is long enough.
    """
    codes, hashes, offsets = records
    number, _, code, place = candidates
    sets = scratch.sets
    scratch.marks[:] = 0
    scratch.latest[0] = 0
    n = 0
    for c in range(len(number)):
        a, b = texts.offsets[c], texts.offsets[c + 1]
        begin, end = offsets[number[c]], offsets[number[c] + 1]
        length, size = b - a, end - begin
        units = length_units(texts.codes, a, b)
        if units < thresholds.units:
            continue
        if length < GRAM or size < GRAM:
            if length == 0 or not _are_equal(codes[begin:end], texts.codes[a:b]):
                continue
            # What has no 5-gram counts as if it had one.
            distinct, kind = np.int64(1), _EXACT
            fit = Fit(_ZERO, size, distinct, distinct, _ZERO, length, 1.0)
        else:
            grams = length - GRAM + 1
            slots = sets.slots[: 1 << table_bits(grams)]
            distinct = np.int64(index_grams(texts.codes, texts.hashes, a, grams, slots, sets.follows))
            indexed = IndexedText(texts.codes, a, slots, sets.follows)
            if code[c] >= 0:
                diagonal = code[c] - code_of_unit(texts.codes, a, b, place[c])
            else:
                diagonal = diagonal_by_vote(codes, hashes, begin, size - GRAM + 1, indexed, grams, scratch.votes)
            text = Text(indexed, length, units, distinct)
            kind, fit = _copy(Record(codes, hashes, begin, end), text, diagonal, thresholds, scratch)
        if kind == _NOTHING:
            continue
        out.candidate[n], out.similarity[n], out.partial[n] = c, fit.similarity, kind == _PART
        out.span[n, 0], out.span[n, 1] = fit.start, fit.stop
        out.copied[n, 0], out.copied[n, 1] = fit.head, fit.tail
        out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = fit.common, distinct, fit.distinct
        n += 1
    return n
