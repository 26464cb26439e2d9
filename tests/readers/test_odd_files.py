"""Test files that are valid but unusual, or damaged in a way that their format does not
show: all texts are read, or the loss is counted and located.
"""

import gzip
import io
import json
import os
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from file_formats import tar, zipped

from provscan.errors import InputError
from provscan.readers import Limits, plan

TEXTS = [
    f"the quick brown fox number {number} jumps over a lazy dog by the river"
    for number in range(20)
]
LINES = "".join(
    json.dumps({"id": str(k), "text": text}) + "\n" for k, text in enumerate(TEXTS)
).encode()


def ipc(*arrays):
    out = io.BytesIO()
    batches = [pa.record_batch({"text": array}) for array in arrays]
    with pa.ipc.new_file(out, batches[0].schema) as file:
        for batch in batches:
            file.write(batch)
    return out.getvalue()


def parquet(**columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_a_table_without_rows(write, read_all):
    out = io.BytesIO()
    pq.ParquetWriter(out, pa.schema([("text", pa.string())])).close()
    for name, data in (
        ("a.parquet", out.getvalue()),
        ("b.parquet", parquet(text=pa.array([], pa.string()))),
    ):
        assert read_all(write(name, data)).stats.notes == {"empty_file": 1}
    assert read_all(write("a.arrow", ipc(pa.array([], pa.string())))).stats.notes == {
        "empty_file": 1
    }


@pytest.mark.parametrize("cut", [2600, 4000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_tar_archive(write, read_all, cut, packed):
    data = tar([("a.jsonl", LINES), ("b.jsonl", LINES)])[: 512 + cut]
    found = read_all(
        write(
            "a.tar.gz" if packed else "a.tar", gzip.compress(data) if packed else data
        )
    )
    assert found.texts[:20] == TEXTS
    said = [reason for _, reason in found.unread] + [
        damage.reason for damage in found.stats.damaged
    ]
    assert any("damaged tar archive" in reason for reason in said), said


@pytest.mark.parametrize("packed", [False, True])
def test_a_tar_archive_with_a_damaged_header_in_the_middle(write, read_all, packed):
    data = bytearray(tar([("a.jsonl", LINES), ("b.jsonl", LINES)]))
    at = data.index(b"b.jsonl")
    data[at + 150] ^= 0xFF
    data = bytes(data)
    found = read_all(
        write(
            "a.tar.gz" if packed else "a.tar", gzip.compress(data) if packed else data
        )
    )
    assert found.texts == TEXTS
    said = [reason for _, reason in found.unread] + [
        damage.reason for damage in found.stats.damaged
    ]
    assert any("header)" in reason for reason in said), said


def test_a_truncated_compressed_archive(write, read_all):
    data = gzip.compress(tar([("a.jsonl", LINES), ("b.bin", os.urandom(9000))]))
    path = write("a.tar.gz", data[:-2000])
    found = read_all(path)
    assert found.texts == TEXTS
    reason = "truncated gzip file; only the files before that are read"
    assert (path, reason) in found.unread


def test_archives_in_archives_are_reported(write, read_all):
    inner = zipped([("b.jsonl", LINES)])
    found = read_all(
        write(
            "a.zip",
            zipped(
                [
                    ("a.jsonl", LINES),
                    ("in.tar", tar([("c.jsonl", LINES)])),
                    ("in.zip", inner),
                ]
            ),
        )
    )
    assert found.texts == TEXTS
    assert [reason for _, reason in found.unread] == [
        "nested archives are not supported: unpack it first"
    ] * 2
    found = read_all(
        write("a.tar.gz", gzip.compress(tar([("a.jsonl", LINES), ("in.zip", inner)])))
    )
    assert found.texts == TEXTS
    ((name, reason),) = found.unread
    assert (os.path.basename(name), reason) == (
        "in.zip",
        "nested archives are not supported: unpack it first",
    )


def test_a_sparse_file_in_an_archive_is_unread(write, read_all):
    """Its holes are not stored, so its bytes can't be read as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.jsonl", "b.jsonl"):
            member = tarfile.TarInfo(name)
            member.size = size = len(LINES)
            if name == "a.jsonl":
                member.pax_headers = {
                    "GNU.sparse.size": f"{size}",
                    "GNU.sparse.map": f"0,{size}",
                }
            archive.addfile(member, io.BytesIO(LINES))
    path = write("a.tar", buffer.getvalue())
    found = read_all(path)
    assert found.texts == TEXTS
    reason = "a sparse file of an archive: unpack it first"
    assert found.unread == [(f"{path}/a.jsonl", reason)]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("name", "pack"), [("a.zip", zipped), ("a.tar", tar)])
def test_two_files_with_the_same_name_in_an_archive(write, read_all, name, pack):
    other = LINES.replace(b"fox", b"cat")
    found = read_all(write(name, pack([("a.jsonl", LINES), ("a.jsonl", other)])))
    assert found.texts == [text.replace("fox", "cat") for text in TEXTS]
    ((source, reason),) = found.unread
    assert source.endswith(f"{name}/a.jsonl")
    assert (
        reason
        == "another file of the archive has the same name; only the last one is read"
    )


def test_compressed_twice(write):
    with pytest.raises(
        InputError, match="compressed twice, gzip in gzip: decompress it once"
    ):
        plan(write("a.jsonl.gz", gzip.compress(gzip.compress(LINES))))


def test_zstd_frames(write, read_all):
    frame = zstandard.ZstdCompressor().compress(LINES)
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    assert (
        read_all(write("a.jsonl.zst", skippable + frame + skippable + frame)).texts
        == TEXTS * 2
    )
    found = read_all(write("b.jsonl.zst", frame + frame[:-5]))
    assert found.texts == TEXTS
    assert found.stats.damaged[0][1:] == (20, "truncated zstd file")


def crawl(wrong=None):
    """Return a crawl archive in which one record states a wrong length."""
    out = b""
    for number, text in enumerate(TEXTS):
        length = len(text) if number != 5 or wrong is None else wrong
        head = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n"
        out += f"{head}Content-Length: {length}\r\n\r\n{text}\r\n\r\n".encode()
    return out


@pytest.mark.parametrize("wrong", [500, 5, 0, -3, "many", 900, 10**6, 10**15])
def test_a_crawl_with_a_wrong_length_is_damaged_there(write, read_all, wrong):
    limits = Limits(record_bytes=2 * 10**6)
    found = read_all(write("a.wet", crawl(wrong)), limits=limits)
    assert found.texts[:5] == TEXTS[:5]
    assert len(found.texts) <= 6
    assert found.stats.damaged[0].records in (5, 6)
    cut = "it ends within a record"
    stated = f"a record states {wrong} bytes, but no record begins after them"
    assert found.stats.damaged[0].reason in (cut, stated)


def test_a_crawl_that_ends_within_a_record(write, read_all):
    found = read_all(write("a.wet", crawl()[:-30]))
    assert found.texts[:19] == TEXTS[:19]
    assert found.stats.damaged[0].reason == "it ends within a record"
    assert read_all(write("b.wet", crawl())).stats.damaged == []


@pytest.mark.parametrize("name", ["a.srt", "a.xlsx", "b.vtt.gz", "a.db", "a.duckdb"])
def test_files_that_must_be_converted_are_refused(name, write):
    content = gzip.compress(LINES) if name.endswith(".gz") else LINES
    with pytest.raises(InputError, match="are not supported: "):
        plan(write(name, content))


@pytest.mark.parametrize("name", ["a.docx", "a.epub"])
def test_unsupported_documents_in_zip_format_are_reported(name, write, read_all):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w>some words of a text</w>")
    with pytest.raises(InputError, match="it is a document in a zip archive"):
        read_all(write(name, file.getvalue()))


def test_a_delimiter_in_the_first_line(write, read_all):
    rows = "".join(f"{k};{text}, and more\r\n" for k, text in enumerate(TEXTS))
    found = read_all(
        write("a.csv", f"\ufeffsep=;\r\nid;text\r\n{rows}"), target_bytes=200
    )
    assert found.texts == [f"{text}, and more" for text in TEXTS]
    assert found.records == list(range(20))


def test_byte_order_marks_between_concatenated_files(write, read_all):
    found = read_all(
        write("a.jsonl", b"\xef\xbb\xbf" + LINES + b"\xef\xbb\xbf" + LINES)
    )
    assert found.texts == TEXTS * 2
    assert found.stats.skipped == found.stats.notes == {}


def test_unicode_line_separators_do_not_end_lines(write, read_all):
    texts = [f"{text}\u2028and\u2029more\x85 of it" for text in TEXTS]
    lines = "".join(
        json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts
    )
    assert read_all(write("a.jsonl", lines)).texts == texts
    assert read_all(write("a.txt", "\n".join(texts)), records="lines").texts == texts


def test_a_folder_with_links_pipes_and_odd_names(tmp_path, read_all):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "up").symlink_to("..")
    (folder / "self").symlink_to("self")
    (folder / "nowhere.jsonl").symlink_to("nothing")
    os.mkfifo(folder / "pipe.jsonl")
    for name in (b"\xff\xfe.jsonl", b"\xff\xfd.jsonl", b"line\nbreak\x1b[31m.jsonl"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(LINES)
    found = read_all(str(folder))
    assert found.texts == TEXTS * 3
    assert len({split.source for split in found.splits}) == 3
    assert all(split.source.isprintable() for split in found.splits)
    assert sorted(path.rpartition("/")[2] for path, _ in found.unread) == [
        "nowhere.jsonl",
        "pipe.jsonl",
        "self",
    ]


def test_a_webdataset_is_refused(write):
    samples = [("1.jpg", b"\xff\xd8"), ("1.txt", TEXTS[0].encode())]
    with pytest.raises(InputError, match="webdataset"):
        plan(write("a.tar", tar(samples)))


def test_files_of_data_or_code_with_one_name_are_no_samples(write, read_all):
    files = [
        ("a/data.jsonl", LINES),
        ("a/data.txt", TEXTS[0].encode()),
        ("b/code.c", TEXTS[1].encode()),
        ("b/code.h", TEXTS[2].encode()),
    ]
    found = read_all(write("a.tar", tar(files)))
    assert found.texts == [*TEXTS, *TEXTS[:3]]
    files = [(f"{part}/a.txt", "\n".join(TEXTS).encode()) for part in ("en", "de")]
    assert read_all(write("b.tar", tar(files))).texts == [*TEXTS, *TEXTS]
