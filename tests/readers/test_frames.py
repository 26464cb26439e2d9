"""Test compressed files of several frames: they are cut where a frame ends with a
record, and records keep their numbers.
"""

import gzip
import json

import pytest
import zstandard

from provscan.readers import LIMITS, Split
from provscan.readers.bytes.frames import frame_ranges

TEXTS = [f"a text in one of many frames, number {number}" for number in range(300)]
LINES = [json.dumps({"text": text}).encode() + b"\n" for text in TEXTS]
COMPRESS = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}
PAGE = (
    b"WARC/1.0\r\nWARC-Type: %s\r\nContent-Type: text/plain\r\nContent-Length: "
    b"%d\r\n\r\n%s\r\n\r\n"
)


def groups(parts, size):
    return [b"".join(parts[at : at + size]) for at in range(0, len(parts), size)]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_frames_of_whole_lines_are_splits(write, read_all, suffix):
    frames = [COMPRESS[suffix](part) for part in groups(LINES, 7)]
    path = write(f"a.jsonl.{suffix}", b"".join(frames))
    found = read_all(path, target_bytes=500)
    assert found.texts == TEXTS
    assert found.records == list(range(300))
    assert len(found.splits) > 5
    assert sum(split.size for split in found.splits) == sum(map(len, frames))
    assert [split.start for split in found.splits[1:]] == [
        split.end for split in found.splits[:-1]
    ]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_frames_that_cut_lines_are_read_as_one(write, read_all, suffix):
    data = b"".join(LINES)
    frames = [COMPRESS[suffix](data[at : at + 500]) for at in range(0, len(data), 500)]
    found = read_all(write(f"a.jsonl.{suffix}", b"".join(frames)), target_bytes=1000)
    assert found.texts == TEXTS
    assert found.records == list(range(300))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_damage_in_a_frame_costs_no_record_before_it(write, read_all, suffix):
    frames = [COMPRESS[suffix](part) for part in groups(LINES, 10)]
    frames[20] = frames[20][:30]
    found = read_all(write(f"a.jsonl.{suffix}", b"".join(frames)), target_bytes=1000)
    assert found.texts == TEXTS[: len(found.texts)]
    assert len(found.texts) >= 200
    assert found.records == list(range(len(found.texts)))
    assert found.stats.damaged


def test_records_of_a_crawl_are_splits(write, read_all):
    kinds = [b"request" if number % 3 == 0 else b"conversion" for number in range(300)]
    pages = [
        PAGE % (kind, len(text), text.encode())
        for kind, text in zip(kinds, TEXTS, strict=True)
    ]
    expected = [
        text for kind, text in zip(kinds, TEXTS, strict=True) if kind == b"conversion"
    ]
    found = read_all(
        write("a.warc.gz", b"".join(map(gzip.compress, pages))), target_bytes=2000
    )
    assert found.texts == expected
    assert found.records == list(range(200))
    assert len(found.splits) > 5
    # A record in two members can't be read by halves.
    halves = [gzip.compress(half) for page in pages for half in (page[:50], page[50:])]
    found = read_all(write("b.warc.gz", b"".join(halves)), target_bytes=2000)
    assert found.texts == expected


def test_a_small_or_single_frame_is_left_whole(write):
    data = gzip.compress(b"".join(LINES))
    path = write("a.jsonl.gz", data)
    whole = Split(path, path, "jsonl", "gzip", 0, len(data), 0, len(data))
    assert list(frame_ranges(whole, 10, lambda part: part.count(b"\n"), LIMITS)) == [
        whole
    ]
    assert list(frame_ranges(whole, len(data), lambda part: 1 / 0, LIMITS)) == [whole]
