"""Test that every format, compressed or not and named in every way, gives the same
records as JSON lines.
"""

import csv
import io
import json
import re
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from house import ROOT

from provscan.readers.formats import registry
from provscan.testing import RECORDS, check_format

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


# Formats whose files can't be made of RECORDS, or not stored in every way: other files
# of this folder test them.
ELSEWHERE = {"archive", "duckdb", "html", "hub", "sqlite"}


def test_every_format_has_tests_and_a_line_on_the_page(write, read_all):
    tested = {
        split.format
        for name, data in FORMATS.items()
        for split in read_all(write(name, data)).splits
    }
    page = (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.count("|") == 4]
    documented = {name for row in rows for name in re.findall("`([a-z]+)`", row[2])}
    assert set(registry.FORMATS) == tested | ELSEWHERE
    assert set(registry.FORMATS) <= documented


# An archive in an archive is reported.
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "w.tar"])
def test_every_form_is_read_completely(form):
    check_format(FORMATS[form], form)


# CSV is recognised by its name.
NAMELESS = [form for form in FORMATS if not form.endswith(("csv", "tsv"))]


@pytest.mark.parametrize("form", NAMELESS)
def test_the_same_records_in_a_file_without_extension(write, read_all, form):
    found = read_all(write("data", zstandard.compress(FORMATS[form])), records="lines")
    assert found.texts == TEXTS


def test_a_format_that_loses_or_invents_texts_fails():
    for lines in (LINES[:-200] + b"\n", LINES + LINES, LINES.replace(b"9th", b"8th")):
        with pytest.raises(AssertionError, match="text"):
            check_format(lines, "a.jsonl")
