"""Liftover: map a verified span of canonical text back to the copied stretch of the
original record.

Canonical text lacks punctuation, URLs and mentions at a tweet's edges. If the copy
includes the tweet's first (last) letters, the stretch is extended over what precedes
(follows) them, item by item, as long as the licensed tweet has the same items. An item
is a visible character, or a dropped URL, mention or placeholder. Any two dropped items
count as equal (a URL that became ``http`` is still the URL), and HTML tags are
optional. A retweet mark before the first item belongs to the copy. The rest of the
licensed tweet is then aligned with the text around the stretch
(:mod:`provscan.kernels.search.align`), since a URL with a typo is not recognised as a
URL.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.normalize import (
    after_dropped,
    after_tag,
    canonical,
    continues,
)
from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.jit import helper, kernel
from provscan.kernels.records import CanonicalScratch, TextBuffer
from provscan.kernels.search.align import BAND, MAX_REST, Edge, aligned_end, new_costs
from provscan.kernels.search.grams import SetScratch, are_equal, compare, set_scratch

_ITEMS = 128
_DROPPED = np.int64(-1)
_RETWEET = np.int64(-2)
_TAG = np.int64(-3)
_FIRST, _LAST = np.int64(0), np.int64(1)
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


class _Items(NamedTuple):
    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class LiftoverScratch(NamedTuple):
    """Scratch for the canonical texts of the longest record, tweet and span, for their
    comparison, and for the items of an edge.
    """

    record: CanonicalScratch
    tweet: CanonicalScratch
    span: CanonicalScratch
    sets: SetScratch
    record_items: _Items
    tweet_items: _Items
    costs: np.ndarray


def liftover_scratch(
    record: CanonicalScratch, tweet: CanonicalScratch, span: CanonicalScratch
) -> LiftoverScratch:
    """Return scratch that contains the given scratch for three canonical texts."""

    def items() -> _Items:
        return _Items(*(np.empty(_ITEMS, np.int64) for _ in _Items._fields))

    sets = set_scratch(len(span.canon), len(tweet.canon))
    return LiftoverScratch(record, tweet, span, sets, items(), items(), new_costs())


class _Stream(NamedTuple):
    """An unescaped text, its canonical text, the numbers of code points of both, and
    the index in ``codes`` from which each canonical code point comes.
    """

    codes: np.ndarray
    length: int
    canon: np.ndarray
    size: int
    where: np.ndarray


@helper
def _is_blank(code):
    return (
        code == 0x20
        or 9 <= code <= 13
        or code == 0x85
        or code == 0xA0
        or code == 0x1680
        or 0x2000 <= code <= 0x200A
        or code == 0x2028
        or code == 0x2029
        or code == 0x202F
        or code == 0x205F
        or code == 0x3000
    )


@helper
def _is_zero_width(code):
    """Return whether a code point is a zero-width formatting character: a direction
    mark, a word joiner or a soft hyphen.
    """
    return (
        code == 0xAD
        or code == 0x61C
        or code == 0x200B
        or 0x200E <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or code == 0xFEFF
    )


@helper
def _is_faint(code, tables):
    """Return whether an item is optional: canonical text ignores it, or it is an HTML
    tag.
    """
    if code == _TAG:
        return True
    return (
        0 <= code < 0x110000
        and tables.entries[tables.pages[code >> 8], code & 0xFF] >> 24 & 7 == 1
    )


@helper
def _items(stream, low, high, last, items):
    """Find the items of ``stream.codes[low:high]``: the first ones if there are too
    many, or the last ones if ``last`` is 1. Return their number.
    """
    codes = stream.codes
    n = 0
    i = low
    while i < high:
        if n == _ITEMS:
            if last == _FIRST:
                break
            n = _ITEMS // 2
            for k in range(n):
                items.kinds[k] = items.kinds[n + k]
                items.starts[k] = items.starts[n + k]
                items.ends[k] = items.ends[n + k]
        after = after_dropped(codes, i, stream.length)
        if after > i:
            items.kinds[n] = (
                _RETWEET if codes[i] == 0x52 or codes[i] == 0x72 else _DROPPED
            )
            if codes[i] == 0x3C and after_tag(codes, i, stream.length) > i:
                items.kinds[n] = _TAG
            items.starts[n], items.ends[n] = i, after
            n += 1
            i = after
            continue
        if not _is_blank(codes[i]):
            items.kinds[n] = codes[i]
            items.starts[n], items.ends[n] = i, i + 1
            n += 1
        i += 1
    return n


@helper
def _after_link(a, low, high, b, b_low, b_high):
    """Return where a copy of the link ``b[b_low:b_high]`` ends: a link includes a
    bracket that directly follows it.
    """
    size = b_high - b_low
    if size >= high - low:
        return high
    for k in range(size):
        if a[low + k] != b[b_low + k]:
            return high
    return low + size


@helper
def _alike(a, b):
    return a == b or (_RETWEET <= a < 0 and _RETWEET <= b < 0)


@helper
def _after_letter(stream, i, tables):
    """Return the index in the stream after canonical code point ``i`` and the marks
    and joiners that belong to it.

    A zero-width formatting character that joins nothing belongs to it only if the
    licensed tweet has the character too, as an item.
    """
    codes, where = stream.codes, stream.where
    after = np.int64(where[i]) + 1
    limit = np.int64(where[i + 1]) if i + 1 < stream.size else stream.length
    while (
        after < limit and codes[after] < 0x110000 and not _is_zero_width(codes[after])
    ):
        if not continues(codes[after], tables):
            break
        after += 1
    return after


@helper
def _same_but_blanks(a, low, high, b, b_low, b_high):
    """Return whether two stretches are equal if all runs of white space count as
    equal.
    """
    i, j = low, b_low
    while True:
        blank_a, blank_b = i < high and _is_blank(a[i]), j < b_high and _is_blank(b[j])
        if blank_a != blank_b and i < high and j < b_high:
            return False
        while i < high and _is_blank(a[i]):
            i += 1
        while j < b_high and _is_blank(b[j]):
            j += 1
        if i == high or j == b_high:
            return i == high and j == b_high
        if a[i] != b[j]:
            return False
        i += 1
        j += 1


@helper
def _head(record, tweet, start, low, tables, scratch):
    """Extend a stretch that begins with the tweet's first letter over what the tweet
    has before that letter.

    Return the start, the number of remaining code points of the tweet before it, and
    whether none remain and there is no retweet mark.
    """
    a, b = scratch.record_items, scratch.tweet_items
    rest = np.int64(tweet.where[0])
    i = _items(record, low, start, _LAST, a) - 1
    j = _items(tweet, _FIRST, rest, _LAST, b) - 1
    while i >= 0 and j >= 0:
        if _alike(a.kinds[i], b.kinds[j]):
            start, rest = a.starts[i], b.starts[j]
            i -= 1
            j -= 1
        elif _is_faint(a.kinds[i], tables):
            i -= 1
        elif _is_faint(b.kinds[j], tables):
            j -= 1
        else:
            break
    while j >= 0 and _is_faint(b.kinds[j], tables):
        j -= 1
    whole = j < 0
    while i > 0 and _is_faint(a.kinds[i], tables):
        i -= 1
    if whole and i >= 0:
        mark = i - 1 if a.kinds[i] == 0x3A else i
        if mark >= 0 and a.kinds[mark] == _RETWEET:
            return a.starts[mark], rest, False
    return start, rest, whole


@helper
def _tail(record, tweet, stop, high, tables, scratch):
    """Extend a stretch that ends with the tweet's last letter over what the tweet has
    after that letter.

    Return the end, the place where the rest of the tweet begins, and whether there is
    no rest.
    """
    a, b = scratch.record_items, scratch.tweet_items
    end = _after_letter(tweet, tweet.size - 1, tables)
    n = _items(record, stop, high, _FIRST, a)
    m = _items(tweet, end, tweet.length, _FIRST, b)
    i, j = 0, 0
    while i < n and j < m:
        if _alike(a.kinds[i], b.kinds[j]):
            stop, end = a.ends[i], b.ends[j]
            if a.kinds[i] == _DROPPED and j == m - 1:
                stop = _after_link(
                    record.codes, a.starts[i], stop, tweet.codes, b.starts[j], end
                )
            i += 1
            j += 1
        elif _is_faint(a.kinds[i], tables):
            i += 1
        elif _is_faint(b.kinds[j], tables):
            j += 1
        else:
            break
    while j < m and _is_faint(b.kinds[j], tables):
        j += 1
    return stop, end, j == m


@helper
def _compare_original(start, stop, row, tables, scratch, text):
    """Return the place of an unescaped stretch in the original record, and the
    comparison of its canonical text.

    The canonical text is computed as if the span had been cut out of the record.
    Return the place's start and end, :func:`~provscan.kernels.search.grams.compare`
    with the canonical ``text``, and whether the two are equal.
    """
    if row > 0:
        places = scratch.record.places
        start = np.int64(places[2 * row - 2, start])
        stop = np.int64(places[2 * row - 1, stop - 1])
    codes, span = scratch.record.codes[0], scratch.span
    for i in range(stop - start):
        span.codes[0, i] = codes[start + i]
    n, _, _ = canonical(stop - start, tables, span, span.canon)
    found = span.canon[:n]
    common, distinct, span_distinct = compare(found, text, scratch.sets)
    equal = are_equal(found, text)
    return start, stop, common, distinct, span_distinct, equal


@kernel
def liftover(matches, tables, scratch, out):
    """Map spans to the original records, and classify each copy as literal, canonically
    equal or other.
    """
    last = np.int64(-1)
    n, count, row = np.int64(0), np.int64(0), np.int64(0)
    for m in range(len(matches.rows)):
        if matches.rows[m] != last:
            last = matches.rows[m]
            decoded = decode(
                matches.text,
                matches.begins[last],
                matches.ends[last],
                scratch.record.codes[0],
            )
            n, count, row = canonical(
                decoded, tables, scratch.record, scratch.record.canon
            )
        record = _Stream(
            scratch.record.codes[row],
            count,
            scratch.record.canon,
            n,
            scratch.record.where,
        )
        raw = matches.raw_texts
        decoded = decode(
            raw.text, raw.offsets[m], raw.offsets[m + 1], scratch.tweet.codes[0]
        )
        size, tweet_count, tweet_row = canonical(
            decoded, tables, scratch.tweet, scratch.tweet.canon
        )
        tweet = _Stream(
            scratch.tweet.codes[tweet_row],
            tweet_count,
            scratch.tweet.canon,
            size,
            scratch.tweet.where,
        )
        s, e = matches.spans[m, 0], matches.spans[m, 1]
        verified_start = np.int64(record.where[s])
        verified_stop = _after_letter(record, e - 1, tables)
        start, stop = verified_start, verified_stop

        whole_head, whole_tail = False, False
        first, after_last = matches.copied[m, 0], matches.copied[m, 1]
        if first >= 0:
            low = max(np.int64(0), start - 4 * _ITEMS)
            if s > 0:
                before = s - 2 if record.canon[s - 1] == 0x20 and s > 1 else s - 1
                low = max(_after_letter(record, before, tables), low)
            rest = np.int64(tweet.where[first])
            if first == 0:
                start, rest, whole_head = _head(
                    record, tweet, start, low, tables, scratch
                )
            if rest > 0 and not whole_head and rest <= MAX_REST and start > 0:
                edge = Edge(rest - 1, start - 1, -1)
                start -= aligned_end(
                    tweet.codes,
                    record.codes,
                    edge,
                    rest,
                    min(start, rest + BAND),
                    scratch.costs,
                )
        if after_last >= 0:
            high = count
            if e < n:
                high = np.int64(
                    record.where[e + 1]
                    if record.canon[e] == 0x20 and e + 1 < n
                    else record.where[e]
                )
            end = _after_letter(tweet, after_last - 1, tables)
            if after_last == size:
                stop, end, whole_tail = _tail(
                    record, tweet, stop, high, tables, scratch
                )
            rest = tweet_count - end
            if rest > 0 and not whole_tail and rest <= MAX_REST and stop < count:
                edge = Edge(end, stop, 1)
                stop += aligned_end(
                    tweet.codes,
                    record.codes,
                    edge,
                    rest,
                    min(count - stop, rest + BAND),
                    scratch.costs,
                )

        text = tweet.canon[:size]
        low, high, common, distinct, span_distinct, equal = _compare_original(
            start, stop, row, tables, scratch, text
        )
        if common < matches.similarity[m] * (distinct + span_distinct - common):
            # The aligned edges lower the similarity too far: report the verified span.
            whole_head = False
            low, high, common, distinct, span_distinct, equal = _compare_original(
                verified_start, verified_stop, row, tables, scratch, text
            )
        out.spans[m, 0], out.spans[m, 1] = low, high
        out.grams[m, 0] = common
        out.grams[m, 1] = distinct
        out.grams[m, 2] = span_distinct
        out.kinds[m] = OTHER
        if equal:
            out.kinds[m] = NEAR_EXACT
            literal = whole_head and whole_tail
            if literal and _same_but_blanks(
                record.codes, start, stop, tweet.codes, 0, tweet_count
            ):
                out.kinds[m] = EXACT
