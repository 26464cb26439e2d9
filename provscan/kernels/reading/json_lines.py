"""Parse JSON lines into columns of strings, without creating an object for each value.

The input must be strict JSON (RFC 8259) with one object per line. Anything else (a
value whose type differs from that of its column, a repeated key of a column, values
nested very deeply, a lone surrogate, a blank line) ends the reading, and another parser
is used.
"""

import numpy as np

from provscan.kernels.canonical.utf8 import copy_bytes
from provscan.kernels.jit import helper, kernel

_BLOCK = 32
QUOTE, BACKSLASH, NEWLINE = np.uint8(0x22), np.uint8(0x5C), np.uint8(0x0A)
# The kinds of columns: strings, integers as written, or only nulls.
STRING, INTEGER, NOTHING = 0, 1, 2
_COMMA, _COLON, _SLASH = 0x2C, 0x3A, np.uint8(0x2F)
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D
_DEEPEST = 60
_NULL, _TRUE, _FALSE = (
    np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false")
)


@kernel
def top_level_values(text, names, name_ends, kinds, columns):
    """Read some keys of the objects in the lines of ``text``, uint8[m], into
    ``columns``.

    ``columns`` is a :class:`~provscan.kernels.records.StringColumns` of n rows. The key
    of column k is ``names[name_ends[k]:name_ends[k + 1]]``, uint8, and its kind is
    ``kinds[k]``. Return whether there are n lines and all of them could be read.
    """
    at = np.int64(0)
    rows = columns.valid.shape[1]
    for row in range(rows):
        for k in range(len(kinds)):
            columns.valid[k, row] = 0
            columns.ends[k, row + 1] = columns.ends[k, row]
        at = _space(text, at)
        if _byte(text, at) != _OPEN:
            return False
        at = _space(text, at + 1)
        if _byte(text, at) == _CLOSE:
            at += 1
        else:
            at = _members(text, at, row, (names, name_ends, kinds), columns)
            if at < 0:
                return False
        at = _space(text, at)
        if at < len(text):
            if text[at] != NEWLINE:
                return False
            at += 1
        elif row + 1 < rows:
            return False
    return at == len(text)


@helper(inline="always")
def _members(text, at, row, wanted, columns):
    """Read the members of an object from its first key on; return the place after the
    object, or -1.
    """
    names, name_ends, kinds = wanted
    while True:
        if _byte(text, at) != QUOTE:
            return -1
        start = at + 1
        at = _plain_end(text, start)
        if _byte(text, at) != QUOTE:
            return -1
        k = _column(text[start:at], names, name_ends)
        at = _space(text, at + 1)
        if _byte(text, at) != _COLON:
            return -1
        at = _space(text, at + 1)
        if k < 0:
            at = _skipped(text, at)
        elif columns.valid[k, row]:
            return -1
        elif _byte(text, at) == 0x6E:
            columns.valid[k, row] = 2
            at = _literal(text, at)
        elif kinds[k] == STRING and _byte(text, at) == QUOTE:
            columns.valid[k, row] = 1
            at, columns.ends[k, row + 1] = _string(
                text, at + 1, columns.data[k], columns.ends[k, row]
            )
        elif kinds[k] == INTEGER:
            columns.valid[k, row] = 1
            start, n = at, columns.ends[k, row]
            at = _literal(text, at)
            for place in range(start, at):
                if text[place] != 0x2D and not 0x30 <= text[place] <= 0x39:
                    return -1
                columns.data[k, n] = text[place]
                n += 1
            columns.ends[k, row + 1] = n
        else:
            return -1
        if at < 0:
            return -1
        at = _space(text, at)
        if _byte(text, at) == _CLOSE:
            return at + 1
        if _byte(text, at) != _COMMA:
            return -1
        at = _space(text, at + 1)


@helper
def _byte(text, at):
    return text[at] if at < len(text) else np.uint8(0)


@helper
def _space(text, at):
    """Return the next place in a line that is not white space."""
    while at < len(text) and (text[at] == 0x20 or text[at] == 0x09 or text[at] == 0x0D):
        at += 1
    return at


@helper
def _plain_end(text, at):
    """Return the place of the next quote, backslash or control character, or the
    end.
    """
    while at + _BLOCK <= len(text):
        # Compute the minimum of values that are 0 for such a byte: unlike comparisons,
        # this is vectorised.
        part, least = text[at : at + _BLOCK], np.uint8(0xFF)
        for k in range(_BLOCK):
            c = part[k]
            differs = min(np.uint8(c ^ QUOTE), np.uint8(c ^ BACKSLASH))
            least = min(least, min(differs, np.uint8(c >> np.uint8(5))))
        if least == 0:
            break
        at += _BLOCK
    while at < len(text):
        c = text[at]
        if c in (QUOTE, BACKSLASH) or c < 0x20:
            break
        at += 1
    return at


@helper(inline="always")
def _column(key, names, name_ends):
    """Return the column of a key, or -1."""
    for k in range(len(name_ends) - 1):
        name = names[name_ends[k] : name_ends[k + 1]]
        if len(name) == len(key):
            same = True
            for i in range(len(key)):
                same &= name[i] == key[i]
            if same:
                return k
    return -1


@helper(inline="always")
def _string(text, at, out, n):
    """Write the string that begins at ``at`` to ``out`` from ``n``; return the place
    after its closing quote, or -1, and the end of the output.
    """
    while True:
        end = _plain_end(text, at)
        n = copy_bytes(text[at:end], out, n)
        c = _byte(text, end)
        if c == QUOTE:
            return end + 1, n
        if c != BACKSLASH:
            return -1, n
        at, point = _escape(text, end + 1)
        if at < 0:
            return -1, n
        n = _put(point, out, n)


@helper(inline="always")
def _put(c, out, n):
    """Write the UTF-8 of a code point."""
    if c < 0x80:
        out[n] = c
        return n + 1
    if c < 0x800:
        out[n] = 0xC0 | (c >> 6)
    else:
        if c < 0x10000:
            out[n] = 0xE0 | (c >> 12)
        else:
            out[n] = 0xF0 | (c >> 18)
            n += 1
            out[n] = 0x80 | ((c >> 12) & 0x3F)
        n += 1
        out[n] = 0x80 | ((c >> 6) & 0x3F)
    out[n + 1] = 0x80 | (c & 0x3F)
    return n + 2


@helper
def _escape(text, at):
    """Return the place after an escape whose backslash is before ``at``, or -1, and
    its code point.
    """
    c = _byte(text, at)
    if c in (QUOTE, BACKSLASH, _SLASH):
        return at + 1, np.int64(c)
    if c == 0x6E:
        return at + 1, np.int64(0x0A)
    if c == 0x74:
        return at + 1, np.int64(0x09)
    if c == 0x72:
        return at + 1, np.int64(0x0D)
    if c == 0x62:
        return at + 1, np.int64(0x08)
    if c == 0x66:
        return at + 1, np.int64(0x0C)
    point = _hex(text, at + 1) if c == 0x75 else -1
    at += 5
    if (
        0xD800 <= point < 0xDC00
        and _byte(text, at) == BACKSLASH
        and _byte(text, at + 1) == 0x75
    ):
        low = _hex(text, at + 2)
        point = (
            0x10000 + ((point - 0xD800) << 10) + low - 0xDC00
            if 0xDC00 <= low < 0xE000
            else -1
        )
        at += 6
    elif 0xD800 <= point < 0xE000:
        point = -1
    return at if point >= 0 else -1, np.int64(point)


@helper
def _hex(text, at):
    """Return the value of four hexadecimal digits, or -1."""
    value = np.int64(0)
    for i in range(at, at + 4):
        c = np.int64(_byte(text, i))
        if 0x30 <= c <= 0x39:
            digit = c - 0x30
        elif 0x41 <= (c & 0xDF) <= 0x46:
            digit = (c & 0xDF) - 0x37
        else:
            return np.int64(-1)
        value = value << 4 | digit
    return value


@helper(inline="always")
def _skipped(text, at):
    """Return the place after any value, or -1."""
    depth, objects = 0, np.uint64(0)
    while True:
        c = _byte(text, at)
        if c in (_OPEN, _OPEN_LIST):
            if depth == _DEEPEST:
                return -1
            depth += 1
            objects = objects << np.uint64(1) | np.uint64(c == _OPEN)
            at = _space(text, at + 1)
            if _byte(text, at) != c + 2:
                if c == _OPEN:
                    at = _skipped_key(text, at)
                    if at < 0:
                        return -1
                continue
        elif c == QUOTE:
            at = _skipped_string(text, at + 1)
        else:
            at = _literal(text, at)
        if at < 0:
            return -1
        while depth:
            at = _space(text, at)
            c, within = _byte(text, at), objects & np.uint64(1)
            if c == _COMMA:
                at = _space(text, at + 1)
                if within:
                    at = _skipped_key(text, at)
                    if at < 0:
                        return -1
                break
            if c != (_CLOSE if within else _CLOSE_LIST):
                return -1
            at += 1
            depth -= 1
            objects >>= np.uint64(1)
        if depth == 0:
            return at


@helper
def _skipped_key(text, at):
    """Return the place of the value whose key begins at ``at``, or -1."""
    if _byte(text, at) != QUOTE:
        return -1
    at = _skipped_string(text, at + 1)
    if at < 0:
        return -1
    at = _space(text, at)
    return _space(text, at + 1) if _byte(text, at) == _COLON else -1


@helper
def _skipped_string(text, at):
    """Return the place after the quote that ends a string, or -1."""
    while True:
        at = _plain_end(text, at)
        c = _byte(text, at)
        if c == QUOTE:
            return at + 1
        if c != BACKSLASH:
            return -1
        at, _ = _escape(text, at + 1)
        if at < 0:
            return -1


@helper
def _literal(text, at):
    """Return the place after a number, true, false or null, or -1."""
    c = _byte(text, at)
    if c == 0x6E:
        return _after_word(text, at, _NULL)
    if c == 0x74:
        return _after_word(text, at, _TRUE)
    if c == 0x66:
        return _after_word(text, at, _FALSE)
    at += c == 0x2D
    if _byte(text, at) == 0x30:
        at += 1
    else:
        at = _digits(text, at)
    if at >= 0 and _byte(text, at) == 0x2E:
        at = _digits(text, at + 1)
    if at >= 0 and _byte(text, at) | 0x20 == 0x65:
        c = _byte(text, at + 1)
        at = _digits(text, at + 1 + (c == 0x2B or c == 0x2D))
    return at


@helper
def _after_word(text, at, word):
    """Return the place after a word at ``at``, or -1."""
    for letter in word:
        if _byte(text, at) != letter:
            return -1
        at += 1
    return at


@helper
def _digits(text, at):
    """Return the place after one or more digits, or -1."""
    start = at
    while 0x30 <= _byte(text, at) <= 0x39:
        at += 1
    return at if at > start else -1
