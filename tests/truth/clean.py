"""Draw datasets, clean them, and compare what is kept with what other libraries read
from the input.

A dataset has one to three groups of files, each in one format, compression and archive
of the registries. :data:`READERS` cut a file into its records with the standard library
or Arrow. The matches of the run say which records are dropped and which spans are
masked; all else must be the same, byte for byte, or value for value in tables.
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
import shutil
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import zstandard
from tweets import LETTERS, sentence

from truth import adapter, writers
from truth.writers import Layout

BOM = b"\xef\xbb\xbf"
BAD = "\ufffd"
MASKS = ("[X]", "■", '"', "a, b", "\\", "mask;ed")
MODES = ("drop", "drop", "mask", "mask", "keep")
# Formats of which the machine makes no files to be cleaned.
LEFT_OUT = {"archive": "its files are not datasets"}


class Item(NamedTuple):
    """A record: its bytes, if it has any of its own, and its value."""

    raw: Any
    value: Any


def _of_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return [*(line + b"\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]


def _jsonl(data: bytes) -> list[Item]:
    items = []
    for line in _of_lines(data):
        try:
            value = json.loads(line.decode(errors="replace"))
        except ValueError:
            value = None
        items.append(Item(line, value))
    return items


def _text(data: bytes) -> list[Item]:
    return [
        Item(line, line.removesuffix(b"\n").decode(errors="replace"))
        for line in _of_lines(data)
    ]


def _json(data: bytes) -> list[Item]:
    text, items = data.decode(), list[Item]()
    json.loads(text)
    at = text.index("[") + 1
    decoder, between = json.JSONDecoder(), re.compile(r"[\s,]*")
    while text[at := between.match(text, at).end()] != "]":
        value, end = decoder.raw_decode(text, at)
        items.append(Item(text[at:end].encode(), value))
        at = end
    return items


def _csv(data: bytes) -> list[Item]:
    """The first item is the header, and has no value."""
    lines = _of_lines(data)
    texts = [line.decode(errors="replace") for line in lines]
    delimiter = "\t" if "\t" in texts[0] else ","
    rows = csv.reader(texts, delimiter=delimiter)
    names, at = next(rows), 1
    items = [Item(lines[0], None)]
    for row in rows:
        raw, at = b"".join(lines[at : rows.line_num]), rows.line_num
        items.append(Item(raw, dict(zip(names, row, strict=False)) or None))
    return items


def _arrow(data: bytes) -> list[Item]:
    reader = pa.BufferReader(data)
    is_file = data.startswith(b"ARROW1")
    opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return [Item(None, row) for row in opener(reader).read_all().to_pylist()]


def _parquet(data: bytes) -> list[Item]:
    """DuckDB has a reader of its own."""
    path = Path(os.environ.get("TMPDIR", "/tmp"), f"truth{random.random()}.parquet")
    path.write_bytes(data)
    try:
        with duckdb.connect() as database:
            found = database.execute(f"select * from read_parquet('{path}')")
            names = [each[0] for each in found.description]
            rows = found.fetchall()
    finally:
        path.unlink()
    return [Item(None, dict(zip(names, row, strict=True))) for row in rows]


def _samples(data: bytes) -> list[Item]:
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
    "webdataset": _samples,
}
OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zstd": lambda data: (
        zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    ),
}


def missing() -> list[str]:
    """Return what the machine can't read, though it can be cleaned."""
    formats = adapter.cleanable() - READERS.keys() - LEFT_OUT.keys()
    compressions = adapter.compressions().keys() - OPENERS.keys()
    return sorted(formats) + sorted(compressions)


def opened(data: bytes, compression: str | None) -> bytes:
    return data if compression is None else OPENERS[compression](data)


def _of_tar(data: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]


def _of_zip(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


@dataclass
class Group:
    """Files of one format, and the records in each."""

    layout: Layout
    folder: Path
    files: list[str]

    def contents(self, folder: Path) -> dict[str, tuple[str, bytes]]:
        """Return the source and the content of each file that is in a folder."""
        layout = self.layout
        found = {}
        if layout.archive is not None:
            (path,) = folder.iterdir()
            read = _of_zip if layout.archive == "zip" else _of_tar
            members = dict(read(opened(path.read_bytes(), layout.outer)))
            where = self.folder / path.name
        else:
            members = {path.name: path.read_bytes() for path in folder.iterdir()}
            where = self.folder
        for name, data in members.items():
            found[name] = (f"{where}/{name}", opened(data, layout.compression))
        return found


@dataclass
class Case:
    """A dataset, and how it is cleaned."""

    name: str
    groups: list[Group]
    mode: str
    mask: str | None
    everything: bool
    workers: int

    @property
    def refused(self) -> bool:
        """Whether some format can't be written so."""
        formats = {group.layout.format for group in self.groups}
        masked = self.mask is not None and "webdataset" in formats
        return masked or bool(formats - adapter.cleanable())


class World:
    """Licensed tweets and their index."""

    def __init__(self, folder: Path, seed: int) -> None:
        rng = random.Random(f"clean {seed}")
        scripts = ("latin", "latin", *LETTERS)
        self.folder, self.texts = folder, list[str]()
        for _ in range(60):
            text = sentence(rng, rng.choice(scripts), rng.randrange(60, 140))
            self.texts.append(" ".join(text.split()))
        tweets = [{"id": str(n), "text": text} for n, text in enumerate(self.texts)]
        folder.mkdir(parents=True, exist_ok=True)
        self.index = adapter.build_index(tweets, folder / "clean.index")


def _layout(rng: random.Random, name: str) -> Layout:
    kind = rng.choice([n for n in writers.formats() if n not in LEFT_OUT])
    if kind not in adapter.cleanable() and rng.random() < 0.9:
        kind = rng.choice(sorted(READERS))  # Others are only refused.
    writer = writers.WRITERS[kind]
    packed = [None, None, *adapter.compressions()]
    archive = None if writer.bare else rng.choice([None, None, *writers.ARCHIVES])
    return Layout(
        format=kind,
        shape=rng.choice(writer.shapes),
        depth=rng.randrange(1, 4),
        compression=None if writer.bare else rng.choice(packed),
        frames=rng.randrange(1, 4),
        archive=archive,
        outer=rng.choice(packed) if archive == "tar" else None,
        files=rng.randrange(1, 5),
        group=rng.randrange(3, 40),
        name=name,
    )


def _record(rng: random.Random, world: World, layout: Layout, key: str) -> Any:
    texts = []
    for _ in range(rng.randrange(2, 5)):
        text = " ".join(sentence(rng, "latin", rng.randrange(40, 120)).split())
        if rng.random() < 0.12:
            text = f"{text} {rng.choice(world.texts)} {text[:20]}"
        elif rng.random() < 0.1:
            text = rng.choice(world.texts)
        if layout.format not in ("text", "csv") and rng.random() < 0.2:
            text = text.replace(" ", '\n"\\ ', 1)
        elif layout.format == "csv" and rng.random() < 0.2:
            text = text.replace(" ", ' "x", ', 1)
        texts.append(text)
    return writers.shaped(layout.shape, layout.depth, key, texts)


def _varied(rng: random.Random, kind: str, data: bytes) -> bytes:
    """Return a file with blank lines, marks, damaged bytes or without its last
    newline.
    """
    if kind in ("jsonl", "text", "csv"):
        lines = _of_lines(data)
        if rng.random() < 0.3 and kind != "csv":
            lines.insert(rng.randrange(1, len(lines) + 1), b"\n")
        if rng.random() < 0.3:
            odd = (
                b'{ "caf\xe9": "\xe9 \xe2\x82", '
                if kind == "jsonl"
                else b"\xe9 \xe2\x82"
            )
            for place in range(kind == "csv", len(lines), 2):
                first = {"jsonl": b"{", "csv": b" "}.get(kind, b"e")
                lines[place] = lines[place].replace(first, odd, 1)
        if rng.random() < 0.3 and kind == "jsonl":
            lines.insert(len(lines) // 2, b"no object\n")
        data = b"".join(lines)
        if rng.random() < 0.3:
            data = data.rstrip(b"\r\n")
    elif kind == "json" and rng.random() < 0.3:
        data = b"\n " + data + b"\n\n"
    if kind in ("jsonl", "json", "csv") and rng.random() < 0.2:
        data = BOM + data
    return data


def draw(seed: int, number: int, world: World, folder: Path) -> Case:
    """Draw a case, and write its dataset into ``folder``."""
    rng = random.Random(f"clean {seed} {number}")
    groups = []
    for place in range(rng.randrange(1, 4)):
        layout = _layout(rng, f"part{place}")
        writer = writers.WRITERS[layout.format]
        home = folder / "set" / f"group{place}"
        home.mkdir(parents=True)
        extension = (
            writers.EXTENSIONS.get(layout.format) or adapter.formats()[layout.format][0]
        )
        members = []
        for file in range(layout.files):
            records = [
                _record(rng, world, layout, f"{place}-{file}-{n}")
                for n in range(1 if writer.most == 1 else rng.randrange(8, 40))
            ]
            data = _varied(rng, layout.format, writer.write(records, layout))
            data = writers.compressed(data, layout.compression, layout.frames)
            packed = adapter.compressions().get(layout.compression or "", "")
            members.append((f"{layout.name}{file}{extension}{packed}", data))
        if layout.archive is None:
            for name, data in members:
                (home / name).write_bytes(data)
        else:
            pack = writers._zip if layout.archive == "zip" else writers._tar
            data = writers.compressed(pack(members), layout.outer)
            outer = adapter.compressions().get(layout.outer or "", "")
            (home / f"{layout.name}.{layout.archive}{outer}").write_bytes(data)
        groups.append(Group(layout, home, [name for name, _ in members]))
    mode = rng.choice(MODES)
    return Case(
        f"clean, seed {seed}, case {number}",
        groups,
        mode,
        rng.choice(MASKS) if mode == "mask" else None,
        rng.random() < 0.5,
        rng.choice((1, 2, 4)),
    )


def _masked(value: Any, field: str, spans: list[tuple[int, int]], mask: str) -> Any:
    """Return a value with the spans of one field masked."""
    if not field or isinstance(value, str):
        for start, end in reversed(spans):
            value = value[:start] + mask + value[end:]
        return value
    key, _, rest = field.replace("[", ".[").removeprefix(".").partition(".")
    place: Any = int(key[1:-1]) if key.startswith("[") else key
    copy = value.copy()
    copy[place] = _masked(value[place], rest, spans, mask)
    return copy


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, end))
    return found


class Masked(NamedTuple):
    """Stands for the bytes of a record in which spans are masked."""

    item: Item


def _expected(
    case: Case, kind: str, items: list[Item], found: dict[int, dict[str, Any]]
) -> list[Item]:
    kept, number = [], 0
    for item in items:
        blank = isinstance(item.raw, bytes) and not item.raw.strip()
        if kind == "csv" and item.value is None:
            kept.append(item)
            continue
        spans, number = found.get(number), number + 1
        if spans is None:
            if blank or case.mode != "keep":
                kept.append(item)
        elif case.mode == "keep":
            kept.append(item)
        elif case.mask is not None:
            value = item.value
            for field, each in spans.items():
                value = _masked(value, field, _merged(each), case.mask)
            kept.append(Item(Masked(item), value))
    return kept


def _same(old: Item, new: Item) -> bool:
    if isinstance(old.raw, Masked):
        before = old.raw.item
        # Bytes that are not UTF-8 stay, unless they are in a span.
        covered = repr(before.value).count(BAD) != repr(new.value).count(BAD)
        return old.value == new.value and (covered or _odd(before.raw) == _odd(new.raw))
    return old == new if old.raw is None else old.raw == new.raw


def _odd(raw: bytes | None) -> list[str]:
    """Return the bytes of a record that are not UTF-8."""
    return re.findall("[\udc80-\udcff]", (raw or b"").decode(errors="surrogateescape"))


def check(case: Case, world: World, folder: Path) -> Iterator[str]:
    """Clean a dataset, and yield what is wrong with the result."""
    data, run, out = folder / "set", folder / "a.run", folder / "out"
    before = _tree(data)
    asked = {"planted": 0, "max_bad": 1.0, "workers": case.workers}
    asked |= {"encoding": "utf-8", "records": "lines"}
    result = adapter.scan([data], world.index, run, **asked)
    try:
        cleaned = adapter.clean(
            [data],
            run,
            out,
            mask=case.mask,
            keep_found=case.mode == "keep",
            everything=case.everything,
            workers=case.workers,
        )
    except adapter.Refused as error:
        if not case.refused:
            yield f"refused: {error}"
        if sorted(os.listdir(folder)) != ["a.run", "set"] or _tree(data) != before:
            yield "a refusal changed files"
        return
    if _tree(data) != before:
        yield "the dataset was changed"
    if sorted(os.listdir(folder)) != ["a.run", "out", "set"]:
        yield f"files beside the result: {sorted(os.listdir(folder))}"
    found: dict[str, dict[int, dict[str, Any]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in result.licensed:
        if row.finding or case.everything:
            found[row.source][row.record][row.field or ""].append((row.start, row.end))
    for group in case.groups:
        kind = group.layout.format
        if kind not in READERS:  # It was copied.
            continue
        old = group.contents(group.folder)
        new = group.contents(out / "set" / group.folder.name)
        if old.keys() != new.keys():
            yield f"{group.folder.name}: files {sorted(old)} became {sorted(new)}"
            continue
        for name, (source, content) in old.items():
            after = new[name][1]
            if content.startswith(BOM) != after.startswith(BOM):
                yield f"{source}: its byte-order mark changed"
            first, items = (
                READERS[kind](each.removeprefix(BOM)) for each in (content, after)
            )
            wanted = _expected(case, kind, first, found.get(source, {}))
            if len(wanted) != len(items):
                yield f"{source}: {len(wanted)} records became {len(items)}"
            for place, pair in enumerate(zip(wanted, items, strict=False)):
                if not _same(*pair):
                    yield f"{source}: item {place} is {pair[1]}, not {pair[0]}"
                    break
    yield from _left(case, world, folder, asked, cleaned.left)


def _left(
    case: Case, world: World, folder: Path, asked: dict[str, Any], left: int
) -> Iterator[str]:
    """Scan the result again: nothing is found, or the command said so."""
    if case.mode == "keep":
        return
    try:
        place = folder / "out" / "set"
        again = adapter.scan([place], world.index, folder / "b.run", **asked)
    except adapter.Refused:
        return  # Nothing to scan is left.
    rows = {
        (row.source, row.record)
        for row in again.licensed
        if row.finding or case.everything
    }
    if len(rows) != left:
        yield f"{len(rows)} records have matches, but the command says {left}"
    if rows and case.mode == "drop":
        yield f"matches are left in {sorted(rows)[:3]}"


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def violations(seed: int, numbers: range, folder: Path) -> Iterator[str]:
    """Yield the violations of some cases."""
    world = World(folder / "world", seed)
    for number in numbers:
        place = folder / str(number)
        case = draw(seed, number, world, place)
        for problem in check(case, world, place):
            layouts = "; ".join(str(group.layout) for group in case.groups)
            yield f"{case.name}: {problem} ({case.mode}, {case.mask}, {layouts})"
        shutil.rmtree(place)
