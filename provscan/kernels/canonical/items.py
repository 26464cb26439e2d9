"""Items: what is visible in the original text around a copy.

An item is a visible character, or a dropped URL, mention or placeholder. Any two
dropped items count as equal, since a copy may have ``http`` for a URL. HTML tags
and characters that canonical text ignores are *faint*: a copy may lack them.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.canonical.entries import IGNORED, entry_of, kind_of
from provscan.kernels.canonical.tokens import after_dropped, after_tag
from provscan.kernels.characters import CASE, LESS, is_ascii_blank
from provscan.kernels.jit import helper

_R = np.uint8(ord("r"))
# The maximum number of items that are compared at an edge.
ITEMS = 128
# The kinds of items that are not characters.
DROPPED = np.int64(-1)
RETWEET = np.int64(-2)
_TAG = np.int64(-3)
FORWARDS, BACKWARDS = np.int64(0), np.int64(1)


class Items(NamedTuple):
    """The kind of each item, a code point or one of the kinds above, and its place."""

    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def new_items() -> Items:
    return Items(*(np.empty(ITEMS, np.int64) for _ in Items._fields))


@helper
def is_blank(code):
    """Return whether a code point is white space."""
    return (
        is_ascii_blank(code)
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


@helper(inline="always")
def is_zero_width(code):
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
    return 0 <= code < 0x110000 and kind_of(entry_of(code, tables)) == IGNORED


@helper
def find_items(codes, low, high, length, backwards, tables, items):
    """Find the items of ``codes[low:high]`` in a text of ``length`` code points, from
    ``low`` on, or from ``high`` back; only the first ones if there are too many. Return
    their number.
    """
    n = 0
    i = low
    while i < high:
        if n == ITEMS:
            if not backwards:
                break
            n = ITEMS // 2
            for k in range(n):
                items.kinds[k] = items.kinds[n + k]
                items.starts[k] = items.starts[n + k]
                items.ends[k] = items.ends[n + k]
        after = after_dropped(codes, i, length, tables)
        if after > i:
            items.kinds[n] = RETWEET if codes[i] | CASE == _R else DROPPED
            if codes[i] == LESS and after_tag(codes, i, length, tables) > i:
                items.kinds[n] = _TAG
        elif not is_blank(codes[i]):
            after = i + 1
            items.kinds[n] = codes[i]
        if after > i:
            items.starts[n], items.ends[n] = i, after
            n += 1
        i = max(after, i + 1)
    if backwards:
        for k in range(n // 2):
            for column in items:
                column[k], column[n - 1 - k] = column[n - 1 - k], column[k]
    return n


@helper(inline="always")
def _alike(a, b):
    return a == b or (RETWEET <= a < 0 and RETWEET <= b < 0)


@helper
def alike_items(a, n, b, m, tables):
    """Pair the ``n`` items of the record with the ``m`` items of the tweet, from the
    first on, until two differ; faint items of either may be skipped.

    Return the indices of the last pair (-1 if there is none), the index of the first
    item of the record after it that is not faint, and whether all further items of the
    tweet are faint.
    """
    p, q = -1, -1
    i, j = 0, 0
    while i < n and j < m:
        if _alike(a.kinds[i], b.kinds[j]):
            p, q = i, j
            i += 1
            j += 1
        elif _is_faint(a.kinds[i], tables):
            i += 1
        elif _is_faint(b.kinds[j], tables):
            j += 1
        else:
            break
    while i < n and _is_faint(a.kinds[i], tables):
        i += 1
    while j < m and _is_faint(b.kinds[j], tables):
        j += 1
    return p, q, i, j == m
