"""Read JSON lines.

Arrow parses a block of lines into columns if each line is one object of strict JSON
whose wanted values have the usual types. All other blocks are parsed line by line with
orjson. Lines that orjson refuses are parsed with Python's parser, which accepts NaN
and control characters. It also parses lines with a repeated key, because orjson would
return only the last value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json

from provscan.arrays import Numbers
from provscan.kernels.canonical.utf8 import newlines
from provscan.kernels.characters import BRACE, END_BRACE, NEWLINE, RETURN
from provscan.kernels.reading.elements import DEPTH, QUOTED, STATE, VALUES, one_a_line
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, Block, ByteStream, lines
from provscan.readers.fields.later import Later
from provscan.readers.fields.paths import ANY, Path, Tree, tree_of
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.json_values import EARLIER, all_values, repeats_keys
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.readers.stats import Counts
from provscan.readers.strings import decoded, is_utf8
from provscan.urls import is_remote

# The number of lines that are parsed into Python objects at a time. With more objects
# in memory, Python's garbage collector would take longer than the parser.
LINES_AT_ONCE = 256
# The types of columns that Arrow reads from JSON as Python would.
TYPES = {pa.string(), pa.large_string(), pa.int64(), pa.float64()}
# A line of more bytes is parsed into objects only if it has few values.
LONGEST = 16 << 20
# The number of bytes of a line that a kernel processes at a time.
BYTES_AT_ONCE = 1 << 20


class Columns:
    """Parses blocks of lines into the columns of the wanted values."""

    def __init__(self, wanted: dict[Path, pa.DataType]) -> None:
        self._schema = None
        tree = tree_of(wanted)
        kinds = list(wanted.values())
        # Arrow does not read all values of a repeated key.
        if wanted and not any(EARLIER.search(key) for path in wanted for key in path):
            with suppress(pa.ArrowInvalid, UnicodeEncodeError):
                self._schema = pa.schema(list(_type_of(tree, kinds)))

    def parsed(self, block: Block) -> pa.RecordBatch | None:
        """Return the columns of a block; None if Arrow can't parse it, or if it does
        not have one object on each line.
        """
        data = np.frombuffer(block.data, np.uint8)
        if self._schema is None or not _one_object_a_line(data):
            return None
        if not is_utf8(data):
            return None
        try:
            table = pyarrow.json.read_json(
                pa.BufferReader(block.data),
                pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
                pyarrow.json.ParseOptions(
                    explicit_schema=self._schema, unexpected_field_behavior="ignore"
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != block.lines:
            return None
        return table.combine_chunks().to_batches()[0]


def _type_of(tree: Tree, kinds: list[pa.DataType]) -> pa.DataType:
    """Return the type of the values at a node of a tree, whose paths lead to values of
    some ``kinds``. Raise ArrowInvalid if Arrow's parser has no such type.
    """
    index, below = tree
    if index is None and ANY in below:
        if len(below) == 1:
            return pa.list_(_type_of(below[ANY], kinds))
    elif index is None:
        return pa.struct([(key, _type_of(node, kinds)) for key, node in below.items()])
    elif not below and kinds[index] in TYPES:
        return kinds[index]
    raise pa.ArrowInvalid("its values have several types")


def _one_object_a_line(data: np.ndarray) -> bool:
    """Return whether each of some lines begins and ends like an object. Arrow would
    also read several objects in a line, and skip blank lines.
    """
    ends = np.append(np.flatnonzero(data == NEWLINE), len(data))
    starts = np.append(0, ends[:-1] + 1)
    if not (ends > starts + 1).all():
        return False
    last = data[ends - 1]
    last = np.where(last == RETURN, data[ends - 2], last)
    return bool((data[starts] == BRACE).all() and (last == END_BRACE).all())


def _some_records(
    block: Block, positions: list[int], stream: ByteStream
) -> list[tuple[int, Any]] | None:
    """Return some lines as objects, with their positions; None if one of them is not
    strict JSON.
    """
    if not positions:
        return []
    all_lines = bytes(block.data).split(b"\n")
    repeated = set(repeats_keys(block.data, block.lines).tolist())
    records = []
    for position in positions:
        line, number = all_lines[position], block.first + position
        if (values := many_values(line, stream.context.limits)) is not None:
            stream.counts.note("too_many_fields", number, f"{values:,} values")
            continue
        try:
            record = orjson.loads(line)
            record = all_values(line.decode()) if position in repeated else record
        except ValueError:
            return None
        records.append((number, record))
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
    # Concatenated files have byte-order marks between them.
    line = line.removeprefix(BOM)
    value = all_values(line.decode(errors="replace"))
    decoded(line, number, counts)
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
    repeated = set(repeats_keys(data, len(all_lines)).tolist())
    chosen = None if searched is None else repeated.union(searched.tolist())
    for start in range(0, len(all_lines), LINES_AT_ONCE):
        found: dict[int, Any] = {}
        others: list[tuple[int, Any]] = []
        for position, line in enumerate(
            all_lines[start : start + LINES_AT_ONCE], start
        ):
            number, again = first + position, position in repeated
            record = _object(line, number, counts, limits, repeated=again)
            if record is None:
                continue
            found[number] = record
            if chosen is not None and position in chosen:
                others.append((number, record))
        if found:
            values = list(found.values())
            yield Rows(list(found), values, None if chosen is None else others)


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
    """Yield ranges of a file that end after a newline, with the position of the first
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
    columns = Columns(wanted or {})
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
        searched = None if later is None else later.lines(block.data, block.lines)
        batch, others = columns.parsed(block), None
        if batch is not None and accept is not None and not accept(batch):
            batch = None
        if batch is not None and searched is not None:
            others = _some_records(block, searched.tolist(), stream)
            batch = None if others is None else batch
        if batch is not None:
            numbers = range(block.first, block.first + block.lines)
            yield Rows(numbers, batch, others)
        else:
            data, counts = bytes(block.data), stream.counts
            yield from parse_lines(block.first, data, counts, context.limits, searched)


FORMATS = (JsonLines(),)
