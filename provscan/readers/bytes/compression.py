"""Decompress files (:func:`expanded`) and compress them (:func:`compressing`).

Each compression has an entry in :data:`COMPRESSIONS`. To add one, add its entry, and
the errors of its decoder to :data:`DECODER_ERRORS`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import zstandard

from provscan.readers.bytes.budget import require_bounded
from provscan.readers.limits import Limits


@dataclass(frozen=True)
class Compression:
    """How files of one compression are recognised and decompressed."""

    name: str
    extensions: tuple[str, ...]
    # The first bytes of a file.
    magic: bytes
    # Makes a decoder for one member or frame. A decoder has ``decompress``, ``eof`` and
    # ``unused_data``, as the decoders of the standard library have.
    decoder: Callable[[], Any]
    # Opens a file that writes compressed data to another file.
    writer: Callable[[IO[bytes]], AbstractContextManager[Any]]
    # The number of compressed bytes that are decoded at once, which limits the output
    # of decoders without a limit of their own.
    step: int
    # Whether members may be followed by zero bytes.
    padded: bool = False


def _zstd_decoder() -> Any:
    # Social media archives are often compressed with --long=31.
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _zstd_writer(out: IO[bytes]) -> AbstractContextManager[Any]:
    # The writers of a compressor share its state, so each file gets its own compressor.
    return zstandard.ZstdCompressor().stream_writer(out, closefd=False)


COMPRESSIONS = {
    known.name: known
    for known in (
        Compression(
            "gzip",
            (".gz", ".gzip"),
            b"\x1f\x8b",
            lambda: zlib.decompressobj(wbits=31),
            partial(gzip.GzipFile, "", "wb", 6, mtime=0),
            step=32 << 10,
            padded=True,
        ),
        Compression(
            "bzip2",
            (".bz2",),
            b"BZh",
            bz2.BZ2Decompressor,
            partial(bz2.BZ2File, mode="wb"),
            step=16 << 10,
        ),
        Compression(
            "xz",
            (".xz", ".lzma"),
            b"\xfd7zXZ\0",
            lambda: lzma.LZMADecompressor(memlimit=512 << 20),
            partial(lzma.LZMAFile, mode="wb"),
            step=16 << 10,
            padded=True,
        ),
        # Output can be 32,768 times as large as the input.
        Compression(
            "zstd",
            (".zst", ".zstd"),
            b"\x28\xb5\x2f\xfd",
            _zstd_decoder,
            _zstd_writer,
            step=2 << 10,
        ),
    )
}
# The compression of each extension.
COMPRESSED = {
    extension: known.name
    for known in COMPRESSIONS.values()
    for extension in known.extensions
}
# The errors that decoders raise for damaged data.
DECODER_ERRORS = (
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    OSError,
    ValueError,
    EOFError,
)
# The magic number of a skippable frame, without its first byte, which varies. A zstd
# file may begin with such a frame.
SKIPPABLE = b"\x2a\x4d\x18"


def compression_of(head: bytes) -> str | None:
    """Return the name of the compression of a file that begins with ``head``."""
    if head[1:4] == SKIPPABLE and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    known = COMPRESSIONS.values()
    return next((each.name for each in known if head.startswith(each.magic)), None)


def expanded(
    parts: Iterable[bytes],
    compression: str,
    limits: Limits,
    damaged: Callable[[str], None],
) -> Iterator[bytes]:
    """Yield decompressed bytes. Where the data is damaged or ends early, ``damaged`` is
    called with the reason.
    """
    known = COMPRESSIONS[compression]
    decoder = None
    taken = given = 0
    for part in parts:
        for at in range(0, len(part), known.step):
            raw = part[at : at + known.step]
            taken += len(raw)
            while raw:
                if decoder is None:
                    raw = raw.lstrip(b"\0") if known.padded else raw
                    if not raw:
                        break
                    decoder = known.decoder()
                try:
                    for data in _output(decoder, raw, limits.chunk):
                        given += len(data)
                        require_bounded(given, taken, limits)
                        if data:
                            yield data
                except DECODER_ERRORS as error:
                    damaged(f"damaged {compression} data ({error})")
                    return
                raw = decoder.unused_data if decoder.eof else b""
                decoder = None if decoder.eof else decoder
    if decoder is not None:
        damaged(f"truncated {compression} file")


def _output(decoder: Any, raw: bytes, step: int) -> Iterator[bytes]:
    """Yield the decompressed bytes; bzip2 and xz yield at most ``step`` at a time."""
    if not hasattr(decoder, "needs_input"):
        yield decoder.decompress(raw)
        return
    while True:
        yield decoder.decompress(raw, step)
        raw = b""
        if decoder.eof or decoder.needs_input:
            return


def compressing(
    out: IO[bytes], compression: str | None
) -> AbstractContextManager[IO[bytes]]:
    """Return a context with a file that writes compressed data to another file."""
    if compression is None:
        return nullcontext(out)
    return COMPRESSIONS[compression].writer(out)
