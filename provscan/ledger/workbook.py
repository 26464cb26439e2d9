"""Writes ``ledger.xlsx``: the tables of a ledger as sheets, for people."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan.report.export import LONGEST_CELL
from provscan.report.wording import visible
from provscan.writing import replacing_file

WORKBOOK = "ledger.xlsx"
# Maximum rows of a sheet; the Parquet files have all.
MOST_ROWS = 20_000
# The sheets in their order; other tables follow.
FIRST = ("totals", "findings", "claims", "government", "deletions", "missing")


def write_workbook(folder: Path, tables: Path) -> None:
    """Write the workbook of a ledger; its first sheet says which rows it leaves out."""
    import xlsxwriter

    paths = {path.stem: path for path in sorted(tables.glob("*.parquet"))}
    names = [*FIRST, *(name for name in paths if name not in FIRST)]
    made = io.BytesIO()
    options = {"in_memory": True, "strings_to_urls": False}
    with xlsxwriter.Workbook(made, options) as book:
        # The time of creation would be part of the file.
        book.set_properties({"created": datetime(2000, 1, 1)})
        bold = book.add_format({"bold": True})
        contents = book.add_worksheet("contents")
        contents.write_row(0, 0, ["table", "rows", "rows in this workbook"], bold)
        contents.set_column(0, 2, 24)
        for number, name in enumerate(names, 1):
            with pq.ParquetFile(paths[name]) as file:
                total, columns = file.metadata.num_rows, file.schema_arrow.names
                contents.write_row(number, 0, [name, total, min(total, MOST_ROWS)])
                sheet = book.add_worksheet(name)
                sheet.write_row(0, 0, columns, bold)
                sheet.set_column(0, len(columns) - 1, 16)
                sheet.freeze_panes(1, 0)
                row = 0
                for batch in file.iter_batches(MOST_ROWS):
                    for values in batch.slice(0, MOST_ROWS - row).to_pylist():
                        row += 1
                        for column, value in enumerate(values.values()):
                            _write(sheet, row, column, value)
                    if row == MOST_ROWS:
                        break
    with replacing_file(folder / WORKBOOK) as temporary:
        temporary.write_bytes(made.getbuffer())


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool | list | dict) or hasattr(value, "isoformat"):
        value = str(value)
    if isinstance(value, str):
        sheet.write_string(row, column, visible(value)[:LONGEST_CELL])
    else:
        sheet.write_number(row, column, value)
