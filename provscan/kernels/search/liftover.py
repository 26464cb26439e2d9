"""Liftover: map a verified span of canonical text back to the copied stretch of the
original record.

Canonical text lacks punctuation, URLs and mentions at a tweet's edges. If the copy
includes the tweet's first (last) letters, the stretch is extended over what precedes
(follows) them, item by item (:mod:`provscan.kernels.canonical.items`), as long as the
licensed tweet has the same items. A retweet mark before the first item belongs to the
copy. The rest of the licensed tweet is then aligned with the text around the stretch
(:mod:`provscan.kernels.search.align`), since a URL with a typo is not recognised as a
URL.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.items import (
    BACKWARDS,
    DROPPED,
    FORWARDS,
    ITEMS,
    RETWEET,
    Items,
    alike_items,
    find_items,
    is_blank,
    is_zero_width,
    new_items,
)
from provscan.kernels.canonical.normalize import canonical, continues
from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.characters import COLON, SPACE
from provscan.kernels.jit import helper, kernel
from provscan.kernels.records import CanonicalScratch, TextBuffer
from provscan.kernels.search.align import BAND, MAX_REST, Edge, aligned_end, new_costs
from provscan.kernels.search.grams import SetScratch, are_equal, compare, set_scratch

_ZERO = np.int64(0)
EXACT, NEAR_EXACT, OTHER = 0, 1, 2


class LiftoverInput(NamedTuple):
    """Verified spans, and the records and tweets to which they belong."""

    text: np.ndarray  # uint8[m], UTF-8 of the records.
    # int64: the bounds of each record in ``text``.
    begins: np.ndarray
    ends: np.ndarray
    rows: np.ndarray  # int64[n], ascending: the record of each match.
    # int64[n, 2]: the span in the record and the stretch of the licensed text that it
    # copies, in canonical code points; -1 if that is not known.
    spans: np.ndarray
    copied: np.ndarray
    raw_texts: TextBuffer  # The original licensed tweets, one per match.
    # float64[n], minimum Jaccard index: if the extended edges lower the similarity
    # below it, the span is not extended.
    similarity: np.ndarray


class LiftoverOutput(NamedTuple):
    """Spans in the original records."""

    spans: np.ndarray  # int64[n, 2], code points of the original record, end exclusive.
    # int32[n, 3]: distinct 5-grams in common, of the text, and of the canonical text
    # of this span alone.
    grams: np.ndarray
    # uint8[n]: 0 if the texts are equal up to white space and character references, 1
    # if their canonical texts are equal, else 2.
    kinds: np.ndarray


class LiftoverScratch(NamedTuple):
    """Scratch for the canonical texts of the longest record, tweet and span, for their
    comparison, and for the items of an edge.
    """

    record: CanonicalScratch
    tweet: CanonicalScratch
    span: CanonicalScratch
    sets: SetScratch
    record_items: Items
    tweet_items: Items
    costs: np.ndarray


def liftover_scratch(
    record: CanonicalScratch, tweet: CanonicalScratch, span: CanonicalScratch
) -> LiftoverScratch:
    """Return scratch that contains the given scratch for three canonical texts."""
    sets = set_scratch(len(span.canon), len(tweet.canon))
    return LiftoverScratch(
        record, tweet, span, sets, new_items(), new_items(), new_costs()
    )


class _Stream(NamedTuple):
    """An unescaped text and its canonical text."""

    codes: np.ndarray
    length: int  # The number of code points of the text.
    canon: np.ndarray
    size: int  # The number of canonical code points.
    # The index in ``codes`` from which each canonical code point comes.
    where: np.ndarray
    row: int  # The row of the scratch that contains the text, see `canonical`.


@helper(inline="always")
def _stream(text, begin, end, tables, scratch):
    """Decode ``text[begin:end]`` and make it canonical, in a
    :class:`~provscan.kernels.records.CanonicalScratch`.
    """
    count = decode(text, begin, end, scratch.codes[0])
    size, count, row = canonical(count, tables, scratch, scratch.canon)
    return _Stream(scratch.codes[row], count, scratch.canon, size, scratch.where, row)


@helper
def _after_link(a, low, high, b, b_low, b_high):
    """Return where the copy of the tweet's link ``b[b_low:b_high]`` ends in the
    record's link ``a[low:high]``. The latter is longer if, for example, a bracket
    follows the copy directly.
    """
    size = b_high - b_low
    if size >= high - low:
        return high
    for k in range(size):
        if a[low + k] != b[b_low + k]:
            return high
    return low + size


@helper
def _after_letter(stream, i, tables):
    """Return the index in the stream after canonical code point ``i`` and the marks
    and joiners that belong to it.

    Zero-width formatting characters that join nothing are not among these marks. They
    are compared as items.
    """
    codes, where = stream.codes, stream.where
    after = np.int64(where[i]) + 1
    limit = np.int64(where[i + 1]) if i + 1 < stream.size else stream.length
    while after < limit and codes[after] < 0x110000 and not is_zero_width(codes[after]):
        if not continues(codes[after], tables):
            break
        after += 1
    return after


@helper(inline="always")
def _same_but_blanks(record, stretch, tweet):
    """Return whether a stretch of the record and the whole tweet are equal if all runs
    of white space count as equal.
    """
    a, b = record.codes, tweet.codes
    (i, stop), (j, end) = stretch, (0, tweet.length)
    while True:
        blank_a, blank_b = i < stop and is_blank(a[i]), j < end and is_blank(b[j])
        if blank_a != blank_b and i < stop and j < end:
            return False
        while i < stop and is_blank(a[i]):
            i += 1
        while j < end and is_blank(b[j]):
            j += 1
        if i == stop or j == end:
            return i == stop and j == end
        if a[i] != b[j]:
            return False
        i += 1
        j += 1


@helper(inline="always")
def _aligned(tweet, record, edge, rest, room, costs):
    """Return how many of the ``room`` code points of the record beyond an edge copy the
    ``rest`` code points of the tweet beyond that edge.
    """
    if 0 < rest <= MAX_REST and room > 0:
        room = min(room, rest + BAND)
        return aligned_end(tweet.codes, record.codes, edge, rest, room, costs)
    return 0


@helper(inline="always")
def _head(record, tweet, start, low, first, tables, scratch):
    """Extend a stretch to the left. It begins at ``start`` in the record, with the
    canonical code point ``first`` of the tweet. Items are compared from there back to
    ``low``; the alignment may go further.

    Return the new start, and whether the stretch now covers everything before ``first``
    in the tweet, without a retweet mark that only the record has.
    """
    rest, whole = np.int64(tweet.where[first]), False
    if first == 0:
        a, b = scratch.record_items, scratch.tweet_items
        n = find_items(record.codes, low, start, record.length, BACKWARDS, tables, a)
        m = find_items(tweet.codes, _ZERO, rest, tweet.length, BACKWARDS, tables, b)
        p, q, i, whole = alike_items(a, n, b, m, tables)
        if p >= 0:
            start, rest = a.starts[p], b.starts[q]
        if whole and i < n:
            mark = i + 1 if a.kinds[i] == COLON else i
            if mark < n and a.kinds[mark] == RETWEET:
                start, whole = a.starts[mark], False
    if not whole:
        edge = Edge(rest - 1, start - 1, -1)
        start -= _aligned(tweet, record, edge, rest, start, scratch.costs)
    return start, whole


@helper(inline="always")
def _tail(record, tweet, stop, high, last, tables, scratch):
    """Extend a stretch to the right. It ends at ``stop`` in the record, with the
    canonical code point ``last`` of the tweet. Items are compared from there up to
    ``high``; the alignment may go further.

    Return the new end, and whether the stretch now has everything that follows ``last``
    in the tweet.
    """
    end, whole = _after_letter(tweet, last, tables), False
    if last == tweet.size - 1:
        a, b = scratch.record_items, scratch.tweet_items
        n = find_items(record.codes, stop, high, record.length, FORWARDS, tables, a)
        m = find_items(
            tweet.codes, end, tweet.length, tweet.length, FORWARDS, tables, b
        )
        p, q, _, whole = alike_items(a, n, b, m, tables)
        if p >= 0:
            stop, end = a.ends[p], b.ends[q]
            if a.kinds[p] == DROPPED and q == m - 1:
                stop = _after_link(
                    record.codes, a.starts[p], stop, tweet.codes, b.starts[q], end
                )
    if not whole:
        rest, room = tweet.length - end, record.length - stop
        edge = Edge(end, stop, 1)
        stop += _aligned(tweet, record, edge, rest, room, scratch.costs)
    return stop, whole


@helper(inline="always")
def _edges(s, e, record, tweet, copied, tables, scratch):
    """Return the stretch of the record from which the canonical code points ``s`` to
    ``e`` come, this stretch extended over the edges of the copied tweet, and for each
    edge whether the extended stretch covers all of the tweet there.
    """
    start = np.int64(record.where[s])
    stop = _after_letter(record, e - 1, tables)
    first, last = start, stop
    whole_head, whole_tail = False, False
    if copied[0] >= 0:
        low = max(np.int64(0), start - 4 * ITEMS)
        if s > 0:
            before = s - 2 if record.canon[s - 1] == SPACE and s > 1 else s - 1
            low = max(_after_letter(record, before, tables), low)
        first, whole_head = _head(record, tweet, start, low, copied[0], tables, scratch)
    if copied[1] >= 0:
        high = record.length
        if e < record.size:
            spaced = record.canon[e] == SPACE and e + 1 < record.size
            high = np.int64(record.where[e + 1 if spaced else e])
        last, whole_tail = _tail(
            record, tweet, stop, high, copied[1] - 1, tables, scratch
        )
    return (start, stop), (first, last), (whole_head, whole_tail)


@helper(inline="always")
def _compare_original(stretch, record, tables, scratch, text):
    """Find the place of an unescaped stretch in the original record, and compare its
    canonical text with the canonical ``text``.

    The canonical text is computed as if the stretch had been cut out of the record.
    Return the place, the result of :func:`~provscan.kernels.search.grams.compare`, and
    whether the two texts are equal.
    """
    start, stop = stretch
    if record.row > 0:
        places = scratch.record.places
        start = np.int64(places[2 * record.row - 2, start])
        stop = np.int64(places[2 * record.row - 1, stop - 1])
    codes, span = scratch.record.codes[0], scratch.span
    for i in range(stop - start):
        span.codes[0, i] = codes[start + i]
    n, _, _ = canonical(stop - start, tables, span, span.canon)
    found = span.canon[:n]
    grams = compare(found, text, scratch.sets)
    return (start, stop), grams, are_equal(found, text)


@kernel
def liftover(matches, tables, scratch, out):
    """Map spans to the original records, and classify each copy as literal, canonically
    equal or other.
    """
    rows, raw = matches.rows, matches.raw_texts
    for m in range(len(rows)):
        if m == 0 or rows[m] != rows[m - 1]:
            begin, end = matches.begins[rows[m]], matches.ends[rows[m]]
            record = _stream(matches.text, begin, end, tables, scratch.record)
        begin, end = raw.offsets[m], raw.offsets[m + 1]
        tweet = _stream(raw.text, begin, end, tables, scratch.tweet)
        s, e = matches.spans[m, 0], matches.spans[m, 1]
        verified, stretch, (head, tail) = _edges(
            s, e, record, tweet, matches.copied[m], tables, scratch
        )
        text = tweet.canon[: tweet.size]
        for span in (stretch, verified):
            place, grams, equal = _compare_original(span, record, tables, scratch, text)
            common, distinct, span_distinct = grams
            if common >= matches.similarity[m] * (distinct + span_distinct - common):
                break
            # The aligned edges lower the similarity too far: report the verified span.
            head = False
        out.spans[m, 0], out.spans[m, 1] = place
        out.grams[m, 0], out.grams[m, 1], out.grams[m, 2] = grams
        out.kinds[m] = OTHER
        if equal:
            out.kinds[m] = NEAR_EXACT
            if head and tail and _same_but_blanks(record, stretch, tweet):
                out.kinds[m] = EXACT
