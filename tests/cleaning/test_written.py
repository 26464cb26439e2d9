"""Test that files written at the same time don't disturb each other."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pytest
import zstandard

from provscan.readers.bytes.compression import COMPRESSIONS, compressing

OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().stream_reader(data).read(),
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_two_compressed_files_are_written_by_turns(compression: str) -> None:
    """Neither file gets the content of the other."""
    files = [io.BytesIO(), io.BytesIO()]
    contents = [b"A heron on one leg.\n" * 20_000, b"Wool prices rose.\n" * 20_000]
    with (
        compressing(files[0], compression) as first,
        compressing(files[1], compression) as second,
    ):
        for at in range(0, len(contents[0]), 50_000):
            first.write(contents[0][at : at + 50_000])
            second.write(contents[1][at : at + 50_000])
    assert [OPENERS[compression](file.getvalue()) for file in files] == contents
