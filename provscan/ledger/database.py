"""The DuckDB database in which a ledger is computed.

:func:`open_database` opens it on the tables that :func:`provscan.ledger.access.measure`
wrote, as views. :func:`add_table` adds a table, :func:`run_script` runs a script such
as ``comparison.sql``, :func:`write_table` writes a table as Parquet, and :func:`rows`
returns the rows of a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from provscan.ledger.tables import TABLES
from provscan.writing import replacing_file

Database = duckdb.DuckDBPyConnection


def open_database(tables: Path, names: Iterable[str] = TABLES) -> Database:
    """Return a database in memory with a view of each Parquet file named."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for name in names:
        path = str(tables / f"{name}.parquet").replace("'", "''")
        db.execute(f"CREATE VIEW {name} AS FROM read_parquet('{path}')")
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
        path = str(temporary).replace("'", "''")
        db.execute(
            f"COPY (FROM {name} ORDER BY ALL) TO '{path}' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )


def rows(db: Database, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, with times in UTC."""
    return db.sql(query).to_arrow_table().to_pylist()
