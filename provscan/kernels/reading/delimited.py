"""Rows of CSV, as Python's csv module divides them: to columns of strings, and to cut a
file between two of them.
"""

import numpy as np

from provscan.kernels.jit import kernel
from provscan.kernels.reading.byte_scan import (
    CR,
    NEWLINE,
    NO_CONTROL,
    QUOTE,
    copy_bytes,
    find_byte,
)

# The state between two stretches of a file, int64[STATE]: where in a row it stands, how
# many rows ended, and of the row that is being read delimiters, newlines, bytes, and
# whether it is blank; values of the first row; delimiters in the line, quoted or not,
# and lines after the first of the row with as many as the first row has.
PLACE, ROWS, DELIMITERS, NEWLINES, LENGTH, BLANK, WIDTH, LINE, LIKE_ROWS, STATE = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
# A quoted value over so many more lines, all of which are like rows, is perhaps one
# whose quote was never closed.
LEAST_LIKE_ROWS = 5


@kernel
def csv_columns(text, layout, most, places, columns):
    """Read rows of ``text``, uint8[m], into ``columns``; how many rows there are, and
    where an incomplete one begins.

    ``columns`` is a :class:`~provscan.kernels.records.StringColumns`, ``places``
    int64[width]: the column of each value of a row, or -1; ``layout`` and ``most`` are
    those of :func:`row_end`. Without a last newline, the text may end within quotes. -1
    rows: one is of another width, or could be divided otherwise.
    """
    delimiter, quotes = np.uint8(layout[0]), layout[1] != 0
    width = len(places)
    at, row = 0, 0
    while at < len(text):
        if text[at] == NEWLINE or (
            text[at] == CR and (at + 1 == len(text) or text[at + 1] == NEWLINE)
        ):
            at += 1
            continue
        begin, place, quoted = at, 0, False
        while True:
            if place == width:
                return -1, begin
            k = places[place]
            n = columns.ends[k, row] if k >= 0 else 0
            if quotes and at < len(text) and text[at] == QUOTE:
                quoted = True
                at += 1
                while True:
                    stop = find_byte(text, at, QUOTE, QUOTE, QUOTE, NO_CONTROL)
                    if stop == len(text):
                        return row, begin
                    again = stop + 1 < len(text) and text[stop + 1] == QUOTE
                    if k >= 0:
                        n = copy_bytes(text[at : stop + again], columns.data[k], n)
                    at = stop + 1 + again
                    if not again:
                        break
                if (
                    at < len(text)
                    and text[at] != delimiter
                    and text[at] != NEWLINE
                    and text[at] != CR
                ):
                    return -1, begin
            else:
                stop = find_byte(text, at, delimiter, NEWLINE, CR, NO_CONTROL)
                if k >= 0:
                    n = copy_bytes(text[at:stop], columns.data[k], n)
                at = stop
            if k >= 0:
                columns.ends[k, row + 1] = n
            place += 1
            if at == len(text) or text[at] != delimiter:
                break
            at += 1
        if place != width or at - begin > most[1]:
            return -1, begin
        if quoted and _doubtful(text[begin:at], delimiter, width, most[0]):
            return -1, begin
        if at < len(text) and text[at] == CR:
            at += 1
            if at < len(text) and text[at] != NEWLINE:
                return -1, begin
        at += 1
        row += 1
    return row, len(text)


@kernel
def _doubtful(row, delimiter, width, most):
    """Whether a row has too many lines, or lines that are like rows."""
    lines, like_rows, count = 0, 0, 0
    for c in row:
        if c == delimiter:
            count += 1
        elif c == NEWLINE:
            like_rows += lines > 0 and count == width - 1
            lines += 1
            count = 0
    like_rows += lines > 0 and count == width - 1
    return lines >= most or (
        lines >= LEAST_LIKE_ROWS and like_rows == lines and width > 1
    )


_ROW, _FIELD, _VALUE, _QUOTED, _CLOSED, _RETURN = 0, 1, 2, 3, 4, 5


@kernel
def row_end(data, begin, wanted, layout, most, state):
    """Read rows from ``begin`` on; give the end of the first one that ends at
    ``wanted`` or later.

    ``data`` is uint8[m], ``layout`` int64[2]: delimiter, and whether quotes enclose
    values; ``most`` int64[2]: newlines in a row, and bytes of one, that are usual. 0:
    the data ends before. -1: what readers may divide otherwise, such as a quote that is
    perhaps never closed, follows.
    """
    delimiter, quotes = layout[0], layout[1] != 0
    place = state[PLACE]
    for i in range(begin, len(data)):
        c = data[i]
        state[LENGTH] += 1
        if c == delimiter:
            state[LINE] += 1
        elif c == 0x0A:
            state[LIKE_ROWS] += state[NEWLINES] > 0 and state[LINE] == state[WIDTH] - 1
            state[LINE] = 0
        if place == _QUOTED:
            if c == 0x22:
                place = _CLOSED
            elif c == 0x0A:
                state[NEWLINES] += 1
        elif place == _RETURN and c != 0x0A:
            return -1
        elif c == 0x22 and quotes and place not in (_VALUE, _RETURN):
            place = _QUOTED
        elif c == delimiter:
            state[DELIMITERS] += 1
            place = _FIELD
        elif c == 0x0D:
            state[BLANK] = place == _ROW
            place = _RETURN
        elif c != 0x0A:
            if place == _CLOSED and state[NEWLINES]:
                return -1
            place = _VALUE
        else:
            if not (place == _ROW or (place == _RETURN and state[BLANK])):
                width = state[DELIMITERS] + 1
                if (
                    (state[NEWLINES] and width != state[WIDTH])
                    or state[NEWLINES] >= most[0]
                    or state[LENGTH] > most[1]
                ):
                    return -1
                if (
                    state[NEWLINES] >= LEAST_LIKE_ROWS
                    and state[LIKE_ROWS] == state[NEWLINES]
                    and width > 1
                ):
                    return -1
                if state[ROWS] == 0:
                    state[WIDTH] = width
                state[ROWS] += 1
            state[DELIMITERS] = state[NEWLINES] = state[LENGTH] = state[LIKE_ROWS] = 0
            place = _ROW
            if i + 1 >= wanted:
                state[PLACE] = place
                return i + 1
    state[PLACE] = place
    return 0
