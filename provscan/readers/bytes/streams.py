"""The bytes of a split, taken from its archive, decompressed, converted to UTF-8 and
cut into chunks; and the lines in these bytes.

A file that breaks off (a truncated archive, a damaged block, a decompression bomb)
raises no error: the bytes before the break are yielded, and :attr:`ByteStream.damage`
says what happened.
"""

from __future__ import annotations

import codecs
import itertools
import lzma
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import IO, NamedTuple

import numpy as np

from provscan.errors import InputError, OutputError
from provscan.kernels.canonical.utf8 import newlines
from provscan.readers.bytes.budget import ExpansionError, require_growth
from provscan.readers.bytes.compression import compression_of, expanded
from provscan.readers.bytes.files import open_file
from provscan.readers.limits import Limits
from provscan.readers.splits import STDIN, UNKNOWN, WEBDATASET, Context, Split
from provscan.readers.stats import Counts
from provscan.urls import is_remote

# The number of bytes from which the format of a file is determined.
HEAD_BYTES = 64 << 10
# The number of bytes that are read from an open file at a time.
PART = 64 << 10
# Maximum number of bytes of a separator of records.
TAIL = 1024
BOM = b"\xef\xbb\xbf"
REPLACED = "\ufffd"
# Bytes per code unit: the length of any text in the encoding is a multiple of it.
UNITS = {"utf-16": 2, "utf-32": 4}


class Block(NamedTuple):
    """Whole lines: the number of the first line, the number of lines, and their bytes
    without the last newline.
    """

    first: int
    lines: int
    data: bytes | memoryview
    # False for the last line of a file that has no newline at its end.
    ended: bool = True


class ByteStream:
    """An iterator over the bytes of a split as UTF-8, in chunks of about
    ``limits.chunk``.

    After the last chunk, ``damage`` says why the file ended early, or is None.
    ``compression`` is that of the split, or is determined from the first bytes if the
    format of the split is not known yet.
    """

    def __init__(self, split: Split, context: Context) -> None:
        self.split = split
        self.context = context
        self.compression = split.compression
        self.damage: str | None = None
        self._first = b""
        self._others: Iterator[bytes] | None = None

    @property
    def counts(self) -> Counts:
        """The counts to which the records of the split are added."""
        return self.context.stats.of(self.split.source)

    def peek(self) -> bytes:
        """Return the first chunk, decompressed but not decoded; empty if there is
        none.

        Iteration yields this chunk again, decoded according to the layout that the
        split then has.
        """
        if self._others is None:
            self._others = self._chunks()
            self._first = next(self._others, b"")
        return self._first

    def break_off(self, reason: str) -> None:
        """Note the reason why the file ends here, unless one is known."""
        self.damage = self.damage or reason
        if not self.context.breaks:
            self.context.breaks.append(self.damage)

    def __iter__(self) -> Iterator[bytes]:
        layout = self.split.layout
        chunks = self._all()
        # The encoding of a webdataset is that of the files in it.
        if layout.encoding is not None and self.split.format != WEBDATASET:
            chunks = self._as_utf8(chunks, layout.encoding)
        if self.split.part == 0:
            chunks = _without_mark(chunks)
        for chunk in chunks:
            yield chunk.replace(b"\r", b"\n") if layout.cr else chunk

    def _all(self) -> Iterator[bytes]:
        first = self.peek()
        self._first = b""
        if first:
            yield first
        del first
        assert self._others is not None
        yield from self._others

    def _chunks(self) -> Iterator[bytes]:
        split = self.split
        with ExitStack() as opened:
            try:
                yield from self._decompressed(self._file(opened))
            except ExpansionError as error:
                self.break_off(str(error))
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
                self.break_off(f"damaged zip archive ({error})")
            except (OSError, RuntimeError, NotImplementedError) as error:
                reason = getattr(error, "strerror", None) or error
                if not is_remote(split.path):
                    raise InputError(
                        f"{split.source} can't be read: {reason}"
                    ) from error
                self.break_off(f"it can't be read further: {reason}")

    def _file(self, opened: ExitStack) -> IO[bytes]:
        split = self.split
        if split.path == STDIN:
            return sys.stdin.buffer
        if split.archive == "zip":
            assert split.member is not None
            archive = opened.enter_context(
                zipfile.ZipFile(opened.enter_context(open_file(split.path)))
            )
            return opened.enter_context(archive.open(split.member))
        # A read from a pipe may return a single byte; the buffer waits for more.
        pipe = split.format == UNKNOWN and not is_remote(split.path)
        file = opened.enter_context(open_file(split.opened, buffered=pipe))
        if split.start:
            file.seek(split.start)
        return file

    def _decompressed(self, file: IO[bytes]) -> Iterator[bytes]:
        limits, raw = self.context.limits, self._raw(file)
        first = next(raw, b"")
        shown = compression_of(first)
        if self.split.format == UNKNOWN:
            self.compression = shown
        elif first and self.compression not in (None, shown):
            raise InputError(
                f"{self.split.source} is not a {self.compression} file: it starts with "
                f"{first[:4].hex(' ')}. Rename it to match its content."
            )
        raw = itertools.chain([first], raw)
        if self.compression is not None:
            raw = expanded(raw, self.compression, limits, self.break_off)
        yield from _gathered(raw, limits.chunk)

    def _raw(self, file: IO[bytes]) -> Iterator[bytes]:
        zipped = self.split.archive == "zip"
        whole = self.split.end < 0 or zipped
        left = sys.maxsize if whole else self.split.end - self.split.start
        given = 0
        while left > 0 and (raw := file.read(min(self.context.limits.chunk, left))):
            left -= len(raw)
            if not zipped:
                self.context.consumed(len(raw))
            elif given < self.split.size:  # a member's size is its size in the archive
                self.context.consumed(min(len(raw), self.split.size - given))
            given += len(raw)
            require_growth(
                given, self.split.size if zipped else given, self.context.limits
            )
            yield raw
        if left > 0 and not whole:
            self.break_off(f"it is {left:,} bytes shorter than when it was found")
        if zipped and given < self.split.size:
            self.context.consumed(self.split.size - given)

    def _as_utf8(self, parts: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        decode = codecs.getincrementaldecoder(encoding)("replace").decode
        at = self.split.start
        for part in itertools.chain(parts, [b""]):
            try:
                text = decode(part, not part)
            except UnicodeError as error:
                raise InputError(
                    f"{self.split.source} is not {encoding} ({error}): give --encoding "
                    f"{encoding}-le or {encoding}-be, "
                    "or leave out --encoding to have it detected"
                ) from None
            if bad := text.count(REPLACED):
                where = (
                    f"bytes that are not {encoding} were replaced by U+FFFD, from byte "
                    f"{at:,} of the text on"
                )
                self.counts.note("not_in_encoding", 0, where, bad)
            at += len(part)
            yield text.encode("utf-8", "replace")
        unit = next(
            (size for name, size in UNITS.items() if encoding.startswith(name)), 1
        )
        if at % unit and self.damage is None:
            self.break_off(
                f"{at:,} bytes are not a whole number of characters in {encoding}: "
                "it is cut off, or it lost bytes and the text after them was misread"
            )


class OpenStream(ByteStream):
    """The bytes of a file that is open already, such as a member of an archive; they
    are not counted as read.
    """

    def __init__(self, split: Split, context: Context, file: IO[bytes]) -> None:
        super().__init__(split, context)
        self._open = file

    def _file(self, opened: ExitStack) -> IO[bytes]:
        return self._open

    def _raw(self, file: IO[bytes]) -> Iterator[bytes]:
        while data := file.read(PART):
            yield data


def look(split: Split, limits: Limits) -> tuple[bytes, str | None]:
    """Return the first bytes of a file, decompressed, and its compression."""
    stream = ByteStream(
        replace(split, format=UNKNOWN), Context.quiet(replace(limits, chunk=HEAD_BYTES))
    )
    head = stream.peek()[:HEAD_BYTES]
    if not head and stream.damage is not None and is_remote(split.path):
        raise InputError(
            f"{split.source} can't be read: {stream.damage.partition(': ')[2]}"
        )
    return head, stream.compression


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for first in chunks:
        yield first[len(BOM) :] if first[: len(BOM)] == BOM else first
        break
    yield from chunks


def unpack_into(stream: ByteStream, copy: IO[bytes]) -> None:
    """Write a stream into a temporary file. The file must be unbuffered: a buffer
    would be flushed again when it is closed.
    """
    for chunk in stream:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[copy.write(rest) :]
        except OSError as error:
            raise OutputError(
                f"{stream.split.source} has to be unpacked, and that failed in "
                f"{tempfile.gettempdir()} ({error.strerror or error}): free some space "
                "there, or name another folder with the environment variable TMPDIR"
            ) from error


def _gathered(parts: Iterator[bytes], chunk: int) -> Iterator[bytes]:
    """Join small parts, so that pipes and files yield chunks of about the same
    size.
    """
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= chunk:
            yield held[0] if len(held) == 1 else b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def lines(stream: ByteStream) -> Iterator[Block]:
    """Yield the lines of a stream in blocks of whole lines.

    A line longer than ``limits.record_bytes`` is skipped and counted. The unfinished
    last line of a damaged stream is left out.
    """
    limit = stream.context.limits.record_bytes
    number = stream.split.first_record
    # Parts of a line whose end has not been read; a line that is too long keeps none.
    begun: list[bytes] = []
    size = 0
    for chunk in stream:
        cut = chunk.rfind(b"\n")
        if cut >= 0:
            end = chunk.find(b"\n")
            if size + end > limit:
                _too_long(stream, number, size + end)
                number += 1
                begun, chunk, cut = [], chunk[end + 1 :], cut - end - 1
            if cut >= 0:
                block = b"".join([*begun, memoryview(chunk)[:cut]])
                count = newlines(np.frombuffer(block, np.uint8)) + 1
                yield Block(number, count, block)
                number += count
                del block
            begun, chunk, size = [], chunk[cut + 1 :], 0
        begun.append(chunk)
        size += len(chunk)
        if size > limit:
            begun = []
    if size > limit:
        _too_long(stream, number, size)
    elif size and stream.damage is None:
        yield Block(number, 1, b"".join(begun), ended=False)


def cut(
    stream: ByteStream, separator: re.Pattern[bytes]
) -> Iterator[list[tuple[bytes | None, bytes]]]:
    """Yield the stretches of a stream between the matches of a separator, each with
    the separator after it, in one list for each chunk.

    A stretch longer than ``limits.record_bytes`` is None. A separator has at most
    :data:`TAIL` bytes, including those that it looks ahead to.
    """
    data, searched, whole = bytearray(), 0, True
    for chunk in stream:
        data += chunk
        found: list[tuple[bytes | None, bytes]] = []
        at = 0
        for match in separator.finditer(data, searched):
            found.append((bytes(data[at : match.start()]) if whole else None, match[0]))
            at, whole = match.end(), True
        del data[:at]
        if len(data) > stream.context.limits.record_bytes:
            whole = False
            del data[:-TAIL]
        searched = max(len(data) - TAIL, 0)
        yield found
    if data:
        yield [(bytes(data) if whole else None, b"")]


def _too_long(stream: ByteStream, number: int, size: int) -> None:
    detail = (
        f"a line of {size:,} bytes, above the limit of "
        f"{stream.context.limits.record_bytes:,}"
    )
    stream.counts.skip("record_too_long", number, detail)
