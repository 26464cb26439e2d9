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
from provscan.readers import LIMITS, Fields, ReadStats, plan, read
from provscan.readers.bytes.compression import COMPRESSIONS

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
    with pytest.raises(OutputError, match=r"unpacked.*\(No space left.*TMPDIR"):
        plan([str(tmp_path / "a.zip")], Fields())
