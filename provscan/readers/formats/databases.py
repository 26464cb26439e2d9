"""Read the tables of databases: SQLite and DuckDB.

A file can have several tables. If ``Split.table`` names one, it is read; otherwise, all
tables are read one after the other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple
from urllib.parse import quote

from provscan.errors import InputError, duckdb_errors
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split
from provscan.readers.strings import decoded
from provscan.urls import is_remote

ROWS_AT_ONCE = 4096
# The names of tables as shown to users and as written in SQL. Three kinds are left
# out: views, which repeat rows of tables; the shadow tables in which a virtual table
# stores its data; and full-text indexes of another table, which store no rows.
SQLITE_TABLES = """
    SELECT name, '"' || replace(name, '"', '""') || '"' FROM pragma_table_list AS one
    WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND (type = 'table' OR type = 'virtual' AND (
        (SELECT sql FROM sqlite_schema WHERE sqlite_schema.name = one.name) NOT LIKE '%using%fts_%'
        OR EXISTS (SELECT 1 FROM sqlite_schema WHERE sqlite_schema.name = one.name || '_content')
    ))
"""  # noqa: E501
# Generated columns are left out: DuckDB does not bound the size of their values.
DUCKDB_TABLES = """
    SELECT
        if(schema_name = 'main', table_name, concat(schema_name, '.', table_name)),
        concat('(SELECT *', ' EXCLUDE (' || (
            SELECT string_agg('"' || replace(column_name, '"', '""') || '"', ', ')
            FROM information_schema.columns AS one
            WHERE one.table_schema = schema_name AND one.table_name = tables.table_name AND is_generated = 'ALWAYS'
        ) || ')', ' FROM "', replace(schema_name, '"', '""'), '"."', replace(table_name, '"', '""'), '")')
    FROM duckdb_tables() AS tables
"""  # noqa: E501


@contextmanager
def _sqlite(path: str, context: Context) -> Iterator[Any]:
    with closing(sqlite3.connect(_uri(path), uri=True)) as connection:
        counts = context.stats.for_source(path)
        # The position of the record is unknown here.
        connection.text_factory = lambda data: decoded(data, 0, counts)
        # The schema of a hostile file can compute values of any size.
        connection.setlimit(
            sqlite3.SQLITE_LIMIT_LENGTH, context.limits.record_bytes // 2
        )
        yield connection


def _uri(path: str) -> str:
    """Return the URI by which SQLite opens a database without changing its folder: it
    creates files next to a database with a write-ahead log.
    """
    with open(path, "rb") as file:
        logs_ahead = file.read(20)[18:] == b"\2\2"
    if logs_ahead and os.path.exists(log := f"{path}-wal") and os.path.getsize(log):
        raise InputError(
            f"{path} can't be read: its newest rows are in {log}. Close the program "
            "that uses it, and run PRAGMA wal_checkpoint(TRUNCATE)"
        )
    return f"file:{quote(path)}?mode=ro{'&immutable=1' if logs_ahead else ''}"


def _missing(path: str) -> str:
    """Return a message if the file is shorter than its header states; SQLite would
    treat the missing pages as empty.
    """
    with open(path, "rb") as file:
        header = file.read(100)
        size = file.seek(0, os.SEEK_END)
    page = int.from_bytes(header[16:18], "big") or 1
    stated = int.from_bytes(header[28:32], "big") * (page if page > 1 else 65_536)
    # The number of pages is outdated if SQLite before 3.7 wrote to the file last.
    known = header[24:28] == header[92:96]
    return (
        f"it has {size:,} of the {stated:,} bytes that its header states"
        if known and size < stated
        else ""
    )


@contextmanager
def _duckdb(path: str, context: Context) -> Iterator[Any]:
    import duckdb

    with duckdb_errors(), duckdb.connect(path, read_only=True) as connection:
        yield connection


class _Sql(NamedTuple):
    connect: Callable[[str, Context], AbstractContextManager[Any]]
    listing: str  # The query that lists the tables.
    # Returns why the file is incomplete; empty if it is complete.
    missing: Callable[[str], str] = lambda path: ""

    def names(self, path: str, context: Context) -> list[tuple[str, str]]:
        with self.connect(path, context) as connection:
            return sorted(connection.execute(self.listing).fetchall())

    def records(
        self, path: str, table: str, context: Context
    ) -> Iterator[dict[str, Any]]:
        if missing := self.missing(path):
            context.break_off(missing)
        if table.startswith("(SELECT * EXCLUDE "):
            context.stats.for_source(path).note("computed_columns", 0, table)
        with self.connect(path, context) as connection:
            cursor = connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            # Fetch one row at a time, since a row of a small file may have many
            # megabytes.
            while (row := cursor.fetchone()) is not None:
                yield dict(zip(names, row, strict=True))


def _groups(
    records: Iterator[dict[str, Any]], most: int, size: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield groups of up to ``most`` records, or fewer if their values have more than
    ``size`` bytes.
    """
    group: list[dict[str, Any]] = []
    left = size
    for record in records:
        group.append(record)
        left -= len(record) + sum(
            len(value) for value in record.values() if isinstance(value, str | bytes)
        )
        if len(group) == most or left <= 0:
            yield group
            group, left = [], size
    if group:
        yield group


# The names are cached, since planning, surveying and reading need them.
@lru_cache(maxsize=1024)
def _names(
    source: _Sql, path: str, modified: int, limits: Limits
) -> list[tuple[str, str]]:
    return source.names(path, Context.quiet(limits))


@dataclass(frozen=True)
class TableFile(Format):
    """The format of a file that contains tables."""

    name: str
    extensions: tuple[str, ...]
    magic: bytes  # The bytes by which a file is recognised.
    at: int  # The position of these bytes in the file.
    source: _Sql
    binary: bool = True

    def sniff(self, head: bytes) -> bool:
        return head[self.at : self.at + len(self.magic)] == self.magic

    def tables(self, whole: Split, limits: Limits) -> list[Split]:
        if not whole.random_access or is_remote(whole.path):
            raise InputError(
                f"{whole.source} can't be read from a URL or an archive, or "
                "compressed: download or unpack it"
            )
        with readable(whole.source):
            names = _names(
                self.source, whole.path, os.stat(whole.path).st_mtime_ns, limits
            )
        return [
            replace(whole, source=f"{whole.source}/{name}", table=table)
            for name, table in names
        ]

    def _parts(self, whole: Split, limits: Limits) -> list[Split]:
        """Return the split of the table that is named, or of each table."""
        return self.tables(whole, limits) if whole.table is None else [whole]

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        context = Context.quiet(limits)
        with readable(whole.source):
            tables = [
                self.source.records(part.path, part.table or "", context)
                for part in self._parts(whole, limits)
            ]
            heads = [
                next(_groups(records, limits.head_records, limits.head_bytes), [])
                for records in tables
            ]
        # Take records from each table in turn, so that a field is judged by its values
        # in all tables.
        return [
            record
            for records in zip_longest(*heads)
            for record in records
            if record is not None
        ]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = 0
        for part in self._parts(split, context.limits):
            records = self.source.records(part.path, part.table or "", context)
            for group in _groups(records, ROWS_AT_ONCE, context.limits.batch_bytes):
                yield Rows(range(number, number + len(group)), group)
                number += len(group)
        context.consumed(split.size)


SQLITE, DUCKDB = _Sql(_sqlite, SQLITE_TABLES, _missing), _Sql(_duckdb, DUCKDB_TABLES)
FORMATS = (
    TableFile(
        "sqlite",
        (".sqlite", ".sqlite3", ".db", ".db3"),
        b"SQLite format 3\0",
        0,
        SQLITE,
    ),
    TableFile("duckdb", (".duckdb", ".ddb"), b"DUCK", 8, DUCKDB),
)
