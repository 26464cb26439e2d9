"""Write records, or texts, as files of many formats, and read their records back, with
other libraries than those of provscan where there are any.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import html
import io
import itertools
import json
import lzma
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Records = Sequence[dict[str, Any]]
Members = Iterable[tuple[str, bytes]]


def delimited(records: Records, delimiter: str = ",", **options: Any) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, records[0].keys(), delimiter=delimiter, **options)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()


def lines(records: Records) -> bytes:
    """Return JSON lines, every other one of which has letters beyond ASCII."""
    texts = (json.dumps(each, ensure_ascii=n % 2 > 0) for n, each in enumerate(records))
    return "".join(f"{text}\n" for text in texts).encode()


def table(records: Records) -> pa.Table:
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({n: pa.array([each.get(n) for each in records]) for n in names})


def parquet(records: Records, group: int) -> bytes:
    file = io.BytesIO()
    pq.write_table(table(records), file, row_group_size=group)
    return file.getvalue()


def arrow(records: Records, group: int, opener: Callable[..., Any]) -> bytes:
    file, rows = io.BytesIO(), table(records)
    with opener(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=group)
    return file.getvalue()


def warc(texts: Iterable[str], addresses: Iterable[str] | None = None) -> bytes:
    given = addresses or (f"http://a.example/{n}" for n in itertools.count())
    return b"".join(
        b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n"
        b"WARC-Target-URI: %b\r\nContent-Length: %d\r\n\r\n%b\r\n\r\n"
        % (address.encode(), len(body), body)
        for address, body in zip(given, map(str.encode, texts), strict=False)
    )


def page(text: str) -> bytes:
    head = "<!DOCTYPE html><html><head><meta charset=utf-8></head>"
    return f"{head}<body><p>{html.escape(text)}</p></body></html>".encode()


def tar(members: Members) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zipped(members: Members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def members_of(data: bytes, kind: str) -> list[tuple[str, bytes]]:
    """Return the names and contents of the files in an archive."""
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as files:
            return [(name, files.read(name)) for name in files.namelist()]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]


PACKERS = {"zip": zipped, "tar": tar}


def unzstd(data: bytes) -> bytes:
    decompressor = zstandard.ZstdDecompressor()
    return decompressor.stream_reader(data, read_across_frames=True).read()


# Functions that compress and decompress. The same data give the same files.
Pack = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, tuple[Pack, Pack]] = {
    "gzip": (partial(gzip.compress, mtime=0), gzip.decompress),
    "bzip2": (bz2.compress, bz2.decompress),
    "xz": (lzma.compress, lzma.decompress),
    "zstd": (zstandard.compress, unzstd),
}


def compressed(data: bytes, name: str | None, frames: int = 1) -> bytes:
    """Return compressed data, in one or several members or frames."""
    if name is None:
        return data
    step = -(-len(data) // frames) or 1
    parts = (data[at : at + step] for at in range(0, len(data), step))
    return b"".join(map(COMPRESSIONS[name][0], parts))


def opened(data: bytes, name: str | None) -> bytes:
    return data if name is None else COMPRESSIONS[name][1](data)


# Functions that cut a file into its records: bytes, or the values of a row.


def pieces_of_lines(data: bytes) -> list[bytes]:
    return list(io.BytesIO(data))


def pieces_of_json(data: bytes) -> list[bytes]:
    """Return the elements of an array."""
    text, pieces, at = data.decode(), list[bytes](), data.decode().index("[") + 1
    decoder, between = json.JSONDecoder(), re.compile(r"[\s,]*")
    while text[at := between.match(text, at).end()] != "]":
        end = decoder.raw_decode(text, at)[1]
        pieces.append(text[at:end].encode())
        at = end
    return pieces


def rows_of_parquet(data: bytes) -> list[dict[str, Any]]:
    """Return the rows, as DuckDB reads them, which has a reader of its own."""
    with tempfile.NamedTemporaryFile() as file, duckdb.connect() as database:
        Path(file.name).write_bytes(data)
        found = database.execute(f"select * from read_parquet('{file.name}')")
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def rows_of_arrow(data: bytes) -> list[dict[str, Any]]:
    is_file = data.startswith(b"ARROW1")
    opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return opener(pa.BufferReader(data)).read_all().to_pylist()
