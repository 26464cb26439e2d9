"""The formats of access logs: one class per format.

:func:`format_of` detects the format from the first bytes of a file, and
:data:`FORMATS` lists the classes by name. A class gives the columns of a file
(``names``), Arrow batches of its raw rows (``batches``), and SQL expressions that
extract a column from these rows (``value``).

DuckDB parses lines: a batch contains only their positions and texts, and ``query``
gives the SQL that parses them. The records of ``Documents`` have several lines, and
Python first converts each to a line of JSON. Parquet has no class: ``intake`` reads it
with DuckDB.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa

from provscan.errors import InputError
from provscan.ledger.database import literal
from provscan.readers.bytes.streams import ByteStream, lines

LINES = pa.schema([("row", pa.int64()), ("line", pa.string())])
# SQL: a line without its line ending.
LINE = r"rtrim(line, E'\r\n')"
# Number of rows in a batch that is made in Python.
BATCH = 20_000
# The HTTP status of an AWS error code, by a word in the code; 400 for other codes.
ERRORS = {"Throttl": 429, "TooMany": 429, "Denied": 403, "Unauth": 401}
# A name=value pair after the fields of a line.
PAIR = r'([A-Za-z][\w.-]*)=("[^"]*"|\S+)'
QUOTED = r'"(?:[^"\\]|\\.)*"'

COMMON = (
    r"^(\S+) (\S+) (.+?) \[([^\]]+)\] "
    rf"({QUOTED}) (\d{{3}}|-) (\d+|-)"
    rf"(?: ({QUOTED}) ({QUOTED}))?(.*)$"
)
COMMON_NAMES = "client ident authuser time request status bytes referer agent rest"
BALANCER = (
    r"^(?:(?:https?|h2|grpcs?|wss?) )?(\d{4}-\d\d-\d\dT[\d:.]+Z) (\S+) (\S+) (\S+) "
    r"[-\d.]+ [-\d.]+ [-\d.]+ (\d+|-) (\d+|-) (\d+|-) (\d+|-) "
    rf"({QUOTED})(?: ({QUOTED}) (\S+) (\S+))?(.*)$"
)
BALANCER_NAMES = (
    "time balancer client target elb_status_code target_status_code received sent"
    " request agent cipher protocol rest"
)


class Format:
    """A format of logs, for one file, whose first bytes are ``head``."""

    name: ClassVar[str]
    shaped = "true"  # SQL: whether ``line`` matches the format.
    other = "false"  # SQL: whether ``line`` is valid but is not a call.
    keys = "NULL::VARCHAR[]"  # SQL: the column names of a row, if rows have their own.
    reason = "not_the_format"  # The reason for lines that do not match.

    def __init__(self, head: bytes) -> None:
        self.names: dict[str, str] = {}  # The columns, each with its first value.

    def batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        for block in lines(stream):
            data = _utf8(block.data)
            ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
            offsets = np.concatenate([[0], ends, [len(data)]]).astype(np.int32)
            text = pa.StringArray.from_buffers(
                len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data)
            )
            first = block.first + 1
            numbers = np.arange(first, first + len(text), dtype=np.int64)
            yield pa.record_batch([pa.array(numbers), text], LINES)

    def is_empty(self, stream: ByteStream) -> bool:
        """Return whether the file is complete and says that there were no calls."""
        return False

    def parsed(self) -> str:
        """Return the SQL expression that parses ``line`` into ``v``, for the columns
        that were requested with :meth:`value`.
        """
        raise NotImplementedError

    def query(self) -> str:
        """Return the SQL query that parses the batches, which are the view ``rows``."""
        return f"""SELECT row, line, {self.parsed()} AS v FROM rows
            WHERE trim(line, E' \\t\\r\\n') <> ''"""

    def add(self, names: list[str]) -> bool:
        """Add columns that occur only in later rows; return whether there are any."""
        new = dict.fromkeys(set(names) - set(self.names), "")
        self.names |= new
        return bool(new)

    def value(self, column: str) -> str:
        """Return an SQL expression for a column."""
        raise NotImplementedError


class JsonLines(Format):
    """JSON objects, one per line."""

    name = "jsonl"
    reason = "not_json"
    shaped = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
    keys = f"CASE WHEN {shaped} THEN json_keys(line) END"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        self._paths: dict[str, tuple[str, ...]] = {}
        self._used: list[str] = []
        for line in head.split(b"\n")[:200]:
            with contextlib.suppress(ValueError):
                value = orjson.loads(line)
                self._add(value if isinstance(value, dict) else {}, ())

    def parsed(self) -> str:
        paths = ("".join(f'."{p}"' for p in self._paths[name]) for name in self._used)
        found = ", ".join(literal(f"${path}") for path in paths)
        return f"CASE WHEN {self.shaped} THEN json_extract_string(line, [{found}]) END"

    def add(self, names: list[str]) -> bool:
        before = len(self._paths)
        self._add(dict.fromkeys(names, ""), ())
        return len(self._paths) > before

    def _add(self, value: dict[str, Any], path: tuple[str, ...]) -> None:
        for key, inner in value.items():
            if '"' in key or "\\" in key:
                continue
            if isinstance(inner, dict) and len(path) < 4:
                self._add(inner, (*path, key))
            else:
                name = ".".join((*path, key))
                if len(self._paths) < 500 and name not in self._paths:
                    self._paths[name] = (*path, key)
                    self.names[name] = str(inner)

    def value(self, column: str) -> str:
        if column not in self._used:
            self._used.append(column)
        return f"v[{self._used.index(column) + 1}]"


class Pattern(Format):
    """Lines that match a regular expression. Its last group, ``rest``, can contain
    further columns as pairs ``name=value``.
    """

    keys = "keys"
    pattern: str
    groups: list[str]

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        self.shaped = f"v.{self.groups[0]} <> ''"
        for line in head.split(b"\n")[:200]:
            shown = line.decode("utf-8", "replace").rstrip()
            if found := re.match(self.pattern, shown):
                first = dict(zip(self.groups, found.groups(""), strict=True))
                pairs = re.findall(PAIR, first["rest"])
                first |= {name: value.strip('"') for name, value in pairs}
                self.names = first | self.names

    def parsed(self) -> str:
        names = ", ".join(map(literal, self.groups))
        return f"regexp_extract({LINE}, {literal(self.pattern)}, [{names}])"

    def query(self) -> str:
        keys, values = (
            f"regexp_extract_all(v.rest, {literal(PAIR)}, {n})" for n in (1, 2)
        )
        return f"SELECT *, {keys} AS keys, {values} AS pairs FROM ({super().query()})"

    def value(self, column: str) -> str:
        found = f"pairs[list_position(keys, {literal(column)})]"
        if column in self.groups:
            found = f"v.{column}"
        return f"trim({found}, '\"')"


class Common(Pattern):
    """The common and the combined log format of web servers."""

    name = "common"
    pattern, groups = COMMON, COMMON_NAMES.split()


class Balancer(Pattern):
    """Access logs of AWS load balancers, application and classic."""

    name = "balancer"
    pattern, groups = BALANCER, BALANCER_NAMES.split()


class Delimited(Format):
    """CSV with column names in the first row, and one row per line. ``v`` is the list
    of the fields of a line.
    """

    name = "csv"
    other = "row = 1"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        shown = head.decode("utf-8", "replace").splitlines()
        self._mark, self._columns, values = self.read(shown)
        self.shaped = f"len(v) = {len(self._columns)}"
        values += [""] * len(self._columns)
        self.names = dict(zip(self._columns, values, strict=False))
        if len(self.names) < len(self._columns):
            named = ", ".join(self._columns)
            raise InputError(f"two columns have the same name: {named}")

    def read(self, shown: list[str]) -> tuple[str, list[str], list[str]]:
        """Return the delimiter, the columns, and the values of the first call."""
        mark = max(",\t;|", key=(shown or [""])[0].count)
        rows = [*csv.reader(shown[:2], delimiter=mark), [], []]
        return mark, rows[0], rows[1]

    def parsed(self) -> str:
        mark, cut = literal(self._mark), re.escape(self._mark)
        field = rf'"[^"]*"(?:"[^"]*")*|[^{cut}"]*'
        whole, each = (
            literal(rf"(?:{field})(?:{cut}(?:{field}))*"),
            literal(f"{cut}({field})"),
        )
        plain = """if(x LIKE '"%', replace(x[2:-2], '""', '"'), x)"""
        return f"""CASE WHEN NOT contains(line, '"') THEN string_split({LINE}, {mark})
            WHEN regexp_full_match({LINE}, {whole})
            THEN [{plain} FOR x IN regexp_extract_all({mark} || {LINE}, {each}, 1)]
            END"""

    def value(self, column: str) -> str:
        found = f"v[{self._columns.index(column) + 1}]"
        return f"nullif(nullif(nullif({found}, 'null'), 'NULL'), 'None')"


class Extended(Delimited):
    """The extended log format of the W3C. The directive ``#Fields`` names its
    columns.
    """

    name = "extended"
    other = "line LIKE '#%'"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        if "date" in self.names and "time" in self.names:
            day, time = self.names.pop("date"), self.names.pop("time")
            self.names = {"datetime": f"{day} {time}"} | self.names

    def read(self, shown: list[str]) -> tuple[str, list[str], list[str]]:
        fields = next((line for line in shown if line.startswith("#Fields:")), "")
        first = next((line for line in shown if line and not line.startswith("#")), "")
        mark = "\t" if "\t" in first else " "
        return mark, fields.removeprefix("#Fields:").split(), first.split(mark)

    def value(self, column: str) -> str:
        if column == "datetime":
            return f"{self.value('date')} || ' ' || {self.value('time')}"
        return super().value(column)


class Documents(JsonLines):
    """Files with a single JSON document: CloudTrail logs, and lists of calls."""

    name = "json"

    def __init__(self, head: bytes) -> None:
        # Read the records that are complete in the first bytes.
        shown = head.decode("utf-8", "replace")
        at, records = shown.find("[") + 1, []
        with contextlib.suppress(ValueError):
            while (at := shown.find("{", at)) >= 0:
                record, at = json.JSONDecoder().raw_decode(shown, at)
                records.append(_line(record))
        super().__init__("\n".join(records).encode())

    def batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        records = self.records(stream)
        while rows := list(itertools.islice(records, BATCH)):
            numbers, found = zip(*rows, strict=True)
            yield pa.record_batch(
                [pa.array(numbers), pa.array(map(_line, found))], LINES
            )

    def is_empty(self, stream: ByteStream) -> bool:
        return not self.names and next(self.records(stream), None) is None

    def records(self, stream: ByteStream) -> Iterator[tuple[int, Any]]:
        """Yield the records, each with its 1-based number."""
        document = json_document(stream)
        found = document.get("Records") if isinstance(document, dict) else document
        if not isinstance(found, list):
            raise InputError(
                "expected a JSON list of calls, or an object that has such a list as "
                '"Records"'
            )
        yield from enumerate(found, 1)


def _line(record: Any) -> str:
    """Return a record as a line. A CloudTrail event gets the status that it implies."""
    if isinstance(record, str):
        return record
    if isinstance(record, dict) and "eventTime" in record:
        error = record.get("errorCode") or ""
        found = (status for word, status in ERRORS.items() if word in error)
        record = record | {"status": next(found, 400 if error else 200)}
    return orjson.dumps(record).decode()


def json_document(stream: ByteStream) -> Any:
    """Return the JSON document in a file."""
    data = b"".join(stream)
    limit = stream.context.limits.record_bytes
    if len(data) > limit:
        raise InputError(
            f"its JSON document has {len(data):,} bytes, more than {limit:,}"
        )
    try:
        return orjson.loads(data)
    except ValueError as error:
        raise InputError(f"it is not a JSON document: {error}") from error


def _utf8(data: bytes | memoryview) -> bytes:
    """Return bytes in which invalid UTF-8 is replaced."""
    data = bytes(data)
    return data if data.isascii() else data.decode("utf-8", "replace").encode()


FORMATS: dict[str, type[Format]] = {
    known.name: known
    for known in (JsonLines, Common, Balancer, Extended, Delimited, Documents)
}


def format_of(head: bytes) -> str:
    """Return the name of the format of a file that begins with ``head``: one of
    ``FORMATS``, "parquet", "usage" or "digest".
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.lstrip()[:4096]
    if start[:1] in b"{[" and start:
        if re.search(rb'"(daily_(project|client_app)_usage|project_usage)"', start):
            return "usage"
        if b'"digestStartTime"' in head:
            return "digest"
        if start.startswith(b"[") or re.match(rb'\{\s*"Records"\s*:\s*\[', start):
            return "json"
        return "jsonl"
    listed = [line.decode("utf-8", "replace").rstrip() for line in head.split(b"\n")]
    for line in listed[:200]:
        if line.startswith("#Fields:"):
            return "extended"
        for known in (Common, Balancer):
            if re.match(known.pattern, line):
                return known.name
    # A log of JSON lines may have a damaged first line.
    if any(line.startswith("{") and line.endswith("}") for line in listed[:50]):
        return "jsonl"
    return "csv"
