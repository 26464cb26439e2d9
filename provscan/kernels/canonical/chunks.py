"""Cut long texts into chunks that can be made canonical separately."""

import numpy as np

from provscan.kernels.canonical.tokens import ATTRIBUTES
from provscan.kernels.characters import (
    AMPERSAND,
    CASE,
    GREATER,
    HASH,
    LESS,
    NEWLINE,
    RETURN,
    A,
    is_ascii_blank,
)
from provscan.kernels.jit import helper, kernel

_H, _L, _P, _R, _W, _Z = np.frombuffer(b"hlprwz", np.uint8)
# The maximum number of bytes of a tag, including character references.
_TAG_BYTES = 8 * ATTRIBUTES


@helper(inline="always")
def _opened_tag(text, low, high, opened):
    """Return the last place before ``high`` where a tag may begin, if the tag does not
    end before ``high``; otherwise -1.

    ``opened`` is the result for ``low``, so only ``text[low:high]`` and the byte after
    it are read.

    The tag's bracket may be a character reference: ``&lt;``, ``&#60;``, ``&amp;lt;``.
    """
    for i in range(high - 1, low - 1, -1):
        if text[i] == GREATER or text[i] == NEWLINE or text[i] == RETURN:
            return np.int64(-1)
        after = text[i + 1] | CASE
        letter = after == _L or after == A or text[i + 1] == HASH
        if text[i] == LESS or (text[i] == AMPERSAND and letter):
            return np.int64(i)
    return opened


@helper(inline="always")
def _is_kept_letter(text, at):
    """Return whether the character at ``at`` is a letter that is kept in every
    canonical text: an ASCII letter with which nothing begins that may be dropped (a
    link, ``RT @name``), or a common Latin, Greek, Cyrillic, Hebrew or Arabic letter.
    """
    c = text[at] | CASE
    if text[at] < 0x80:
        return A <= c <= _Z and c != _H and c != _P and c != _R and c != _W
    c, after = text[at], text[at + 1]
    return (
        (c == 0xC3 and after != 0x97 and after != 0xB7)
        or 0xC4 <= c <= 0xC6
        or (c == 0xCE and after >= 0x88)
        or (c == 0xCF and after < 0xB6)
        or c == 0xD0
        or c == 0xD1
        or (c == 0xD7 and 0x90 <= after < 0xAB)
        or (c == 0xD8 and 0xA1 <= after < 0xBB)
        or (c == 0xD9 and 0x81 <= after < 0x8B)
        or c == 0xDA
    )


@helper(inline="always")
def _cut(text, start, stop, size, cuts, n):
    """Write the places at which to cut ``text[start:stop]`` to ``cuts[n:]``, and return
    the number of cuts so far; see :func:`cut_texts`.
    """
    at, seen, opened = start + size, start, np.int64(-1)
    while at < stop:
        if is_ascii_blank(text[at - 1]) and _is_kept_letter(text, at):
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
    letter that is kept and not inside what may be a tag. Otherwise, a mark later in the
    chunk could be composed with the last letter of the chunk before (``か http://x ゙``).

    Fill int64 ``cuts`` with the starts of the chunks and the end of the last one, and
    int64 ``firsts[i]`` with the number of the first chunk of text i, ``firsts[-1]``
    with the number of chunks. Return this number.
    """
    n = np.int64(0)
    for i in range(len(offsets) - 1):
        firsts[i] = n
        cuts[n] = offsets[i]
        n = _cut(text, offsets[i], offsets[i + 1], size, cuts, n + 1)
    firsts[len(offsets) - 1] = n
    cuts[n] = offsets[len(offsets) - 1]
    return n
