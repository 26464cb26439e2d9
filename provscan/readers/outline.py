"""Where the values of one JSON object stand, for an object that is too large to be parsed at once.

The object comes in chunks of bytes. What is remembered of it does not grow with it: the fields, nested ones too, and
where the value of each begins and ends. Searching for quotes and backslashes is left to C, one window at a time.

The object's own strings, numbers and punctuation are held to the grammar. Of lists, and of objects nested deeper than
:data:`~provscan.readers.fields.NESTING`, only strings and brackets are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from provscan.readers.fields import NESTING

# Fields that are looked at; what an object has beyond them is passed over.
MOST_FIELDS = 10_000

# Bytes of a key or a number. A longer key is passed over, a longer number is none.
SHORT = 64 << 10

# As deep as orjson goes.
MOST_NESTED = 1024

WINDOW = 64 << 10

# An escape that is not all there yet, or the first of a pair. Only where no backslash is escaped itself.
CUT = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")
PAIR = 12  # bytes of two escapes

SPACE = re.compile(rb"[ \t\r\n]*+")
WORD = re.compile(rb"[-+.0-9A-Za-z]*+")
SCALAR = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?|true|false|null|NaN|-?Infinity")
BAD_ESCAPE = re.compile(rb'\\(?:[^"\\/bfnrtu]|u(?![0-9a-fA-F]{4}))', re.DOTALL)
# Inside a list: everything but brackets, and strings that end before the chunk does.
NESTED = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")*+')

QUOTE, COMMA, COLON, BACKSLASH = b'",:\\'
OBJECT, OBJECT_END, LIST, LIST_END = b"{}[]"
CLOSING = {OBJECT: OBJECT_END, LIST: LIST_END}
NOTHING = -1


def uncut(plain: bytes) -> int:
    """Where the inside of a string can be cut without cutting an escape or a pair of surrogates.

    Takes it without its escaped backslashes: with any other two bytes in place of each pair of them.
    """
    found = CUT.search(plain, max(0, len(plain) - PAIR))
    return len(plain) if found is None else found.start()


class BadJSONError(ValueError):
    """What is wrong with a line, and where."""


class NoObjectError(BadJSONError):
    """The line begins as JSON, but not as an object."""


@dataclass(slots=True)
class Value:
    """The value of a field: bytes ``start`` to ``stop`` of the line.

    Attributes
    ----------
    first
        Its first byte, which tells its kind.
    fields
        The fields of an object.
    """

    first: int
    start: int
    stop: int
    fields: dict[str, Value]


def loads(text: bytes) -> Any:
    """A JSON value, strict or lenient, be its UTF-8 valid or not."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text.decode(errors="replace"), strict=False)


def outline(chunks: Iterable[bytes]) -> dict[str, Value] | None:
    """The fields of the object that a line holds; of equal keys the last counts.

    Returns
    -------
    dict or None
        None for a blank line.

    Raises
    ------
    BadJSONError
        The line is no JSON object; NoObjectError if it begins like JSON of another kind.
    """
    cursor = _Cursor(chunks)
    first = cursor.peek()
    if first == NOTHING:
        return None
    if first != OBJECT:
        kind = NoObjectError if first in (LIST, QUOTE) else BadJSONError
        raise kind(str(cursor.bad("expected {")))
    fields = _Outline(cursor).object(1)
    if cursor.peek() != NOTHING:
        raise cursor.bad("expected nothing more")
    return fields


class _Outline:
    def __init__(self, cursor: _Cursor) -> None:
        self._cursor = cursor
        self._room = MOST_FIELDS

    def object(self, depth: int) -> dict[str, Value]:
        """The fields of the object that begins at the cursor, which is left behind it."""
        cursor = self._cursor
        fields: dict[str, Value] = {}
        cursor.at += 1
        byte = cursor.peek()
        if byte == OBJECT_END:
            cursor.at += 1
            return fields
        while True:
            if byte != QUOTE:
                raise cursor.bad("expected a key")
            key = cursor.key()
            if cursor.peek() != COLON:
                raise cursor.bad("expected :")
            cursor.at += 1
            value = self._value(depth)
            if key is not None and (key in fields or self._room > 0):
                self._room -= key not in fields
                fields[key] = value
            byte = cursor.peek()
            if byte not in (COMMA, OBJECT_END):
                raise cursor.bad("expected , or }")
            cursor.at += 1
            if byte == OBJECT_END:
                return fields
            byte = cursor.peek()

    def _value(self, depth: int) -> Value:
        cursor = self._cursor
        value = Value(cursor.peek(), cursor.place, 0, {})
        if value.first == QUOTE:
            cursor.string()
        elif value.first == OBJECT and depth < NESTING:
            value.fields = self.object(depth + 1)
        elif value.first in CLOSING:
            cursor.nested()
        else:
            cursor.scalar()
        value.stop = cursor.place
        return value


class _Cursor:
    """A place in bytes that come in chunks; what lies before it is dropped.

    Attributes
    ----------
    data
        The bytes at hand.
    at
        The place in ``data``.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.data = b""
        self.at = 0
        self._before = 0
        self._chunks = iter(chunks)

    @property
    def place(self) -> int:
        """The place in the whole."""
        return self._before + self.at

    def bad(self, what: str) -> BadJSONError:
        found = self.data[self.at : self.at + 1]
        where = f"found {found.decode('latin-1')!r}" if found else "the line ends"
        return BadJSONError(f"{what}, {where} (byte {self.place + 1:,})")

    def more(self) -> bool:
        """Get the next bytes, if there are any."""
        chunk = next((chunk for chunk in self._chunks if chunk), b"")
        if chunk:
            self._before += self.at
            self.data = self.data[self.at :] + chunk
            self.at = 0
        return bool(chunk)

    def peek(self) -> int:
        """The next byte that is no white space; the cursor is moved there."""
        while True:
            self.at = _end(SPACE, self.data, self.at)
            if self.at < len(self.data):
                return self.data[self.at]
            if not self.more():
                return NOTHING

    def string(self) -> bytes | None:
        """Pass over a string; what stands between its quotes, None if that is more than SHORT bytes."""
        self.at += 1
        kept: list[bytes] | None = []
        size = 0
        while True:
            begin = self.at
            ended = self._stretch()
            size += self.at - begin
            if kept is not None:
                kept.append(self.data[begin : self.at])
                if size > SHORT:
                    kept = None
            if ended:
                self.at += 1
                return None if kept is None else b"".join(kept)
            if self.at == begin and not self.more():
                self.at = len(self.data)
                raise self.bad("expected the end of a string")

    def _stretch(self) -> bool:
        """Move towards the end of a string, past whole escapes only; whether it is reached."""
        window = self.data[self.at : self.at + WINDOW]
        quote = window.find(b'"')
        if window.find(b"\\", 0, quote if quote >= 0 else len(window)) < 0:
            self.at += quote if quote >= 0 else len(window)
            return quote >= 0
        # Without these two, each backslash begins another escape, and each quote is one.
        plain = window.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        quote = plain.find(b'"')
        stop = quote if quote >= 0 else uncut(plain)
        try:
            orjson.loads(b'"%b"' % window[:stop])
        except orjson.JSONDecodeError:  # or it is not UTF-8, or a window ends within a character
            wrong = BAD_ESCAPE.search(plain, 0, stop)
            if wrong is not None:
                self.at += wrong.start()
                raise self.bad("expected a valid escape") from None
        self.at += stop
        return quote >= 0

    def key(self) -> str | None:
        """Pass over a key; None if it is very long."""
        text = self.string()
        return None if text is None else str(loads(b'"%b"' % text))

    def nested(self) -> None:
        """Pass over a list or an object."""
        closing = bytearray()
        while True:
            self.at = _end(NESTED, self.data, self.at)
            if self.at == len(self.data):
                if not self.more():
                    raise self.bad("expected a closing bracket")
                continue
            byte = self.data[self.at]
            if byte == QUOTE:
                self.string()
                continue
            if byte in CLOSING:
                closing.append(CLOSING[byte])
                if len(closing) > MOST_NESTED:
                    raise BadJSONError(f"nested too deeply (byte {self.place + 1:,})")
            elif closing.pop() != byte:
                raise self.bad("expected another closing bracket")
            self.at += 1
            if not closing:
                return

    def scalar(self) -> None:
        """Pass over a number, true, false or null."""
        word = b""
        while True:
            begin = self.at
            self.at = _end(WORD, self.data, begin)
            word += self.data[begin : self.at]
            if len(word) > SHORT:
                raise BadJSONError(f"a number of more than {SHORT:,} digits (byte {self.place + 1:,})")
            if self.at < len(self.data) or not self.more():
                break
        if SCALAR.fullmatch(word) is None:
            self.at -= min(len(word), self.at)
            raise self.bad("expected a value")


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at)
    return at if found is None else found.end()
