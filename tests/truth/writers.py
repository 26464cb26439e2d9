"""Write records as files of every registered format, compression and archive, with
other libraries than those that read them where there are any.
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
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from truth import adapter


@dataclass(frozen=True)
class Layout:
    """How records are divided into files, and how the files are written."""

    format: str = "jsonl"
    shape: str = "flat"
    depth: int = 1
    compression: str | None = None
    frames: int = 1  # The number of members or frames of a compressed file.
    archive: str | None = None  # "zip" or "tar".
    outer: str | None = None  # The compression of a tar archive.
    files: int = 1
    group: int = 50  # Rows in a group, batch or indented block.
    name: str = "part"
    folder: bool = False  # Whether the folder is named, not its files.
    reverse: bool = False  # Whether the records are in reverse order.


class Writer(NamedTuple):
    """Writes the records of one file, which are dicts if ``shaped``, else texts."""

    write: Callable[[list[Any], Layout], bytes]
    shapes: tuple[str, ...]
    field: str | None = None  # The field, in formats without named fields.
    most: int | None = None  # The most records of a file.
    bare: bool = False  # Whether the file can't be compressed or archived.
    ids: bool = True


NESTED = ("flat", "columns", "deep", "list", "objects", "late", "chat", "prompted")
FLAT = ("flat", "columns", "prompted")
ONE = ("one",)
LATE = 53  # Elements of a list before the first one with another text field.


def shaped(shape: str, depth: int, key: str, texts: Sequence[str | None]) -> Any:
    """Return a record with an id and texts; empty ones are null."""
    texts = [text or None for text in texts]
    record: dict[str, Any] = {"id": key}
    if shape == "one":
        return texts[0]
    if shape == "flat":
        return record | {"text": texts[0]}
    if shape == "columns":
        return record | {"title": texts[0], "number": 7, "body": texts[-1]}
    if shape == "prompted":
        return record | {"prompt": texts[0], "response": texts[-1]}
    if shape == "list":
        return record | {"paragraphs": list(texts)}
    if shape == "objects":
        return record | {"comments": [{"n": 1, "body": text} for text in texts]}
    if shape == "late":
        early = [{"body": f"so it goes, number {n}"} for n in range(LATE)]
        return record | {"thread": early + [{"reply": text} for text in texts]}
    if shape == "chat":
        speakers = ("user", "assistant")
        turns = [
            {"role": speakers[place % 2], "content": text}
            for place, text in enumerate(texts)
        ]
        return record | {"messages": turns}
    inner: Any = {"text": texts[0]}
    for level in range(depth):
        inner = {f"level{level}": inner}
    return record | inner


def field_of(shape: str, depth: int, slot: int) -> str:
    """Return the name of the field that has the text of a slot."""
    names = {
        "columns": ("title", "body"),
        "prompted": ("prompt", "response"),
        "list": (f"paragraphs[{slot}]",),
        "objects": (f"comments[{slot}].body",),
        "late": (f"thread[{LATE + slot}].reply",),
        "chat": (f"messages[{slot}].content",),
        "deep": ("".join(f"level{n}." for n in reversed(range(depth))) + "text",),
    }.get(shape, ("text",))
    return names[slot % len(names)]


def _jsonl(records: list[Any], layout: Layout) -> bytes:
    lines = (
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=bool(n % 2))
        for n, each in enumerate(records)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _json(records: list[Any], layout: Layout) -> bytes:
    return json.dumps(records, indent=layout.group % 3 or None).encode()


def _archive(records: list[Any], layout: Layout) -> bytes:
    return b"window.YTD.tweets.part0 = " + _json(records, layout)


def _csv(records: list[Any], layout: Layout) -> bytes:
    file = io.StringIO(newline="")
    delimiter = "\t" if layout.group % 2 else ","
    writer = csv.DictWriter(file, records[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()


def _parquet(records: list[Any], layout: Layout) -> bytes:
    file = io.BytesIO()
    table = pa.Table.from_pylist(records)
    pq.write_table(table, file, row_group_size=layout.group)
    return file.getvalue()


def _arrow(records: list[Any], layout: Layout) -> bytes:
    file = io.BytesIO()
    table = pa.Table.from_pylist(records)
    opener = pa.ipc.new_file if layout.group % 2 else pa.ipc.new_stream
    with opener(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=layout.group)
    return file.getvalue()


def _sqlite(records: list[Any], layout: Layout) -> bytes:
    names = list(records[0])
    with sqlite3.connect(":memory:") as database:
        database.execute(f"create table posts ({', '.join(names)})")
        holes = ", ".join("?" * len(names))
        rows = [list(each.values()) for each in records]
        database.executemany(f"insert into posts values ({holes})", rows)
        database.commit()
        data = database.serialize()
    database.close()
    return data


def _duckdb(records: list[Any], layout: Layout) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.duckdb")
        posts = pa.Table.from_pylist(records)
        with duckdb.connect(str(path)) as database:
            database.register("given", posts)
            database.execute("create table posts as select * from given")
        return path.read_bytes()


def _text(texts: list[str], layout: Layout) -> bytes:
    return ("\r\n" if layout.group % 2 else "\n").join([*texts, ""]).encode()


def _html(texts: list[str], layout: Layout) -> bytes:
    (text,) = texts
    head = "<!DOCTYPE html><html><head><meta charset=utf-8></head>"
    return f"{head}<body><p>{html.escape(text)}</p></body></html>".encode()


def _warc(texts: list[str], layout: Layout) -> bytes:
    parts = []
    for number, text in enumerate(texts):
        body = text.encode()
        head = (
            "WARC/1.0\r\nWARC-Type: conversion\r\n"
            f"WARC-Target-URI: http://a.example/{number}\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        parts.append(head.encode() + body + b"\r\n\r\n")
    return b"".join(parts)


def _webdataset(texts: list[str], layout: Layout) -> bytes:
    members = []
    for number, text in enumerate(texts):
        members += [
            (f"{number:05}.jpg", b"\xff\xd8"),
            (f"{number:05}.txt", text.encode()),
        ]
    return _tar(members)


WRITERS = {
    "jsonl": Writer(_jsonl, NESTED),
    "json": Writer(_json, NESTED),
    "archive": Writer(_archive, NESTED),
    "csv": Writer(_csv, FLAT),
    "parquet": Writer(_parquet, NESTED),
    "arrow": Writer(_arrow, NESTED),
    "sqlite": Writer(_sqlite, FLAT, bare=True),
    "duckdb": Writer(_duckdb, FLAT, bare=True),
    "text": Writer(_text, ONE, "text", ids=False),
    "html": Writer(_html, ONE, "text", most=1, ids=False),
    "warc": Writer(_warc, ONE, "text", ids=False),
    "webdataset": Writer(_webdataset, ONE, "txt", bare=True, ids=False),
}
# Registered formats that the machine leaves out, with the reasons.
LEFT_OUT = {
    "hub": "its records come from a network",
    "mail": "its reader will be removed",
    "excel": "its reader will be removed",
}
EXTENSIONS = {"json": ".json", "webdataset": ".tar", "archive": ".js"}
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}
ARCHIVES = ("zip", "tar")


def missing() -> list[str]:
    """Return the registered formats and compressions that the machine can't write."""
    formats = adapter.formats().keys() - WRITERS.keys() - LEFT_OUT.keys()
    compressions = adapter.compressions().keys() - COMPRESSORS.keys()
    return [
        *(f"no writer for format {name} in the truth machine" for name in formats),
        *(f"no writer for compression {name}" for name in compressions),
    ]


def formats() -> list[str]:
    """Return the formats that are registered and can be written."""
    return sorted(adapter.formats().keys() & WRITERS.keys())


def compressed(data: bytes, name: str | None, frames: int = 1) -> bytes:
    """Return compressed data, in one or several members or frames."""
    if name is None:
        return data
    step = -(-len(data) // frames) or 1
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    return b"".join(map(COMPRESSORS[name], parts))


def _tar(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def divided(count: int, layout: Layout) -> list[range]:
    """Return the numbers of the records in each file."""
    most = WRITERS[layout.format].most
    files = min(count, layout.files if most is None else -(-count // most))
    cuts = [count * number // files for number in range(files + 1)]
    return [range(a, b) for a, b in itertools.pairwise(cuts)]


class Written(NamedTuple):
    """The paths to scan, and the source and number of each record."""

    paths: list[Path]
    places: list[tuple[str, int]]


def write(records: list[Any], layout: Layout, folder: Path) -> Written:
    """Write records, in the order in which they are given, and return their places."""
    writer = WRITERS[layout.format]
    folder.mkdir(parents=True)
    extension = EXTENSIONS.get(layout.format) or adapter.formats()[layout.format][0]
    if layout.format == "csv" and layout.group % 2:
        extension = ".tsv"
    packed = (
        "" if layout.compression is None else adapter.compressions()[layout.compression]
    )
    members, places = [], []
    order = [*range(len(records))]
    order = order[::-1] if layout.reverse else order
    at: dict[int, tuple[str, int]] = {}
    for number, part in enumerate(divided(len(records), layout)):
        chosen = [records[order[place]] for place in part]
        name = f"{layout.name}{number:02}{extension}{packed}"
        data = writer.write(chosen, layout)
        members.append((name, compressed(data, layout.compression, layout.frames)))
        for row, place in enumerate(part):
            at[order[place]] = (name, row)
    places = [at[number] for number in range(len(records))]
    if layout.archive is not None:
        suffix = "" if layout.outer is None else adapter.compressions()[layout.outer]
        path = folder / f"{layout.name}.{layout.archive}{suffix}"
        packer = _zip if layout.archive == "zip" else _tar
        path.write_bytes(compressed(packer(members), layout.outer, layout.frames))
        return Written([path], [(f"{path}/{name}", row) for name, row in places])
    for name, data in members:
        (folder / name).write_bytes(data)
    paths = [folder] if layout.folder else [folder / name for name, _ in members]
    return Written(paths, [(str(folder / name), row) for name, row in places])
