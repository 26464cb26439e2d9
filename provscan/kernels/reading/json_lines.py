"""Parse JSON lines into columns of strings, without creating an object for each value.

The input must be strict JSON (RFC 8259) with one object per line. Anything else (a
value whose type differs from that of its column, a repeated key of a column, values
nested very deeply, a lone surrogate, a blank line) ends the reading, and another parser
is used.
"""

import numpy as np

from provscan.kernels.canonical.utf8 import copy_bytes, encode_one
from provscan.kernels.characters import (
    BACKSLASH,
    BRACE,
    BRACKET,
    CASE,
    COLON,
    COMMA,
    DOT,
    END_BRACE,
    END_BRACKET,
    FORM_FEED,
    MINUS,
    NEWLINE,
    NINE,
    PLUS,
    QUOTE,
    RETURN,
    SLASH,
    SPACE,
    TAB,
    ZERO,
    digit_value,
)
from provscan.kernels.jit import helper, kernel

# The number of bytes that are tested together.
_BLOCK = 32
# The kinds of columns: strings, integers as written, or only nulls.
STRING, INTEGER, NOTHING = 0, 1, 2
# The letters of escapes and literals.
_B, _E, _F, _N, _R, _T, _U = np.frombuffer(b"befnrtu", np.uint8)
# The maximum number of open brackets in a skipped value; each has one of 64 bits.
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
        at = after_space(text, at)
        if byte_at(text, at) != BRACE:
            return False
        at = after_space(text, at + 1)
        if byte_at(text, at) == END_BRACE:
            at += 1
        else:
            at = _members(text, at, row, names, name_ends, kinds, columns)
            if at < 0:
                return False
        at = after_space(text, at)
        if at < len(text):
            if text[at] != NEWLINE:
                return False
            at += 1
        elif row + 1 < rows:
            return False
    return at == len(text)


@helper(inline="always")
def _members(text, at, row, names, name_ends, kinds, columns):
    """Read the members of an object from its first key on; return the place after the
    object, or -1.
    """
    while True:
        if byte_at(text, at) != QUOTE:
            return -1
        start = at + 1
        at = plain_end(text, start)
        if byte_at(text, at) != QUOTE:
            return -1
        k = _column(text[start:at], names, name_ends)
        at = after_space(text, at + 1)
        if byte_at(text, at) != COLON:
            return -1
        at = after_space(text, at + 1)
        if k < 0:
            at = _skipped(text, at)
        elif columns.valid[k, row]:
            return -1
        elif byte_at(text, at) == _N:
            columns.valid[k, row] = 2
            at = _literal(text, at)
        elif kinds[k] == STRING and byte_at(text, at) == QUOTE:
            columns.valid[k, row] = 1
            at, columns.ends[k, row + 1] = _string(
                text, at + 1, columns.data[k], columns.ends[k, row]
            )
        elif kinds[k] == INTEGER:
            columns.valid[k, row] = 1
            start, n = at, columns.ends[k, row]
            at = _literal(text, at)
            for place in range(start, at):
                if text[place] != MINUS and not ZERO <= text[place] <= NINE:
                    return -1
                columns.data[k, n] = text[place]
                n += 1
            columns.ends[k, row + 1] = n
        else:
            return -1
        if at < 0:
            return -1
        at = after_space(text, at)
        if byte_at(text, at) == END_BRACE:
            return at + 1
        if byte_at(text, at) != COMMA:
            return -1
        at = after_space(text, at + 1)


@helper
def byte_at(text, at):
    return text[at] if at < len(text) else np.uint8(0)


@helper
def after_space(text, at):
    """Return the next place in a line that is not white space."""
    while at < len(text) and (
        text[at] == SPACE or text[at] == TAB or text[at] == RETURN
    ):
        at += 1
    return at


@helper
def plain_end(text, at):
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
        if c == QUOTE or c == BACKSLASH or c < SPACE:
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
        end = plain_end(text, at)
        n = copy_bytes(text[at:end], out, n)
        c = byte_at(text, end)
        if c == QUOTE:
            return end + 1, n
        if c != BACKSLASH:
            return -1, n
        at, point = _escape(text, end + 1)
        if at < 0:
            return -1, n
        n = encode_one(np.uint32(point), out, n)


@helper
def _escape(text, at):
    """Return the place after an escape whose backslash is before ``at``, or -1, and
    its code point.
    """
    c = byte_at(text, at)
    if c == QUOTE or c == BACKSLASH or c == SLASH:
        return at + 1, np.int64(c)
    if c == _N:
        return at + 1, np.int64(NEWLINE)
    if c == _T:
        return at + 1, np.int64(TAB)
    if c == _R:
        return at + 1, np.int64(RETURN)
    if c == _B:
        return at + 1, np.int64(0x08)
    if c == _F:
        return at + 1, np.int64(FORM_FEED)
    point = _hex(text, at + 1) if c == _U else -1
    at += 5
    if (
        0xD800 <= point < 0xDC00
        and byte_at(text, at) == BACKSLASH
        and byte_at(text, at + 1) == _U
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
        digit = digit_value(np.int64(byte_at(text, i)))
        if digit < 0:
            return digit
        value = value << 4 | digit
    return value


@helper(inline="always")
def _skipped(text, at):
    """Return the place after the value of any type at ``at``, or -1."""
    # ``objects`` has one bit per open bracket, 1 for an object and 0 for an array; the
    # lowest bit is that of the innermost.
    depth, objects = 0, np.uint64(0)
    while True:
        c = byte_at(text, at)
        if c == BRACE or c == BRACKET:
            if depth == _DEEPEST:
                return -1
            depth += 1
            objects = objects << np.uint64(1) | np.uint64(c == BRACE)
            at = after_space(text, at + 1)
            if byte_at(text, at) != c + 2:
                if c == BRACE:
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
            at = after_space(text, at)
            c, within = byte_at(text, at), objects & np.uint64(1)
            if c == COMMA:
                at = after_space(text, at + 1)
                if within:
                    at = _skipped_key(text, at)
                    if at < 0:
                        return -1
                break
            if c != (END_BRACE if within else END_BRACKET):
                return -1
            at += 1
            depth -= 1
            objects >>= np.uint64(1)
        if depth == 0:
            return at


@helper
def _skipped_key(text, at):
    """Return the place of the value whose key begins at ``at``, or -1."""
    if byte_at(text, at) != QUOTE:
        return -1
    at = _skipped_string(text, at + 1)
    if at < 0:
        return -1
    at = after_space(text, at)
    return after_space(text, at + 1) if byte_at(text, at) == COLON else -1


@helper
def _skipped_string(text, at):
    """Return the place after the quote that ends a string, or -1."""
    while True:
        at = plain_end(text, at)
        c = byte_at(text, at)
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
    c = byte_at(text, at)
    if c == _N:
        return _after_word(text, at, _NULL)
    if c == _T:
        return _after_word(text, at, _TRUE)
    if c == _F:
        return _after_word(text, at, _FALSE)
    at += c == MINUS
    if byte_at(text, at) == ZERO:
        at += 1
    else:
        at = _digits(text, at)
    if at >= 0 and byte_at(text, at) == DOT:
        at = _digits(text, at + 1)
    if at >= 0 and byte_at(text, at) | CASE == _E:
        c = byte_at(text, at + 1)
        at = _digits(text, at + 1 + (c == PLUS or c == MINUS))
    return at


@helper
def _after_word(text, at, word):
    """Return the place after a word at ``at``, or -1."""
    for letter in word:
        if byte_at(text, at) != letter:
            return -1
        at += 1
    return at


@helper
def _digits(text, at):
    """Return the place after one or more digits, or -1."""
    start = at
    while ZERO <= byte_at(text, at) <= NINE:
        at += 1
    return at if at > start else -1
