"""A text that comes bit by bit, cut into pieces (see :mod:`provscan.readers.schema`)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from provscan.readers.protocol import Context, Piece


class Pieces:
    """Cuts one text into pieces of ``limits.piece`` code points, while it comes."""

    def __init__(self, number: int, source: str, context: Context) -> None:
        self._number = number
        self._source = source
        self._context = context
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._start = 0
        # As UTF-8: one emoji makes a str of 16 Mi code points take 64 MiB.
        self._parts: list[bytes] = []
        self._length = 0
        self._tail = ""
        self._held = ""

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[Piece]:
        """Take the next bytes and give the pieces that are complete."""
        limits = self._context.limits
        text = self._held + self._text(data, last)
        # It may be the half of a line end.
        self._held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        while self._length + len(text) > limits.piece:
            room = limits.piece - self._length
            self._add(text[:room])
            text = text[room:]
            yield Piece(self._number, b"".join(self._parts), self._start, self._start + limits.piece, False)
            self._start += limits.piece - limits.overlap
            self._parts, self._length = [self._tail.encode()], limits.overlap
        self._add(text)
        if last and (self._start or any(part and not part.isspace() for part in self._parts)):
            yield Piece(self._number, b"".join(self._parts), self._start, self._start + self._length, True)

    def _text(self, data: bytes, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            self._context.stats.repair("invalid_utf8", self._source, self._number, "bytes replaced by U+FFFD")
            pending = error.object[: len(error.object) - len(data)]
            self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            return self._decode(pending + data, last)

    def _add(self, text: str) -> None:
        overlap = self._context.limits.overlap
        self._parts.append(text.encode())
        self._length += len(text)
        self._tail = text[-overlap:] if len(text) >= overlap else (self._tail + text)[-overlap:]
