"""Export exhibits: as a list in CSV, Excel, JSON lines or Parquet, or for the checks
of a pipeline (:mod:`provscan.report.pipeline_files`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.errors import OutputError, UsageError
from provscan.params import require_folder
from provscan.report.files import RunFiles, replaced
from provscan.report.packing import without_texts
from provscan.report.pipeline_files import junit, markdown, sarif
from provscan.report.wording import KINDS, rarity, visible
from provscan.report.workbook import MOST_ROWS, Sheet, write_workbook

# The columns in order, with their widths in a spreadsheet.
COLUMNS = {
    "exhibit": 8,
    "counted": 9,
    "match": 20,
    "wording": 26,
    "common": 9,
    "known": 9,
    "new": 9,
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
# Characters that a spreadsheet interprets as the beginning of a formula or command, or
# skips before one.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# An id with more digits than a spreadsheet keeps of a number.
LONG_ID = re.compile("[0-9]{16,}")
BATCH = 4096


def export(
    run: Path,
    out: Path,
    *,
    digests: bool = False,
    marks: Path | None = None,
    everything: bool = False,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Write the findings of a run as a list, the strongest first.

    In CSV files, an apostrophe precedes text that a spreadsheet would interpret as a
    formula, and ids that it would round; in Excel files, both are text. Control
    characters are escaped in both formats.

    Parameters
    ----------
    run
        Folder of the run.
    out
        File to write. Its suffix chooses the format: ``.csv``, ``.xlsx``, ``.jsonl`` or
        ``.parquet``; ``.sarif``, ``.xml`` (JUnit) or ``.md``.
    digests, marks
        As for :func:`provscan.report.document.render`.
    everything
        Add the matches of common or known wording after the findings.
    overwrite
        Replace an existing file, even if it was edited.

    Returns
    -------
    rows, others
        The number of rows, and of matches that are not listed.
    """
    suffix = out.suffix.lower()
    if suffix not in WRITERS and suffix not in PIPELINE_FILES:
        raise UsageError(
            f"{out} has no known format: name a file that ends in .html, "
            f"{', '.join([*WRITERS, *PIPELINE_FILES])}"
        )
    if suffix in PIPELINE_FILES and marks is not None:
        raise UsageError(f"{suffix} has no place for marks: leave out --reviewed")
    require_folder("run", run)
    require_folder("out", out)
    files = RunFiles.open(run)
    reviewed = files.review(marks).marks if marks is not None else {}
    listed = files.listed(everything=everything)
    if suffix == ".xlsx" and len(listed) > MOST_ROWS:
        raise OutputError(
            f"Excel files can have {MOST_ROWS:,} rows, and there are {len(listed):,}: "
            "export .csv or .parquet"
        )
    with replaced(out, overwrite=overwrite, inputs=files.inputs(marks)) as temporary:
        exhibits = files.with_texts(listed)
        exhibits = without_texts(exhibits) if digests else exhibits
        if suffix in PIPELINE_FILES:
            temporary.write_bytes(PIPELINE_FILES[suffix](exhibits, files))
        else:
            WRITERS[suffix](temporary, _columns(exhibits, reviewed, files.summary))
    return len(listed), len(files.exhibits) - len(listed)


def _columns(
    exhibits: pa.Table,
    marks: Mapping[int, Mapping[str, str]],
    summary: Mapping[str, Any],
) -> pa.Table:
    """Return the columns of a list: numbers, words and marks of the exhibits."""
    kinds = [KINDS[level] for level in exhibits["level"].to_pylist()]
    scores = zip(
        exhibits["counted"].to_pylist(), exhibits["bits"].to_pylist(), strict=True
    )
    rarities = [rarity(counted, bits) for counted, bits in scores]
    rows = range(len(exhibits))
    added = {
        "exhibit": pa.array([row + 1 for row in rows], pa.int64()),
        "match": pa.array(kinds, pa.string()),
        "wording": pa.array(rarities, pa.string()),
    }
    for name in ("verdict", "note"):
        found = [marks.get(row, {}).get(name) for row in rows]
        added[name] = pa.array(found, pa.string())
    return pa.table(
        {name: added[name] if name in added else exhibits[name] for name in COLUMNS}
    )


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    times = [
        name for name in table.column_names if pa.types.is_timestamp(table[name].type)
    ]
    for batch in table.to_batches(BATCH):
        for row in batch.to_pylist():
            for name in times:
                if row[name] is not None:
                    row[name] = f"{row[name]:%Y-%m-%dT%H:%M:%SZ}"
            yield row


def write_csv(path: Path, table: pa.Table) -> None:
    """Write a table as CSV, in which no cell is a formula."""
    # Write a byte order mark, without which Excel assumes a legacy code page.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        for row in _rows(table):
            writer.writerow([_cell(value) for value in row.values()])


def _cell(value: Any) -> Any:
    """Return a value without control characters, which no spreadsheet interprets as a
    formula or rounds.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, str):
        changed = value.startswith(FORMULA) or LONG_ID.fullmatch(value)
        return ("'" if changed else "") + visible(value)
    return value


def _write_xlsx(path: Path, exhibits: pa.Table) -> None:
    rows = (list(row.values()) for row in _rows(exhibits))
    write_workbook(path, [Sheet("Exhibits", COLUMNS, rows)])


def _write_jsonl(path: Path, exhibits: pa.Table) -> None:
    with path.open("wb") as file:
        for row in _rows(exhibits):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _write_parquet(path: Path, exhibits: pa.Table) -> None:
    # Pass an open file: given a path, Arrow would remove the file after an error.
    with path.open("wb") as file:
        pq.write_table(exhibits, file, compression="zstd")


WRITERS: dict[str, Callable[[Path, pa.Table], None]] = {
    ".csv": write_csv,
    ".xlsx": _write_xlsx,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
PIPELINE_FILES: dict[str, Callable[[pa.Table, RunFiles], bytes]] = {
    ".sarif": sarif,
    ".xml": junit,
    ".md": markdown,
}
