"""A law of cleaning: what is kept equals the input, as other libraries read it.

:data:`READERS` cut a file into its records with the standard library, Arrow or DuckDB.
The matches of the run say which records are dropped and which spans are masked; all
else must be the same, byte for byte, or value for value in tables.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import re
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import zstandard
from invariants import contents as tree

from truth import adapter, writers
from truth.laws import Scan, change
from truth.writers import Layout

BOM = b"\xef\xbb\xbf"
MASKS = ("[X]", "■", '"', "a, b", "\\", "mask;ed")
LAW = "cleaning_keeps_everything_else"
# Cleanable formats of which the machine makes no datasets.
LEFT_OUT = {"archive"}


class Item(NamedTuple):
    """A record: its bytes, if it has any of its own, and its value."""

    raw: Any
    value: Any


def _unix(data: bytes) -> list[bytes]:
    return list(io.BytesIO(data))


def _jsonl(data: bytes) -> list[Item]:
    items = []
    for line in _unix(data):
        try:
            value = json.loads(line.decode(errors="replace"))
        except ValueError:
            value = None
        items.append(Item(line, value))
    return items


def _text(data: bytes) -> list[Item]:
    lines = _unix(data)
    return [
        Item(raw, raw.removesuffix(b"\n").decode(errors="replace")) for raw in lines
    ]


def _json(data: bytes) -> list[Item]:
    text, items = data.decode(), list[Item]()
    at = text.index("[") + 1
    decoder, between = json.JSONDecoder(), re.compile(r"[\s,]*")
    while text[at := between.match(text, at).end()] != "]":
        value, end = decoder.raw_decode(text, at)
        items.append(Item(text[at:end].encode(), value))
        at = end
    return items


def _csv(data: bytes) -> list[Item]:
    """The first item is the header, and has no value."""
    lines = _unix(data)
    texts = [line.decode(errors="replace") for line in lines]
    rows = csv.reader(texts, delimiter="\t" if "\t" in texts[0] else ",")
    names, at = next(rows), 1
    items = [Item(lines[0], None)]
    for row in rows:
        raw, at = b"".join(lines[at : rows.line_num]), rows.line_num
        items.append(Item(raw, dict(zip(names, row, strict=False)) or None))
    return items


def _arrow(data: bytes) -> list[Item]:
    is_file, reader = data.startswith(b"ARROW1"), pa.BufferReader(data)
    opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return [Item(None, row) for row in opener(reader).read_all().to_pylist()]


def _parquet(data: bytes) -> list[Item]:
    """DuckDB has a reader of its own."""
    with tempfile.NamedTemporaryFile() as file, duckdb.connect() as database:
        Path(file.name).write_bytes(data)
        found = database.execute(f"select * from read_parquet('{file.name}')")
        names = [each[0] for each in found.description]
        return [
            Item(None, dict(zip(names, row, strict=True))) for row in found.fetchall()
        ]


def _webdataset(data: bytes) -> list[Item]:
    samples: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for name, inner in _of_tar(data):
        samples[name.partition(".")[0]].append((name, inner))
    return [Item(files, files) for files in samples.values()]


READERS: dict[str, Callable[[bytes], list[Item]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "text": _text,
    "parquet": _parquet,
    "arrow": _arrow,
    "webdataset": _webdataset,
}
OPENERS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zstd": lambda data: (
        zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    ),
}


def missing() -> list[str]:
    """Return what can be cleaned, but not read by the machine."""
    formats = adapter.cleanable() - READERS.keys() - LEFT_OUT
    return sorted(formats | (adapter.compressions().keys() - OPENERS.keys()))


def _of_tar(data: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]


def _of_zip(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def contents(layout: Layout, folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder, by the end of its source."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    if layout.archive is not None:
        ((archive, data),) = files.items()
        read = _of_zip if layout.archive == "zip" else _of_tar
        members = read(OPENERS[layout.outer](data))
        files = {f"{archive}/{name}": inner for name, inner in members}
    return {name: OPENERS[layout.compression](data) for name, data in files.items()}


def _varied(rng: random.Random, kind: str, data: bytes) -> bytes:
    """Return a file with blank lines, damaged bytes, a byte-order mark or without its
    last newline.
    """
    if kind in ("jsonl", "text", "csv"):
        lines = _unix(data)
        if rng.random() < 0.3 and kind != "csv":
            lines.insert(rng.randrange(1, len(lines) + 1), b"\n")
        if rng.random() < 0.3:
            bad = b"\xe9 \xe2\x82"
            odd = b'{ "caf\xe9": "%b", ' % bad if kind == "jsonl" else bad
            first = {"jsonl": b"{", "csv": b" "}.get(kind, b"e")
            for place in range(kind == "csv", len(lines), 2):
                lines[place] = lines[place].replace(first, odd, 1)
        if rng.random() < 0.3 and kind == "jsonl":
            lines.insert(len(lines) // 2, b"no object\n")
        data = b"".join(lines)
        data = data.rstrip(b"\r\n") if rng.random() < 0.3 else data
    elif kind == "json" and rng.random() < 0.3:
        data = b"\n " + data + b"\n\n"
    marked = kind in ("jsonl", "json", "csv") and rng.random() < 0.2
    return BOM + data if marked else data


def _masked(
    value: Any, path: list[str], spans: list[tuple[int, int]], mask: str
) -> Any:
    """Return a value with the spans of one field masked, overlapping ones as one."""
    if not path or isinstance(value, str):
        merged: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                start, end = merged[-1][0], max(end, merged.pop()[1])
            merged.append((start, end))
        for start, end in reversed(merged):
            value = value[:start] + mask + value[end:]
        return value
    place = int(path[0]) if isinstance(value, list) else path[0]
    copy = value.copy()
    copy[place] = _masked(value[place], path[1:], spans, mask)
    return copy


class Masked(NamedTuple):
    """Stands for the bytes of a record in which spans are masked."""

    item: Item


def _expected(
    items: list[Item],
    found: dict[int, dict[str, Any]],
    mode: str,
    mask: str,
    header: bool,
) -> Iterator[Item]:
    """Yield the items that are kept."""
    if header:
        yield items[0]
    for number, item in enumerate(items[header:]):
        blank = isinstance(item.raw, bytes) and not item.raw.strip()
        if number not in found:
            if blank or mode != "keep":
                yield item
        elif mode == "keep":
            yield item
        elif mode == "mask":
            value = item.value
            for field, spans in found[number].items():
                value = _masked(value, re.findall(r"[^.\[\]]+", field), spans, mask)
            yield Item(Masked(item), value)


def _same(old: Item, new: Item) -> bool:
    if isinstance(old.raw, Masked):
        before = old.raw.item
        # Bytes that are not UTF-8 stay, unless they are in a span.
        bad = "\ufffd"
        covered = repr(before.value).count(bad) != repr(new.value).count(bad)
        return old.value == new.value and (covered or _odd(before.raw) == _odd(new.raw))
    return old == new if old.raw is None else old.raw == new.raw


def _odd(raw: bytes | None) -> list[str]:
    """Return the bytes of a record that are not UTF-8."""
    return re.findall("[\udc80-\udcff]", (raw or b"").decode(errors="surrogateescape"))


@change(lambda case: len(case.texts) < 3000 and case.layout.format not in LEFT_OUT)
def cleaning_keeps_everything_else(scan: Scan) -> Iterator[str]:
    """Clean a dataset of varied files."""
    case, rng = scan.case, random.Random(f"{scan.case.seed} {scan.case.number}")
    layout, kind, home = case.layout, case.layout.format, scan.new()
    data, run, out = home / "set", home / "a.run", home / "out"
    texts = [[t.replace("x", '"', 1) for t in each] for each in case.texts if all(each)]
    records = [writers.shaped(layout, f"r{n}", each) for n, each in enumerate(texts)]
    home.mkdir()
    writers.write(records, layout, data, lambda file: _varied(rng, kind, file))
    if not records:
        return
    settings = {"planted": 0, "max_bad": 1.0, "encoding": "utf-8", "records": "lines"}
    settings["workers"] = rng.choice((1, 2, 4))
    mode = rng.choice(("drop", "drop", "mask", "mask", "keep"))
    everything, mask = rng.random() < 0.5, rng.choice(MASKS)
    how, before = f"{mode}, {mask}, {layout}", tree(data)
    try:
        result = adapter.scan([data], case.index, run, **settings)
    except adapter.Refused:
        return
    rows = [row for row in result.licensed if row.finding or everything]
    found: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows:
        spans = found[row.source.removeprefix(f"{data}/")][row.record]
        spans[row.field or ""].append((row.start, row.end))
    left = None
    try:
        left = adapter.clean(
            [data],
            run,
            out,
            mask if mode == "mask" else None,
            keep_found=mode == "keep",
            everything=everything,
            workers=settings["workers"],
        )
    except adapter.Refused as error:
        refused = kind not in adapter.cleanable()
        if not (refused or (mode == "mask" and kind == "webdataset")):
            yield f"refused: {error} ({how})"
    names = ["a.run", "out", "set"] if left is not None else ["a.run", "set"]
    if tree(data) != before or sorted(os.listdir(home)) != names:
        yield f"the dataset changed, or files are left: {os.listdir(home)} ({how})"
    if left is None or kind not in READERS:
        return
    old, new = (contents(layout, each) for each in (data, out / "set"))
    if new.keys() - old.keys():
        yield f"files {sorted(old)} became {sorted(new)} ({how})"
    for source, content in old.items():
        first = READERS[kind](content.removeprefix(BOM))
        items: list[Item] = []
        if source in new:
            if content.startswith(BOM) != new[source].startswith(BOM):
                yield f"{source}: its byte-order mark changed ({how})"
            items = READERS[kind](new[source].removeprefix(BOM))
        elif len(first) != 1:  # A file of one record is removed with it.
            yield f"{source} of {len(first)} records is missing ({how})"
        wanted = list(_expected(first, found[source], mode, mask, kind == "csv"))
        if len(wanted) != len(items):
            yield f"{source}: {len(wanted)} records became {len(items)} ({how})"
        for pair in zip(wanted, items, strict=False):
            if not _same(*pair):
                yield f"{source}: {pair[1]}, not {pair[0]} ({how})"
                break
    if mode == "keep":
        return
    try:
        rest = adapter.scan([out / "set"], case.index, home / "b.run", **settings)
    except adapter.Refused:
        return  # Nothing to scan is left.
    again = {row[:2] for row in rest.licensed if row.finding or everything}
    if len(again) != left or (again and mode == "drop"):
        yield f"{len(again)} records have matches, {left} said ({how})"
