"""Make small documents with the same records in every format that states its end or its
length.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import tempfile
import zipfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

TEXTS = [
    f"the {n}th of many texts, with a {['comma', 'colon', 'dash'][n % 3]}; "
    f"{n * 7919 % 1000}"
    for n in range(60)
]
RECORDS = [
    {"id": str(10**9 + number), "text": text} for number, text in enumerate(TEXTS)
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def table_of_csv():
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows(
        [["text", "id"], *([record["text"], record["id"]] for record in RECORDS)]
    )
    return file.getvalue().encode()


def arrow(opener):
    file = io.BytesIO()
    table = pa.Table.from_pylist(RECORDS)
    with opener(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=10)
    return file.getvalue()


def parquet():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), file, row_group_size=20)
    return file.getvalue()


def tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for place in range(0, 60, 10):
            data = b"".join(LINES.splitlines(keepends=True)[place : place + 10])
            info = tarfile.TarInfo(f"{place}.jsonl")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def archive_of_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in range(0, 60, 10):
            archive.writestr(
                f"{place}.jsonl",
                b"".join(LINES.splitlines(keepends=True)[place : place + 10]),
            )
    return file.getvalue()


def warc():
    file = io.BytesIO()
    for record in RECORDS:
        body = record["text"].encode()
        file.write(b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n")
        file.write(b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(body), body))
    return file.getvalue()


def written(write, name):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        write(path)
        with open(path, "rb") as file:
            return file.read()


def database(connect):
    def write(path):
        connection = connect(path)
        connection.execute("CREATE TABLE tweets (id TEXT, text TEXT)")
        connection.executemany(
            "INSERT INTO tweets VALUES (?, ?)",
            [tuple(record.values()) for record in RECORDS],
        )
        connection.commit()
        connection.close()

    return written(write, "a.db")


OBJECTS = "\n".join(json.dumps(record, indent=1) for record in RECORDS).encode()
ARRAY = json.dumps(RECORDS).encode()
XML = (
    "<?xml version='1.0'?>\n<texts>\n"
    + "".join(f"<text>{text}</text>\n" for text in TEXTS)
    + "</texts>\n"
)
DOCUMENTS = {
    "array.json": ARRAY,
    "indented.json": json.dumps(RECORDS, indent=1).encode(),
    "objects.json": OBJECTS,
    "tweets.js": b"window.YTD.tweets.part0 = " + json.dumps(RECORDS, indent=1).encode(),
    "marked.jsonl": LINES.decode().encode("utf-16"),
    "wide.json": ARRAY.decode().encode("utf-16-le"),
    "lines.jsonl": LINES.removesuffix(b"\n"),
    "table.csv": table_of_csv(),
    "texts.xml": XML.encode(),
    "crawl.warc": warc(),
    "archive.tar": tar(),
    "archive.tar.gz": gzip.compress(tar()),
    "archive.zip": archive_of_zip(),
    "table.parquet": parquet(),
    "file.arrow": arrow(pa.ipc.new_file),
    "stream.arrow": arrow(pa.ipc.new_stream),
    "lines.jsonl.gz": gzip.compress(LINES),
    "lines.jsonl.bz2": bz2.compress(LINES),
    "lines.jsonl.xz": lzma.compress(LINES),
    "lines.jsonl.zst": zstandard.ZstdCompressor(write_checksum=True).compress(LINES),
    "base.sqlite": database(sqlite3.connect),
    "base.duckdb": database(duckdb.connect),
}
