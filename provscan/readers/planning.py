"""Sources as the user names them -> splits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.errors import InputError
from provscan.kernels.utf8 import newlines
from provscan.readers import delimited, jsonl, tables
from provscan.readers.fields import USUAL, Fields, Found, named_path, not_found
from provscan.readers.splits import STDIN, UNKNOWN, Plan, Split
from provscan.readers.streams import BOM, CHUNK, ByteStream, compression_of

Source = str | os.PathLike[str]

COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonlines": "jsonl",
    ".jl": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "text",
    ".text": "text",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
READABLE = (
    "JSON lines (.jsonl, .ndjson, .json), CSV (.csv, .tsv) and plain text (.txt), each also as .gz or .zst, "
    "Parquet (.parquet) and Arrow (.arrow, .feather)"
)

# What the datasets library writes beside its data.
METADATA = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})

MOST_SPLIT = 256 << 20
SPLITS = 64
# Less than this where workers would have fewer than ROUNDS splits each: their shares are never quite equal.
LEAST_SPLIT = 8 << 20
SMALLEST_SPLIT = 1 << 20
ROUNDS = 4


class _Unreadable(Exception):
    """Why a file is of no kind that can be read."""


@dataclass(frozen=True, slots=True)
class _Kind:
    format: str
    compression: str | None = None


def _head(path: str, compression: str | None, size: int = 64 << 10) -> bytes:
    if compression is not None:
        return ByteStream(Split(path, path, "", compression, 0, size, 0, size)).peek()
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(size)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error


def _sniffed(path: str, name: str, in_folder: bool, compression: str | None) -> _Kind:
    """The kind of a file whose name does not tell, from its first bytes."""
    head = _head(path, compression)
    if compression is None and (found := compression_of(head)):
        return _sniffed(path, name, in_folder, found)
    if compression is None:
        for magic, form in ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"\xff\xff\xff\xff", "arrows")):
            if head.startswith(magic):
                return _Kind(form)
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"{"):
        return _Kind("jsonl", compression)
    if start.startswith(b"["):
        return _Kind("json", compression)
    if in_folder:
        raise _Unreadable("no known kind of file")
    if b"\0" in head:
        raise _Unreadable("neither its name nor its first bytes show a known kind of file")
    return _Kind("text", compression)


def _kind(path: str, in_folder: bool) -> _Kind:
    name = os.path.basename(path).lower()
    stem, extension = os.path.splitext(name)
    compression = COMPRESSIONS.get(extension)
    if compression is not None:
        stem, extension = os.path.splitext(stem)
    if not extension:
        return _sniffed(path, name, in_folder, compression)
    form = FORMATS.get(extension)
    if form is None:
        raise _Unreadable(f"{extension} is no known kind of file")
    if form in ("parquet", "arrow"):
        if compression is not None:
            raise _Unreadable(f"{extension} files are compressed inside; decompress it first")
        if form == "arrow" and not _head(path, None, 16).startswith(b"ARROW1"):
            form = "arrows"
        return _Kind(form)
    if form == "json":
        return _json_kind(path, compression)
    return _Kind(form, compression)


def _json_kind(path: str, compression: str | None) -> _Kind:
    """Lines, or one array; a file that is one object is neither."""
    head = _head(path, compression).removeprefix(BOM).lstrip()
    if head.startswith(b"["):
        return _Kind("json", compression)
    if head.startswith(b"{") and head[1:].lstrip(b" \t\r").startswith(b"\n"):
        raise _Unreadable("it is one JSON object over several lines; expected one object a line")
    return _Kind("jsonl", compression)


def _walk(folder: str, shown: str, skipped: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Files of a folder and the folders in it, sorted: (name to show, path)."""
    seen: set[str] = set()
    pending = [(folder, shown)]
    files: list[tuple[str, str]] = []
    while pending:
        path, name = pending.pop()
        real = os.path.realpath(path)
        if real in seen:
            skipped.append((name, "a link to a folder that was read already"))
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"{name} can't be read: {error.strerror}") from error
        saved = any(entry.name == "state.json" for entry in entries)
        for entry in entries:
            inner = f"{name.rstrip('/')}/{entry.name}"
            if entry.name.startswith((".", "_")):
                skipped.append((inner, f"hidden: its name starts with {entry.name[0]}"))
            elif os.path.isdir(entry.path):
                pending.append((entry.path, inner))
            elif entry.name in METADATA:
                skipped.append((inner, "describes a dataset, holds no records"))
            elif saved and entry.name.startswith("cache-"):
                skipped.append((inner, "a cache of the datasets library"))
            elif os.path.isfile(entry.path):
                files.append((inner, entry.path))
            else:
                skipped.append((inner, "not a file"))
    yield from sorted(files)


def _files(sources: Iterable[str], skipped: list[tuple[str, str]]) -> Iterator[tuple[str, str, _Kind]]:
    seen: set[str] = set()
    for source in sources:
        if source == STDIN:
            yield "-", STDIN, _Kind(UNKNOWN)
            continue
        if not os.path.exists(source):
            raise InputError(f"{source} does not exist")
        in_folder = os.path.isdir(source)
        if not in_folder and not os.path.isfile(source):
            yield source, source, _Kind(UNKNOWN)
            continue
        found = 0
        for name, path in _walk(source, source, skipped) if in_folder else [(source, source)]:
            real = os.path.realpath(path)
            if real in seen:
                skipped.append((name, "the same file as one before"))
                continue
            seen.add(real)
            try:
                kind = _kind(path, in_folder)
            except _Unreadable as reason:
                if not in_folder:
                    raise InputError(f"{name} can't be read: {reason}. Readable are {READABLE}.") from None
                skipped.append((name, str(reason)))
                continue
            found += 1
            yield name, path, kind
        if in_folder and not found:
            raise InputError(f"{source} holds no file that can be read. Readable are {READABLE}.")


def plan(
    sources: Source | Sequence[Source],
    fields: Fields,
    *,
    workers: int = 1,
    target_bytes: int | None = None,
    parts: int | None = None,
) -> Plan:
    """Cut sources into splits.

    Parameters
    ----------
    sources
        One or several of: a file, a folder (walked, in sorted order), "-" for the standard input.
    fields
        Names of the fields.
    workers
        How many will read; above 16 it makes for more splits.
    target_bytes
        Size that a split should have; by default a 64th of the whole, between 8 and 256 MiB, or less, down to 1 MiB,
        if that gives all workers the same share.
    parts
        How many splits there should be, whatever the number of workers; but files are not cut below 1 MiB for it.

    Returns
    -------
    Plan
        A list of splits; its ``skipped`` names the files of folders that were left out, and why.

    Raises
    ------
    InputError
        A source does not exist, is of no known kind, or can't be read.
    FieldNotFoundError
        None of the files has a field that was named.
    """
    named = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    skipped: list[tuple[str, str]] = []
    files = list(_files((os.fspath(source) for source in named), skipped))
    sizes = [0 if kind.format == UNKNOWN else os.stat(path).st_size for _, path, kind in files]
    if target_bytes is None and parts is not None:
        target_bytes = min(max(sum(sizes) // parts, SMALLEST_SPLIT), MOST_SPLIT)
    elif target_bytes is None:
        target_bytes = _target(sum(sizes), workers)
    splits: list[Split] = []
    for (name, path, kind), size in zip(files, sizes, strict=True):
        end = -1 if kind.format == UNKNOWN else size
        whole = Split(_printable(name), path, kind.format, kind.compression, 0, end, 0, size)
        if kind.format == "parquet" and size:
            splits += _row_groups(whole, target_bytes)
        elif kind.format in ("jsonl", "text") and kind.compression is None:
            splits += _byte_ranges(whole, target_bytes)
        else:
            splits.append(whole)
    _check_named(splits, fields)
    return Plan(splits, [(_printable(name), why) for name, why in skipped])


def _target(size: int, workers: int) -> int:
    """Bytes of a split: a 64th of the whole within limits, but so that every worker gets equally many."""
    least = min(max(size // (ROUNDS * workers), SMALLEST_SPLIT), LEAST_SPLIT)
    target = min(max(size // max(SPLITS, ROUNDS * workers), least), MOST_SPLIT)
    rounds = -(-size // (target * workers))
    return max(-(-size // max(1, rounds * workers)), SMALLEST_SPLIT)


def _printable(name: str) -> str:
    """A path whose bytes are no UTF-8 can't be written into a table as it is."""
    return os.fsencode(name).decode(errors="replace")


def _fields_of(split: Split) -> Found | None:
    if split.size and split.format == "jsonl":
        return jsonl.fields_of(split)
    if split.size and split.format in ("csv", "tsv"):
        return delimited.fields_of(split)
    if split.size and split.format in ("parquet", "arrow", "arrows"):
        return tables.fields_of(split)
    return None


def _check_named(splits: list[Split], fields: Fields) -> None:
    """Each field that the user named must be in one of the files at least; looks no further than needed."""
    missing = {role: name for role in USUAL if (name := getattr(fields, role)) is not None}
    first: Found | None = None
    for split in splits:
        if not missing:
            return
        if split.start or split.first_record:
            continue
        found = _fields_of(split)
        if found is None:
            if split.format in (UNKNOWN, "json"):
                return
            continue
        first = first or found
        missing = {role: name for role, name in missing.items() if named_path(name, found.present) is None}
    if missing and first is not None:
        raise not_found(*next(iter(missing.items())), first)


def _row_groups(whole: Split, target: int) -> Iterator[Split]:
    """Ranges of row groups; each takes a share of the file's bytes that goes by its decoded size.

    The sizes of single columns would be more exact, but asking a damaged file for them ends the process.
    """
    try:
        metadata = pq.read_metadata(whole.path)
        groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{whole.source} can't be read as Parquet: {error}") from error
    total = max(1, sum(group.total_byte_size for group in groups))
    start = first = rows = decoded = given = 0
    for number, group in enumerate(groups, 1):
        rows += group.num_rows
        decoded += group.total_byte_size
        size = whole.size * decoded // total - given
        if size >= target or number == len(groups):
            yield replace(whole, start=start, end=number, first_record=first, size=size)
            start, first, given = number, rows, given + size
    if not groups:
        yield replace(whole, start=0, end=0, size=0)


def _byte_ranges(whole: Split, target: int) -> Iterator[Split]:
    """Ranges that end after a newline; the lines of each are counted to number those of the next."""
    if whole.size <= target:
        yield whole
        return
    try:
        with open(whole.path, "rb", buffering=0) as file:
            start = first = lines = position = 0
            chunk = bytearray(CHUNK)
            codes = np.frombuffer(chunk, np.uint8)
            while size := file.readinto(chunk):
                cut = 0
                while newline := chunk.find(b"\n", max(cut, start + target - position - 1), size) + 1:
                    end = position + newline
                    lines += newlines(codes[cut:newline])
                    yield replace(whole, start=start, end=end, first_record=first, size=end - start)
                    start, first, lines, cut = end, first + lines, 0, newline
                lines += newlines(codes[cut:size])
                position += size
            if start < position:
                yield replace(whole, start=start, end=position, first_record=first, size=position - start)
    except OSError as error:
        raise InputError(f"{whole.source} can't be read: {error.strerror}") from error
