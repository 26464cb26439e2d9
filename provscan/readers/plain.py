"""Plain text: one record a line, of any length.

A line that is longer than a piece (see :mod:`provscan.readers.schema`) is delivered while it is being read, so a
file without a single newline takes no more memory than one with short lines.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pyarrow as pa

from provscan.readers.batches import piece_batch
from provscan.readers.columns import Columns
from provscan.readers.schema import OVERLAP, PIECE
from provscan.readers.streams import ByteStream
from provscan.readers.tally import Tally

BROKEN = "bytes replaced by U+FFFD"


def read_text(stream: ByteStream, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The lines of one split, but for blank ones; the last one even where the file broke off."""
    split = stream.split
    number = split.first_record
    held: list[bytes] = []
    size = 0
    long: LongLine | None = None
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
                long = LongLine(number, split.source, tally)
                yield from long.feed(b"".join(held))
                held, size = [], 0
            continue
        lines = b"".join([*held, chunk[:cut]]).split(b"\n")
        yield _batch(number, lines, split.source, tally)
        number += len(lines)
        held = [chunk[cut + 1 :]]
        size = len(held[0])
    if long is not None:
        yield from long.feed(b"", last=True)
    elif size:
        yield _batch(number, [b"".join(held)], split.source, tally)
    if not anything and split.start == 0 and stream.damage is None:
        tally.note("empty_file", split.source)


def _batch(first: int, lines: list[bytes], source: str, tally: Tally) -> pa.RecordBatch:
    numbers: list[int] = []
    texts: list[str] = []
    for number, line in enumerate(lines, first):
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="replace")
            tally.repair("invalid_utf8", source, number, BROKEN)
        if text and not text.isspace():
            numbers.append(number)
            texts.append(text.removesuffix("\r"))
    return Columns(source, numbers, list(texts)).batch(tally)


class LongLine:
    """One line that comes in chunks of bytes and leaves in pieces of PIECE code points."""

    def __init__(self, number: int, source: str, tally: Tally) -> None:
        self.number = number
        self.source = source
        self._tally = tally
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._parts: list[str] = []
        self._length = 0
        self._start = 0
        self._broken = False

    def _text(self, data: bytes, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            if not self._broken:
                self._broken = True
                self._tally.repair("invalid_utf8", self.source, self.number, BROKEN)
                pending = error.object[: len(error.object) - len(data)]
                self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
                return self._decode(pending + data, last)
            raise

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[pa.RecordBatch]:
        """Take the next bytes and give the pieces that are complete."""
        text = self._text(data, last)
        self._parts.append(text)
        self._length += len(text)
        if self._length <= PIECE and not last:
            return
        text = "".join(self._parts)
        while len(text) > PIECE:
            yield self._piece(text[:PIECE], last=False)
            text = text[PIECE - OVERLAP :]
            self._start += PIECE - OVERLAP
        if last:
            text = text.removesuffix("\r")
            if self._start or (text and not text.isspace()):
                yield self._piece(text, last=True)
        self._parts, self._length = [text], len(text)

    def _piece(self, text: str, *, last: bool) -> pa.RecordBatch:
        batch = Columns(self.source, [self.number], [text]).batch(self._tally)
        if last and not self._start:
            return batch
        return piece_batch(batch, batch.column("text"), self._start, self._start + len(text), last=last)
