"""Tables of databases and spreadsheets: SQLite, DuckDB, Excel.

A file holds several tables; ``Split.member`` names one, and without it all of them are read one after the other.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from typing import Any, NamedTuple
from urllib.parse import quote

from provscan.errors import InputError
from provscan.readers.delimited import header_of
from provscan.readers.files import readable
from provscan.readers.limits import Limits
from provscan.readers.protocol import Rows, Split, Undivided, Wanted
from provscan.readers.schema import distinct_names
from provscan.readers.streams import ByteStream
from provscan.urls import is_remote

GROUP = 4096
# Names of tables as they are shown, and as SQL writes them.
# Without views, whose rows are those of tables, the shadow tables in which a virtual table keeps its own, and full-text
# indexes of another table, which keep no rows.
SQLITE_TABLES = """
    SELECT name, '"' || replace(name, '"', '""') || '"' FROM pragma_table_list AS one
    WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND (type = 'table' OR type = 'virtual' AND (
        (SELECT sql FROM sqlite_schema WHERE sqlite_schema.name = one.name) NOT LIKE '%using%fts_%'
        OR EXISTS (SELECT 1 FROM sqlite_schema WHERE sqlite_schema.name = one.name || '_content')
    ))
"""
DUCKDB_TABLES = """
    SELECT
        if(schema_name = 'main', table_name, concat(schema_name, '.', table_name)),
        concat('"', replace(schema_name, '"', '""'), '"."', replace(table_name, '"', '""'), '"')
    FROM duckdb_tables()
"""
# Spreadsheets keep 15 digits of a number: a longer id is shown as what it is, a rounded float.
EXACT = 10**15


@contextmanager
def _sqlite(path: str) -> Iterator[Any]:
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda data: data.decode(errors="replace")
        yield connection


@contextmanager
def _duckdb(path: str) -> Iterator[Any]:
    import duckdb

    try:
        with duckdb.connect(path, read_only=True) as connection:
            yield connection
    except duckdb.Error as error:
        raise ValueError(error) from error


class _Sql(NamedTuple):
    connect: Callable[[str], AbstractContextManager[Any]]
    listing: str  # The query for the names of the tables.

    def names(self, path: str) -> list[tuple[str, str]]:
        with self.connect(path) as connection:
            return sorted(connection.execute(self.listing).fetchall())

    def records(self, path: str, table: str) -> Iterator[dict[str, Any]]:
        with self.connect(path) as connection:
            cursor = connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(GROUP):
                yield from (dict(zip(names, row, strict=True)) for row in rows)


@contextmanager
def _workbook(path: str) -> Iterator[Any]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except FAILURES:
        raise
    except Exception as error:  # those of the XML parser, and of what a part of the file lacks
        raise ValueError(f"{type(error).__name__}: {error}") from error
    with closing(book):
        yield book


class _Excel:
    def names(self, path: str) -> list[tuple[str, str]]:
        with _workbook(path) as book:
            # Sheets that are a chart hold no cells.
            return [(sheet.title, sheet.title) for sheet in book.worksheets]

    def records(self, path: str, table: str) -> Iterator[dict[str, Any]]:
        with _workbook(path) as book:
            sheet = book[table]
            # What a file says of the size of its sheets is often wrong, and cells beyond it would be passed over.
            sheet.reset_dimensions()
            rows = (list(row) for row in sheet.iter_rows(values_only=True))
            filled = (row for row in rows if any(value is not None for value in row))
            first = next(filled, None)
            if first is None:
                return
            names, is_header = header_of(["" if value is None else str(value) for value in first])
            for row in filled if is_header else chain([first], filled):
                if len(row) > len(names):
                    more = (f"column_{place}" for place in range(len(names) + 1, len(row) + 1))
                    names = distinct_names([*names, *more])
                yield dict(zip(names, map(_cell, row), strict=False))


def _cell(value: Any) -> Any:
    return float(value) if isinstance(value, int) and abs(value) >= EXACT else value


@dataclass(frozen=True)
class TableFile(Undivided):
    """A file of tables, behind the protocol of formats."""

    name: str
    extensions: tuple[str, ...]
    magic: bytes
    at: int
    source: _Sql | _Excel

    def sniff(self, head: bytes) -> bool:
        return head[self.at : self.at + len(self.magic)] == self.magic

    def tables(self, whole: Split) -> list[Split]:
        if not whole.random_access or is_remote(whole.path):
            raise InputError(
                f"{whole.source} can't be read from a URL or an archive, or compressed: download or unpack it"
            )
        with readable(whole.source, FAILURES):
            names = self.source.names(whole.path)
        return [replace(whole, source=f"{whole.source}/{name}", member=member) for name, member in names]

    def _parts(self, whole: Split) -> list[Split]:
        """The table that a split names, or all; in an archive, its member is the file."""
        return [whole] if whole.member is not None and whole.archive is None else self.tables(whole)

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        parts = self._parts(whole)
        with readable(whole.source, FAILURES):
            heads = [
                list(islice(self.source.records(part.path, part.member or ""), limits.head_records)) for part in parts
            ]
        # By turns, so that all tables that have a field decide whether it holds text.
        return [record for records in zip_longest(*heads) for record in records if record is not None]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = 0
        try:
            for part in self._parts(split):
                records = self.source.records(part.path, part.member or "")
                while group := list(islice(records, GROUP)):
                    yield Rows(range(number, number + len(group)), group)
                    number += len(group)
        except FAILURES as error:
            context.breaks.append(f"damaged: {error}")
        context.consumed(split.size)


FAILURES = (sqlite3.Error, zipfile.BadZipFile, OSError, ValueError, KeyError)
TABLE_FILES = (
    TableFile("sqlite", (".sqlite", ".sqlite3", ".db", ".db3"), b"SQLite format 3\0", 0, _Sql(_sqlite, SQLITE_TABLES)),
    TableFile("duckdb", (".duckdb", ".ddb"), b"DUCK", 8, _Sql(_duckdb, DUCKDB_TABLES)),
    TableFile("excel", (".xlsx", ".xlsm"), b"PK\x03\x04", 0, _Excel()),
)
