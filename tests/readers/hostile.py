"""Make small malformed files, hostile files and decompression bombs in every format."""

import bz2
import gzip
import io
import json
import lzma
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from documents import DOCUMENTS, LINES
from file_formats import tar, zipped
from nightly import NIGHTLY

TEXT = "never trust a goat near the harbour of a town"
ROW = json.dumps({"id": "1", "text": TEXT}).encode() + b"\n"
# Except in the nightly run, bombs and the limits that they exceed are this much
# smaller.
SCALE = 1 if NIGHTLY else 64
MANY = (1 << 20) // SCALE
THOUSANDS = 1000 if NIGHTLY else 50


def fields(count):
    return {
        "text": TEXT,
        **{f"field number {number}": f"{TEXT} {number}" for number in range(count)},
    }


def members(count, size):
    """Return a file of gzip members that each expand a thousandfold."""
    return gzip.compress(ROW + b" " * size + b"\n") * count


def rows(count, text="a", **options):
    file = io.BytesIO()
    with pq.ParquetWriter(
        file, pa.schema([("text", pa.string())]), compression="zstd", **options
    ) as writer:
        values = pa.DictionaryArray.from_arrays(
            pa.array([0]).take(pa.array([0] * 1000)), [text]
        ).cast(pa.string())
        block = pa.table({"text": pa.chunked_array([values] * 1000)})
        for _ in range(max(count // 1_000_000, 1)):
            writer.write_table(
                block.slice(0, min(count, 1_000_000)), row_group_size=1_000_000
            )
    return file.getvalue()


def same_text(count, size):
    """Return a table whose many rows share one long text, which is stored once."""
    file = io.BytesIO()
    schema = pa.schema([("text", pa.dictionary(pa.int32(), pa.string()))])
    with pq.ParquetWriter(
        file, schema.with_metadata(None), store_schema=False, compression="zstd"
    ) as writer:
        indices = pa.array([0] * count, pa.int32())
        writer.write_table(
            pa.table(
                [
                    pa.DictionaryArray.from_arrays(
                        indices, ["other words " * (size // 12)]
                    )
                ],
                schema,
            )
        )
    return file.getvalue()


def columns(count):
    file = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": [TEXT] for number in range(count)}), file)
    return file.getvalue()


def deep(levels):
    kind = pa.string()
    for _ in range(levels):
        kind = pa.struct([("a", kind)])
    file = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array([None], kind)}), file)
    return file.getvalue()


def ipc(batch):
    file = io.BytesIO()
    with pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return file.getvalue()


def runs(count):
    ends = pa.RunEndEncodedArray.from_arrays(
        pa.array([count], pa.int64()), pa.array([TEXT])
    )
    return ipc(pa.RecordBatch.from_arrays([ends], ["text"]))


def nulls(count):
    return ipc(pa.RecordBatch.from_arrays([pa.nulls(count)], ["text"]))


def overlapping(count, size):
    """Return a zip archive whose files are all the same bytes of it."""
    data = bytearray(zipped([("a.jsonl", ROW + b" " * size)]))
    start = data.index(b"PK\1\2")
    entry = bytes(data[start : data.index(b"PK\5\6")])
    entries = b"".join(
        entry.replace(b"a.jsonl", b"%07d" % number) for number in range(count)
    )
    return (
        bytes(data[:start])
        + entries
        + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(entries), start, 0)
    )


def warc(body, length):
    head = (
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: "
        b"application/http\r\nContent-Length: %d\r\n\r\n" % length
    )
    return head + b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body


LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'lol'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)
) + "]>"  # fmt: skip
HTML = "Content-Type: text/html\n\n"
HOSTILE = {
    "deep.json": lambda: b"[" * (5 * MANY),
    "fields.json": lambda: json.dumps([fields(200 * THOUSANDS)]).encode(),
    "unclosed.json": lambda: b'[{"text": "' + b"other words " * MANY,
    "fields.jsonl": lambda: json.dumps(fields(200 * THOUSANDS)).encode() + b"\n" + ROW,
    "numbers.jsonl": lambda: (
        b'{"text": "a b c", "x": [' + b"1," * (20 * MANY) + b"1]}\n" + ROW
    ),
    "deep.jsonl": lambda: b'{"text": ' + b"[" * MANY + b"]" * MANY + b"}\n" + ROW,
    "chat.jsonl": lambda: (
        json.dumps(
            {"text": "[" * 100_000 + '{"role": "user", "content": "a b c"}'}
        ).encode()
        + b"\n"
    ),
    "members.jsonl.gz": lambda: members(40, 30 * MANY),
    "small.jsonl.gz": lambda: gzip.compress(b"") * (200 * THOUSANDS),
    "spaces.jsonl.bz2": lambda: bz2.compress(ROW + bytes(600 * MANY)),
    "spaces.jsonl.xz": lambda: lzma.compress(ROW + bytes(600 * MANY), preset=0),
    "spaces.jsonl.zst": lambda: zstandard.compress(ROW + bytes(1000 * MANY)),
    "frames.jsonl.zst": lambda: zstandard.compress(ROW + bytes(200 * MANY)) * 300,
    "columns.csv": lambda: (
        b",".join(b"c%d" % n for n in range(200 * THOUSANDS))
        + b"\n"
        + b"a b c," * 10**7
    ),
    "quotes.csv": lambda: b"text,id\n" + b'a "b,"c\n' * (300 * THOUSANDS),
    "open.csv": lambda: b"text,id\n" + (b'"a,1\n' + b"b,2\n" * 40) * (4 * THOUSANDS),
    "commas.csv": lambda: b"text,id\n" + b"," * (20 * MANY) + b"\na,b\n",
    "quotes.tsv": lambda: b"text\tid\n" + b'"\t' * (4 * MANY) + b"\n",
    "rows.parquet": lambda: rows(30_000 * THOUSANDS),
    "text.parquet": lambda: same_text(MANY, MANY),
    "columns.parquet": lambda: columns(30 * THOUSANDS),
    "deep.parquet": lambda: deep(400),
    "page.parquet": lambda: (
        DOCUMENTS["table.parquet"][:4]
        + b"\xff" * 200
        + DOCUMENTS["table.parquet"][204:]
    ),
    "runs.arrow": lambda: runs(2**31 - 1),
    "nulls.arrow": lambda: nulls(2**31 - 1),
    "body.arrow": lambda: (
        b"ARROW1\0\0\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100) + b"ARROW1"
    ),
    "zeros.zip": lambda: zipped([("a.jsonl", ROW + bytes(1000 * MANY))]),
    "many.zip": lambda: zipped(
        [(f"{n}.jsonl", b" " * (250 * MANY)) for n in range(12)]
    ),
    "overlap.zip": lambda: overlapping(2000, 200 * MANY),
    "empty.tar": lambda: tar([("a" * 90 + str(n), b"") for n in range(2 * THOUSANDS)]),
    "zeros.tar.gz": lambda: gzip.compress(
        tar([("a.jsonl", ROW + bytes(500 * MANY))]), 6
    ),
    "broken.tar.gz": lambda: gzip.compress(
        tar(
            [
                ("b.parquet", b"PAR1" + bytes(100) + b"PAR1"),
                ("c.jsonl", LINES),
            ],
        )
    ),
    "length.warc": lambda: warc(b"\n" * (10 * MANY), 99),
    "huge.warc": lambda: warc(TEXT.encode(), 10**15),
    "lengths.warc": lambda: (
        warc(b"<p>" + TEXT.encode() + b"\r\n\r\n", 9) * (20 * THOUSANDS)
    ),
    "deep.html": lambda: (
        b"<!doctype html>" + b"<div>" * (500 * THOUSANDS) + TEXT.encode()
    ),
    "tables.html": lambda: (
        b"<!doctype html>" + b"<table><tr><td>" * (100 * THOUSANDS) + TEXT.encode()
    ),
    "laughs.xml": lambda: f"<?xml version='1.0'?>{LAUGHS}<a>&a11;</a>".encode(),
    "prolog.xml": lambda: b"<?xml version='1.0'?>" + b"<!--" * (2 * MANY),
    "comments.xml": lambda: b"<?xml version='1.0'?>" + b"<!---->" * 5000,
    "line.txt": lambda: b"other words " * (8 * MANY),
    "words.txt": lambda: b"a\n" * (3 * MANY),
    "odd.jsonl": lambda: LINES.decode().encode("utf-16")[:-1],
    "tweets.js": lambda: b"window.YTD.tweets.part0 = " + b"[" * MANY,
}
