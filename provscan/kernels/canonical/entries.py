"""Entries of the tables (:mod:`provscan.text.tables`), and ASCII characters that an
accent makes other letters.
"""

import numpy as np

from provscan.kernels.characters import CASE, GREATER, LESS, SEMICOLON, A
from provscan.kernels.jit import helper

_KELVIN, _K = np.uint32(0x212A), np.uint32(ord("K"))
_GREEK_QUESTION_MARK = np.uint32(0x037E)
# What :func:`ascii_of` returns for a character that is not ASCII.
NOT_ASCII = np.uint32(128)
# The kinds of entries in the tables (:mod:`provscan.text.tables`) that are handled
# separately.
IGNORED, EXPANDED = 1, 3


@helper(forceinline=True)
def entry_of(code, tables):
    """Return the entry of a code point below U+110000 in the tables."""
    return tables.entries[tables.pages[code >> 8], code & 0xFF]


@helper(forceinline=True)
def kind_of(entry):
    return entry >> 24 & 7


@helper(forceinline=True)
def composes(entry):
    """Return whether the output may compose with the previous code point."""
    return entry & 0x8000000 != 0


@helper(forceinline=True)
def value_of(entry):
    """Return an entry's payload: its output, or its offset in the expansions."""
    return entry & 0x1FFFFF


@helper(forceinline=True)
def rank_of(entry):
    """Return the rank of an output among marks that follow a letter, 0 for others."""
    return entry >> 28


@helper
def _is_accented(codes, i, count, tables):
    """Return whether an accent that may compose with an ASCII character (U+0300 to
    U+0344) is among the marks from ``i`` on.
    """
    while i < count and 0x300 <= codes[i] < 0x110000:
        if codes[i] <= 0x344:
            return True
        entry = entry_of(codes[i], tables)
        if kind_of(entry) == EXPANDED:
            entry = entry_of(tables.expansions[value_of(entry) + 1], tables)
        if kind_of(entry) != IGNORED and rank_of(entry) == 0:
            return False
        i += 1
    return False


@helper
def _ascii_in_all_forms(codes, i, count, tables):
    code = codes[i]
    if code == _KELVIN:
        code = _K
    elif code == _GREEK_QUESTION_MARK:
        code = np.uint32(SEMICOLON)
    letter = (code | CASE) - np.uint32(A) < np.uint32(26)
    if code >= NOT_ASCII or (
        (letter or LESS <= code <= GREATER)
        and _is_accented(codes, i + 1, count, tables)
    ):
        return NOT_ASCII
    return code


@helper(forceinline=True)
def ascii_of(codes, i, count, tables):
    """Return code point ``i`` if it is ASCII in all normalisation forms of the text,
    else :data:`NOT_ASCII`.

    A letter with an accent after it is one character in NFC. The kelvin sign and the
    Greek question mark are ASCII there.
    """
    code = codes[i]
    if code < NOT_ASCII and (i + 1 == count or codes[i + 1] < 0x300):
        return code
    return _ascii_in_all_forms(codes, i, count, tables)
