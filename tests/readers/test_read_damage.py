"""Test truncated files: everything before the end is read, and the truncation is
reported.
"""

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from provscan.errors import OutputError
from provscan.readers import LIMITS, Fields, ReadStats, Split, plan, read
from provscan.readers.bytes import streams
from provscan.readers.bytes.compression import COMPRESSIONS
from provscan.readers.splits import Context

ROWS = 20_000
# Random digits do not compress well, so a cut file has a middle.
JSONL = "".join(
    f'{{"text": "tweet {number * 2654435761 % 2**32}"}}\n' for number in range(ROWS)
).encode()
COMPRESS = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lzma.compress,
}
NAMES = {"gz": "gzip", "zst": "zstd", "bz2": "bzip2", "xz": "xz"}


def test_every_compression_is_in_the_lists_above():
    assert set(NAMES.values()) == set(COMPRESSIONS)
    assert set(NAMES) == set(COMPRESS)


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_a_truncated_file(write, read_all, kind):
    data = COMPRESS[kind](JSONL)
    found = read_all(write(f"a.jsonl.{kind}", data[: len(data) // 2]))
    assert 0 < len(found.rows) < ROWS
    assert found.texts == [
        f"tweet {number * 2654435761 % 2**32}" for number in range(len(found.rows))
    ]
    assert found.stats.skipped == {}, "the line at the break is a part of the damage"
    (damage,) = found.stats.damaged
    assert damage.source.endswith(f"a.jsonl.{kind}")
    assert damage.records == len(found.rows) == found.stats.records
    assert damage.reason == f"truncated {NAMES[kind]} file"


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_a_flipped_byte(write, read_all, kind):
    compressed = (
        zstandard.ZstdCompressor(write_checksum=True).compress(JSONL)
        if kind == "zst"
        else COMPRESS[kind](JSONL)
    )
    data = bytearray(compressed)
    data[len(data) // 2] ^= 0xFF
    found = read_all(write(f"a.jsonl.{kind}", bytes(data)))
    (damage,) = found.stats.damaged
    assert damage.reason.startswith(f"damaged {NAMES[kind]} data (")
    assert damage.records == len(found.rows)


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_a_truncated_csv_and_text(write, read_all, kind):
    lines = b"text\n" + b"".join(
        b"tweet %d\n" % (number * 2654435761 % 2**32) for number in range(ROWS)
    )
    data = COMPRESS[kind](lines)
    table = read_all(write(f"a.csv.{kind}", data[: len(data) // 2]))
    text = read_all(write(f"a.txt.{kind}", data[: len(data) // 2]))
    # What is left of the truncated line is a text in plain text, but not always a row
    # of a table.
    assert len(text.rows) - 1 in (len(table.rows), len(table.rows) + 1)
    assert table.stats.skipped == {}
    assert table.stats.damaged[0].records == len(table.rows)
    assert text.stats.damaged[0].records == len(text.rows)


def test_a_file_that_became_shorter(write):
    path = write("a.jsonl", [{"text": "a"}] * 4)
    (split,) = plan(path)
    os.truncate(path, split.size - 20)
    stats = ReadStats()
    assert [batch["text"].to_pylist() for batch in read(split, Fields(), stats)] == [
        ["a", "a"]
    ]
    assert stats.damaged == [(path, 2, "it is 20 bytes shorter than when it was found")]


def test_garbage_after_the_end(write, read_all):
    found = read_all(write("a.jsonl.gz", gzip.compress(JSONL) + b"garbage"))
    assert len(found.rows) == ROWS
    assert found.stats.damaged[0].records == ROWS


def test_padding_after_the_end_is_not_damage(write, read_all):
    found = read_all(write("a.jsonl.gz", gzip.compress(JSONL) + bytes(1000)))
    assert len(found.rows) == ROWS
    assert found.stats.damaged == []


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_files_of_several_members(write, read_all, kind):
    half = JSONL.index(b"\n", len(JSONL) // 2) - 5
    data = (
        COMPRESS[kind](JSONL[:half])
        + COMPRESS[kind](b"")
        + COMPRESS[kind](JSONL[half:])
    )
    found = read_all(write(f"a.jsonl.{kind}", data))
    assert len(found.rows) == ROWS
    assert found.stats.bytes == len(data)
    assert found.stats.damaged == []


def test_skippable_frames(write, read_all):
    skip = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    found = read_all(write("a", skip + zstandard.compress(JSONL) + skip))
    assert len(found.rows) == ROWS
    assert found.stats.damaged == []


def test_a_long_window(write, read_all):
    params = zstandard.ZstdCompressionParameters.from_level(
        1, window_log=28, enable_ldm=True
    )
    stream = zstandard.ZstdCompressor(compression_params=params).compressobj()
    found = read_all(write("a.jsonl.zst", stream.compress(JSONL) + stream.flush()))
    assert len(found.rows) == ROWS


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_decompression_in_small_steps(write, kind):
    """The decompressed chunks do not correspond to the chunks of the file."""
    name = NAMES[kind]
    data = COMPRESS[kind](bytes(64 << 20))
    path = write("zeros", data)
    largest = total = 0
    limits = replace(LIMITS, expansion=100_000)
    for chunk in streams.ByteStream(
        Split("zeros", path, "text", name), Context.quiet(limits)
    ):
        largest = max(largest, len(chunk))
        total += len(chunk)
    assert total == 64 << 20
    if kind != "zst":
        assert largest <= 40 << 20


@pytest.mark.parametrize("kind", list(COMPRESS))
def test_a_decompression_bomb_is_abandoned(write, read_all, kind):
    limits = replace(LIMITS, expansion_bytes=8 << 20)
    path = write(
        f"a.jsonl.{kind}", COMPRESS[kind](b'{"text": "a"}\n' + b" " * (24 << 20))
    )
    found = read_all(path, limits=limits)
    (damage,) = found.stats.damaged
    assert "decompression bomb" in damage.reason
    assert "decompress it yourself" in damage.reason


def test_a_zip_archive_truncated_after_an_inner_archive(write, tmp_path):
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("inner.jsonl", JSONL[:1000])
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("a.jsonl", JSONL)
        archive.writestr("b.zip", inner.getvalue())
    data = outer.getvalue()
    write("folder/cut.zip", data[: data.rfind(b"PK\x01\x02") - 10])
    write("folder/a.jsonl", JSONL[:1000])
    found = plan(str(tmp_path / "folder"))
    assert [split.source for split in found] == [str(tmp_path / "folder/a.jsonl")]
    ((path, reason),) = found.unread
    assert (path, reason) == (
        str(tmp_path / "folder/cut.zip"),
        "damaged zip archive (its directory is missing)",
    )


def test_bytes_that_are_not_text(write, tmp_path):
    write("folder/a.br", bytes(range(1, 256)) * 4)
    write("folder/b.log", "\x1b[31mred\x1b[0m and so on\n" * 5)
    found = plan(str(tmp_path / "folder"))
    assert [(split.source[-5:], split.format) for split in found] == [("b.log", "text")]
    assert [path[-4:] for path, _ in found.unread] == ["a.br"]


@pytest.mark.skipif(sys.platform != "linux", reason="writes to a device that is full")
def test_a_full_temporary_folder_is_not_damage(tmp_path, monkeypatch):
    pq.write_table(
        pa.table({"text": ["never trust a goat near the harbour"]}),
        tmp_path / "a.parquet",
    )
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.parquet", "a.parquet")
    monkeypatch.setattr("tempfile.TemporaryFile", partial(open, "/dev/full", "r+b"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(
        OutputError,
        match=r"a\.zip/a\.parquet has to be unpacked.*\(No space left.*TMPDIR",
    ):
        plan([str(tmp_path / "a.zip")], Fields())
