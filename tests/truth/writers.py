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
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from truth import adapter

ABSENT = object()


@dataclass(frozen=True)
class Layout:
    """How records are shaped, divided into files, and written."""

    format: str = "jsonl"
    shape: str = "flat"
    depth: int = 1
    early: int = 0  # Elements of a list before the first one with text (shape "late").
    before: Any = ABSENT  # The value of the field in those elements.
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
    """Writes the records of one file, which are dicts, or texts of the shape "one"."""

    write: Callable[[list[Any], Layout], bytes]
    shapes: tuple[str, ...]
    field: str | None = None  # The field, in formats without named fields.
    most: int | None = None  # The most records of a file.
    bare: bool = False  # Whether the file can't be compressed or archived.


FLAT = ("flat", "columns", "prompted")
LATE = ("late", "late_chat")
NESTED = (*FLAT, "deep", "list", "objects", *LATE, "chat")
ONE = ("one",)
# The most texts of a record. The first text of LATE is in a field of its own.
WIDTHS = {"columns": 2, "prompted": 2, "list": 3, "objects": 3}
WIDTHS |= dict.fromkeys(("chat", *LATE), 4)


def shaped(layout: Layout, key: str, texts: Sequence[str]) -> Any:
    """Return a record with an id and texts; empty ones are null."""
    values = [text or None for text in texts]
    first, last = values[0], values[-1]
    inner: Any
    match layout.shape:
        case "one":
            return first
        case "flat":
            inner = {"text": first}
        case "columns":
            inner = {"title": first, "number": 7, "body": last}
        case "prompted":
            inner = {"prompt": first, "response": last}
        case "list":
            inner = {"paragraphs": values}
        case "objects":
            inner = {"comments": [{"n": 1, "body": text} for text in values]}
        case "chat":
            inner = {"messages": turns(values)}
        case "late_chat":
            inner = {"messages": turns(values[1:])} if values[1:] else {}
            inner = {"note": first, **inner}
        case "deep":
            inner = nested(layout, {"text": first})
        case "late":
            early = {} if layout.before is ABSENT else {"reply": layout.before}
            thread = [early] * layout.early + [{"reply": text} for text in values[1:]]
            inner = nested(layout, {"thread": thread}) if values[1:] else {}
            inner = {"note": first, **inner}
    return {"id": key, **inner}


def turns(texts: list[Any]) -> list[dict[str, Any]]:
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": r, "content": t} for r, t in zip(roles, texts, strict=False)]


def nested(layout: Layout, inner: dict[str, Any]) -> dict[str, Any]:
    for level in range(layout.depth):
        inner = {f"level{level}": inner}
    return inner


def field_of(layout: Layout, slot: int) -> str:
    """Return the name of the field that has the text of a slot."""
    if fixed := WRITERS[layout.format].field:
        return fixed
    path = "".join(f"level{level}." for level in reversed(range(layout.depth)))
    names = {
        "columns": ("title", "body"),
        "prompted": ("prompt", "response"),
        "list": (f"paragraphs[{slot}]",),
        "objects": (f"comments[{slot}].body",),
        "late": ("note", *[f"{path}thread[{layout.early + slot - 1}].reply"] * 3),
        "chat": (f"messages[{slot}].content",),
        "late_chat": ("note", *[f"messages[{slot - 1}].content"] * 3),
        "deep": (f"{path}text",),
    }.get(layout.shape, ("text",))
    return names[slot % len(names)]


def _jsonl(records: list[Any], layout: Layout) -> bytes:
    lines = (json.dumps(each, ensure_ascii=n % 2 > 0) for n, each in enumerate(records))
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


def _table(records: list[Any]) -> pa.Table:
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({n: pa.array([each.get(n) for each in records]) for n in names})


def _parquet(records: list[Any], layout: Layout) -> bytes:
    file = io.BytesIO()
    pq.write_table(_table(records), file, row_group_size=layout.group)
    return file.getvalue()


def _arrow(records: list[Any], layout: Layout) -> bytes:
    file, table = io.BytesIO(), _table(records)
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.duckdb")
        with duckdb.connect(str(path)) as database:
            database.register("given", _table(records))
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
        members += [(f"{number:05}.jpg", b"\xff"), (f"{number:05}.txt", text.encode())]
    return tar(members)


WRITERS = {
    "jsonl": Writer(_jsonl, NESTED),
    "json": Writer(_json, NESTED),
    "archive": Writer(_archive, NESTED),
    "csv": Writer(_csv, FLAT),
    "parquet": Writer(_parquet, NESTED),
    "arrow": Writer(_arrow, NESTED),
    "sqlite": Writer(_sqlite, FLAT, bare=True),
    "duckdb": Writer(_duckdb, FLAT, bare=True),
    "text": Writer(_text, ONE, "text"),
    "html": Writer(_html, ONE, "text", most=1),
    "warc": Writer(_warc, ONE, "text"),
    "webdataset": Writer(_webdataset, ONE, "txt", bare=True),
}
# Registered formats that the machine leaves out, with the reasons.
LEFT_OUT = {
    "hub": "its records come from a network",
    "mail": "its reader will be removed",
    "excel": "its reader will be removed",
}
EXTENSIONS = {"json": ".json", "webdataset": ".tar", "archive": ".js"}
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),  # The same files in each second.
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


def missing() -> list[str]:
    """Return the registered formats and compressions that the machine can't write."""
    formats = adapter.formats().keys() - WRITERS.keys() - LEFT_OUT.keys()
    return sorted(formats | (adapter.compressions().keys() - COMPRESSORS.keys()))


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


def tar(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zipped(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


PACKERS = {"zip": zipped, "tar": tar}


class Written(NamedTuple):
    """The paths to scan, and the source and number of each record."""

    paths: list[Path]
    places: list[tuple[str, int]]


def write(
    records: list[Any],
    layout: Layout,
    folder: Path,
    change: Callable[[bytes], bytes] = lambda data: data,
) -> Written:
    """Write records, and return their places. ``change`` changes the content of each
    file before it is compressed.
    """
    writer, count = WRITERS[layout.format], len(records)
    folder.mkdir(parents=True)
    extension = EXTENSIONS.get(layout.format) or adapter.formats()[layout.format][0]
    if layout.format == "csv" and layout.group % 2:
        extension = ".tsv"
    endings = {None: "", **adapter.compressions()}
    files = min(count, layout.files if writer.most is None else count)
    order = [*range(count)][:: -1 if layout.reverse else 1]
    members, at = [], {}
    for number in range(files):
        part = order[count * number // files : count * (number + 1) // files]
        name = f"{layout.name}{number:02}{extension}{endings[layout.compression]}"
        data = change(writer.write([records[place] for place in part], layout))
        members.append((name, compressed(data, layout.compression, layout.frames)))
        at |= {place: (name, row) for row, place in enumerate(part)}
    base = folder
    if layout.archive is not None:
        base = folder / f"{layout.name}.{layout.archive}{endings[layout.outer]}"
        data = PACKERS[layout.archive](members)
        base.write_bytes(compressed(data, layout.outer, layout.frames))
        paths = [base]
    else:
        for name, data in members:
            (folder / name).write_bytes(data)
        paths = [folder] if layout.folder else [folder / name for name, _ in members]
    places = ((f"{base}/{at[n][0]}", at[n][1]) for n in range(count))
    return Written(paths, list(places))
