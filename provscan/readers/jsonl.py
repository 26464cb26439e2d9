"""JSON lines, and JSON objects in general, into columns.

Lines are parsed by orjson, a block at a time. What it refuses is tried again with Python's own parser, which knows
NaN, lone surrogates and control characters; invalid UTF-8 is replaced first. Of lines that are sound and hold long
texts the texts are taken out before (:mod:`provscan.readers.longstrings`).

Arrow's JSON reader is up to twice as fast on tweets, as fast on long texts, and no option: it does not see lines, so
an object over two lines or two on one line would shift the numbers of all records after it, and a ``null`` where an
object should stand ends the process (version 26).

Lines that are too long for that are read by :mod:`provscan.readers.longjson`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.columns import Columns
from provscan.readers.fields import HEAD_RECORDS, Binding, Fields, Found, Path, bind, note_missing, survey
from provscan.readers.longjson import LongRecord, Repairs
from provscan.readers.longstrings import LONG_LINE, LongStrings, taken_out
from provscan.readers.outline import QUOTE, Value
from provscan.readers.pieces import Pieces
from provscan.readers.splits import UNKNOWN, Split
from provscan.readers.stats import ReadStats
from provscan.readers.streams import Block, ByteStream, LongLine, lines

Record = dict[str, Any]

# Bytes looked at, at most, in search of the first record.
HEAD_BYTES = 8 << 20

# Records whose objects live at the same time, when they come one by one.
GROUP = 4096

LENIENT = "NaN, a lone surrogate or a control character"


def _repaired(line: bytes, source: str, number: int, stats: ReadStats) -> Any:
    """A line that orjson refuses, or a ValueError that says what is wrong with it."""
    replaced = ""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        text = line.decode(errors="replace")
        replaced = f"byte {line[error.start]:#04x} replaced by U+FFFD"
    try:
        value = json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if replaced:
        stats.repair("invalid_utf8", source, number, replaced)
    else:
        stats.note("lenient_json", source, number, LENIENT)
    return value


def _sound(lines: list[bytes]) -> list[Record] | None:
    """The objects of some lines; None if one of the lines is no object, or no strict JSON."""
    try:
        records = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    return records if set(map(type, records)) == {dict} else None


def parse_lines(
    first: int, lines: list[bytes], source: str, stats: ReadStats
) -> tuple[Sequence[int], list[Record], list[bytes]]:
    """The objects among some lines, with their line numbers and lines; the rest is counted."""
    sound = _sound(lines)
    if sound is not None:
        return range(first, first + len(lines)), sound, lines
    numbers: list[int] = []
    records: list[Record] = []
    kept: list[bytes] = []
    for number, line in enumerate(lines, first):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as problem:
            if not line.strip():
                continue
            try:
                record = _repaired(line, source, number, stats)
            except ValueError:
                stats.skip("bad_json", source, number, f"{problem.msg} (column {problem.colno})")
                continue
        if not isinstance(record, dict):
            stats.skip("not_an_object", source, number, line[:60].decode(errors="replace"))
            continue
        numbers.append(number)
        records.append(record)
        kept.append(line)
    return numbers, records, kept


def flat_getter(key: str) -> Callable[[list[Record]], list[Any]]:
    """A function from records to their values of one key."""
    item = itemgetter(key)

    def get(records: list[Record]) -> list[Any]:
        try:
            return list(map(item, records))
        except KeyError:
            return [record.get(key) for record in records]

    return get


def getter(paths: tuple[Path, ...]) -> Callable[[list[Record]], list[Any]] | None:
    """A function from records to a role's values; made once a file, so the usual case is one flat lookup."""
    if not paths:
        return None
    if len(paths) == 1 and len(paths[0]) == 1:
        return flat_getter(paths[0][0])

    def reach(record: Record) -> Any:
        for path in paths:
            value: Any = record
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None

    return lambda records: [reach(record) for record in records]


class Extractor:
    """Records of one file -> columns, by its binding."""

    def __init__(self, binding: Binding, source: str) -> None:
        self.source = source
        self._paths = sorted({path for role in Binding.__slots__ for path in getattr(binding, role)}, key=len)
        self._texts = frozenset(binding.text)
        self._text = getter(binding.text)
        self._others = {
            role: get for role in ("id", "author", "date", "lang", "rt_of") if (get := getter(getattr(binding, role)))
        }

    def columns(
        self,
        numbers: Sequence[int],
        records: list[Record],
        lines: list[bytes] | None = None,
        strings: LongStrings | None = None,
    ) -> Columns:
        """The columns of some records.

        The lines they came from restore ids beyond 64 bits; ``strings`` are those that were taken out of the lines.
        """
        assert self._text is not None
        values = {role: get(records) for role, get in self._others.items()}
        if lines is not None and "id" in values and float in set(map(type, values["id"])):
            # orjson rounds integers beyond 64 bits to floats.
            get = self._others["id"]
            for place, value in enumerate(values["id"]):
                if isinstance(value, float):
                    line = lines[place].decode(errors="replace")
                    values["id"][place] = get([json.loads(line, strict=False)])[0]
        if strings is not None:
            values = {role: strings.restored(some) for role, some in values.items()}
        return Columns(self.source, numbers, self._text(records), strings=strings, **values)

    def block(self, block: Block, stats: ReadStats) -> pa.RecordBatch:
        """The batch of some lines."""
        first, count, data = block
        if len(data) >= LONG_LINE * count and (hollow := taken_out(data)) is not None:
            lines, strings = hollow
            records = _sound(lines)
            if records is not None:
                return self.columns(range(first, first + count), records, lines, strings).batch(stats)
        return self.columns(*parse_lines(first, data.split(b"\n"), self.source, stats)).batch(stats)

    def long(self, record: LongRecord, stats: ReadStats) -> Iterator[pa.RecordBatch]:
        """The batches that hold a long record."""
        if record.fields is None:
            if record.problem is not None:
                reason, detail = record.problem
                stats.skip(reason, self.source, record.number, detail)
            return
        repairs = Repairs()
        try:
            found = self._found(record, repairs)
        except ValueError as error:
            stats.skip("bad_json", self.source, record.number, str(error))
            return
        columns = self.columns([record.number], [found])
        text = columns.text[0]
        if isinstance(text, Value):
            columns.text = [""]
            pieces = Pieces(columns.batch(stats))
            for part in record.text(text, repairs):
                yield from pieces.feed(part)
            yield pieces.finish()
        else:
            yield columns.batch(stats)
        if repairs.surrogate:
            stats.repair("lone_surrogate", self.source, record.number, "replaced by U+FFFD")
        if repairs.replaced is not None:
            detail = f"byte {repairs.replaced:#04x} replaced by U+FFFD"
            stats.repair("invalid_utf8", self.source, record.number, detail)
        elif repairs.lenient:
            stats.note("lenient_json", self.source, record.number, LENIENT)

    def _found(self, record: LongRecord, repairs: Repairs) -> Record:
        """The fields of a long record that are needed; in place of a text, where it stands."""
        found: Record = {}
        for path in self._paths:
            value = record.value(path)
            if value is None:
                continue
            inner = found
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            is_text = path in self._texts and value.first == QUOTE
            inner[path[-1]] = value if is_text else record.short(value, repairs)
        return found


def _parts(stream: ByteStream) -> Iterator[Block | LongRecord]:
    for part in lines(stream):
        yield LongRecord(part, stream) if isinstance(part, LongLine) else part


def _head(parts: Iterable[Block | LongRecord], source: str) -> tuple[Found | None, list[Block | LongRecord]]:
    """The fields in the first records, None if there is no line; and what was read for them."""
    stats = ReadStats()
    records: list[Record] = []
    read: list[Block | LongRecord] = []
    size = 0
    for part in parts:
        read.append(part)
        if isinstance(part, LongRecord):
            size += part.size
            if part.problem is not None:
                stats.skip(part.problem[0], source, part.number, part.problem[1])
            elif part.fields is not None:
                records.append(part.sample())
        else:
            size += len(part.data)
            some = part.data.split(b"\n", HEAD_RECORDS)[:HEAD_RECORDS]
            records += parse_lines(part.first, some, source, stats)[1]
        if len(records) >= HEAD_RECORDS or size >= HEAD_BYTES:
            break
    if records:
        return Found(survey(records[:HEAD_RECORDS]), source, min(len(records), HEAD_RECORDS)), read
    problems = sorted((case for cases in stats.examples.values() for case in cases), key=lambda case: case.record)
    if problems:
        raise InputError(
            f"{source} is not JSON lines: none of its first lines is a JSON object "
            f"(line {problems[0].record + 1}: {problems[0].detail}). Expected one object a line, with a field for "
            "the text."
        )
    return None, read


def fields_of(split: Split) -> Found | None:
    """The fields in the first records of a file, whichever part of it the split is; None if it has no records."""
    try:
        stamp = os.stat(split.path)
    except OSError as error:
        raise InputError(f"{split.source} can't be read: {error.strerror}") from error
    end = split.end if split.compression else -1
    file = replace(split, start=0, end=end, first_record=0, size=0)
    return _fields_of(file, stamp.st_size, stamp.st_mtime_ns)


@lru_cache(maxsize=64)
def _fields_of(file: Split, size: int, modified: int) -> Found | None:
    return _head(_parts(ByteStream(file)), file.source)[0]


def read_jsonl(stream: ByteStream, fields: Fields, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """The records of one split of JSON lines."""
    split = stream.split
    parts = _parts(stream)
    if split.format == UNKNOWN:
        found, read = _head(parts, split.source)
        parts = itertools.chain(read, parts)
        del read  # or it would stay as long as the generator
    else:
        found = fields_of(split)
    extractor: Extractor | None = None
    if found is not None:
        binding = bind(fields, found, strict=split.format == UNKNOWN)
        extractor = Extractor(binding, split.source)
        if split.start == 0:
            note_missing(fields, binding, split.source, stats)
    for part in parts:
        if isinstance(part, LongRecord):
            if extractor is not None:
                yield from extractor.long(part, stats)
            part.close()
        elif extractor is not None:
            batch = extractor.block(part, stats)
            del part
            yield batch
    if found is None and split.start == 0 and stream.damage is None:
        stats.note("empty_file", split.source)


def from_objects(records: Iterable[Any], fields: Fields, stats: ReadStats, source: str) -> Iterator[pa.RecordBatch]:
    """The same for JSON objects in memory."""
    numbered = enumerate(records)
    group = list(itertools.islice(numbered, HEAD_RECORDS))
    extractor: Extractor | None = None
    while group:
        objects = []
        for number, record in group:
            if isinstance(record, dict):
                objects.append((number, record))
            else:
                stats.skip("not_an_object", source, number, type(record).__name__)
        if objects:
            if extractor is None:
                head = [record for _, record in objects]
                extractor = Extractor(bind(fields, Found(survey(head), source, len(head))), source)
            numbers, found = zip(*objects, strict=True)
            yield extractor.columns(numbers, list(found)).batch(stats)
        group = list(itertools.islice(numbered, GROUP))
