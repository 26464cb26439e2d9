"""Bytes up to the next one that ends a stretch of a value: found, and copied."""

import numpy as np

from provscan.kernels.jit import helper

_BLOCK = 32
QUOTE, BACKSLASH, NEWLINE, CR = (
    np.uint8(0x22),
    np.uint8(0x5C),
    np.uint8(0x0A),
    np.uint8(0x0D),
)
# Whether control characters end a stretch as well.
CONTROL, NO_CONTROL = np.uint8(0), np.uint8(0xFF)


@helper
def find_byte(text, at, first, second, third, control):
    """The place of the next of three bytes in ``text``, uint8[m], or of a control
    character; or the end.

    The bytes are uint8, ``control`` is :data:`CONTROL` or :data:`NO_CONTROL`.
    """
    while at + _BLOCK <= len(text):
        # The least of what is 0 for such a byte: unlike comparisons, this is done for
        # all bytes at once.
        part, least = text[at : at + _BLOCK], np.uint8(0xFF)
        for k in range(_BLOCK):
            c = part[k]
            differs = min(np.uint8(c ^ first), np.uint8(c ^ second))
            others = min(
                np.uint8(c ^ third), np.uint8(np.uint8(c >> np.uint8(5)) | control)
            )
            least = min(least, min(differs, others))
        if least == 0:
            break
        at += _BLOCK
    while at < len(text):
        c = text[at]
        if c in (first, second, third) or (c >> np.uint8(5)) | control == 0:
            break
        at += 1
    return at


@helper
def copy_bytes(part, out, n):
    """Write uint8 ``part`` to ``out`` from ``n``; its end."""
    room = out[n : n + len(part)]
    for i in range(len(part)):
        room[i] = part[i]
    return n + len(part)
