"""Read the bytes of a split, taken from its archive, decompressed and converted to
UTF-8 (:class:`ByteStream`), and cut them into lines (:func:`lines`) or at other
separators (:func:`cut`).

A damaged file (a truncated archive, a damaged block, a decompression bomb) raises no
error: the bytes before the damage are yielded, and the ``damage`` of the stream's
context says what happened.
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
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import IO, NamedTuple

import numpy as np

from provscan.errors import InputError, OutputError
from provscan.kernels.canonical.utf8 import newlines
from provscan.names import counted
from provscan.readers.bytes.archives import open_zip
from provscan.readers.bytes.budget import ExpansionError
from provscan.readers.bytes.compression import compression_of, expanded
from provscan.readers.bytes.files import open_file
from provscan.readers.limits import Limits, with_chunk
from provscan.readers.splits import STDIN, UNKNOWN, Context, Split
from provscan.readers.stats import Counts

# The number of bytes from which the format of a file is determined.
HEAD_BYTES = 64 << 10
# Maximum number of bytes of a separator of records.
TAIL = 1024
BOM = b"\xef\xbb\xbf"
REPLACED = "\ufffd"


class Block(NamedTuple):
    """Consecutive lines of a file."""

    first: int  # The position of the first line.
    lines: int  # How many lines there are.
    data: bytes | memoryview  # Their bytes, without the last newline.
    # False for the last line of a file that has no newline at its end.
    ended: bool = True


class ByteStream:
    """An iterator over the bytes of a split as UTF-8, in chunks of about
    ``limits.chunk``.

    ``compression`` is the compression of the split. That of a pipe, a split of unknown
    format, is determined from its first bytes.
    """

    def __init__(self, split: Split, context: Context) -> None:
        self.split = split
        self.context = context
        self.compression = split.compression
        self._chunks: Iterator[bytes] = self._read()

    @property
    def counts(self) -> Counts:
        """The counts to which the records of the split are added."""
        return self.context.stats.for_source(self.split.source)

    def peek(self) -> bytes:
        """Return the first chunk, decompressed but not decoded; empty if there is none.

        Iteration yields this chunk again, decoded according to the layout that the
        split has at that time.
        """
        first = next(self._chunks, b"")
        self._chunks = itertools.chain([first] if first else [], self._chunks)
        return first

    def break_off(self, reason: str) -> None:
        """Note the reason why the file ends here, unless one is known."""
        self.context.break_off(reason)

    def __iter__(self) -> Iterator[bytes]:
        layout = self.split.layout
        # The stream keeps no reference to the iterator, so that the file is closed when
        # iteration is abandoned.
        chunks, self._chunks = self._chunks, iter(())
        if layout.encoding is not None:
            chunks = self._as_utf8(chunks, layout.encoding)
        if self.split.part == 0:
            chunks = _without_mark(chunks)
        for chunk in chunks:
            yield chunk.replace(b"\r", b"\n") if layout.cr else chunk

    def _read(self) -> Generator[bytes]:
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
                raise InputError(f"{split.source} can't be read: {reason}") from error

    def _file(self, opened: ExitStack) -> IO[bytes]:
        split = self.split
        if split.path == STDIN:
            return sys.stdin.buffer
        if split.archive == "zip":
            assert split.member is not None
            return opened.enter_context(open_zip(split.path).open(split.member))
        file = opened.enter_context(open_file(split.opened, buffered=False))
        if split.start:
            file.seek(split.start)
        return file

    def _decompressed(self, file: IO[bytes]) -> Iterator[bytes]:
        limits = self.context.limits
        # A read from a pipe may return a single byte.
        raw = _gathered(self._raw(file), limits.chunk)
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
        start, end, context = self.split.start, self.split.end, self.context
        left = sys.maxsize if end < 0 else end - start
        while left > 0 and (raw := file.read(min(context.limits.chunk, left))):
            left -= len(raw)
            context.consumed(len(raw))
            yield raw
        if left > 0 and end >= 0:
            self.break_off(
                f"it is {counted(left, 'byte')} shorter than when it was found"
            )

    def _as_utf8(self, parts: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        decode = codecs.getincrementaldecoder(encoding)("replace").decode
        at = 0
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
        # At the end, the decoder returns what remains of an incomplete character.
        if text:
            self.break_off(
                f"it ends within a character of {encoding}: it is cut off, or it lost "
                "bytes and the text after them was misread"
            )


def head_of(split: Split, limits: Limits) -> tuple[bytes, str | None]:
    """Return the first bytes of a file, decompressed, and the name of the file's
    compression.
    """
    stream = ByteStream(
        replace(split, format=UNKNOWN), Context.quiet(with_chunk(limits, HEAD_BYTES))
    )
    with closing(stream._read()) as chunks:
        return next(chunks, b"")[:HEAD_BYTES], stream.compression


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for first in chunks:
        yield first[len(BOM) :] if first[: len(BOM)] == BOM else first
        break
    yield from chunks


def unpack_into(stream: ByteStream, copy: IO[bytes]) -> None:
    """Write a stream into a temporary file. The file must be unbuffered: if the disk is
    full, closing a buffered file would raise the error again.
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
    small: list[bytes] = []
    size = 0
    for part in parts:
        small.append(part)
        size += len(part)
        if size >= chunk:
            yield small[0] if len(small) == 1 else b"".join(small)
            small, size = [], 0
    if size:
        yield b"".join(small)


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
    elif size and stream.context.damage is None:
        yield Block(number, 1, b"".join(begun), ended=False)


def cut(
    stream: ByteStream, separator: re.Pattern[bytes]
) -> Iterator[list[tuple[bytes | None, bytes]]]:
    """Yield the parts of a stream between the matches of a separator, each with the
    separator after it, in one list for each chunk.

    A part longer than ``limits.record_bytes`` is None. A separator has at most
    :data:`TAIL` bytes, including those that a lookahead matches.
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
