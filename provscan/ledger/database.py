"""The DuckDB databases in which a ledger is computed.

:func:`connect` opens the one in which :func:`provscan.ledger.access.measure` reads logs
and counts calls. :func:`open_database` opens another one, with views of the tables that
``measure`` wrote. :func:`add_table` adds a table, :func:`run_script` runs a script such
as ``comparison.sql``, :func:`write_table` writes a table as Parquet, and :func:`rows`
returns the rows of a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from provscan.ledger.tables import TABLES
from provscan.writing import replacing_file

Database = duckdb.DuckDBPyConnection


def connect(work: Path, folders: Sequence[Path]) -> Database:
    """Return a connection that can access only ``work`` and these folders. It writes
    data that does not fit in memory to ``work``.
    """
    database = duckdb.connect()
    database.execute("SET memory_limit = '4GB'")
    database.execute(f"SET temp_directory = {literal(work / 'spill')}")
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET enable_progress_bar = false")
    allowed = ", ".join(literal(folder) for folder in (work, *folders))
    database.execute(f"SET allowed_directories = [{allowed}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def open_database(tables: Path, names: Iterable[str] = TABLES) -> Database:
    """Return a database in memory with a view of each Parquet file named."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for name in names:
        path = literal(tables / f"{name}.parquet")
        db.execute(f"CREATE VIEW {name} AS FROM read_parquet({path})")
    return db


def run_script(db: Database, name: str) -> None:
    """Run the SQL script ``name`` of this package."""
    db.execute((Path(__file__).parent / name).read_text(encoding="utf-8"))


def add_table(
    db: Database, name: str, columns: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Create a table with the given ``columns`` (an SQL definition), and insert
    ``rows``. Entries of rows that are not columns are left out.
    """
    db.execute(f"CREATE TABLE {name} ({columns})")
    names = db.table(name).columns
    values = [[row[column] for column in names] for row in rows]
    if values:
        places = ", ".join("?" * len(names))
        db.executemany(f"INSERT INTO {name} VALUES ({places})", values)


def write_table(db: Database, name: str, folder: Path) -> None:
    """Write a table to ``NAME.parquet``, sorted by all columns."""
    with replacing_file(folder / f"{name}.parquet") as temporary:
        db.execute(
            f"COPY (FROM {name} ORDER BY ALL) TO {literal(temporary)} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )


def rows(db: Database, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, with times in UTC."""
    return db.sql(query).to_arrow_table().to_pylist()


def literal(value: str | Path) -> str:
    """Return a string or path as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
