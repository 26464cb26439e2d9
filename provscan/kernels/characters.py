"""Names of ASCII characters, as uint8; values of hexadecimal digits; white space;
scripts without spaces."""

import numpy as np

from provscan.kernels.jit import helper

TAB, NEWLINE, VERTICAL_TAB = np.frombuffer(b"\t\n\v", np.uint8)
FORM_FEED, RETURN, SPACE = np.frombuffer(b"\f\r ", np.uint8)
QUOTE, HASH, AMPERSAND, PLUS, COMMA = np.frombuffer(b'"#&+,', np.uint8)
MINUS, DOT, SLASH, COLON, SEMICOLON = np.frombuffer(b"-./:;", np.uint8)
LESS, EQUALS, GREATER, AT = np.frombuffer(b"<=>@", np.uint8)
BRACKET, BACKSLASH, END_BRACKET, UNDERSCORE = np.frombuffer(b"[\\]_", np.uint8)
BRACE, END_BRACE = np.frombuffer(b"{}", np.uint8)
# Digits, and lower-case letters.
ZERO, NINE, A, F, Z = np.frombuffer(b"09afz", np.uint8)
# The bit by which a lower-case letter differs from its capital.
CASE = np.uint8(0x20)


@helper
def digit_value(code):
    """Return the value of a hexadecimal digit, given its code point as int64; -1 for
    any other character.
    """
    if ZERO <= code <= NINE:
        return code - ZERO
    letter = code | CASE
    return letter - A + 10 if A <= letter <= F else np.int64(-1)


@helper(forceinline=True)
def is_ascii_blank(code):
    """Return whether a character is ASCII white space."""
    return code == SPACE or TAB <= code <= RETURN


# The first code point for which `is_unspaced` is true.
FIRST_UNSPACED = np.uint32(0x0E00)


@helper
def is_unspaced(code):
    """Return whether a code point belongs to a script that is written without spaces,
    or in which they come and go: Thai, Lao, Burmese, Hangul, Ethiopic, Khmer, kana,
    bopomofo, Han.
    """
    return code >= 0x0E00 and (
        code < 0x0F00
        or 0x1000 <= code < 0x10A0
        or 0x1100 <= code < 0x13A0
        or 0x1780 <= code < 0x1800
        or 0x2D80 <= code < 0x2DE0
        or 0x3040 <= code < 0x3130
        or 0x3400 <= code < 0xA000
        or 0xA960 <= code < 0xA980
        or 0xAB00 <= code < 0xAB30
        or 0xAC00 <= code < 0xD800
        or 0xF900 <= code < 0xFB00
        or 0x1E7E0 <= code < 0x1E800
        or 0x20000 <= code < 0x32000
    )
