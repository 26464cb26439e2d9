"""Exhibits as a list for people and programs: CSV, Excel, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.errors import OutputError, UsageError
from provscan.params import require_folder
from provscan.report.files import RunFiles, replaced
from provscan.report.packing import with_digests
from provscan.report.wording import KINDS, Otherwise, otherwise, rarity, visible

# Columns in the order in which somebody reads them, with their widths in a spreadsheet.
COLUMNS = {
    "exhibit": 8,
    "counted": 9,
    "match": 20,
    "wording": 26,
    "common": 9,
    "known": 9,
    "level": 11,
    "source": 24,
    "record": 10,
    "record_id": 14,
    "field": 10,
    "start": 8,
    "end": 8,
    "before": 30,
    "passage": 60,
    "after": 30,
    "tweet": 60,
    "tweet_id": 22,
    "author": 18,
    "time": 20,
    "lang": 6,
    "permalink": 44,
    "tweets": 8,
    "similarity": 10,
    "containment": 11,
    "bits": 8,
    "q_value": 10,
    "verdict": 11,
    "note": 30,
}
# What a spreadsheet takes for the beginning of a formula or command, or passes over
# before one.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# By the row of an exhibit: verdict and note.
Marks = Mapping[int, Mapping[str, str]]
LONGEST_CELL, MOST_ROWS = 32_767, 1_048_575
BATCH = 4096
# Batches of them, with their texts.
Exhibits = Iterable[pa.Table]


def export(
    run: Path,
    out: Path,
    *,
    texts: int | None = None,
    marks: Path | None = None,
    everything: bool = False,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Write the findings of a run as a list, the strongest first; return the number of
    rows and of other matches.

    With `everything` the list holds the other matches as well, those of common or known
    wording, after the findings.

    The suffix of `out` chooses the form: ``.csv``, ``.xlsx``, ``.jsonl`` or
    ``.parquet``. In the first two, what a spreadsheet would take for a formula is text,
    and control characters are spelled out; in Excel files ids are text as well. `texts`
    and `marks` are those of :func:`~provscan.report.document.render`. A file that is
    there is replaced with `overwrite` only: somebody may have worked on it.
    """
    write = WRITERS.get(out.suffix.lower())
    if write is None:
        raise UsageError(
            f"{out} has no known format: name a file that ends in {', '.join(WRITERS)}"
        )
    require_folder("run", run)
    require_folder("out", out)
    folder = RunFiles.open(run)
    reviewed = folder.review(marks).marks if marks is not None else {}
    listed = folder.listed(everything=everything)
    if out.suffix.lower() == ".xlsx" and len(listed) > MOST_ROWS:
        raise OutputError(
            f"Excel files hold {MOST_ROWS:,} rows, and there are {len(listed):,}: "
            "export .csv or .parquet"
        )
    with replaced(out, overwrite=overwrite) as temporary:
        write(
            temporary,
            with_digests(folder.batches(BATCH, listed), texts),
            reviewed,
            otherwise(folder.summary),
        )
    return len(listed), len(folder.exhibits) - len(listed)


def _rows(
    exhibits: Exhibits, marks: Marks, unless: Otherwise
) -> Iterator[dict[str, Any]]:
    number = 0
    for batch in exhibits:
        for row in batch.to_pylist():
            row.update(marks.get(number, {"verdict": None, "note": None}))
            number += 1
            row["exhibit"] = number
            row["match"], row["wording"] = (
                KINDS[row["level"]],
                rarity(row["counted"], row["bits"], unless),
            )
            row["time"] = (
                None if row["time"] is None else f"{row['time']:%Y-%m-%dT%H:%M:%SZ}"
            )
            yield {name: row.get(name) for name in COLUMNS}


def _write_csv(path: Path, exhibits: Exhibits, marks: Marks, unless: Otherwise) -> None:
    # A byte order mark, without which Excel takes UTF-8 for a code page.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in _rows(exhibits, marks, unless):
            writer.writerow([_neutral(value) for value in row.values()])


def _neutral(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula and no terminal for a command."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return float(f"{value:.6g}") if isinstance(value, float) else value
    return "'" + visible(value) if value.startswith(FORMULA) else visible(value)


class _Unfailing(io.FileIO):
    """A file that keeps its first error for later, and takes no notice of what is done
    to it when it is closed.

    A zip file that is not closed after an error is written to its end as it is
    collected.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        try:
            while len(left) and self.error is None and not self.closed:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = error
        return len(data)

    def seek(self, place: int, whence: int = 0) -> int:
        return 0 if self.closed else super().seek(place, whence)

    def tell(self) -> int:
        return 0 if self.closed else super().tell()

    def flush(self) -> None:
        if not self.closed:
            super().flush()


def _write_xlsx(
    path: Path, exhibits: Exhibits, marks: Marks, unless: Otherwise
) -> None:
    import xlsxwriter

    # Rows stand in temporary files until all are there; what is left of these would
    # hold texts.
    with (
        _Unfailing(path, "w+") as file,
        tempfile.TemporaryDirectory(prefix="provscan-") as rows,
    ):
        try:
            options = {
                "constant_memory": True,
                "strings_to_urls": False,
                "tmpdir": rows,
            }
            with xlsxwriter.Workbook(file, options) as book:
                _write_sheet(book, exhibits, marks, unless)
        except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
            why = getattr(error, "strerror", None) or error
            raise OutputError(
                f"no list was written, since its rows can't be kept in {rows} ({why}): "
                "name another folder in TMPDIR"
            ) from error
        if file.error is not None:
            raise file.error


def _write_sheet(
    book: Any, exhibits: Exhibits, marks: Marks, unless: Otherwise
) -> None:
    sheet = book.add_worksheet("Exhibits")
    bold = book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    for column, (name, width) in enumerate(COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, bold)
    sheet.freeze_panes(1, 1)
    number = 0
    for number, row in enumerate(_rows(exhibits, marks, unless), 1):
        for column, value in enumerate(row.values()):
            if isinstance(value, bool):
                sheet.write_string(number, column, "yes" if value else "no")
            elif isinstance(value, str):
                text = visible(value)
                text = (
                    text[: LONGEST_CELL - 1] + "…" if len(text) > LONGEST_CELL else text
                )
                sheet.write_string(number, column, text, wrapped)
            elif value is not None:
                sheet.write_number(number, column, value)
    sheet.autofilter(0, 0, number, len(COLUMNS) - 1)


def _write_jsonl(
    path: Path, exhibits: Exhibits, marks: Marks, unless: Otherwise
) -> None:
    with path.open("wb") as file:
        for row in _rows(exhibits, marks, unless):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _write_parquet(
    path: Path, exhibits: Exhibits, marks: Marks, unless: Otherwise
) -> None:
    low, writer = 0, None
    with ExitStack() as opened:
        for batch in exhibits:
            bits = zip(
                batch["counted"].to_pylist(), batch["bits"].to_pylist(), strict=True
            )
            said = [rarity(counted, score, unless) for counted, score in bits]
            rows = range(low, low + len(batch))
            marked = {
                name: [marks.get(row, {}).get(name) for row in rows]
                for name in ("verdict", "note")
            }
            added = {
                "exhibit": pa.array([row + 1 for row in rows], pa.int64()),
                "match": pa.array(
                    [KINDS[level] for level in batch["level"].to_pylist()], pa.string()
                ),
                "wording": pa.array(said, pa.string()),
                **{
                    name: pa.array(values, pa.string())
                    for name, values in marked.items()
                },
            }
            table = pa.table(
                {
                    name: added[name] if name in added else batch[name]
                    for name in COLUMNS
                }
            )
            writer = writer or opened.enter_context(
                pq.ParquetWriter(path, table.schema, compression="zstd")
            )
            writer.write_table(table)
            low += len(batch)


WRITERS: dict[str, Callable[[Path, Exhibits, Marks, Otherwise], None]] = {
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
