"""Write the elements of a JSON array, or JSON objects of several lines, one per
line.
"""

from provscan.kernels.characters import (
    BACKSLASH,
    BRACE,
    BRACKET,
    COMMA,
    END_BRACE,
    END_BRACKET,
    NEWLINE,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
)
from provscan.kernels.jit import kernel

DEPTH, QUOTED, ESCAPED, BASE, VALUES, STRAY = 0, 1, 2, 3, 4, 5
STATE = 6


@kernel
def one_a_line(text, out, state):
    """Copy ``text`` to ``out`` without white space between values and with a newline
    after each element. A newline inside a string becomes a space.

    ``state``, int64[STATE], is passed on to the next stretch of the same document. It
    consists of the number of open brackets, whether the stretch ends inside a string,
    whether it ends after a backslash, the depth of the elements (1 in an array, 0 for
    consecutive objects), the number of commas, and the number of closing brackets
    without an opening one. Such a bracket ends its element, and the array continues.
    uint8 ``out`` has room for twice ``text``. Return the number of bytes written.
    """
    depth = state[DEPTH]
    quoted = state[QUOTED]
    escaped = state[ESCAPED]
    base = state[BASE]
    values, stray = state[VALUES], state[STRAY]
    n = 0
    for c in text:
        if quoted:
            out[n] = SPACE if c == NEWLINE else c
            n += 1
            if escaped:
                escaped = 0
            elif c == BACKSLASH:
                escaped = 1
            elif c == QUOTE:
                quoted = 0
        elif c == SPACE or c == NEWLINE or c == RETURN or c == TAB:
            continue
        elif c == COMMA and depth == base:
            values += 1
            out[n] = NEWLINE
            n += 1
        elif c == BRACE or c == BRACKET:
            if depth == 0:
                base = 1 if c == BRACKET else 0
            depth += 1
            if depth > base or c == BRACE:
                out[n] = c
                n += 1
        elif (c == END_BRACE and depth <= base) or (c == END_BRACKET and depth <= 0):
            stray += 1
            out[n] = c
            out[n + 1] = NEWLINE
            n += 2
        elif c == END_BRACE or c == END_BRACKET:
            depth -= 1
            if depth >= base:
                out[n] = c
                n += 1
            if depth == 0:
                out[n] = NEWLINE
                n += 1
        else:
            if c == QUOTE:
                quoted = 1
            elif c == COMMA:
                values += 1
            out[n] = c
            n += 1
    state[DEPTH] = depth
    state[QUOTED] = quoted
    state[ESCAPED] = escaped
    state[BASE] = base
    state[VALUES], state[STRAY] = values, stray
    return n
