"""Verify candidates: find the span of a record that fits a licensed text best, and
decide whether it is a match.

A candidate is a record and a licensed text, with or without a *diagonal* (the place in
the record minus the place in the text, in code points). Hits are the record's 5-grams
that occur in the text near the diagonal.

There are two ways to match, between which :func:`decide` decides:

- *similar as a whole*: similarity, containment and the letters in common reach their
  minimums; with fewer than ``few_units`` units in common, at most ``few_missing`` of
  the text's 5-grams may be missing;
- *a long enough stretch*: the longest common stretch reaches its minimum, whatever
  else is missing.

A record or text of fewer than five code points counts as a single 5-gram: it matches
only an equal text. A text without a diagonal, which shares an LSH band with the record,
is compared only if enough hashes of its 5-grams occur in the record. The other
functions search for the span with which a candidate passes. For the first way, it is
the run of 5-grams with the highest Jaccard index of hits, found exactly by Dinkelbach's
iteration (1967, doi:10.1287/mnsc.13.7.492): maximise ``hits - j * misses`` by Kadane's
scan, set j to the resulting index, repeat. If that run contains too little of the text,
one scan with j just below the minimum similarity finds the largest run that may reach
it, and a search over all pairs of stretches the one with the most hits that does. Since
parts of the text may have been moved, a record with too little of the text near the
diagonal is searched again, as far as the text is long, on both sides. For the second
way, the span is the run with the greatest ``hits - misses``. The sets of 5-grams are
compared exactly, by code points.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.characters import SPACE
from provscan.kernels.jit import helper, kernel
from provscan.kernels.search.align import (
    BAND,
    MAX_REST,
    Edge,
    aligned_end,
    new_costs,
)
from provscan.kernels.search.grams import (
    GRAM,
    IndexedText,
    SetScratch,
    are_equal,
    common_grams,
    count_marked,
    distinct_grams,
    index_grams,
    mark_grams,
    set_scratch,
    table_bits,
)
from provscan.kernels.search.hits import (
    EVEN,
    Hits,
    Record,
    best_run,
    count_distinct,
    diagonal_by_vote,
    find_hits,
    has_enough_grams,
    longest_similar_run,
    most_similar_run,
    new_hits,
    window_around,
)
from provscan.kernels.search.minimizers import is_wide, length_units
from provscan.kernels.sketch.bands import ones

_ZERO = np.int64(0)
# The ways to match.
NEITHER, WHOLE, STRETCH = range(3)
# At least this share of the 5-grams that a copy has in common with its text is near one
# diagonal; the others may be elsewhere, if parts of the text changed places. Only the
# search relies on this assumption.
NEAR = 0.9


class VerifyScratch(NamedTuple):
    """Scratch for verifying candidates, see :func:`verify_scratch`."""

    sets: SetScratch  # For the longest text and the longest examined span.
    hits: Hits  # For the longest examined span.
    marks: np.ndarray  # int32, as long as the longest text.
    latest: np.ndarray  # int32[1]: the mark used last.
    # int32: the length of the longest text plus that of the longest record plus 32.
    votes: np.ndarray
    costs: np.ndarray  # For `provscan.kernels.search.align.aligned_end`.
    # uint64[64]: the marked 5-grams of a record and of a text, see
    # `provscan.kernels.search.grams.mark_grams`.
    record_marks: np.ndarray
    text_marks: np.ndarray


class Text(NamedTuple):
    """A licensed text that a record is compared with."""

    indexed: IndexedText
    length: int  # In code points.
    units: int
    distinct: int  # The number of distinct 5-grams.


class Fit(NamedTuple):
    """A span of a record that may be a copy or part of a copy."""

    # The span, in code points of the record.
    start: int
    stop: int
    # How many distinct 5-grams the span shares with the text, and how many it contains.
    common: int
    distinct: int
    # The part of the text that the span copies; -1 if that is not a single stretch.
    head: int
    tail: int


def verify_scratch(longest_record: int, longest_text: int) -> VerifyScratch:
    """Return scratch for records and texts of up to these lengths in code points."""
    window = min(longest_record, 4 * longest_text + 256)
    return VerifyScratch(
        set_scratch(window, longest_text, hashes=False),
        new_hits(window),
        np.empty(longest_text, np.int32),
        np.empty(1, np.int32),
        np.empty(longest_text + longest_record + 32, np.int32),
        new_costs(),
        *(np.empty(64, np.uint64) for _ in range(2)),
    )


@helper(forceinline=True)
def band_width(length):
    """Return how far from the diagonal, in code points, hits of a text may be."""
    return 16 + length // 4


@helper(forceinline=True)
def code_of_unit(codes, low, high, unit):
    """Return the code point, counted from ``low``, that a unit belongs to."""
    seen = 0
    for i in range(low, high):
        seen += 2 if is_wide(codes[i]) else 1
        if seen > unit:
            return i - low
    return high - low


@helper(inline="always")
def _find_copy(codes, low, high, text, ideal):
    """Return the start of the copy of the whole text in ``codes[low:high]`` that is
    nearest to ``ideal``; -1 if there is none.
    """
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


@helper(forceinline=True)
def similarity_of(fit, distinct):
    """Return the Jaccard index of a span and a text with ``distinct`` distinct
    5-grams.
    """
    return fit.common / max(1, distinct + fit.distinct - fit.common)


@helper(forceinline=True)
def letters_in_common(fit, text):
    """Return the number of units that a span and a text have in common: containment
    times the length of the text, but at most the length of the span, since containment
    counts the repeated 5-grams of a text only once.
    """
    share = min(fit.common / text.distinct, (fit.stop - fit.start) / text.length)
    return share * text.units


@helper(forceinline=True)
def _is_similar(fit, text, thresholds):
    """Return whether a span and a text are similar as a whole."""
    letters = letters_in_common(fit, text)
    return (
        similarity_of(fit, text.distinct) >= thresholds.similarity
        and fit.common / text.distinct >= thresholds.containment
        and letters >= thresholds.units
        and (
            letters >= thresholds.few_units
            or text.distinct - fit.common <= thresholds.few_missing
        )
    )


@helper(forceinline=True)
def decide(fit, stretch, text, thresholds):
    """Return how a text matches: :data:`WHOLE` if the span is similar to it as a whole,
    else :data:`STRETCH` if the longest common stretch, in units, is long enough, else
    :data:`NEITHER`.
    """
    if _is_similar(fit, text, thresholds):
        return WHOLE
    return STRETCH if stretch >= thresholds.stretch else NEITHER


@helper(forceinline=True)
def _least_common(units, distinct, thresholds):
    """Return the fewest common 5-grams with which :func:`decide` accepts a whole
    text.
    """
    least = max(thresholds.similarity, thresholds.containment, thresholds.units / units)
    few = thresholds.few_units / units * distinct
    return max(least * distinct, min(few, distinct - thresholds.few_missing))


@helper(forceinline=True)
def least_hits(length, units, distinct, thresholds):
    """Return the fewest 5-grams near the diagonal with which :func:`decide` may accept
    a text of a given length.
    """
    stretch = thresholds.stretch * length / units - GRAM + 1
    return max(1.0, min(NEAR * _least_common(units, distinct, thresholds), stretch))


@helper(forceinline=True)
def _count(places, scratch):
    """Return the number of distinct places in the text."""
    scratch.latest[0] += 1
    return count_distinct(places, scratch.marks, scratch.latest[0])


@helper(forceinline=True)
def _nothing():
    return Fit(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)


@helper
def _trimmed(codes, start, stop):
    """Return a span without the spaces at its ends."""
    while start < stop and codes[start] == SPACE:
        start += 1
    while start < stop and codes[stop - 1] == SPACE:
        stop -= 1
    return start, stop


@helper(inline="always")
def _stretch(record, text, window, bounds, scratch, least):
    """Return the longest stretch that a window and a text have in common, and its
    length in units.

    5-grams inside the stretch that the text does not have are subtracted from the
    length. The length is 0 if it can't reach `least`.
    """
    low, hits = record.low + window.first, scratch.hits
    first, last = best_run(hits.runs[:bounds], 1.0)
    if first == last or (last - first + GRAM - 1) * text.units < least * text.length:
        return _nothing(), 0.0
    begin, end = low + first, low + last + GRAM - 1
    start, stop = _trimmed(record.codes, begin, end)
    head = np.int64(hits.nearest[first]) + start - begin
    tail = np.int64(hits.nearest[last - 1]) + GRAM + stop - end
    # A repeated letter is a single distinct 5-gram, however long the repetition is.
    common, distinct = common_grams(
        record.codes, record.hashes, start, stop, text.indexed, scratch.sets
    )
    size = max(0, 2 * common - distinct + GRAM - 1) * text.units / text.length
    start, stop = np.int64(start - record.low), np.int64(stop - record.low)
    return Fit(start, stop, common, distinct, head, tail), size


@helper
def _run_of(record, text, window, run, scratch):
    """Return the span of a run of hits, and what it has in common with the text."""
    codes, first, hits = record.codes, record.low + window.first, scratch.hits
    start, stop = _trimmed(codes, first + run[0], first + run[1] + GRAM - 1)
    if stop - start < GRAM:
        return _nothing()
    if stop - start >= text.length:
        # If the run contains the whole text, the span is exactly that copy, even if
        # more of the text's 5-grams surround it.
        copy = _find_copy(codes, start, stop, text, record.low + window.diagonal)
        if copy >= 0:
            at, distinct = np.int64(copy - record.low), np.int64(text.distinct)
            return Fit(at, at + text.length, distinct, distinct, _ZERO, text.length)
    begin, end = start - first, stop - first - GRAM + 1
    common = _count(hits.firsts[begin:end], scratch)
    distinct = np.int64(distinct_grams(codes, record.hashes, start, stop, scratch.sets))
    head, tail = np.int64(hits.nearest[begin]), np.int64(hits.nearest[end - 1])
    tail = tail + GRAM if tail >= 0 else tail
    return Fit(
        np.int64(start - record.low),
        np.int64(stop - record.low),
        common,
        distinct,
        head,
        tail,
    )


@helper(inline="always")
def _anywhere(record, text, window, width, known, thresholds, scratch):
    """Search the record up to the length of the text on both sides of the diagonal,
    since parts of the text may have changed places.

    Return the best span, or an empty one if that range has no more 5-grams of the text
    than are ``known``, or too few for the minimum containment.
    """
    length, hits = text.length, scratch.hits
    far = window_around(
        record.high - record.low, length, window.diagonal, length + width
    )
    scratch.latest[0] += 1
    firsts, mark = hits.firsts[: window.grams], scratch.latest[0]
    # No other span is better unless the range has more 5-grams than are known.
    least = max(known + 1, thresholds.containment * text.distinct)
    if not has_enough_grams(
        least, record, window, far, text.indexed, firsts, scratch.marks, mark
    ):
        return _nothing()
    _, bounds = find_hits(record, far, text.indexed, 4 * length + width, hits)
    fit = _run_of(record, text, far, best_run(hits.runs[:bounds], 1.0), scratch)
    return Fit(
        fit.start, fit.stop, fit.common, fit.distinct, np.int64(-1), np.int64(-1)
    )


@helper(inline="always")
def _with_ends(record, text, fit, least, scratch):
    """Extend a span to the ends of the copy, if the run stopped short because the copy
    was edited there.

    The rest of the text is aligned with the record beyond the span. The similarity
    must not fall below `least`.
    """
    codes, indexed, low = record.codes, text.indexed, record.low
    start, stop = fit.start, fit.stop
    if 0 < fit.head <= MAX_REST:
        edge = Edge(indexed.low + fit.head - 1, low + start - 1, -1)
        start -= aligned_end(
            indexed.codes,
            codes,
            edge,
            fit.head,
            min(start, fit.head + BAND),
            scratch.costs,
        )
    rest = text.length - fit.tail
    if fit.tail >= 0 and 0 < rest <= MAX_REST:
        edge, left = (
            Edge(indexed.low + fit.tail, low + stop, 1),
            record.high - low - stop,
        )
        stop += aligned_end(
            indexed.codes, codes, edge, rest, min(left, rest + BAND), scratch.costs
        )
    if start == fit.start and stop == fit.stop:
        return fit
    start, stop = _trimmed(codes, low + start, low + stop)
    common, distinct = common_grams(
        codes, record.hashes, start, stop, indexed, scratch.sets
    )
    start, stop = np.int64(start - low), np.int64(stop - low)
    head = _ZERO if start < fit.start else fit.head
    tail = np.int64(text.length) if stop > fit.stop else fit.tail
    longer = Fit(start, stop, common, distinct, head, tail)
    return longer if similarity_of(longer, text.distinct) >= least else fit


@helper(inline="always")
def best_fit(record, text, diagonal, thresholds, scratch, keep_failed):
    """Return how a record matches a text near a diagonal, the span, and the length of
    the longest stretch.

    Without ``keep_failed``, the search stops when the decision is clear: the span of a
    candidate that can't pass and the stretch of one that is similar as a whole are not
    determined.
    """
    width, distinct, units = band_width(text.length), text.distinct, text.units
    window = window_around(record.high - record.low, text.length, diagonal, width)
    total, bounds = find_hits(record, window, text.indexed, width, scratch.hits)
    least = least_hits(text.length, units, distinct, thresholds)
    if not keep_failed and total < least:
        return NEITHER, _nothing(), 0.0
    runs, similar, longest = scratch.hits.runs[:bounds], False, 0.0
    # The most similar run near the diagonal; the span that may be similar as a whole;
    # the longest stretch.
    nearest = found = part = _nothing()
    # First way: the most similar run, or else a larger one that is similar enough. No
    # span of the window has more in common with the text than the whole
    # window.
    known = _count(scratch.hits.firsts[: window.grams], scratch)
    if keep_failed or known >= _least_common(units, distinct, thresholds):
        run = most_similar_run(runs, text.length - GRAM + 1, thresholds.similarity)
        nearest = found = _run_of(record, text, window, run, scratch)
        similar = _is_similar(found, text, thresholds)
        if not similar:
            run = best_run(runs, EVEN * thresholds.similarity)
            found = _run_of(record, text, window, run, scratch)
            similar = _is_similar(found, text, thresholds)
        if not similar:
            run = longest_similar_run(
                record, window, runs, text.length - GRAM + 1, thresholds.similarity
            )
            longer = _run_of(record, text, window, run, scratch)
            if _is_similar(longer, text, thresholds):
                found, similar = longer, True
    # Second way: the longest common stretch. It is determined before the wider search
    # below, which overwrites the hits.
    if keep_failed or not similar:
        shortest = 0 if keep_failed else thresholds.stretch
        part, longest = _stretch(record, text, window, bounds, scratch, shortest)
    # First way again, with the parts of the text that may have changed places.
    if found.common < NEAR * distinct:
        other = _anywhere(
            record, text, window, width, found.common, thresholds, scratch
        )
        if _is_similar(other, text, thresholds) and (
            not similar
            or similarity_of(other, distinct) > similarity_of(found, distinct)
        ):
            found = other
    # Decide, and choose the span of that way.
    way, fit = decide(found, longest, text, thresholds), nearest
    if way == WHOLE:
        fit = _with_ends(record, text, found, thresholds.similarity, scratch)
    elif way == STRETCH:
        fit = part
    return way, fit, longest


@helper(inline="always")
def _may_match(hashes, low, grams, length, units, thresholds, scratch):
    """Return whether a text may match the record whose 5-grams are marked.

    Different 5-grams may share a mark. Too few 5-grams are then counted as distinct,
    and too many as common; both errors favour a match.
    """
    mark_grams(hashes, low, grams, scratch.text_marks)
    distinct = _ZERO
    for word in scratch.text_marks:
        distinct += ones(word)
    common = count_marked(hashes, low, grams, scratch.record_marks)
    return common >= least_hits(length, units, distinct, thresholds)


@kernel
def verify(records, texts, candidates, thresholds, scratch, out, keep_failed):
    """Verify candidates, and write those that are matches or, with ``keep_failed``, all
    of them; return the number written.

    `texts` has one text per candidate. A candidate whose ``code`` is -1 is compared
    with the whole record. The span of a candidate that fails is the most similar run of
    5-grams.
    """
    codes, hashes, offsets = records
    row, _, code, place = candidates
    sets = scratch.sets
    scratch.marks[:] = 0
    scratch.latest[0] = 0
    n, marked = 0, -1
    for c in range(len(row)):
        a, b = texts.offsets[c], texts.offsets[c + 1]
        begin, end = offsets[row[c]], offsets[row[c] + 1]
        length, size = b - a, end - begin
        units = length_units(texts.codes, a, b)
        if units < thresholds.units and not keep_failed:
            continue
        if length < GRAM or size < GRAM:
            # A text of fewer than five code points counts as one 5-gram.
            distinct, way, fit = np.int64(1), NEITHER, _nothing()
            letters = stretch = 0.0
            if length > 0 and are_equal(codes[begin:end], texts.codes[a:b]):
                fit = Fit(_ZERO, size, distinct, distinct, _ZERO, length)
                letters = stretch = np.float64(units)
                way = WHOLE if units >= thresholds.units else NEITHER
        else:
            grams = length - GRAM + 1
            if code[c] < 0 and not keep_failed:
                # Most texts with an LSH band of the record resemble it by chance.
                if row[c] != marked:
                    marked = row[c]
                    mark_grams(hashes, begin, size - GRAM + 1, scratch.record_marks)
                if not _may_match(
                    texts.hashes, a, grams, length, units, thresholds, scratch
                ):
                    continue
            slots = sets.slots[: 1 << table_bits(grams)]
            distinct = np.int64(
                index_grams(texts.codes, texts.hashes, a, grams, slots, sets.follows)
            )
            indexed = IndexedText(texts.codes, a, slots, sets.follows)
            if code[c] >= 0:
                diagonal = code[c] - code_of_unit(texts.codes, a, b, place[c])
            else:
                diagonal = diagonal_by_vote(
                    codes, hashes, begin, size - GRAM + 1, indexed, grams, scratch.votes
                )
            record, text = (
                Record(codes, hashes, begin, end),
                Text(indexed, length, units, distinct),
            )
            way, fit, stretch = best_fit(
                record, text, diagonal, thresholds, scratch, keep_failed
            )
            letters = letters_in_common(fit, text)
        if way == NEITHER and not keep_failed:
            continue
        out.candidate[n], out.way[n], out.similarity[n] = (
            c,
            way,
            similarity_of(fit, distinct),
        )
        out.span[n, 0], out.span[n, 1] = fit.start, fit.stop
        out.copied[n, 0], out.copied[n, 1] = fit.head, fit.tail
        out.grams[n, 0], out.grams[n, 1], out.grams[n, 2] = (
            fit.common,
            distinct,
            fit.distinct,
        )
        out.letters[n, 0], out.letters[n, 1] = letters, stretch
        n += 1
    return n
