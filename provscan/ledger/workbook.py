"""Write ``ledger.xlsx``: the tables of a ledger as sheets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provscan.ledger.database import open_database, rows
from provscan.report.workbook import Sheet, write_workbook
from provscan.writing import replacing_file

WORKBOOK = "ledger.xlsx"
# Maximum number of rows of a sheet. The Parquet files have all rows.
MOST_ROWS = 20_000
# The first sheets after the contents, in their order.
FIRST = ("totals", "findings", "claims", "government", "deletions", "missing")


def write_ledger_workbook(folder: Path, tables: Path) -> None:
    """Write the workbook of a ledger. The first sheet lists how many rows each table
    has, and how many of them are in the workbook.
    """
    with replacing_file(folder / WORKBOOK) as temporary:
        write_workbook(temporary, _sheets(tables))


def _sheets(tables: Path) -> Iterator[Sheet]:
    names = sorted(path.stem for path in tables.glob("*.parquet"))
    with open_database(tables, names) as db:
        names.sort(key=lambda name: (*FIRST, name).index(name))
        sizes = {name: len(db.table(name)) for name in names}
        columns = dict.fromkeys(("table", "rows", "rows in this workbook"), 24)
        contents = [[name, n, min(n, MOST_ROWS)] for name, n in sizes.items()]
        yield Sheet("contents", columns, contents)
        for name in names:
            shown = rows(db, f"FROM {name} LIMIT {MOST_ROWS}")
            columns = dict.fromkeys(db.table(name).columns, 16)
            yield Sheet(name, columns, (list(row.values()) for row in shown))
