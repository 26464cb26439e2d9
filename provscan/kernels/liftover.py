"""From a verified span of canonical text back to the copied stretch of the original record.

Canonical text has lost what stands at a tweet's edges: punctuation, URLs, mentions. Where the copy has the tweet's
first (last) letters, the stretch grows over what stands before (after) them as long as the licensed tweet has the
same there, item by item: an item is a visible character, or a dropped token, of which any two are alike (a URL that
became ``http`` is still the URL). A retweet mark before it all belongs to the copy. What is then left of the licensed
tweet is aligned with what stands there (:mod:`provscan.kernels.align`): a URL with a typo is no URL any more.
"""

import numpy as np

from provscan.kernels.align import BAND, MAX_REST, aligned_end
from provscan.kernels.jit import allocating, kernel
from provscan.kernels.normalize import after_dropped, canonical, canonical_decoded
from provscan.kernels.verify import compare

_ITEMS = 128
_DROPPED = np.int64(-1)
_RETWEET = np.int64(-2)
EXACT, NEAR_EXACT, OTHER = 0, 1, 2


@kernel
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


@kernel
def _is_unseen(code):
    """Whether a code point has no ink and shapes none: marks of direction, joints of words, soft hyphens."""
    return (
        code == 0xAD
        or code == 0x61C
        or code == 0x200B
        or 0x200E <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or code == 0xFEFF
    )


@kernel
def _is_faint(code, pages, entries):
    """Whether an item may be there or not: what canonical text ignores."""
    return 0 <= code < 0x110000 and entries[pages[code >> 8], code & 0xFF] >> 24 & 7 == 1


@kernel
def _items(stream, low, high, count, pages, entries, last, kinds, starts, ends):
    """Items of ``stream[low:high]``, if there are many the first ones, or with ``last`` the last ones; how many.

    ``count`` is the length of the whole stream.
    """
    n = 0
    i = low
    while i < high:
        if n == _ITEMS:
            if not last:
                break
            n = _ITEMS // 2
            for k in range(n):
                kinds[k], starts[k], ends[k] = kinds[n + k], starts[n + k], ends[n + k]
        after = after_dropped(stream, i, count)
        if after > i:
            kinds[n] = _RETWEET if stream[i] == 0x52 or stream[i] == 0x72 else _DROPPED
            starts[n], ends[n] = i, after
            n += 1
            i = after
            continue
        code = stream[i]
        if not _is_blank(code):
            kinds[n] = code
            starts[n], ends[n] = i, i + 1
            n += 1
        i += 1
    return n


@kernel
def _after_token(a, low, high, b, b_low, b_high):
    """Where the copy of a token ends that is ``b[b_low:b_high]``: a link takes in a bracket that stands behind it."""
    size = b_high - b_low
    if size >= high - low:
        return high
    for k in range(size):
        if a[low + k] != b[b_low + k]:
            return high
    return low + size


@kernel
def _alike(a, b):
    return a == b or (a < 0 and b < 0)


@kernel
def _after_letter(where, i, n, stream, count, pages, entries):
    """Index in the stream after canonical code point ``i`` and the marks and joiners that belong to it.

    What is not seen and joins nothing belongs to it only where the licensed tweet has it too, as an item.
    """
    after = np.int64(where[i]) + 1
    limit = np.int64(where[i + 1]) if i + 1 < n else count
    while after < limit and stream[after] < 0x110000 and not _is_unseen(stream[after]):
        entry = entries[pages[stream[after] >> 8], stream[after] & 0xFF]
        if entry >> 24 & 7 != 1 and not entry & 0x8000000:
            break
        after += 1
    return after


@kernel
def _same_but_blanks(a, low, high, b, b_low, b_high):
    """Whether two stretches are equal where any run of white space equals any other."""
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


@allocating
def _reported(codes, start, end, tables, room):
    """Canonical code points of ``codes[start:end]``, as anyone gets them who cuts the span out of the record."""
    scratch, canon, where = room
    scratch[0][0][: end - start] = codes[start:end]
    n, _, _, _ = canonical_decoded(end - start, tables, scratch, canon, where)
    return canon[:n]


@allocating
def locate(
    text, begins, ends, rows, spans, copied, originals, original_offsets, tables,
    scratch, canon, where, other_scratch, other_canon, other_where, span_room, threshold, out, grams, kinds_out,
):  # fmt: skip
    """Spans in the original records, and how literal each copy is.

    Parameters
    ----------
    text, begins, ends
        uint8 and int64: UTF-8, where each record begins and ends in it.
    rows, spans, copied
        int64[n], ascending, int64[n, 2] and int64[n, 2]: the record of each match, its span there and what it is a
        copy of in the licensed text, in canonical code points; -1 where that is not known.
    originals, original_offsets
        Text buffer of the licensed tweets as they came, one a match.
    tables, scratch, canon, where
        As for :func:`provscan.kernels.normalize.canonical`, for the longest record; the ``other`` ones for the
        longest tweet.
    span_room
        ``(scratch, canonical code points, their places)`` for a span of the longest record.
    threshold
        Least Jaccard index: an edge that brings it below is given up.
    out, grams
        int64[n, 2]: code points of the original record, end exclusive. int32[n, 3]: distinct 5-grams in common, of the
        text, of the span, for the canonical text of just that stretch of the record.
    kinds_out
        uint8[n]: 0 the same text up to white space and character references, 1 the same canonical text, 2 neither.
    """
    pages, entries = tables[0], tables[1]
    kinds_a, starts_a, ends_a = np.empty(_ITEMS, np.int64), np.empty(_ITEMS, np.int64), np.empty(_ITEMS, np.int64)
    kinds_b, starts_b, ends_b = np.empty(_ITEMS, np.int64), np.empty(_ITEMS, np.int64), np.empty(_ITEMS, np.int64)
    costs = np.empty((2, 2 * BAND + 1), np.int64)
    last = np.int64(-1)
    n, count, row = np.int64(0), np.int64(0), np.int64(0)
    for m in range(len(rows)):
        if rows[m] != last:
            last = rows[m]
            n, _, count, row = canonical(text, begins[last], ends[last], tables, scratch, canon, where)
        stream = scratch[0][row]
        size, _, other_count, other_row = canonical(
            originals, original_offsets[m], original_offsets[m + 1], tables, other_scratch, other_canon, other_where
        )
        other = other_scratch[0][other_row]
        s, e = spans[m, 0], spans[m, 1]
        start = np.int64(where[s])
        stop = _after_letter(where, e - 1, n, stream, count, pages, entries)

        whole_head, whole_tail = False, False
        first, last_one = copied[m, 0], copied[m, 1]
        if first >= 0:
            low = max(np.int64(0), start - 4 * _ITEMS)
            if s > 0:
                before = s - 2 if canon[s - 1] == 0x20 and s > 1 else s - 1
                low = max(_after_letter(where, before, n, stream, count, pages, entries), low)
            rest = np.int64(other_where[first])
            if first == 0:
                i = _items(stream, low, start, count, pages, entries, True, kinds_a, starts_a, ends_a) - 1
                j = _items(other, 0, rest, other_count, pages, entries, True, kinds_b, starts_b, ends_b) - 1
                while i >= 0 and j >= 0:
                    if _alike(kinds_a[i], kinds_b[j]):
                        start, rest = starts_a[i], starts_b[j]
                        i -= 1
                        j -= 1
                    elif _is_faint(kinds_a[i], pages, entries):
                        i -= 1
                    elif _is_faint(kinds_b[j], pages, entries):
                        j -= 1
                    else:
                        break
                while j >= 0 and _is_faint(kinds_b[j], pages, entries):
                    j -= 1
                whole_head = j < 0
                while i > 0 and _is_faint(kinds_a[i], pages, entries):
                    i -= 1
                if whole_head and i >= 0:
                    mark = i - 1 if kinds_a[i] == 0x3A else i
                    if mark >= 0 and kinds_a[mark] == _RETWEET:
                        start = starts_a[mark]
                        whole_head = False
            if rest > 0 and not whole_head and rest <= MAX_REST and start > 0:
                start -= aligned_end(other, rest - 1, -1, rest, stream, start - 1, min(start, rest + BAND), costs)
        if last_one >= 0:
            high = count
            if e < n:
                high = np.int64(where[e + 1] if canon[e] == 0x20 and e + 1 < n else where[e])
            end = _after_letter(other_where, last_one - 1, size, other, other_count, pages, entries)
            if last_one == size:
                a = _items(stream, stop, high, count, pages, entries, False, kinds_a, starts_a, ends_a)
                b = _items(other, end, other_count, other_count, pages, entries, False, kinds_b, starts_b, ends_b)
                i, j = 0, 0
                while i < a and j < b:
                    if _alike(kinds_a[i], kinds_b[j]):
                        stop, end = ends_a[i], ends_b[j]
                        if kinds_a[i] == _DROPPED and j == b - 1:
                            stop = _after_token(stream, starts_a[i], stop, other, starts_b[j], end)
                        i += 1
                        j += 1
                    elif _is_faint(kinds_a[i], pages, entries):
                        i += 1
                    elif _is_faint(kinds_b[j], pages, entries):
                        j += 1
                    else:
                        break
                while j < b and _is_faint(kinds_b[j], pages, entries):
                    j += 1
                whole_tail = j == b
            rest = other_count - end
            if rest > 0 and not whole_tail and rest <= MAX_REST and stop < count:
                stop += aligned_end(other, end, 1, rest, stream, stop, min(count - stop, rest + BAND), costs)

        places = scratch[1]
        if row == 0:
            out[m, 0], out[m, 1] = start, stop
        else:
            out[m, 0], out[m, 1] = places[2 * row - 2, start], places[2 * row - 1, stop - 1]
        text_codes = other_canon[:size]
        found = _reported(scratch[0][0], out[m, 0], out[m, 1], tables, span_room)
        common, distinct, span_distinct = compare(found, text_codes)
        if common < threshold * (distinct + span_distinct - common):
            # What the aligned edge brought in is too much: report what was verified.
            start, stop = np.int64(where[s]), _after_letter(where, e - 1, n, stream, count, pages, entries)
            whole_head = False
            if row == 0:
                out[m, 0], out[m, 1] = start, stop
            else:
                out[m, 0], out[m, 1] = places[2 * row - 2, start], places[2 * row - 1, stop - 1]
            found = _reported(scratch[0][0], out[m, 0], out[m, 1], tables, span_room)
            common, distinct, span_distinct = compare(found, text_codes)
        grams[m, 0], grams[m, 1], grams[m, 2] = common, distinct, span_distinct
        equal = len(found) == size
        for k in range(size if equal else 0):
            equal = equal and found[k] == text_codes[k]
        kinds_out[m] = OTHER
        if equal:
            kinds_out[m] = NEAR_EXACT
            if whole_head and whole_tail and _same_but_blanks(stream, start, stop, other, 0, other_count):
                kinds_out[m] = EXACT
