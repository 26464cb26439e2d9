"""Plain text: one record a line, of any length.

A line that is longer than a piece (see :mod:`provscan.readers.schema`) is delivered while it is being read, so a
file without a single newline takes no more memory than one with short lines.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pyarrow as pa

from provscan.readers.columns import Columns
from provscan.readers.pieces import Pieces
from provscan.readers.schema import PIECE
from provscan.readers.stats import ReadStats
from provscan.readers.streams import ByteStream

BROKEN = "bytes replaced by U+FFFD"


def read_text(stream: ByteStream, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """The lines of one split, but for blank ones; the last one even where the file broke off."""
    split = stream.split
    number = split.first_record
    held: list[bytes] = []
    size = 0
    long: _LongLine | None = None
    anything = False
    for chunk in stream:
        anything = True
        if long is not None:
            end = chunk.find(b"\n")
            yield from long.feed(chunk if end < 0 else chunk[:end], last=end >= 0)
            if end < 0:
                continue
            long = None
            number += 1
            chunk = chunk[end + 1 :]
        cut = chunk.rfind(b"\n")
        if cut < 0:
            held.append(chunk)
            size += len(chunk)
            if size > PIECE:
                long = _LongLine(number, split.source, stats)
                yield from long.feed(b"".join(held))
                held, size = [], 0
            continue
        lines = b"".join([*held, chunk[:cut]]).split(b"\n")
        yield _batch(number, lines, split.source, stats)
        number += len(lines)
        held = [chunk[cut + 1 :]]
        size = len(held[0])
    if long is not None:
        yield from long.feed(b"", last=True)
    elif size:
        yield _batch(number, [b"".join(held)], split.source, stats)
    if not anything and split.start == 0 and stream.damage is None:
        stats.note("empty_file", split.source)


def _batch(first: int, lines: list[bytes], source: str, stats: ReadStats) -> pa.RecordBatch:
    numbers: list[int] = []
    texts: list[str] = []
    for number, line in enumerate(lines, first):
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="replace")
            stats.repair("invalid_utf8", source, number, BROKEN)
        if text and not text.isspace():
            numbers.append(number)
            texts.append(text.removesuffix("\r"))
    return Columns(source, numbers, list(texts)).batch(stats)


class _LongLine:
    """One line that comes in chunks of bytes and leaves in pieces."""

    def __init__(self, number: int, source: str, stats: ReadStats) -> None:
        self._number = number
        self._source = source
        self._tally = stats
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._pieces = Pieces(Columns(source, [number], [""]).batch(stats))
        self._held = ""
        self._broken = False

    def _text(self, data: bytes, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            if not self._broken:
                self._broken = True
                self._tally.repair("invalid_utf8", self._source, self._number, BROKEN)
                pending = error.object[: len(error.object) - len(data)]
                self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
                return self._decode(pending + data, last)
            raise

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[pa.RecordBatch]:
        """Take the next bytes and give the pieces that are complete."""
        text = self._held + self._text(data, last)
        # It may be the half of a line end.
        self._held = "\r" if text.endswith("\r") else ""
        yield from self._pieces.feed(text.removesuffix("\r"))
        if last and (self._pieces.start or not self._pieces.blank()):
            yield self._pieces.finish()
