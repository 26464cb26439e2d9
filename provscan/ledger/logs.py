"""The formats of access logs: one class per format.

:func:`format_of` detects the format from the first bytes of a file, and
:data:`FORMATS` lists the classes by name. A class gives the columns of a file
(``names``), Arrow batches of its raw rows (``batches``), and SQL expressions that
extract a column from these rows (``value``).

DuckDB parses lines: a batch contains only their numbers and texts, and ``query`` gives
the SQL that parses them. The records of ``Documents`` are converted to such lines. The
calls of ``Twarc`` are assembled in Python, since each has several lines. Parquet has no
class: ``intake`` reads it with DuckDB.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv

from provscan.errors import InputError
from provscan.readers.bytes.archives import Readable
from provscan.readers.bytes.streams import ByteStream, lines

LINES = pa.schema([("row", pa.int64()), ("line", pa.string())])
# Number of rows in a batch that is made in Python.
BATCH = 20_000
# The statuses that errors of AWS imply; all other errors have status 400.
ERRORS = {"Throttl": 429, "TooMany": 429, "Denied": 403, "Unauth": 401}
# The first versions of twarc did not log requests. A pause of at least this many
# seconds separates their responses.
PAUSE = 0.1
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
    keys = "NULL::VARCHAR[]"  # SQL: the names in a row, if rows differ in them.
    reason = "not_the_format"

    def __init__(self, head: bytes) -> None:
        self.names: dict[str, str] = {}  # The columns, each with its first value.
        # Rows that ``batches`` left out: bad rows with their numbers, and other rows.
        self.bad: list[tuple[int, str]] = []
        self.others = 0
        self.detail: str | None = None  # A note on the file, for the report.
        self.content: str | None = None  # The SHA-256 of a document, uncompressed.

    def batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def query(self) -> str:
        """Return the SQL query that parses the batches, which are the view ``rows``."""
        return "SELECT *, NULL::VARCHAR AS line FROM rows"

    def add(self, names: list[str]) -> bool:
        """Add columns that occur only in later rows; return whether there are any."""
        return False

    def value(self, column: str) -> str:
        """Return an SQL expression for a column."""
        return identifier(column)


class Lines(Format):
    """A format with one call per line, parsed in SQL."""

    def parsed(self) -> str:
        """Return the SQL expression that parses ``line`` into ``v``, for the columns
        that were requested with :meth:`value`.
        """
        raise NotImplementedError

    def query(self) -> str:
        return f"""SELECT row, line, {self.parsed()} AS v FROM rows
            WHERE trim(line, E' \\t\\r\\n') <> ''"""

    def add(self, names: list[str]) -> bool:
        new = dict.fromkeys(set(names) - set(self.names), "")
        self.names |= new
        return bool(new)

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


class JsonLines(Lines):
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
        listed = ", ".join(text(f"${path}") for path in paths)
        return f"CASE WHEN {self.shaped} THEN json_extract_string(line, [{listed}]) END"

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


class Pattern(Lines):
    """Lines that match a regular expression, followed by pairs name=value."""

    keys = "keys"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        pattern, groups = PATTERNS[self.name]
        self.shaped = f"v.{groups[0]} <> ''"
        for line in head.split(b"\n")[:200]:
            if found := re.match(pattern, line.decode("utf-8", "replace").rstrip()):
                first = dict(zip(groups, found.groups(""), strict=True))
                pairs = re.findall(PAIR, first["rest"])
                first |= {name: value.strip('"') for name, value in pairs}
                self.names = first | self.names

    def parsed(self) -> str:
        pattern, groups = PATTERNS[self.name]
        listed = ", ".join(map(text, groups))
        return f"regexp_extract(rtrim(line, E'\\r\\n'), {text(pattern)}, [{listed}])"

    def query(self) -> str:
        keys, values = (
            f"regexp_extract_all(v.rest, {text(PAIR)}, {n})" for n in (1, 2)
        )
        return f"SELECT *, {keys} AS keys, {values} AS pairs FROM ({super().query()})"

    def value(self, column: str) -> str:
        if column in PATTERNS[self.name][1]:
            return f"nullif(nullif(trim(v.{column}, '\"'), ''), '-')"
        found = f"pairs[list_position(keys, {text(column)})]"
        return f"nullif(trim({found}, '\"'), '')"


class Common(Pattern):
    """The common and the combined log format of web servers."""

    name = "common"


class Balancer(Pattern):
    """Access logs of AWS load balancers, application and classic."""

    name = "balancer"


PATTERNS = {
    "common": (COMMON, COMMON_NAMES.split()),
    "balancer": (BALANCER, BALANCER_NAMES.split()),
}


class Extended(Lines):
    """The extended log format of the W3C. A directive names its columns."""

    name = "extended"
    other = "line LIKE '#%'"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        listed = head.decode("utf-8", "replace").splitlines()
        fields = next((at for at in listed if at.startswith("#Fields:")), "")
        self._columns = fields.removeprefix("#Fields:").split()
        first = next((at for at in listed if at and not at.startswith("#")), "")
        values = re.split(r"[ \t]", first)
        self.names = {
            name: values[i] if i < len(values) else ""
            for i, name in enumerate(self._columns)
        }
        if "date" in self.names and "time" in self.names:
            self.names = {"datetime": f"{self.names['date']} {self.names['time']}"} | {
                name: value
                for name, value in self.names.items()
                if name not in ("date", "time")
            }
        self.shaped = f"len(v) = {len(self._columns)}"

    def parsed(self) -> str:
        return r"string_split_regex(rtrim(line, E'\r\n'), '[ \t]')"

    def value(self, column: str) -> str:
        if column == "datetime":
            return " || ' ' || ".join(map(self._at, ("date", "time")))
        return f"nullif({self._at(column)}, '-')"

    def _at(self, column: str) -> str:
        return f"v[{self._columns.index(column) + 1}]"


class Delimited(Format):
    """CSV with column names in the first row, and one row per line."""

    name = "csv"

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        shown = head.decode("utf-8", "replace").splitlines()[:2]
        first = shown[0] if shown else ""
        self._delimiter = max(",\t;|", key=lambda mark: first.count(mark))
        rows = [next(csv.reader([at], delimiter=self._delimiter), []) for at in shown]
        columns, values = [*rows, [], []][:2]
        self.names = dict(zip(columns, [*values, *[""] * len(columns)], strict=False))
        if len(self.names) < len(columns):
            raise InputError(f"two columns have the same name: {', '.join(columns)}")

    def batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        def clean() -> Iterator[bytes]:
            for block in lines(stream):
                yield bytes(_utf8(block.data)) + b"\n"

        def left_out(row: Any) -> str:
            # The first row contains the names of the columns.
            self.bad.append((row.number - 1, row.text or ""))
            return "skip"

        try:
            reader = pa.csv.open_csv(
                io.BufferedReader(Readable(clean()), 1 << 20),
                pa.csv.ReadOptions(use_threads=False, block_size=4 << 20),
                pa.csv.ParseOptions(
                    delimiter=self._delimiter, invalid_row_handler=left_out
                ),
                pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    strings_can_be_null=True,
                    null_values=["", "-", "null", "NULL", "None"],
                ),
            )
        except pa.ArrowInvalid as error:
            raise InputError(f"it is not CSV: {error}") from error
        number = 1
        for batch in reader:
            bad = np.array([at for at, _ in self.bad], np.int64)
            rows = np.arange(number, number + len(batch) + len(bad), dtype=np.int64)
            rows = np.setdiff1d(rows, bad)[: len(batch)]
            number = int(rows[-1]) + 1 if len(batch) else number
            yield pa.record_batch(
                [pa.array(rows), *batch.columns], ["row", *batch.schema.names]
            )


class Documents(JsonLines):
    """Whole JSON documents: CloudTrail logs, and lists of calls."""

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
        data = b"".join(stream)
        self.content = hashlib.sha256(data).hexdigest()
        document = json_document(stream, data)
        records = document if isinstance(document, list) else document["Records"]
        for start in range(0, max(len(records), 1), BATCH):
            held = [_line(record) for record in records[start : start + BATCH]]
            numbers = range(start + 1, start + len(held) + 1)
            yield pa.record_batch(
                [pa.array(numbers, pa.int64()), pa.array(held)], LINES
            )


def _line(record: Any) -> str:
    """Return a record as a line. A CloudTrail event gets the status that it implies."""
    if isinstance(record, dict) and "eventTime" in record:
        error = record.get("errorCode") or ""
        found = (status for word, status in ERRORS.items() if word in error)
        record = record | {"status": next(found, 400 if error else 200)}
    return orjson.dumps(record).decode()


class Twarc(Format):
    """``twarc.log`` of twarc 1 and 2, with requests and the ids in responses."""

    name = "twarc"
    COLUMNS = ("time", "seen", "endpoint", "parameters", "status", "tweets", "ids")
    LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d{3}) ([A-Z]+) (.*)")
    CALL = re.compile(r"(?:getting|posting) \(?'?([^'\s,()]+)'?,?\)? ?(.*)")
    REFUSED = re.compile(r"<Response \[(\d{3})\]>|\b(\d{3}) from Twitter")

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        self.names = dict.fromkeys(self.COLUMNS, "")

    def batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        schema = pa.schema(
            [("row", pa.int64()), *((name, pa.string()) for name in self.COLUMNS)]
        )
        calls = self.calls(stream)
        while rows := list(itertools.islice(calls, BATCH)):
            yield pa.RecordBatch.from_pylist(rows, schema)

    def calls(self, stream: ByteStream) -> Iterator[dict[str, Any]]:
        call: dict[str, Any] | None = None
        last = 0.0
        inferred = 0
        for number, line in _numbered(stream):
            found = self.LINE.match(line)
            if not found:
                # A line without a time continues a message, such as a traceback.
                if line.strip() and not line.startswith((" ", "\t")) and call is None:
                    self.bad.append((number, line))
                else:
                    self.others += 1
                continue
            time = f"{found[1]}.{found[2]}"
            words = found[4]
            if (asked := self.CALL.match(words)) is not None:
                if call is not None:
                    yield _finished(call)
                call = {"row": number, "time": time, "endpoint": asked[1]}
                call |= {"parameters": asked[2], "ids": [], "stated": True}
            elif words.startswith("archived "):
                now = float(np.datetime64(time).astype("datetime64[ms]").astype(int))
                paused = now - last > 1000 * PAUSE
                last = now
                of_tweets = call is not None and "verify_cred" not in (
                    call["endpoint"] or ""
                )
                if not of_tweets or (not call["stated"] and paused):  # type: ignore[index]
                    if call is not None:
                        yield _finished(call)
                    inferred += 1
                    call = {"row": number, "time": time, "endpoint": None}
                    call |= {"parameters": None, "ids": [], "stated": False}
                assert call is not None
                call["ids"] += re.findall(r"(\d+)(?:,|$)", words)
                call["seen"] = time
                self.others += call["row"] != number
            else:
                self.others += 1
                if call is not None and (no := self._refusal(words)) is not None:
                    call["status"] = no
                if words.startswith(("starting ", "hydrating ")) and call is not None:
                    yield _finished(call)
                    call = None
        if call is not None:
            yield _finished(call)
        if inferred:
            self.detail = (
                f"{inferred:,} calls are inferred: the log has ids of tweets without a "
                f"request before them, and a pause of {PAUSE} s is taken for a new one"
            )

    def _refusal(self, words: str) -> str | None:
        if words.startswith("rate limit exceeded"):
            return "429"
        found = self.REFUSED.search(words)
        return None if found is None else found[1] or found[2]


def _finished(call: dict[str, Any]) -> dict[str, Any]:
    ids = call["ids"]
    return call | {"tweets": str(len(ids)), "ids": ",".join(ids) if ids else None}


def json_document(stream: ByteStream, data: bytes | None = None) -> Any:
    """Return a whole JSON document."""
    data = b"".join(stream) if data is None else data
    limit = stream.context.limits.record_bytes
    if len(data) > limit:
        raise InputError(f"a JSON document of {len(data):,} bytes, above {limit:,}")
    try:
        return orjson.loads(data)
    except ValueError as error:
        raise InputError(f"it is not a JSON document: {error}") from error


def _numbered(stream: ByteStream) -> Iterator[tuple[int, str]]:
    for block in lines(stream):
        listed = bytes(block.data).decode("utf-8", "replace").split("\n")
        yield from enumerate((line.rstrip("\r") for line in listed), block.first + 1)


def _utf8(data: bytes | memoryview) -> bytes:
    """Return bytes in which invalid UTF-8 is replaced."""
    data = bytes(data)
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def text(value: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


FORMATS: dict[str, type[Format]] = {
    known.name: known
    for known in (JsonLines, Common, Balancer, Extended, Delimited, Documents, Twarc)
}


def format_of(head: bytes) -> str:
    """Return the name of the format of a file that begins with ``head``. "parquet",
    "usage" and "digest" have no class in ``FORMATS``.
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
    for line in listed[:50]:
        if Twarc.LINE.match(line):
            return "twarc"
        if line.startswith("#Fields:"):
            return "extended"
        for name, (pattern, _) in PATTERNS.items():
            if re.match(pattern, line):
                return name
    # A log of JSON lines may have a damaged first line.
    if any(line.startswith("{") and line.endswith("}") for line in listed[:50]):
        return "jsonl"
    return "csv"
