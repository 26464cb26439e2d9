"""Read the rows of a run: each match with its texts, as one object.

:func:`rows_of` joins ``matches.parquet`` with ``evidence.parquet``. The hash of a row,
as canonical JSON, is a leaf of the bundle's Merkle tree; the page of an exhibit proves
one row, and a replay compares all rows. :func:`write_without_texts` writes both tables
without texts, and :func:`write_renamed` with other names of files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.matching.matches import MATCHES
from provscan.readers.limits import current_limits
from provscan.report.files import exhibit_order
from provscan.runs.evidence.tables import ADDED, EVIDENCE, with_digests
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE

Row = dict[str, Any]
SCORES = ("level", "similarity", "containment", "bits", "counted", "control")
TEXTS = ("passage", "tweet", "has_text")
SCHEMA = pa.unify_schemas([pa.schema([*MATCHES, *ADDED]), EVIDENCE])
# The number of rows that are decoded at a time, and the maximum size of a text in
# bytes.
BATCH, LONGEST = 256, 1 << 20
_TEXTS = (pa.string(), pa.large_string())
KEY = ("source", "record", "field", "start", "end", "tweet_id")


def rows_of(matches: Path | IO[bytes], evidence: Path | IO[bytes]) -> Iterator[Row]:
    """Yield the matches of a run in the order of ``matches.parquet``.

    A finding also has the columns of its row of ``evidence.parquet``. ``exhibit`` is
    the number in the report, or null for control texts.

    Raises
    ------
    ValueError
        A table can't be read or is not a table of a run, or the two tables describe
        different matches. The message names the row.
    """
    with (
        _open_table(matches, MATCHES_FILE, [*KEY, *SCORES, "time"]) as table,
        _open_table(evidence, EVIDENCE_FILE, [*KEY, *TEXTS, "time"]) as texts,
    ):
        try:
            order = exhibit_order(table.read(["record", "bits", "counted", "control"]))
            exhibits = {row: exhibit for exhibit, row in enumerate(order.tolist(), 1)}
            findings = _rows(texts)
            for number, row in enumerate(_rows(table)):
                row["exhibit"] = exhibits.get(number)
                if row["counted"]:
                    found = next(findings, None)
                    if found is None or any(found[name] != row[name] for name in KEY):
                        raise ValueError(
                            f"row {number} of {MATCHES_FILE} is a finding, but the "
                            f"next row of {EVIDENCE_FILE} describes another match"
                        )
                    row |= found
                yield row
            if next(findings, None) is not None:
                raise ValueError(f"{EVIDENCE_FILE} has more rows than findings")
        except Exception as error:
            # pyarrow does not document the errors that it raises for forged tables.
            raise ValueError(f"the tables can't be read: {error}") from error


def write_without_texts(run: Path, folder: Path) -> None:
    """Write the tables of a run without texts. SHA-256 digests replace the passages and
    tweets of findings; their context and the texts of other matches are left out.
    """
    _rewrite(run / EVIDENCE_FILE, folder, with_digests)
    _rewrite(run / MATCHES_FILE, folder, _without_other_texts)


def write_renamed(run: Path, folder: Path, names: Mapping[str, str]) -> None:
    """Write the tables of a run with other names of the sources."""

    def renamed(rows: pa.Table) -> pa.Table:
        position = rows.schema.get_field_index("source")
        field = rows.schema.field(position)
        sources = [names[name] for name in rows["source"].to_pylist()]
        return rows.set_column(position, field, pa.array(sources, field.type))

    for table in (MATCHES_FILE, EVIDENCE_FILE):
        _rewrite(run / table, folder, renamed)


def _rewrite(table: Path, folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a table with changed rows to a folder."""
    with (
        pq.ParquetFile(table) as read,
        pq.ParquetWriter(
            folder / table.name, read.schema_arrow, compression="zstd"
        ) as written,
    ):
        for batch in read.iter_batches(BATCH):
            written.write_table(change(pa.Table.from_batches([batch])))


def _without_other_texts(rows: pa.Table) -> pa.Table:
    """Return rows of ``matches.parquet`` without the texts of matches that are not
    findings.
    """
    for name in ("passage", "tweet"):
        position, field = rows.schema.get_field_index(name), rows.schema.field(name)
        rows = rows.set_column(position, field, pa.nulls(len(rows), field.type))
    return rows


def _open_table(
    file: Path | IO[bytes], name: str, columns: Sequence[str]
) -> pq.ParquetFile:
    """Open an untrusted table. Check that it has the given ``columns``, and that it
    does not expand beyond the limits of the readers.
    """
    limits = current_limits()
    try:
        found = pq.read_schema(file)
        # Read repeated texts as dictionaries, which store each text once.
        texts = [each.name for each in found if each.type in _TEXTS]
        table = pq.ParquetFile(file, read_dictionary=texts, pre_buffer=False)
        about = table.metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
    except Exception as error:
        raise ValueError(f"{name} can't be read: {error}") from error
    for column in columns:
        position, kind = found.get_field_index(column), SCHEMA.field(column).type
        if position < 0 or found.field(position).type != kind:
            raise ValueError(f"{name} has no column {column} of {kind}")
    if nested := [each.name for each in found if pa.types.is_nested(each.type)]:
        raise ValueError(f"{name} has nested columns, such as {nested[0]}")
    # Do not read the metadata of columns: pyarrow crashes the process if they are
    # damaged.
    expanded = sum(group.total_byte_size for group in groups)
    size = file.stat().st_size if isinstance(file, Path) else file.seek(0, os.SEEK_END)
    most = max(limits.expansion * size, limits.expansion_bytes)
    rows = limits.expansion_records + limits.byte_records * size
    if expanded > most or about.num_rows > rows:
        raise ValueError(
            f"{name} expands to {expanded:,} bytes in {about.num_rows:,} rows, more "
            "than the limit"
        )
    return table


def _rows(table: pq.ParquetFile) -> Iterator[Row]:
    for batch in table.iter_batches(BATCH):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_dictionary(column.type):
                longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
                if longest > LONGEST:
                    raise ValueError(
                        f"{name} has a text of {longest:,} bytes, more than the limit"
                    )
        for row in batch.to_pylist():
            if row["time"] is not None:
                row["time"] = row["time"].isoformat(timespec="milliseconds")
            yield row
