"""Convert each log to a part: a normalised Parquet file.

:func:`take_in` finds the files and makes the missing parts. The name of a part is
derived from the checksum of its log, the entry of the mapping and the key. A part is
complete when its description, a JSON file, exists. ::

    log -> raw rows (logs) -> columns (columns) -> typed rows (typed)
        -> NAME.names.parquet: the distinct names of the calls, partly hashed
        -> NAME.parquet: the part -> NAME.json: its description

The columns of a part are ``row`` (the line or row, counted from 1), ``time`` (of the
call, in UTC), ``seen`` (time at which the response was logged, in UTC, if known),
``key`` (a hash of the call's names), ``parameters`` (a hash), ``status``, ``tweets``,
``ids``, ``newest`` (the highest id, if ids of its size contain the times of their
tweets), ``quota`` (the limit that the platform stated) and ``share`` (the share of all
calls that the log contains, if it is a sample).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.engine.progress import Progress
from provscan.errors import InputError, duckdb_errors
from provscan.ledger import exports
from provscan.ledger.columns import (
    NAMED,
    Entry,
    entry_for,
    found_columns,
    read_mapping,
)
from provscan.ledger.database import connect, identifier, literal
from provscan.ledger.logs import FORMATS, Format, format_of
from provscan.ledger.typed import states_zone, typed_rows
from provscan.names import counted, printable
from provscan.readers.bytes.compression import COMPRESSED
from provscan.readers.bytes.files import open_file, why_unread
from provscan.readers.bytes.streams import ByteStream, unpack_into
from provscan.readers.finding import Finder, Found, nothing_to_read
from provscan.readers.formats.registry import FileOptions
from provscan.readers.limits import current_limits
from provscan.readers.splits import Context, Layout, Split
from provscan.readers.stats import ReadStats
from provscan.snowflakes import FIRST_SNOWFLAKE
from provscan.urls import source_of
from provscan.writing import replacing_file

# Increase this version when the columns of parts or of intermediate results change.
VERSION = 6
# A part is sorted by time if it has more row groups than this, and if their periods
# together are longer than the period of the part by more than this factor.
DISORDER = 3
# A date in the name of a file, with the numbers after it, such as an hour; folders that
# are named by a date, such as 2023-01-31, 2023/01/31 or year=2023/month=01.
DATE = r"(?<!\d)20\d\d[-_.]?[01]\d(?:[-_.T:]?\d+)*Z?"
DATED = r"(?<![^/])(?:\w+=)?20\d\d(?:\d\d|[-_./](?:\w+=)?\d\d?){0,3}(?=/)"
READABLE = (
    "JSON lines, CSV, Parquet, web server and load balancer logs, CloudTrail, and the "
    "platform's usage export; each also compressed and in archives"
)
# Notes on a log; each begins with a count of calls.
NOTES = {
    "rounded": "the ids of {} are not whole numbers of 63 bits, so their tweets count "
    "as tweets without ids",
    "twice": "the local times of {} occur twice, because clocks were set back; they "
    "are read as the later ones, so the windows of that hour and of the hour before "
    "can be wrong",
    "unstated": "{} without a status, counted as answered",
}
NO_CALL, NOTHING = "it contains no call", {"rows": 0, "bad": 0, "other": 0}
# Errors of DuckDB that are not caused by a damaged file.
FAILED = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException)


@dataclass
class Part:
    """The part of one log. ``about`` is the row of the log in the table ``files``."""

    about: dict[str, Any]
    path: Path | None = None  # None if the file was not read or has no calls.
    names: Path | None = None
    bad: list[dict[str, Any]] = field(default_factory=list)  # Rows of ``bad_lines``.
    usage: list[dict[str, Any]] = field(default_factory=list)
    zone: str = "UTC"  # The zone in which times without a zone are read.


def take_in(
    logs: Sequence[str | os.PathLike[str]],
    folder: Path,
    work: Path,
    key: str,
    mapping: str | os.PathLike[str] | None,
    progress: Progress,
) -> list[Part]:
    """Return the parts of all files in ``logs``, in their order; make missing parts in
    ``folder``. Temporary files are in ``work``.
    """
    entries = read_mapping(mapping)
    folder.mkdir(exist_ok=True)
    named = [source_of(name) for name in logs]
    finder = Finder(current_limits(), FileOptions(None, None))
    found = list(finder.files(named))
    progress.start("Reading", sum(each.split.size for each in found), "bytes")
    made: list[Part] = []
    seen: dict[str, str] = {}
    sources = {Path(each.split.path).resolve().parent for each in found}
    with connect(work, sorted(sources)) as database:
        for each in found:
            source = each.split.source
            about: dict[str, Any] = {"source": source, "stream": stream_of(source)}
            try:
                checksum, size = _checksum(each.split)
                about |= {"sha256": checksum, "bytes": size}
                if checksum in seen:
                    about |= {"state": "copy", "detail": f"a copy of {seen[checksum]}"}
                    made.append(Part(about))
                else:
                    seen[checksum] = source
                    entry = entry_for(source, entries)
                    maker = _Maker(database, folder, work, entry, key)
                    made.append(maker.made(each, about))
            except InputError as error:
                about |= {"state": "unread", "detail": why_unread(error, source)}
                made.append(Part(about))
            progress.advance(each.split.size)
    for source, why in finder.unread:
        about = {"source": source, "stream": stream_of(source), "state": "unread"}
        made.append(Part(about | {"detail": why}))
    if not any(part.path or part.usage for part in made):
        reasons = [
            (part.about["source"], part.about.get("detail") or NO_CALL) for part in made
        ]
        shown = [printable(name) for name in named]
        raise nothing_to_read(shown, reasons, "", READABLE)
    return made


def stream_of(source: str) -> str:
    """Return the name of the stream of a file, which rotated files share unless their
    calls overlap in time (see ``pauses``).

    It is the path, with ``#`` for folders named by a date, for dates in the name of the
    file, and for a number at the end of that name, before the extension. The extension
    of a compression and a number after the extension are left out, because the newest
    file often has none. Other numbers are kept, since they can name a server.
    """
    folder, slash, name = source.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if (dot + extension).lower() in COMPRESSED:
        name = stem
    name = re.sub(DATE, "#", name)
    name = re.sub(r"[-._]?(\d+|#)(?=(\.[A-Za-z]+)?([-._]?(\d+|#))?$)", "#", name)
    folder = re.sub(DATED, "#", folder + slash)
    return f"{folder}{name.removesuffix('#') or name}"


def _checksum(split: Split) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file, or of the content of a member of an
    archive.
    """
    if split.archive is None:
        with open_file(split.path, buffered=False) as file:
            digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
        return digest.hexdigest(), split.size
    digest, size = hashlib.sha256(), 0
    for chunk in ByteStream(replace(split, layout=Layout()), _context(split)):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _context(split: Split) -> Context:
    return Context.of(split, ReadStats(), current_limits())


def _stored_part(description: Path) -> Part:
    part = Part(**json.loads(description.read_text()))
    for name in ("first", "last"):
        if part.about.get(name):
            time = datetime.fromisoformat(part.about[name])
            part.about[name] = time.replace(tzinfo=UTC)
    if part.path is not None:
        part.path = description.with_suffix(".parquet")
        part.names = description.with_suffix(".names.parquet")
    return part


class _Maker:
    """Makes the part of one log, with SQL queries that return its typed rows."""

    part: Part

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        folder: Path,
        work: Path,
        entry: Entry,
        key: str,
    ) -> None:
        self._database, self._folder, self._work = database, folder, work
        self._entry = entry
        self._key = key.encode()
        # Keys of names depend on the secret, but queries do not contain the secret.
        self._salt = int.from_bytes(hashlib.sha256(self._key).digest()[:7])
        self._zoned = False

    def made(self, found: Found, about: dict[str, Any]) -> Part:
        """Return the part of a log. Make it unless it exists."""
        basis = [VERSION, duckdb.__version__, about["sha256"], self._entry.as_json()]
        basis.append(self._key.decode())
        name = hashlib.sha256(json.dumps(basis).encode()).hexdigest()[:32]
        description = self._folder / f"{name}.json"
        if description.exists():
            part = _stored_part(description)
            # The log may have been moved since.
            part.about |= {"source": about["source"], "stream": about["stream"]}
            part.bad = [row | {"source": about["source"]} for row in part.bad]
            return part
        form = self._entry.format or format_of(found.head)
        if form not in (*FORMATS, "parquet", "usage", "digest"):
            known = ", ".join(FORMATS)
            raise InputError(
                f"unknown format {form!r}; the formats are parquet, {known}"
            )
        self.part = Part(about | {"format": form, "state": "read", "detail": None})
        self._path = description.with_suffix(".parquet")
        stream = ByteStream(found.split, _context(found.split))
        if form == "usage":
            self.part.usage = exports.usage(stream, about["source"])
        elif form == "digest":
            self.part.about |= NOTHING | {"detail": "a digest of CloudTrail: no call"}
        else:
            self._make(found)
        with self._replacing(description) as file:
            file.write_text(json.dumps(asdict(self.part), default=str))
        return _stored_part(description)

    def _make(self, found: Found) -> None:
        """Write the part and its names, and complete ``about``."""
        form = self.part.about["format"]
        copy = self._work / "copy"
        try:
            with duckdb_errors():
                self._make_from(found, form, copy)
        except FAILED:
            raise
        except duckdb.Error as error:
            raise InputError(f"damaged: {error}") from error
        finally:
            copy.unlink(missing_ok=True)

    def _make_from(self, found: Found, form: str, copy: Path) -> None:
        """Write the part and its names by way of the file ``copy``."""
        if form != "parquet":
            lines = FORMATS[form](found.head)
            if lines.is_empty(ByteStream(found.split, _context(found.split))):
                self.part.about |= NOTHING | {"detail": NO_CALL}
                return
            self._type_lines(lines, found.split, copy)
            self._write(f"FROM read_parquet({literal(copy)})")
            return
        path = Path(found.split.path).resolve()
        if found.split.archive is not None or found.split.compression:
            path = copy
            with open(copy, "wb", buffering=0) as file:
                unpack_into(ByteStream(found.split, _context(found.split)), file)
        self._write(self._typed_parquet(path))

    def _replacing(self, target: Path) -> AbstractContextManager[Path]:
        return replacing_file(target, self._work)

    def _sql(self, query: str) -> duckdb.DuckDBPyRelation:
        return self._database.sql(query)

    def _typed_parquet(self, path: Path) -> str:
        """Return a query of the typed rows of a Parquet file."""
        source = f"read_parquet({literal(path)}, file_row_number = true)"
        rows = self._sql(f"SELECT * EXCLUDE (file_row_number) FROM {source}")
        first = (*rows.limit(1).fetchall(), [""] * len(rows.columns))[0]
        examples = dict(zip(rows.columns, map(str, first), strict=True))
        kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
        columns = self._columns(examples, kinds)
        return typed_rows(
            f"SELECT file_row_number + 1 AS row, NULL AS line, * FROM {source}",
            {name: identifier(column) for name, column in columns.items()},
            {name: kinds[column] for name, column in columns.items()},
            Format,
            self._entry,
            self._salt,
        )

    def _type_lines(self, form: Format, split: Split, copy: Path) -> None:
        """Write the typed rows of a log that is not Parquet to the file ``copy``."""
        context = self._read(form, split, copy)
        # In some formats, each row names its own columns. If later rows have columns
        # that change the result, read the log again.
        known = self._columns(form.names, {})
        later = self._sql(
            f"SELECT DISTINCT unnest(keys) FROM read_parquet({literal(copy)})"
        ).fetchall()
        if (
            form.add([name for (name,) in later])
            and self._columns(form.names, {}) != known
        ):
            context = self._read(form, split, copy)
        for reason, count in context.stats.skipped.items():
            example = context.stats.examples[reason][0]
            self._bad(reason, count, example.record + 1, example.detail)
        if context.damage is not None:
            self.part.about |= {"state": "damaged", "detail": context.damage}

    def _read(self, form: Format, split: Split, copy: Path) -> Context:
        """Write the typed rows once, and return the context of reading them."""
        columns = self._columns(form.names, {})
        values = {name: form.value(column) for name, column in columns.items()}
        context = _context(split)
        batches = form.batches(ByteStream(split, context))
        first = next(batches, None)
        if first is None:
            raise InputError(NO_CALL)
        rows = chain([first], batches)
        reader = pa.RecordBatchReader.from_batches(first.schema, rows)
        self._database.register("rows", reader)
        typed = typed_rows(form.query(), values, {}, form, self._entry, self._salt)
        self._sql(f"COPY ({typed}) TO {literal(copy)} (FORMAT parquet)")
        self._database.unregister("rows")
        return context

    def _bad(self, reason: str, count: int, row: int, line: str | None) -> None:
        """Add a row to ``bad_lines``, and mask words that may be secrets."""
        shown = re.sub(r"[A-Za-z0-9_%+/=-]{16,}", "…", (line or "").strip())[:120]
        self.part.bad.append(
            {
                "source": self.part.about["source"],
                "reason": reason,
                "lines": count,
                "example_line": row,
                "example": shown,
            }
        )

    def _columns(self, names: dict[str, str], kinds: dict[str, str]) -> dict[str, str]:
        """Return the column of each meaning. Record the columns in ``about``, and in
        ``_zoned`` whether times state their zone. ``names`` maps each column to its
        first value, and ``kinds`` to its DuckDB type if that is not VARCHAR.
        """
        columns = found_columns(self.part.about["source"], names, self._entry)
        self.part.about["columns"] = json.dumps(columns)
        time = columns["time"]
        self._zoned = states_zone(kinds.get(time, "VARCHAR"), names[time], self._entry)
        return columns

    def _write(self, rows: str) -> None:
        """Write the part and its names from a query of typed rows."""
        about = self.part.about
        counts = self._sql(
            f"""SELECT if(other, NULL, bad) AS why, count(*), min(row),
                arg_min(line, row) FROM ({rows}) WHERE other OR bad IS NOT NULL
            GROUP BY why ORDER BY why"""
        ).fetchall()
        about["other"] = 0
        for reason, count, row, line in counts:
            if reason is None:
                about["other"] += count
            else:
                self._bad(reason, count, row, line)
        about["bad"] = sum(row["lines"] for row in self.part.bad)
        calls = f"FROM ({rows}) WHERE bad IS NULL AND NOT other"
        if not self._names(calls):
            if self.part.bad:
                first = min(self.part.bad, key=lambda row: row["example_line"])
                about["detail"] = (
                    f"it has {counted(about['bad'], 'bad line')} and no call; the "
                    f"first is line {first['example_line']:,} ({first['reason']}: "
                    f"{first['example']!r}). Name the columns, or the format of times, "
                    "in a mapping"
                )
            else:
                about["detail"] = NO_CALL
            return
        with self._replacing(self._path) as target:
            for order in ("", "ORDER BY time, row"):
                self._sql(
                    f"""COPY (
                        SELECT row, time, seen, key, parameters, status, ids, quota,
                            share, greatest(tweets, listed,
                                if(status >= 300, 0, NULL))::INTEGER AS tweets,
                            CASE WHEN list_max(ids) >= {FIRST_SNOWFLAKE}
                            THEN list_max(ids) END AS newest
                        {calls} {order}
                    ) TO {literal(target)}
                    (FORMAT parquet, COMPRESSION lz4, PARQUET_VERSION v2)"""
                )
                if not self._disordered(target):
                    break
            about["first"], about["last"] = self._sql(
                f"""SELECT min(time)::VARCHAR, max(time)::VARCHAR
                FROM read_parquet({literal(target)})"""
            ).fetchall()[0]
        self.part.path = self._path
        if not self._zoned and self._entry.zone == "UTC":
            note = "times have no zone and are read as UTC"
            about["detail"] = "; ".join(filter(None, (about["detail"], note)))

    def _names(self, calls: str) -> int:
        """Write the names of calls, and return the number of calls. Tokens and users
        are replaced by keyed hashes.
        """
        about = self.part.about
        twice = "false"
        if not self._zoned and self._entry.zone != "UTC":
            self.part.zone = self._entry.zone
            local = f"timezone({literal(self._entry.zone)}, {{}}::TIMESTAMPTZ)"
            hour = "(time - INTERVAL 1 HOUR)"
            twice = f"{local.format('time')} = {local.format(hour)}"
        found = self._sql(
            f"""SELECT {", ".join(map(identifier, NAMED))}, key, count(*) AS calls,
                count(*) FILTER (listed IS NOT NULL AND ids IS NULL) AS rounded,
                count(*) FILTER ({twice}) AS twice,
                count(*) FILTER (status IS NULL) AS unstated
            {calls} GROUP BY ALL ORDER BY key"""
        ).to_arrow_table()
        about["rows"] = pc.sum(found["calls"]).as_py() or 0
        if not about["rows"]:
            return 0
        notes = [about["detail"]] + [
            note.format(counted(number, "call"))
            for kind, note in NOTES.items()
            if (number := pc.sum(found[kind]).as_py())
        ]
        about["detail"] = "; ".join(filter(None, notes)) or None
        for name in ("token", "user"):
            hashed = pa.array(map(self._hashed, found[name].to_pylist()), pa.string())
            found = found.set_column(found.column_names.index(name), name, hashed)
        with self._replacing(self._path.with_suffix(".names.parquet")) as target:
            pq.write_table(found.drop_columns(["calls", *NOTES]), target)
        applications = pc.unique(found["application"].drop_null()).sort()
        about["applications"] = applications.to_pylist()[:1000]
        return int(about["rows"])

    def _hashed(self, value: str | None) -> str | None:
        if value is None:
            return None
        return hmac.new(self._key, value.encode(), "sha256").hexdigest()[:12]

    def _disordered(self, path: Path) -> bool:
        """Return whether the part must be sorted (see ``DISORDER``), because reading a
        short period would otherwise read a large share of it.
        """
        spans, span, groups = self._sql(
            f"""SELECT sum(epoch(high) - epoch(low)),
                epoch(max(high)) - epoch(min(low)), count(*)
            FROM (SELECT stats_min_value::TIMESTAMP AS low,
                    stats_max_value::TIMESTAMP AS high
                FROM parquet_metadata({literal(path)}) WHERE path_in_schema = 'time')
            """
        ).fetchall()[0]
        return bool(groups > DISORDER and spans > DISORDER * span)
