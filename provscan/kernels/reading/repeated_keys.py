"""Find the lines of JSON in which an object repeats a key."""

import numpy as np

from provscan.kernels.characters import (
    BACKSLASH,
    BRACE,
    BRACKET,
    COLON,
    END_BRACE,
    END_BRACKET,
    NEWLINE,
    QUOTE,
)
from provscan.kernels.jit import helper, kernel
from provscan.kernels.reading.other_texts import after_space, byte_at, string_end

# The parameters of the hash function FNV-1a for 64 bits (RFC 9923).
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@kernel
def lines_with_repeated_keys(text, stack, keys, found):
    """Set ``found[row]``, uint8[n], to 1 for each line of ``text``, uint8[m], in which
    an object may have a key twice, and to 0 for other lines.

    Keys are compared by their hashes, so a line without such an object may also be
    reported. So is a line with an escape sequence in a key, with more open brackets
    than ``stack``, int64[d], has places, or with more keys in objects that are open at
    the same time than ``keys``, uint64[k], has. Of a line that is not JSON, anything
    may be said.
    """
    at, row = np.int64(0), np.int64(0)
    depth = used = np.int64(0)
    found[:] = 0
    while at < len(text) and row < len(found):
        c, repeated = text[at], False
        if c == QUOTE:
            start = at + 1
            at = string_end(text, start)
            if byte_at(text, at) != QUOTE:
                continue
            if depth and byte_at(text, after_space(text, at + 1)) == COLON:
                key, escaped = _hash(text, start, at)
                repeated = escaped or used == len(keys)
                for i in range(stack[depth - 1], used):
                    repeated |= keys[i] == key
                if not repeated:
                    keys[used] = key
                    used += 1
        elif c == BRACE or c == BRACKET:
            repeated = depth == len(stack)
            if not repeated:
                stack[depth] = used
                depth += 1
        elif (c == END_BRACE or c == END_BRACKET) and depth:
            depth -= 1
            used = stack[depth]
        elif c == NEWLINE:
            row += 1
            depth = used = np.int64(0)
        at += 1
        if repeated:
            found[row] = 1
            while at < len(text) and text[at] != NEWLINE:
                at += 1


@helper
def _hash(text, start, stop):
    """Return the hash of a key, and whether it has an escape sequence."""
    value, escaped = _BASIS, False
    for i in range(start, stop):
        value = (value ^ np.uint64(text[i])) * _PRIME
        escaped |= text[i] == BACKSLASH
    return value, escaped
