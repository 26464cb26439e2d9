"""Write tables as an Excel workbook. Only the compressed archive is kept in memory, not
the rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan.report.wording import visible
from provscan.writing import temporary_folder

# Workbooks contain the time of their creation. A constant time makes equal tables give
# equal bytes.
CREATED = datetime(2000, 1, 1)
LONGEST_CELL = 32_767
MOST_ROWS = 1_048_575
# Maximum number of rows of a table in a workbook of tables, and of rows read at a time.
SHOWN_ROWS, BATCH = 20_000, 1_000


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook."""

    name: str
    columns: Mapping[str, int]  # Widths of the columns by name.
    rows: Iterable[Sequence[Any]]
    # The values that a cell of a column may have, which the sheet offers as a list.
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_workbook(path: Path, sheets: Iterable[Sheet]) -> None:
    """Write sheets to a new file. Texts are never formulas or links, and control
    characters are escaped.
    """
    import xlsxwriter

    # The archive is made in memory, and only the last line writes to the target.
    made = io.BytesIO()
    # Rows are written to temporary files.
    with (
        temporary_folder() as folder,
        _system_errors(),
        xlsxwriter.Workbook(
            made,
            {
                "constant_memory": True,
                "strings_to_urls": False,
                "tmpdir": str(folder),
            },
        ) as book,
    ):
        book.set_properties({"created": CREATED})
        bold = book.add_format({"bold": True})
        wrapped = book.add_format(
            {"text_wrap": True, "valign": "top", "num_format": "@"}
        )
        for sheet in sheets:
            page, last = book.add_worksheet(sheet.name), 0
            for column, (name, width) in enumerate(sheet.columns.items()):
                page.set_column(column, column, width)
                page.write_string(0, column, name, bold)
            page.freeze_panes(1, 1)
            for last, row in enumerate(sheet.rows, 1):
                for column, value in enumerate(row):
                    cell = _cell(value)
                    if isinstance(cell, str):
                        page.write_string(last, column, cell, wrapped)
                    elif cell is not None:
                        page.write_number(last, column, cell)
            page.autofilter(0, 0, last, len(sheet.columns) - 1)
            for column, name in enumerate(sheet.columns):
                if last and name in sheet.choices:
                    offered = {"validate": "list", "source": list(sheet.choices[name])}
                    page.data_validation(1, column, last, column, offered)
    path.write_bytes(made.getbuffer())


def write_tables(path: Path, tables: Sequence[Path]) -> None:
    """Write Parquet files as sheets. The first sheet lists how many rows each table
    has, and how many of them are in the workbook.
    """
    files = {table.stem: pq.ParquetFile(table) for table in tables}

    def sheets() -> Iterator[Sheet]:
        columns = dict.fromkeys(("table", "rows", "rows in this workbook"), 24)
        sizes = {name: file.metadata.num_rows for name, file in files.items()}
        contents = [[name, n, min(n, SHOWN_ROWS)] for name, n in sizes.items()]
        yield Sheet("contents", columns, contents)
        for name, file in files.items():
            batches = file.iter_batches(BATCH)
            rows = (row.values() for batch in batches for row in batch.to_pylist())
            widths = dict.fromkeys(file.schema_arrow.names, 16)
            yield Sheet(name, widths, map(list, islice(rows, SHOWN_ROWS)))

    write_workbook(path, sheets())


@contextmanager
def _system_errors() -> Iterator[None]:
    """Raise the OSError of a full disk, which xlsxwriter wraps in its own error."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        yield
    except FileCreateError as error:
        if error.args and isinstance(error.args[0], OSError):
            raise error.args[0] from None
        raise


def _cell(value: Any) -> str | float | None:
    """Return a value as a cell shows it; a text that is too long for a cell is cut."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | float):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = visible(text)
    return f"{text[: LONGEST_CELL - 1]}…" if len(text) > LONGEST_CELL else text
