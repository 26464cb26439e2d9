"""Convert UTF-8 to canonical code points and their places.

A text passes through these stages, each of which fills arrays of the caller:
:func:`provscan.kernels.canonical.utf8.decode`,
:func:`provscan.kernels.canonical.entities.unescape` (twice, and only if there is an
``&``), :func:`fold`, which drops tokens (:mod:`provscan.kernels.canonical.tokens`),
folds characters and places separators, and
:func:`provscan.kernels.canonical.lookalikes.undisguise`. Since a text has only a few
hundred code points, the scratch between the stages stays in the first-level cache.
:func:`canonical` runs the stages on one text, :func:`codes_batch` on Arrow buffers.
"""

import numpy as np

from provscan.kernels.canonical.ascii import BLOCK, copy_kept, look_ahead
from provscan.kernels.canonical.entities import Stream, refers, unescape
from provscan.kernels.canonical.entries import (
    EXPANDED,
    IGNORED,
    composes,
    entry_of,
    kind_of,
    rank_of,
    value_of,
)
from provscan.kernels.canonical.lookalikes import undisguise
from provscan.kernels.canonical.tokens import after_dropped
from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.characters import SPACE, is_unspaced
from provscan.kernels.jit import helper, kernel

_U1 = np.uint64(1)
# The longest output of one code point.
EXPANSION = 18
# The canonical form of ASCII, as in the tables: lower-case letters, digits and
# separators.
_ASCII = np.full(128, SPACE, np.uint8)
for _c in b"0123456789abcdefghijklmnopqrstuvwxyz":
    _ASCII[_c] = _c
for _c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _ASCII[_c] = _c + 32


@helper(inline="always")
def _compose(first, second, tables):
    """Return the code point to which two code points compose, 0 if they don't."""
    pairs, composed = tables.pairs, tables.composed
    key = np.uint64(first) << np.uint64(32) | np.uint64(second)
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle] < key:
            low = middle + 1
        else:
            high = middle
    if low < len(pairs) and pairs[low] == key:
        return composed[low]
    return np.uint32(0)


@helper(inline="always")
def _append_space(i, out, where, state):
    """Append a separator, unless one precedes it. The state is that of
    :func:`~provscan.kernels.canonical.ascii.copy_kept`.
    """
    n, gap = state
    out[n] = SPACE
    where[n] = i
    return n + np.uint64(0 if gap else 1), True


@helper
def _append_mark(value, rank, n, tables, out):
    """Append a mark to ``out[:n]`` in Unicode's canonical order, or compose it with the
    letter before. Return the number of outputs.
    """
    place = n
    while place > 0 and rank_of(entry_of(out[place - _U1], tables)) > rank:
        place -= _U1
    letter = place
    while letter > 0 and rank_of(entry_of(out[letter - _U1], tables)) > 0:
        letter -= _U1
    blocked = letter < place and rank_of(entry_of(out[place - _U1], tables)) == rank
    if letter > 0 and not blocked:
        joint = _compose(out[letter - _U1], value, tables)
        if joint != 0:
            out[letter - _U1] = joint
            return n
    at = n
    while at > place:
        out[at] = out[at - _U1]
        at -= _U1
    out[place] = value
    return n + _U1


@helper(inline="always")
def _fold_entry(entry, i, tables, out, where, state):
    """Append the outputs of code point ``i``, whose entry in the tables is given.

    Next to letters of scripts without spaces, line breaks and punctuation are not
    significant: there are no separators before them, or after them and their marks.
    """
    n, gap = state
    kind = kind_of(entry)
    offset, outputs = np.uint32(0), np.uint32(kind != IGNORED)
    if kind == EXPANDED:
        offset = value_of(entry)
        outputs = tables.expansions[offset]
    for k in range(outputs):
        value, output = value_of(entry), entry
        if kind == EXPANDED:
            value = tables.expansions[offset + 1 + k]
            output = entry_of(value, tables)
        if value == 0:
            n, gap = _append_space(i, out, where, (n, gap))
            continue
        after_space = n == 0 or out[n - _U1] == SPACE
        if rank_of(output) > 0:
            gap &= not after_space
            where[n] = i
            n = _append_mark(value, rank_of(output), n, tables, out)
            continue
        gap = is_unspaced(np.uint32(value))
        if gap and after_space and n > 0:
            n -= _U1
        if composes(output) and n > 0:
            joint = _compose(out[n - _U1], value, tables)
            if joint != 0:
                out[n - _U1] = joint
                continue
        out[n] = value
        where[n] = i
        n += _U1
    return n, gap


@helper(inline="always")
def fold(codes, count, tables, window, out, where):
    """Compute the canonical code points of the unescaped ``codes[:count]``.

    Fill uint32 ``out`` and int32 ``where``, the index in ``codes`` from which each
    output comes, and return the number of outputs, at most ``EXPANSION * (count + 1)``.
    ``codes`` is uint32; ``window`` is uint8[2, LOOK_AHEAD].

    Separators are handled without a branch: words are short, and the processor would
    mispredict the end of each.
    """
    narrow, folded = window[0], window[1]
    n, gap = np.uint64(0), np.bool_(True)
    i, base, known = np.int64(0), np.int64(0), np.int64(0)
    while i < count:
        if i >= base + known:
            base, known = i, min(BLOCK, count - i)
            look_ahead(codes, base, base + known, count, narrow, folded)
        at, stop = np.uint64(i - base), np.uint64(known)
        n, gap, at = copy_kept(folded, base, at, stop, out, where, (n, gap))
        i = base + np.int64(at)
        if at == stop:
            continue
        c = codes[i]
        after = i
        if c < 128 or c == 0xFF20:
            after = after_dropped(codes, i, count, tables)
        if after > i:
            n, gap = _append_space(i, out, where, (n, gap))
            i = after
            continue
        if c < 128:
            value = _ASCII[c]
            out[n] = value
            where[n] = i
            n += np.uint64(0 if gap and value == SPACE else 1)
            gap = value == SPACE
        else:
            entry = np.uint32(0)
            if c < 0x110000:
                entry = entry_of(c, tables)
            n, gap = _fold_entry(entry, i, tables, out, where, (n, gap))
        i += 1
    return np.int64(n) - 1 if n > 0 and out[n - _U1] == SPACE else np.int64(n)


@helper
def canonical(count, tables, scratch, out):
    """Compute the canonical code points of the ``count`` code points in
    ``scratch.codes[0]``, into uint32 ``out`` and ``scratch.where``; see :func:`fold`.

    Return the number of outputs, the number of code points of the unescaped text, and
    the row of ``scratch.codes`` that contains this text (0 if the original has nothing
    that looks like a character reference). For rows 1 and 2, ``scratch.places[2 * row -
    2]`` and ``[2 * row - 1]`` contain where each of its code points starts and ends in
    the original.
    """
    codes, places = scratch.codes, scratch.places
    row = 0
    if refers(codes[0][:count]):
        row = 1
        for i in range(count):
            places[2, i] = i
            places[3, i] = i + 1
        source = Stream(codes[0], places[2], places[3])
        target = Stream(codes[1], places[0], places[1])
        count, again = unescape(source, count, tables, target)
        if again:
            count, again = unescape(
                target, count, tables, Stream(codes[2], places[2], places[3])
            )
            row = 2
    n = fold(codes[row], count, tables, scratch.window, out, scratch.where)
    undisguise(out, n)
    return n, count, row


@kernel
def codes_batch(texts, low, tables, scratch, continued, out, lengths):
    """Compute the canonical code points of the chunks of a
    :class:`~provscan.kernels.records.TextBuffer` from ``low`` on.

    ``out`` is a :class:`~provscan.kernels.records.CodeBuffer`. The caller sets
    ``out.offsets[low]``, where the first chunk begins; each chunk follows the previous
    one, and its end is written to ``out.offsets``.

    If bool ``continued[i]`` is set, chunk i continues the text of chunk i - 1. A space
    is then written between the two, unless a character on one side belongs to a script
    without spaces, and ``out.offsets[i]`` is moved past the space.

    int64 ``lengths[i]`` is set to the number of code points of the original. Return the
    number of the first chunk for which ``out.codes`` had no room, else the number of
    chunks.
    """
    text, offsets = texts
    codes, code_offsets = out
    first = np.int64(low)
    while first > 0 and continued[first]:
        first -= 1
    begin = code_offsets[first]
    for i in range(low, len(offsets) - 1):
        at, start, stop = code_offsets[i], offsets[i], offsets[i + 1]
        if at + EXPANSION * (stop - start) + 2 > len(codes):
            return i
        if not continued[i]:
            begin = at
        space = np.int64(at > begin)
        length = decode(text, start, stop, scratch.codes[0])
        n, _, _ = canonical(length, tables, scratch, codes[at + space :])
        if space and n > 0:
            last = at - 1
            while last > begin and rank_of(entry_of(codes[last], tables)) > 0:
                last -= 1
            # A mark at the very beginning belongs to no letter.
            letter = rank_of(entry_of(codes[last], tables)) == 0
            if (letter and is_unspaced(codes[last])) or is_unspaced(codes[at + 1]):
                for k in range(at, at + n):
                    codes[k] = codes[k + 1]
            else:
                codes[at] = SPACE
                # Chunks without output before this one begin after the space, too.
                for j in range(i, 0, -1):
                    if code_offsets[j] != at:
                        break
                    code_offsets[j] = at + 1
                at += 1
        code_offsets[i + 1] = at + n
        lengths[i] = length
    return len(offsets) - 1


@kernel
def canonical_mapped(text, tables, scratch, start, end):
    """Apply :func:`canonical` to a whole text, and write the places of its outputs in
    the text to int64 ``start`` and ``end``.

    Accents and joiners that follow a letter belong to it. Return the number of
    outputs; places are written for the first ``len(start)``.
    """
    count = decode(text, np.int64(0), len(text), scratch.codes[0])
    n, count, row = canonical(count, tables, scratch, scratch.canon)
    where, stream = scratch.where, scratch.codes[row]
    for i in range(min(n, len(start))):
        first = np.int64(where[i])
        after = first + 1
        limit = np.int64(where[i + 1]) if i + 1 < n else count
        while (
            after < limit
            and stream[after] < 0x110000
            and continues(stream[after], tables)
        ):
            after += 1
        if row == 0:
            start[i], end[i] = first, after
        else:
            start[i] = scratch.places[2 * row - 2, first]
            end[i] = scratch.places[2 * row - 1, after - 1]
    return n


@helper
def continues(code, tables):
    """Return whether a code point below U+110000 has no separate output or composes
    with the previous code point.
    """
    entry = entry_of(code, tables)
    return kind_of(entry) == IGNORED or composes(entry)
