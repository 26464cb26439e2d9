"""Write ``ledger.xlsx``: the tables of a ledger as sheets, for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan.report.workbook import Sheet, write_workbook
from provscan.writing import replacing_file

WORKBOOK = "ledger.xlsx"
# Maximum rows of a sheet; the Parquet files have all.
MOST_ROWS = 20_000
# The sheets in their order; other tables follow.
FIRST = ("totals", "findings", "claims", "government", "deletions", "missing")


def write_ledger_workbook(folder: Path, tables: Path) -> None:
    """Write the workbook of a ledger; its first sheet says which rows it leaves out."""
    with replacing_file(folder / WORKBOOK) as temporary:
        write_workbook(temporary, _sheets(tables))


def _sheets(tables: Path) -> Iterator[Sheet]:
    paths = {path.stem: path for path in sorted(tables.glob("*.parquet"))}
    names = [*FIRST, *(name for name in paths if name not in FIRST)]
    sizes = {name: pq.read_metadata(paths[name]).num_rows for name in names}
    yield Sheet(
        "contents",
        dict.fromkeys(("table", "rows", "rows in this workbook"), 24),
        [[name, size, min(size, MOST_ROWS)] for name, size in sizes.items()],
    )
    for name in names:
        columns = dict.fromkeys(pq.read_schema(paths[name]).names, 16)
        yield Sheet(name, columns, _rows(paths[name]))


def _rows(path: Path) -> Iterator[list[Any]]:
    left = MOST_ROWS
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(left):
            for row in batch.slice(0, left).to_pylist():
                yield list(row.values())
            left -= min(left, len(batch))
            if not left:
                return
