"""Writes tables as one Excel workbook, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from provscan.report.export import LONGEST_CELL
from provscan.report.wording import visible

# Workbooks name the time of their creation. A constant one keeps their bytes the same.
CREATED = datetime(2000, 1, 1)


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

    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
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
                    if isinstance(value, int | float):
                        page.write_number(last, column, value)
                    elif value is None:
                        page.write_blank(last, column, None, wrapped)
                    else:
                        text = visible(str(value))
                        cut = len(text) > LONGEST_CELL
                        text = f"{text[: LONGEST_CELL - 1]}…" if cut else text
                        page.write_string(last, column, text, wrapped)
            for column, name in enumerate(sheet.columns):
                if last and name in sheet.choices:
                    offered = {"validate": "list", "source": list(sheet.choices[name])}
                    page.data_validation(1, column, last, column, offered)
