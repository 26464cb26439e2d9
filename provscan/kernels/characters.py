"""Names of ASCII characters, as uint8; values of hexadecimal digits; white space."""

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
