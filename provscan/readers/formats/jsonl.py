"""Read JSON lines.

A kernel parses a block of lines if the wanted values are strings and integers at the
top level of the objects. All other blocks, and those with values of other types,
duplicate keys, lone surrogates or bytes that are not UTF-8, are parsed line by line
with orjson. Lines that orjson refuses are parsed with Python's parser, which accepts
NaN and control characters, and so are lines with a repeated key, of which orjson
returns only the last value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.kernels.canonical.utf8 import newlines
from provscan.kernels.characters import NEWLINE
from provscan.kernels.reading.elements import DEPTH, QUOTED, STATE, VALUES, one_a_line
from provscan.kernels.reading.json_lines import (
    INTEGER,
    NOTHING,
    STRING,
    top_level_values,
)
from provscan.kernels.records import StringColumns
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, Block, ByteStream, lines
from provscan.readers.fields.later import Later
from provscan.readers.fields.paths import Path
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.json_values import EARLIER, all_values, repeats_keys
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.readers.stats import Counts
from provscan.readers.strings import is_utf8
from provscan.urls import is_remote

# The number of lines that are parsed into Python objects at a time. With more objects
# in memory, Python's garbage collector would take longer than the parser.
LINES_AT_ONCE = 256
# Maximum number of columns for which the kernel is used: it compares all names with
# each key, and reserves space for each column.
MOST_COLUMNS = 20
# A line of more bytes is parsed into objects only if it has few values.
LONGEST = 16 << 20
# The number of bytes of a line that a kernel processes at a time.
BYTES_AT_ONCE = 1 << 20


class TopLevel:
    """Parses blocks whose wanted values are at the top level of the objects."""

    def __init__(self, wanted: dict[Path, pa.DataType]) -> None:
        self._columns = {
            path[0]: kind for path, kind in wanted.items() if len(path) == 1
        }
        roots = [*self._columns, *{path[0] for path in wanted if len(path) > 1}]
        kinds = [
            INTEGER if kind == pa.int64() else STRING for kind in self._columns.values()
        ]
        names = [
            json.dumps(name, ensure_ascii=False)[1:-1].encode(errors="replace")
            for name in roots
        ]
        readable = {pa.string(), pa.large_string(), pa.int64()}.issuperset(
            self._columns.values()
        )
        self.usable = (
            bool(kinds)
            and readable
            and len(set(roots)) == len(roots) <= MOST_COLUMNS
            # The kernel does not read all values of a repeated key.
            and not any(EARLIER.search(key) for path in wanted for key in path)
        )
        self._names = np.frombuffer(b"".join(names), np.uint8)
        self._name_ends = np.cumsum([0, *map(len, names)])
        self._kinds = np.array(
            [*kinds, *[NOTHING] * (len(roots) - len(kinds))], np.uint8
        )
        self._name_ends.flags.writeable = self._kinds.flags.writeable = False

    def parsed(self, block: Block) -> pa.RecordBatch | None:
        """Return the columns of a block; None if the kernel can't parse it."""
        count, size, rows = len(self._kinds), len(block.data), block.lines
        # Arrow's memory pool keeps memory between blocks. The first access to new
        # memory would take as long as the parsing.
        data = pa.allocate_buffer(count * size)
        columns = StringColumns(
            np.frombuffer(data, np.uint8).reshape(count, size),
            np.zeros((count, rows + 1), np.int64),
            np.empty((count, rows), np.uint8),
        )
        text = np.frombuffer(block.data, np.uint8)
        if not top_level_values(
            text, self._names, self._name_ends, self._kinds, columns
        ):
            return None
        arrays = {}
        for k, (name, kind) in enumerate(self._columns.items()):
            valid = columns.valid[k] == 1
            if not valid.any():
                arrays[name] = pa.nulls(rows, kind)
                continue
            bits = (
                None
                if valid.all()
                else pa.py_buffer(np.packbits(valid, bitorder="little"))
            )
            offsets = pa.py_buffer(columns.ends[k])
            values = data.slice(k * size, int(columns.ends[k, -1]))
            array = pa.Array.from_buffers(
                pa.large_string(), rows, [bits, offsets, values]
            )
            try:
                arrays[name] = (
                    array if kind == pa.large_string() else pc.cast(array, kind)
                )
            except pa.ArrowInvalid:
                return None
        return pa.RecordBatch.from_pydict(arrays)


def _some_records(
    block: Block, positions: list[int], stream: ByteStream
) -> list[tuple[int, Any]]:
    """Return some lines as objects, with their numbers."""
    if not positions:
        return []
    ends = np.append(
        np.flatnonzero(np.frombuffer(block.data, np.uint8) == NEWLINE), len(block.data)
    )
    records = []
    for position in positions:
        start = int(ends[position - 1]) + 1 if position else 0
        line, number = block.data[start : int(ends[position])], block.first + position
        if (values := many_values(line, stream.context.limits)) is None:
            records.append((number, orjson.loads(line)))
        else:
            stream.counts.note("too_many_fields", number, f"{values:,} values")
    return records


def many_values(line: bytes | memoryview, limits: Limits) -> int | None:
    """Return the number of values in a line if there are too many to parse it into
    objects, else None.
    """
    if len(line) <= LONGEST:
        return None
    values = int(state_at_end(line)[VALUES])
    return values if values > limits.fields else None


def state_at_end(data: bytes | memoryview) -> Numbers:
    """Return what is open at the end of some JSON: the state of the kernel in
    :mod:`provscan.kernels.reading.elements` after its last byte.
    """
    codes = np.frombuffer(data, np.uint8)
    state = np.zeros(STATE, np.int64)
    out = np.empty(2 * BYTES_AT_ONCE, np.uint8)
    for start in range(0, len(codes), BYTES_AT_ONCE):
        one_a_line(codes[start : start + BYTES_AT_ONCE], out, state)
    return state


def still_open(state: Numbers) -> str:
    """Describe the string or the brackets that are open in a state; empty if there are
    none.
    """
    if state[QUOTED]:
        return "within a string"
    depth = int(state[DEPTH])
    return f"{depth:,} bracket{'s' * (depth > 1)} not closed" if depth else ""


def _repaired(line: bytes, number: int, counts: Counts) -> Any:
    """Parse a line that orjson refuses. Raise ValueError if it is not JSON."""
    replaced = ""
    # Concatenated files have byte-order marks between them.
    line = line.removeprefix(BOM)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        text = line.decode(errors="replace")
        replaced = f"byte {line[error.start]:#04x} replaced by U+FFFD"
    value = all_values(text)
    if replaced:
        counts.repair("invalid_utf8", number, replaced)
    return value


def parse_lines(
    first: int,
    data: bytes,
    counts: Counts,
    limits: Limits,
    searched: Numbers | None = None,
) -> Iterator[Rows]:
    """Yield the objects in some lines. A string becomes an object with a text; lines
    with other values are skipped and counted. ``searched`` are the positions of the
    lines for :attr:`Rows.others`, besides those with repeated keys.
    """
    all_lines = data.split(b"\n")
    repeated = set((first + repeats_keys(data, len(all_lines))).tolist())
    chosen = None if searched is None else repeated.union((first + searched).tolist())
    for start in range(0, len(all_lines), LINES_AT_ONCE):
        group = all_lines[start : start + LINES_AT_ONCE]
        numbers = range(first + start, first + start + len(group))
        records = _objects(group) if repeated.isdisjoint(numbers) else None
        found = dict(
            zip(numbers, records, strict=True)
            if records is not None
            else (
                (number, record)
                for number, line in zip(numbers, group, strict=True)
                if (
                    record := _object(
                        line, number, counts, limits, repeated=number in repeated
                    )
                )
                is not None
            )
        )
        others = (
            None
            if chosen is None
            else [(number, found[number]) for number in sorted(chosen & found.keys())]
        )
        if found:
            yield Rows(list(found), list(found.values()), others)


def _objects(group: list[bytes]) -> list[Any] | None:
    """Return lines as objects; None if one of them has to be parsed by itself."""
    if max(map(len, group)) > LONGEST:
        return None
    try:
        records = list(map(orjson.loads, group))
    except orjson.JSONDecodeError:
        return None
    return records if set(map(type, records)) == {dict} else None


def _object(
    line: bytes, number: int, counts: Counts, limits: Limits, *, repeated: bool
) -> dict[str, Any] | None:
    """Return a line as an object; None if it is blank, or bad and counted."""
    if (values := many_values(line, limits)) is not None:
        detail = f"{values:,} values, above the limit of {limits.fields:,}"
        counts.skip("too_many_fields", number, detail)
        return None
    problem = ""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # str(error) would contain a copy of the line.
        problem = f"{error.msg} (column {error.colno})"
    if problem:
        if not line.strip():
            return None
        try:
            record = _repaired(line, number, counts)
        except ValueError:
            counts.skip("bad_json", number, problem)
            return None
    elif repeated:
        try:
            record = all_values(line.decode())
        except ValueError as error:
            counts.skip("bad_json", number, f"{error}")
            return None
    if isinstance(record, str):
        return {"text": record}
    if not isinstance(record, dict):
        detail = line[:60].decode(errors="replace")
        # Without a string, it has no text.
        code = "not_an_object" if b'"' in line else "text_not_string"
        counts.skip(code, number, detail)
        return None
    return record


def byte_ranges(whole: Split, target: int, limits: Limits) -> Iterator[Split]:
    """Yield ranges of a file that end after a newline, with the number of the first
    line of each.
    """
    # Counting the lines of a remote file would mean fetching it twice.
    if whole.size <= target or not whole.plain_text or is_remote(whole.opened):
        yield whole
        return
    step = min(limits.chunk, target)
    start = at = whole.start
    first = count = part = 0
    with readable(whole.source), open(whole.opened, "rb", buffering=0) as file:
        file.seek(start)
        while data := file.read(min(step, whole.end - at)):
            cut = data.rfind(b"\n") + 1
            end = at + cut
            at += len(data)
            count += newlines(np.frombuffer(data, np.uint8))
            if cut and end - start + step // 2 >= target and end < whole.end:
                yield replace(
                    whole,
                    start=start,
                    end=end,
                    first_record=first,
                    size=end - start,
                    part=part,
                )
                start, first, count, part = end, first + count, 0, part + 1
    yield replace(
        whole, start=start, end=at, first_record=first, size=at - start, part=part
    )


class JsonLines(Format):
    name = "jsonl"
    searches = True
    # A .json file has lines, unless its first bytes show that it is one document.
    extensions = (".jsonl", ".ndjson", ".jsonlines", ".json", ".geojson")

    def sniff(self, head: bytes) -> bool:
        return head.lstrip().startswith(b"{")

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        return byte_ranges(whole, target, limits)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(stream, wanted)


def read_lines(
    stream: ByteStream,
    wanted: Wanted,
    accept: Callable[[pa.RecordBatch], bool] | None = None,
) -> Iterator[Rows]:
    """Yield the objects of a stream of lines. A block whose columns ``accept`` refuses
    is parsed line by line.
    """
    top_level = TopLevel(wanted or {})
    context, binding = stream.context, stream.split.binding
    later = (
        None
        if wanted is None or binding is None or binding.others is None
        else Later(binding, context.limits)
    )
    for block in lines(stream):
        if not block.ended and (open_end := still_open(state_at_end(block.data))):
            # A record that is cut off means that the file is damaged.
            stream.break_off(f"it ends within a record ({open_end})")
            return
        usable = top_level.usable and is_utf8(block.data)
        batch = top_level.parsed(block) if usable else None
        searched = None if later is None else later.lines(block.data, block.lines)
        if batch is not None and searched is not None and len(searched):
            # Only these lines may have texts in the earlier values of a key.
            repeated = repeats_keys(block.data, block.lines)
            if np.intersect1d(searched, repeated).size:
                batch = None
        if batch is not None and (accept is None or accept(batch)):
            numbers = range(block.first, block.first + block.lines)
            others = (
                None
                if searched is None
                else _some_records(block, searched.tolist(), stream)
            )
            yield Rows(numbers, batch, others)
        else:
            data = bytes(block.data)
            yield from parse_lines(
                block.first, data, stream.counts, context.limits, searched
            )


FORMATS = (JsonLines(),)
