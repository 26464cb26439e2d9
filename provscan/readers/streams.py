"""The bytes of a split, decompressed, in chunks; and the lines in them.

A file that breaks off (a truncated archive, a damaged block) does not raise: what came before the break is
delivered, and :attr:`ByteStream.damage` says what happened.
"""

from __future__ import annotations

import itertools
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import zstandard

from provscan.errors import InputError
from provscan.kernels.utf8 import newlines
from provscan.readers.schema import LINE_LIMIT
from provscan.readers.splits import STDIN, UNKNOWN, Split
from provscan.readers.stats import ReadStats

CHUNK = 1 << 20
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")

# Compressed bytes decoded at once. Deflate grows by up to 1,032 times, zstd by up to 32,768: this bounds the memory
# that a file of zeros can take.
STEP = {"gzip": 32 << 10, "zstd": 8 << 10}
MAGIC = {"gzip": b"\x1f\x8b", "zstd": (b"\x28\xb5\x2f\xfd")}
SKIPPABLE = b"\x2a\x4d\x18"

Progress = Callable[[int], None]


class Block(NamedTuple):
    """Some whole lines: the number of the first, how many they are, their bytes without the last newline."""

    first: int
    lines: int
    data: bytes


def _decoder(compression: str) -> Any:
    if compression == "gzip":
        return zlib.decompressobj(wbits=31)
    # Archives of social media are often written with --long=31.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def compression_of(head: bytes) -> str | None:
    """The compression that a file's first bytes show."""
    if head[1:4] == SKIPPABLE and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    return next((name for name, magic in MAGIC.items() if head.startswith(magic)), None)


class ByteStream:
    """Iterates over the decompressed bytes of a split in chunks of about 1 MiB.

    Attributes
    ----------
    damage
        After the last chunk: why the file ended early, or None.

    Raises
    ------
    InputError
        While iterating: the file can't be read, is not compressed as its name says, or is UTF-16.
    """

    def __init__(self, split: Split, stats: ReadStats | None = None, on_bytes: Progress | None = None) -> None:
        self.split = split
        self.damage: str | None = None
        self._tally = stats
        self._on_bytes = on_bytes
        self._iterator: Iterator[bytes] | None = None
        self._peeked = b""
        self._mark = 0

    def _consumed(self, count: int) -> None:
        if self._tally is not None:
            self._tally.bytes += count
        if self._on_bytes is not None:
            self._on_bytes(count)

    def peek(self) -> bytes:
        """The first chunk, which iteration will give again; empty if there is none."""
        if self._iterator is None:
            self._iterator = self._chunks()
            self._peeked = next(self._iterator, b"")
        return self._peeked

    def __iter__(self) -> Iterator[bytes]:
        first = self.peek()
        self._peeked = b""
        if first:
            yield first
        del first
        assert self._iterator is not None
        yield from self._iterator

    def _chunks(self) -> Iterator[bytes]:
        split = self.split
        try:
            if split.path == STDIN:
                yield from self._checked(self._of(sys.stdin.buffer))
                return
            # A pipe gives what it has, be it one byte; its buffer waits for more.
            with open(split.path, "rb", buffering=-1 if split.format == UNKNOWN else 0) as file:
                if split.start and not split.compression:
                    file.seek(split.start)
                yield from self._checked(self._of(file))
        except OSError as error:
            raise InputError(f"{split.source} can't be read: {error.strerror or error}") from error

    def _checked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks of a file from its beginning, without a byte-order mark."""
        if self.split.start == 0 and (first := next(chunks, b"")):
            if first.startswith(UTF16):
                raise InputError(f"{self.split.source} is UTF-16; convert it to UTF-8: iconv -f UTF-16 -t UTF-8")
            self._mark = len(BOM) if first.startswith(BOM) else 0
            yield first[self._mark :]
        yield from chunks

    @property
    def rereadable(self) -> bool:
        """Whether :meth:`reread` can be called."""
        return self.split.compression is None and self.split.format != UNKNOWN

    def reread(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes ``start`` to ``stop`` of the stream once more, in chunks, whatever was iterated over."""
        source = self.split.source
        try:
            with open(self.split.path, "rb", buffering=0) as file:
                file.seek(self.split.start + self._mark + start)
                while start < stop:
                    chunk = file.read(min(CHUNK, stop - start))
                    if not chunk:
                        raise InputError(f"{source} was cut short while it was read")
                    start += len(chunk)
                    yield chunk
        except OSError as error:
            raise InputError(f"{source} can't be read: {error.strerror or error}") from error

    def _raw(self, file: IO[bytes], step: int) -> Iterator[bytes]:
        left = self.split.end - self.split.start if self.split.end >= 0 else sys.maxsize
        while left > 0 and (raw := file.read(min(step, left))):
            left -= len(raw)
            self._consumed(len(raw))
            yield raw

    def _of(self, file: IO[bytes]) -> Iterator[bytes]:
        compression = self.split.compression
        raw = self._raw(file, CHUNK if compression is None else STEP[compression])
        if self.split.format == UNKNOWN:
            first = next(raw, b"")
            raw = itertools.chain([first], raw)
            compression = compression_of(first)
        return _gathered(raw if compression is None else self._decompressed(raw, compression))

    def _decompressed(self, parts: Iterator[bytes], compression: str) -> Iterator[bytes]:
        decoder = None
        first = True
        for raw in parts:
            if first and compression_of(raw) != compression:
                raise InputError(
                    f"{self.split.source} is no {compression} file: it starts with {raw[:4].hex(' ')}. "
                    "Name it after what it is."
                )
            first = False
            while raw:
                if decoder is None:
                    raw = raw.lstrip(b"\0")  # padding between members, as gzip itself allows
                    if not raw:
                        break
                    decoder = _decoder(compression)
                try:
                    data = decoder.decompress(raw)
                except (zlib.error, zstandard.ZstdError) as error:
                    self.damage = f"damaged {compression} data ({error})"
                    return
                if data:
                    yield data
                raw = decoder.unused_data if decoder.eof else b""
                if decoder.eof:
                    decoder = None
        if decoder is not None:
            self.damage = f"truncated {compression} file"


def _gathered(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Join small parts, so that a pipe and a file give the same chunks of at least CHUNK bytes."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= CHUNK:
            yield held[0] if len(held) == 1 else b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


class LongLine:
    """A line above LINE_LIMIT: iterates once over its bytes, in chunks, without the newline.

    Attributes
    ----------
    number
        Of the line.
    start
        Where in the stream it begins.
    size
        Bytes given so far.
    whole
        Once it was iterated over: whether the line is; False if the stream broke off in it.
    """

    def __init__(self, number: int, start: int, held: list[bytes], stream: ByteStream, chunks: Iterator[bytes]) -> None:
        self.number = number
        self.start = start
        self.size = 0
        self.whole = False
        self._held = deque(held)
        self._stream = stream
        self._chunks = chunks
        self._ended = False
        self._after = b""

    def __iter__(self) -> Iterator[bytes]:
        while self._held:
            self.size += len(self._held[0])
            yield self._held.popleft()
        while not self._ended and (chunk := next(self._chunks, b"")):
            line, newline, self._after = chunk.partition(b"\n")
            del chunk
            if newline:
                self._ended = self.whole = True
            self.size += len(line)
            yield line
        if not self._ended:
            self._ended = True
            self.whole = self._stream.damage is None

    def rest(self) -> bytes:
        """Pass over what is left of the line; the first bytes of the next."""
        for _ in self:
            pass
        return self._after


def lines(stream: ByteStream) -> Iterator[Block | LongLine]:
    """The lines of a stream: blocks of whole ones, and those above LINE_LIMIT one by one.

    A long line is to be iterated over before the next is asked for, or it is passed over. The last line of a stream
    that broke off is not whole and is left out, unless it is a long one.
    """
    number = stream.split.first_record
    chunks = iter(stream)
    held: list[bytes] = []
    size = position = 0
    ahead = b""
    while chunk := ahead or next(chunks, b""):
        ahead = b""
        cut = chunk.rfind(b"\n")
        if cut < 0:
            held.append(chunk)
            size += len(chunk)
            if size > LINE_LIMIT:
                line = LongLine(number, position, held, stream, chunks)
                held, size = [], 0
                del chunk
                yield line
                ahead = line.rest()
                number += 1
                position += line.size + 1
            continue
        position += size + cut + 1
        block = b"".join([*held, memoryview(chunk)[:cut]])
        held = [chunk[cut + 1 :]]
        size = len(held[0])
        first, count = number, newlines(np.frombuffer(block, np.uint8)) + 1
        number += count
        yield Block(first, count, block)
        del block
    if size and stream.damage is None:
        yield Block(number, 1, b"".join(held))


def short_lines(stream: ByteStream, stats: ReadStats) -> Iterator[Block]:
    """The lines of a stream but for those above LINE_LIMIT, which are passed over and counted."""
    for part in lines(stream):
        if isinstance(part, LongLine):
            part.rest()
            detail = f"a line of {part.size:,} bytes, above the limit of {LINE_LIMIT:,}"
            stats.skip("line_too_long", stream.split.source, part.number, detail)
        else:
            yield part
