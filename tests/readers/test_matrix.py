"""Test that every format, compressed or not and named in every way, gives the same
records as JSON lines.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from itertools import product

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from nightly import NIGHTLY

RECORDS = [
    {
        "id": str(number),
        "text": f"the {number}th text, with a comma; a “quote” and\ta tab 😀 "
        f"{'x' * (number % 7)}",
    }
    for number in range(300)
]
TEXTS = [record["text"] for record in RECORDS]


def delimited(delimiter):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows(
        [["id", "text"], *([record["id"], record["text"]] for record in RECORDS)]
    )
    return file.getvalue().encode()


def parquet():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), file, row_group_size=70)
    return file.getvalue()


def arrow(opener):
    file = io.BytesIO()
    table = pa.Table.from_pylist(RECORDS)
    with opener(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=70)
    return file.getvalue()


def archive(members, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return file.getvalue()


def warc():
    file = io.BytesIO()
    for record in RECORDS:
        body = record["text"].encode()
        head = (
            "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {}\r\nContent-Type: "
            "text/plain\r\n"
        )
        file.write(
            head.format(record["id"]).encode()
            + b"Content-Length: %d\r\n\r\n" % len(body)
        )
        file.write(body + b"\r\n\r\n")
    return file.getvalue()


LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
FORMATS = {
    "a.jsonl": LINES,
    "a.json": json.dumps(RECORDS, indent=1).encode(),
    "b.json": json.dumps(RECORDS, ensure_ascii=False).encode(),
    "a.csv": delimited(","),
    "b.csv": delimited(";"),
    "a.tsv": delimited("\t"),
    "a.parquet": parquet(),
    "a.arrow": arrow(pa.ipc.new_file),
    "b.arrow": arrow(pa.ipc.new_stream),
    "a.txt": "\n".join(TEXTS).encode(),
    "b.txt": "\r\n".join(TEXTS).encode(),
    "c.txt": "\r".join(TEXTS).encode(),
    "d.txt": "\n".join(TEXTS).encode("utf-16"),
    "a.wet": warc(),
    "w.tar": archive(
        (f"{n}.{kind}", data)
        for n, r in enumerate(RECORDS)
        for kind, data in (("jpg", b"\xff\xd8"), ("txt", r["text"].encode()))
    ),
}
COMPRESSIONS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
NAMES = ["file", "no extension", "folder", "zip", "tar", "tar.gz", "tar.zst"]


def cases():
    """Yield cases with each pair of form, compression and name; in the nightly run, all
    combinations of the three.
    """
    for (number, form), (step, compression), name in product(
        enumerate(FORMATS), enumerate(COMPRESSIONS), NAMES
    ):
        # An archive in an archive is reported, and CSV is recognised by its name.
        if form == "w.tar" and name in ("zip", "tar", "tar.gz", "tar.zst"):
            continue
        if name == "no extension" and form.endswith(("csv", "tsv")):
            continue
        if (
            NIGHTLY
            or not compression
            or name in ("file", NAMES[(number + 2 * step) % len(NAMES)])
        ):
            yield form, compression, name


@pytest.mark.parametrize(("form", "compression", "name"), list(cases()))
def test_the_same_records_in_every_form(
    write, read_all, tmp_path, form, compression, name
):
    data = COMPRESSIONS[compression](FORMATS[form])
    member = form + compression
    if name == "file":
        path = write(member, data)
    elif name == "no extension":
        path = write("data", data)
    elif name == "folder":
        write(f"folder/deeper/{member}", data)
        path = str(tmp_path / "folder")
    elif name == "zip":
        path = write("a.zip", zipped([(f"inner/{member}", data)]))
    else:
        pack = {"tar": bytes, "tar.gz": gzip.compress, "tar.zst": zstandard.compress}[
            name
        ]
        path = write(f"a.{name}", pack(archive([(f"inner/{member}", data)])))
    found = read_all(path, records="lines")
    assert found.texts == TEXTS
    assert found.records == list(range(300))
    assert set(found.fields) == {"txt" if form == "w.tar" else "text"}
    assert (found.stats.records, found.stats.skipped, found.stats.damaged) == (
        300,
        {},
        [],
    )
    assert found.unread == []
    if not form.endswith(("txt", "w.tar", "wet")):
        assert [row["id"] for row in found.rows] == [record["id"] for record in RECORDS]


@pytest.mark.parametrize("name", ["file", "zip", "tar"])
@pytest.mark.parametrize("form", FORMATS)
def test_the_same_records_in_splits(write, read_all, form, name):
    if form == "w.tar" and name != "file":
        pytest.skip("an archive in an archive, which is reported")
    members = [("first.jsonl", LINES[: LINES.index(b"\n") + 1]), (form, FORMATS[form])]
    pack = {"file": lambda members: members[1][1], "zip": zipped, "tar": archive}[name]
    path = write(form if name == "file" else f"a.{name}", pack(members))
    found = read_all(path, records="lines", target_bytes=3000)
    first = [] if name == "file" else TEXTS[:1]
    assert found.texts == first + TEXTS
    assert found.records == [*range(len(first)), *range(300)]
    assert (found.stats.skipped, found.stats.damaged, found.unread) == ({}, [], [])
    parts = [
        split for split in found.splits if not split.source.endswith("first.jsonl")
    ]
    assert [split.part for split in parts] == list(range(len(parts)))
    cut = form in ("a.jsonl", "a.txt", "b.txt") and name != "zip"
    assert (len(parts) > 1) is (cut or (form, name) == ("a.parquet", "file"))
