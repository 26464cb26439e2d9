"""Convert UTF-8 to canonical code points and their places.

A text passes through three stages, each of which fills arrays of the caller:
:func:`provscan.kernels.canonical.utf8.decode`,
:func:`provscan.kernels.canonical.entities.unescape` (twice, and only if there is an
``&``) and :func:`fold`, which drops tokens, folds characters and places separators.
Since a text has only some hundred code points, the scratch between the stages stays in
the first-level cache. :func:`codes_batch` runs the stages over Arrow buffers.
"""

import numpy as np

from provscan.kernels.canonical.ascii import BLOCK, SPACE, copy_kept, look_ahead
from provscan.kernels.canonical.entities import Stream, refers, unescape
from provscan.kernels.canonical.lookalikes import undisguise
from provscan.kernels.canonical.utf8 import decode
from provscan.kernels.jit import helper, kernel

_WORD = np.zeros(128, np.bool_)
for _c in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz":
    _WORD[_c] = True
_URL = np.zeros(128, np.bool_)
_URL[0x21:0x7F] = True
for _c in b'<>"{}|\\^`':
    _URL[_c] = False
_U1, _TWO = np.uint64(1), np.uint64(2)
# The maximum length of a mentioned name. A longer one is a text that lacks spaces.
LONGEST_NAME = 20
# The longest output of one code point.
EXPANSION = 18
# The canonical form of ASCII, as in the tables: lower-case letters, digits and
# separators.
_ASCII = np.full(128, SPACE, np.uint8)
for _c in b"0123456789abcdefghijklmnopqrstuvwxyz":
    _ASCII[_c] = _c
for _c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _ASCII[_c] = _c + 32
_LOWER = np.arange(128).astype(np.uint32)
for _c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _LOWER[_c] = _c + 32

_PIC = np.frombuffer(b"pic.twitter.com/", np.uint8)
_PIC_X = np.frombuffer(b"pic.x.com/", np.uint8)
_HTTP = np.frombuffer(b"http", np.uint8)
_WWW = np.frombuffer(b"www.", np.uint8)
_URL_WORD = np.frombuffer(b"url", np.uint8)
_PLACEHOLDERS = np.zeros((7, 9), np.uint8)
for _i, _name in enumerate(
    (b"url", b"user", b"username", b"mention", b"link", b"http", b"https")
):
    _PLACEHOLDERS[_i, : len(_name)] = np.frombuffer(_name, np.uint8)
# HTML elements whose tags are dropped, and the maximum length of their attributes.
_ELEMENTS = (
    b"a abbr article b big blockquote body br center cite code dd del div dl dt em "
    b"figure font footer h1 h2 h3 h4 h5 "
    b"h6 head header hr html i iframe img input ins label li main mark meta nav ol p "
    b"pre q s script section small span "
    b"strike strong style sub sup table tbody td th thead title tr tt u ul video"
).split()
_TAGS = np.zeros((len(_ELEMENTS), 12), np.uint8)
for _i, _name in enumerate(_ELEMENTS):
    _TAGS[_i, : len(_name)] = np.frombuffer(_name, np.uint8)
_ATTRIBUTES = 1000
# The maximum number of bytes of a tag, including character references.
_TAG_BYTES = 8 * _ATTRIBUTES


@helper
def _is_word(codes, i, count):
    return 0 <= i < count and codes[i] < 128 and _WORD[codes[i]]


@helper
def _starts(codes, i, count, word):
    """Return whether the ASCII word is at ``i``, in any letter case."""
    if i + len(word) > count:
        return False
    for k in range(len(word)):
        c = codes[i + k]
        if c >= 128 or _LOWER[c] != word[k]:
            return False
    return True


@helper
def _after_url(codes, i, count):
    while i < count and codes[i] < 128 and _URL[codes[i]]:
        i += 1
    return i


@helper
def _after_mention(codes, i, count):
    """Return the index after a mention at ``i``, or ``i``."""
    if i < count and (codes[i] == 0x40 or codes[i] == 0xFF20):
        j = i + 1
        while _is_word(codes, j, count):
            j += 1
        if i + 1 < j <= i + 1 + LONGEST_NAME:
            return j
    return i


@helper
def _separates(code):
    """Return whether a code point may separate a tag's name and its attributes: white
    space other than line ends.
    """
    return code == 0x20 or code == 9 or code == 11 or code == 12


@helper
def _after_attributes(codes, at, stop, i):
    """Return the index after the bracket that ends a tag with attributes, or ``i``."""
    while (
        at < stop
        and codes[at] != 0x3C
        and codes[at] != 0x3E
        and codes[at] != 10
        and codes[at] != 13
    ):
        at += 1
    return at + 1 if at < stop and codes[at] == 0x3E else i


@helper
def after_tag(codes, i, count):
    """Return the index after an HTML tag at ``i``, or ``i``. A tag ends in its line,
    and contains an ``=`` if it has attributes.
    """
    first = i + 2 if i + 1 < count and codes[i + 1] == 0x2F else i + 1
    for t in range(len(_TAGS)):
        k = 0
        while _TAGS[t, k] != 0 and first + k < count and codes[first + k] < 128:
            if _LOWER[codes[first + k]] != _TAGS[t, k]:
                break
            k += 1
        at = first + k
        if _TAGS[t, k] != 0 or at >= count:
            continue
        if codes[at] == 0x3E:
            return at + 1
        if codes[at] == 0x2F or _separates(codes[at]):
            stop = min(count, at + 1 + _ATTRIBUTES)
            bare = True
            while (
                at < stop
                and codes[at] != 0x3C
                and codes[at] != 0x3E
                and codes[at] != 10
                and codes[at] != 13
            ):
                if codes[at] == 0x3D:
                    return _after_attributes(codes, at, stop, i)
                bare = bare and (codes[at] == 0x2F or _separates(codes[at]))
                at += 1
            return at + 1 if bare and at < stop and codes[at] == 0x3E else i
    return i


@helper
def is_unspaced(code):
    """Return whether a code point belongs to a script written without spaces: Thai,
    Lao, Burmese, Khmer, kana, Han.
    """
    return code >= 0x0E00 and (
        code < 0x0F00
        or 0x1000 <= code < 0x10A0
        or 0x1780 <= code < 0x1800
        or 0x3040 <= code < 0x3100
        or 0x3400 <= code < 0xA000
        or 0xF900 <= code < 0xFB00
        or 0x20000 <= code < 0x32000
    )


@helper
def after_dropped(codes, i, count):
    """Return the index after the URL, mention, retweet mark, placeholder or HTML tag
    that starts at ``i``, or ``i``.
    """
    c = codes[i]
    if c == 0x40 or c == 0xFF20:
        return _after_mention(codes, i, count)
    if c == 0x68 or c == 0x48:
        if not _starts(codes, i, count, _HTTP):
            return i
        j = i + 4
        if j < count and (codes[j] == 0x73 or codes[j] == 0x53):
            j += 1
        if (
            j + 2 < count
            and codes[j] == 0x3A
            and codes[j + 1] == 0x2F
            and codes[j + 2] == 0x2F
        ):
            return _after_url(codes, j + 3, count)
        if _is_word(codes, i - 1, count):
            return i
        if j == i + 4 and _starts(codes, j, count, _URL_WORD):
            j += 3
        return i if _is_word(codes, j, count) else j
    if c == 0x77 or c == 0x57:
        if _starts(codes, i, count, _WWW) and not _is_word(codes, i - 1, count):
            j = _after_url(codes, i + 4, count)
            return j if j > i + 4 else i
        return i
    if c == 0x70 or c == 0x50:
        if i + 3 < count and codes[i + 3] == 0x2E:
            if _starts(codes, i, count, _PIC):
                return _after_url(codes, i + 16, count)
            if _starts(codes, i, count, _PIC_X):
                return _after_url(codes, i + 10, count)
        return i
    if c == 0x72 or c == 0x52:
        if (
            i + 2 < count
            and (codes[i + 1] == 0x74 or codes[i + 1] == 0x54)
            and not _is_word(codes, i - 1, count)
        ):
            j = i + 2
            while j < count and (codes[j] == 0x20 or 9 <= codes[j] <= 13):
                j += 1
            after = _after_mention(codes, j, count)
            return after if after > j else i
        return i
    if c == 0x3C or c == 0x5B or c == 0x7B:
        close = 0x3E if c == 0x3C else c + 2
        for p in range(len(_PLACEHOLDERS)):
            k = 0
            while i + 1 + k < count and _PLACEHOLDERS[p, k] != 0:
                letter = codes[i + 1 + k]
                if letter >= 128 or _LOWER[letter] != _PLACEHOLDERS[p, k]:
                    break
                k += 1
            if (
                _PLACEHOLDERS[p, k] == 0
                and i + 1 + k < count
                and codes[i + 1 + k] == close
            ):
                return i + 2 + k
        if c == 0x3C:
            return after_tag(codes, i, count)
    return i


@helper
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


@helper
def fold(codes, count, tables, window, out, where):
    """Compute the canonical code points of the unescaped ``codes[:count]``.

    Fill uint32 ``out`` and int32 ``where``, the index in ``codes`` from which each
    output comes, and return the number of outputs, at most ``EXPANSION * (count + 1)``.
    ``codes`` is uint32; ``window`` is uint8[2, LOOK_AHEAD].

    Separators are handled without a branch: words are short, and the processor would
    mispredict the end of each.
    """
    pages, entries, expansions = tables.pages, tables.entries, tables.expansions
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
        if c < 128:
            after = after_dropped(codes, i, count)
            value = SPACE if after > i else _ASCII[c]
            out[n] = value
            where[n] = i
            n += np.uint64(0 if gap and value == SPACE else 1)
            gap = value == SPACE
            i = max(after, i + 1)
            continue
        after = _after_mention(codes, i, count)
        entry = np.uint32(0)
        if after == i:
            after = i + 1
            if c < 0x110000:
                entry = entries[pages[c >> 8], c & 0xFF]
        kind = entry >> 24 & 7
        offset, outputs = np.uint32(0), np.uint32(kind != 1)
        if kind == 3:
            offset = entry & 0x1FFFFF
            outputs = expansions[offset]
        for k in range(outputs):
            value = entry & 0x1FFFFF
            composes = entry & 0x8000000 != 0
            if kind == 3:
                value = expansions[offset + 1 + k]
                composes = entries[pages[value >> 8], value & 0xFF] & 0x8000000 != 0
            if value == 0:
                out[n] = 0x20
                where[n] = i
                n += np.uint64(0 if gap else 1)
                gap = True
                continue
            if (
                gap
                and n > _U1
                and is_unspaced(np.uint32(value))
                and is_unspaced(out[n - _TWO])
            ):
                # Between characters of these scripts, line breaks and punctuation are
                # not significant.
                n -= _U1
                gap = False
            if composes and not gap:
                joint = _compose(out[n - _U1], value, tables)
                if joint != 0:
                    out[n - _U1] = joint
                    continue
            gap = False
            out[n] = value
            where[n] = i
            n += _U1
        i = after
    return np.int64(n) - 1 if gap and n > 0 else np.int64(n)


@helper
def canonical(count, tables, scratch, out):
    """Compute the canonical code points of the ``count`` code points in
    ``scratch.codes[0]``, into uint32 ``out`` and ``scratch.where``; see :func:`fold`.

    Return the number of outputs, the number of code points of the unescaped text, and
    the row of ``scratch.codes`` that contains this text (0 if there was no character
    reference). For rows 1 and 2, ``scratch.places[2 * row - 2]`` and ``[2 * row - 1]``
    contain its places in the original.
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

    Chunk i goes to ``out.codes[out.offsets[i]:]`` (``out.offsets[low]`` is given). If
    bool ``continued[i]`` is set, it continues the text of chunk i - 1: a space
    separates the canonical texts, unless the characters on both sides belong to
    scripts without spaces, and ``out.offsets[i]`` is the place after the space. int64
    ``lengths[i]`` is set to the number of code points of the original. Return the
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
            if is_unspaced(codes[at - 1]) and is_unspaced(codes[at + 1]):
                # The chunk begins with a dropped token, such as a link, followed by
                # such a character.
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


@helper
def _opened_tag(text, low, high, opened):
    """Return the place where a tag may have begun that has not ended before ``high``,
    else -1; ``opened`` is the same value for ``low``.

    The tag's bracket may be a character reference: ``&lt;``, ``&#60;``, ``&amp;lt;``.
    """
    for i in range(high - 1, low - 1, -1):
        if text[i] == 0x3E or text[i] == 10 or text[i] == 13:
            return np.int64(-1)
        after = text[i + 1] | 0x20
        letter = after == 0x6C or after == 0x61 or text[i + 1] == 0x23
        if text[i] == 0x3C or (text[i] == 0x26 and letter):
            return np.int64(i)
    return opened


@helper
def _cut(text, start, stop, size, cuts, n):
    """Write the places at which to cut ``text[start:stop]`` to ``cuts[n:]``, and return
    the number of cuts so far; see :func:`cut_texts`.
    """
    at, seen, opened = start + size, start, np.int64(-1)
    while at < stop:
        last, byte = text[at - 1], text[at]
        whole = 0x20 < byte < 0x80 or 0xC2 <= byte < 0xE0
        blank = last == 0x20 or 9 <= last <= 13
        if blank and whole and byte != 0x40 and byte != 0x26:
            opened = _opened_tag(text, seen, at, opened)
            seen = at
            if opened < 0 or at - opened > _TAG_BYTES:
                cuts[n] = at
                n += 1
                at += size
                continue
        at += 1
    return n


@kernel
def cut_texts(text, offsets, size, cuts, firsts):
    """Cut texts into chunks of at least ``size`` bytes whose canonical texts, joined by
    spaces, are the canonical text of the whole.

    A chunk that continues a text therefore begins after ASCII white space, with a
    visible character below U+0800: ``＠`` and the scripts written without spaces are
    above. This character is not ``@`` or ``&``, which may belong to a retweet mark
    before it, and is not inside what may be a tag. Fill int64 ``cuts`` with the
    starts of the chunks and the end of the last one, and int64 ``firsts[i]`` with the
    number of the first chunk of text i, ``firsts[-1]`` with the number of chunks.
    Return this number.
    """
    n = np.int64(0)
    for i in range(len(offsets) - 1):
        firsts[i] = n
        cuts[n] = offsets[i]
        n = _cut(text, offsets[i], offsets[i + 1], size, cuts, n + 1)
    firsts[len(offsets) - 1] = n
    cuts[n] = offsets[len(offsets) - 1]
    return n


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
    entry = tables.entries[tables.pages[code >> 8], code & 0xFF]
    return entry >> 24 & 7 == 1 or entry & 0x8000000 != 0
