"""Layouts of datasets: how records are shaped, divided into files, and written, in
every registered format, compression and archive.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import file_formats as files
import pyarrow as pa

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


def turns(texts: list[Any]) -> list[dict[str, Any]]:
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": r, "content": t} for r, t in zip(roles, texts, strict=False)]


def nested(layout: Layout, inner: dict[str, Any]) -> dict[str, Any]:
    for level in range(layout.depth):
        inner = {f"level{level}": inner}
    return inner


def thread(layout: Layout, texts: list[Any]) -> dict[str, Any]:
    early = {} if layout.before is ABSENT else {"reply": layout.before}
    replies = [early] * layout.early + [{"reply": text} for text in texts]
    return nested(layout, {"thread": replies})


# Shapes: the most texts of a record, and the record of some texts. The first text of
# LATE is in a field of its own.
SHAPES: dict[str, tuple[int, Callable[[Layout, list[Any]], Any]]] = {
    "one": (1, lambda _, t: t[0]),
    "flat": (1, lambda _, t: {"text": t[0]}),
    "columns": (2, lambda _, t: {"title": t[0], "number": 7, "body": t[-1]}),
    "prompted": (2, lambda _, t: {"prompt": t[0], "response": t[-1]}),
    "list": (3, lambda _, t: {"paragraphs": t}),
    "objects": (3, lambda _, t: {"comments": [{"n": 1, "body": x} for x in t]}),
    "chat": (4, lambda _, t: {"messages": turns(t)}),
    "deep": (1, lambda layout, t: nested(layout, {"text": t[0]})),
    "late": (4, lambda layout, t: thread(layout, t[1:])),
    "late_chat": (4, lambda _, t: {"messages": turns(t[1:])}),
}
ONE, FLAT, LATE = ("one",), ("flat", "columns", "prompted"), ("late", "late_chat")
NESTED = (*FLAT, "deep", "list", "objects", *LATE, "chat")


def shaped(layout: Layout, key: str, texts: Sequence[str]) -> Any:
    """Return a record with an id and texts; empty ones are null."""
    values = [text or None for text in texts]
    note = {"note": values[0]} if layout.shape in LATE else {}
    inner = {} if note and not values[1:] else SHAPES[layout.shape][1](layout, values)
    return inner if layout.shape in ONE else {"id": key, **note, **inner}


def leaves(value: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the field and the value of each part of a record that has no parts."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{field}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, f"{field}[{number}]")
    else:
        yield field, value


class Format(NamedTuple):
    """Writes the records of one file, which are dicts, or texts of the shape "one".

    If files can be cleaned, ``pieces`` cuts one into a piece for each record: bytes, or
    values of tables. ``value`` returns the value of a piece, given the first one.
    """

    write: Callable[[list[Any], Layout], bytes]
    shapes: tuple[str, ...]
    pieces: Callable[[bytes], list[Any]] | None = None
    value: Callable[[Any, Any], Any] = lambda piece, first: piece
    field: str = ""  # The field, in formats without named fields.
    most: int | None = None  # The most records of a file.


def _json(records: list[Any], layout: Layout) -> bytes:
    return json.dumps(records, indent=layout.group % 3 or None).encode()


def _arrow(records: list[Any], layout: Layout) -> bytes:
    opener = pa.ipc.new_file if layout.group % 2 else pa.ipc.new_stream
    return files.arrow(records, layout.group, opener)


def _text(texts: list[str], layout: Layout) -> bytes:
    return ("\r\n" if layout.group % 2 else "\n").join([*texts, ""]).encode()


def _csv_value(line: bytes, first: bytes) -> dict[str, str]:
    texts = (each.decode(errors="replace") for each in (first, line))
    names, values = csv.reader(texts, delimiter="\t" if b"\t" in first else ",")
    return dict(zip(names, values, strict=False))


def _line(piece: bytes, first: bytes) -> str:
    return piece.removesuffix(b"\n").decode(errors="replace")


def _loaded(piece: bytes, first: bytes) -> Any:
    return json.loads(piece.decode(errors="replace"))


FORMATS = {
    "jsonl": Format(
        lambda rows, _: files.lines(rows), NESTED, files.pieces_of_lines, _loaded
    ),
    "json": Format(_json, NESTED, files.pieces_of_json, _loaded),
    "archive": Format(
        lambda *given: b"window.YTD.tweets.part0 = " + _json(*given), NESTED
    ),
    "csv": Format(
        lambda rows, layout: files.delimited(rows, ",\t"[layout.group % 2]),
        *(FLAT, files.pieces_of_lines, _csv_value),
    ),
    "parquet": Format(
        lambda rows, layout: files.parquet(rows, layout.group),
        *(NESTED, files.rows_of_parquet),
    ),
    "arrow": Format(_arrow, NESTED, files.rows_of_arrow),
    "text": Format(_text, ONE, files.pieces_of_lines, _line, "text"),
    "html": Format(lambda texts, _: files.page(*texts), ONE, field="text", most=1),
    "warc": Format(lambda texts, _: files.warc(texts), ONE, field="text"),
}
EXTENSIONS = {"json": ".json", "archive": ".js"}


def missing() -> list[str]:
    """Return what is registered, or can be cleaned, but not by the machine."""
    read = {name for name, each in FORMATS.items() if each.pieces} | {"archive"}
    missed = adapter.formats().keys() - FORMATS.keys()
    missed |= adapter.cleanable() - read
    return sorted(missed | (adapter.compressions().keys() - files.COMPRESSIONS.keys()))


@dataclass(frozen=True)
class Written:
    """The paths to scan, and the source and number of each record."""

    paths: list[Path]
    places: list[tuple[str, int]]

    @cached_property
    def records(self) -> dict[tuple[str, int], int]:
        """The records by source and number."""
        return {place: record for record, place in enumerate(self.places)}


def write(
    records: list[Any],
    layout: Layout,
    folder: Path,
    change: Callable[[bytes], bytes] = lambda data: data,
) -> Written:
    """Write records, and return their places. ``change`` changes the content of each
    file before it is compressed.
    """
    writer, count = FORMATS[layout.format], len(records)
    folder.mkdir(parents=True)
    extension = EXTENSIONS.get(layout.format) or adapter.formats()[layout.format][0]
    if layout.format == "csv" and layout.group % 2:
        extension = ".tsv"
    endings = {None: "", **adapter.compressions()}
    number_of_files = min(count, layout.files if writer.most is None else count)
    order = [*range(count)][:: -1 if layout.reverse else 1]
    members, at = [], {}
    for number in range(number_of_files):
        ends = (count * n // number_of_files for n in (number, number + 1))
        part = order[slice(*ends)]
        name = f"{layout.name}{number:02}{extension}{endings[layout.compression]}"
        data = change(writer.write([records[place] for place in part], layout))
        members.append(
            (name, files.compressed(data, layout.compression, layout.frames))
        )
        at |= {place: (name, row) for row, place in enumerate(part)}
    base = folder
    if layout.archive is not None:
        base = folder / f"{layout.name}.{layout.archive}{endings[layout.outer]}"
        data = files.PACKERS[layout.archive](members)
        members = [(base.name, files.compressed(data, layout.outer, layout.frames))]
    for name, data in members:
        (folder / name).write_bytes(data)
    whole = layout.folder and layout.archive is None
    paths = [folder] if whole else [folder / name for name, _ in members]
    places = ((f"{base}/{at[n][0]}", at[n][1]) for n in range(count))
    return Written(paths, list(places))


def contents(layout: Layout, folder: Path) -> dict[str, bytes]:
    """Return the content of each file that was written, by the end of its source."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    if layout.archive is not None:
        ((archive, data),) = found.items()
        members = files.members_of(files.opened(data, layout.outer), layout.archive)
        found = {f"{archive}/{name}": inner for name, inner in members}
    return {
        name: files.opened(data, layout.compression) for name, data in found.items()
    }
