"""Find the lines of JSON, and the values of columns, that may contain text where the
first records of a file contain none.

False alarms are allowed, since Python code examines what the kernels report; misses are
not. Text means three words, separated by spaces or emoji, or 24 bytes that are not
ASCII, with :data:`LEAST_LETTERS` letters.
"""

import numpy as np

from provscan.kernels.characters import (
    BACKSLASH,
    BRACE,
    BRACKET,
    CASE,
    COLON,
    COMMA,
    END_BRACE,
    END_BRACKET,
    NEWLINE,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
    A,
)
from provscan.kernels.jit import helper, kernel

LEAST_LETTERS = 12
# The minimum number of strings in a list that may be the words of one text.
LEAST_WORDS = 4
# The nodes of a FieldTree for everything below an unknown field that is searched, for
# one that is not searched, and for the record itself.
SEARCHED, CLOSED, RECORD = 0, 1, 2
# The minimum length of a text at a node where no value is searched.
NEVER = -1
_Z = np.uint8(ord("z"))
# The number of bytes that are tested together.
_BLOCK = 32
# The first bytes of characters that may be white space outside of ASCII, or emoji.
_BLANK = np.zeros(256, np.bool_)
_BLANK[: SPACE + 1] = True
_BLANK[[0xC2, 0xE1, 0xE2, 0xE3, 0xF0]] = True


@kernel
def lines_with_texts(text, tree, stack, found):
    """Set ``found[row]``, uint8[n], to 1 for each line of ``text``, uint8[m], that may
    have text at a node of ``tree`` that is searched, or a list of words at an unknown
    one, or that is not strict JSON, and to 0 for other lines.

    ``tree`` is a :class:`~provscan.kernels.records.FieldTree`. ``stack``, int64[d, 5],
    has a row for each bracket that may be open in a line; a line with more is reported.
    """
    at = np.int64(0)
    for row in range(len(found)):
        at, found[row] = _line(text, at, tree, stack)
        if found[row]:
            while at < len(text) and text[at] != NEWLINE:
                at += 1
            at += 1


@kernel
def values_with_texts(text, offsets, least, found):
    """Set ``found[row]``, uint8[n], to whether the value
    ``text[offsets[row]:offsets[row + 1]]`` has at least ``least`` bytes and may be
    text.
    """
    for row in range(len(found)):
        start, stop = offsets[row], offsets[row + 1]
        found[row] = stop - start >= least and _may_be_text(text, start, stop)


@helper
def _may_be_text(text, start, stop):
    """Return whether bytes may be text. An escape sequence of JSON counts as white
    space, and as 3 bytes that are not ASCII.
    """
    if stop - start < LEAST_LETTERS:
        return False
    letters = blanks = other = np.int64(0)
    for i in range(start, stop):
        c = text[i]
        escape = c == BACKSLASH
        letters += A <= (c | CASE) <= _Z or c >= 0xC0 or escape
        blanks += _BLANK[c] or escape
        other += 3 if escape else np.int64(c >= 0x80)
        if letters >= LEAST_LETTERS and (blanks >= 2 or other >= 24):
            return True
    return False


@helper
def _line(text, at, tree, stack):
    """Return the place after a line, and whether it has to be examined; if so, the
    place is somewhere in the line.
    """
    at = after_space(text, at)
    if at >= len(text) or text[at] == NEWLINE:
        return at + 1, False
    if text[at] == QUOTE:
        return at, True
    depth, node = 0, np.int64(RECORD)
    while True:
        c = byte_at(text, at)
        if c == BRACE or c == BRACKET:
            at = after_space(text, at + 1)
            if byte_at(text, at) == c + 2:
                at += 1
            else:
                if depth == len(stack):
                    return at, True
                stack[depth, 0] = node
                stack[depth, 1] = c
                stack[depth, 2] = tree.edges[node]
                depth += 1
                if c == BRACKET:
                    stack[depth - 1, 3] = stack[depth - 1, 4] = 0
                    node = tree.elements[node]
                else:
                    at, node = _member(text, at, tree, stack, depth)
                    if at < 0:
                        return -at, True
                continue
        elif c == QUOTE:
            start = at + 1
            at = string_end(text, start)
            if byte_at(text, at) != QUOTE:
                return at, True
            least = tree.least[node]
            if least != NEVER and at - start >= least and _may_be_text(text, start, at):
                return at, True
            if node == SEARCHED and depth and stack[depth - 1, 1] == BRACKET:
                stack[depth - 1, 3] += 1
                stack[depth - 1, 4] += at - start
                words, size = stack[depth - 1, 3], stack[depth - 1, 4]
                if words >= LEAST_WORDS and size >= LEAST_LETTERS:
                    return at, True
            at += 1
        else:
            start = at
            while (
                at < len(text)
                and text[at] > SPACE
                and text[at] != COMMA
                and text[at] != END_BRACE
                and text[at] != END_BRACKET
            ):
                at += 1
            if at == start:
                return at, True
        while depth:
            at = after_space(text, at)
            c, opened = byte_at(text, at), stack[depth - 1, 1]
            if c == COMMA:
                at = after_space(text, at + 1)
                if opened == BRACKET:
                    node = tree.elements[stack[depth - 1, 0]]
                else:
                    at, node = _member(text, at, tree, stack, depth)
                    if at < 0:
                        return -at, True
                break
            if c != opened + 2:
                return at, True
            at += 1
            depth -= 1
        if depth == 0:
            at = after_space(text, at)
            ended = at >= len(text) or text[at] == NEWLINE
            return at + ended, not ended


@helper
def string_end(text, at):
    """Return the place of the quote that ends a string, or of another character at
    which the string can't continue.
    """
    while True:
        at = plain_end(text, at)
        if byte_at(text, at) != BACKSLASH or byte_at(text, at + 1) < SPACE:
            return at
        at += 2


@helper
def _member(text, at, tree, stack, depth):
    """Return the place of the value whose key begins at ``at``, and its node; minus the
    place if there is no key.
    """
    node = stack[depth - 1, 0]
    if byte_at(text, at) != QUOTE:
        return -at, node
    start = at + 1
    at = string_end(text, start)
    stop = at
    if byte_at(text, at) == QUOTE:
        at = after_space(text, at + 1)
    if byte_at(text, at) != COLON:
        return -at, node
    at = after_space(text, at + 1)
    first, end = tree.edges[node], tree.edges[node + 1]
    # Objects usually have the same keys in the same order.
    edge = stack[depth - 1, 2]
    for _ in range(first, end):
        if edge == end:
            edge = first
        low = tree.name_ends[edge]
        if tree.name_ends[edge + 1] - low == stop - start:
            same = True
            for i in range(stop - start):
                same &= tree.names[low + i] == text[start + i]
            if same:
                stack[depth - 1, 2] = edge + 1
                return at, tree.targets[edge]
        edge += 1
    return at, tree.unknown[node]


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
