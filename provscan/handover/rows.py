"""Read the rows of a run: each match with its texts, as one object.

:func:`rows_of` reads ``matches.parquet``. The hash of a row, as canonical JSON, is a
leaf of the bundle's Merkle tree; the page of an exhibit proves one row, and a replay
compares all rows. :func:`write_without_texts` writes the table without texts, and
:func:`write_renamed` with other names of files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.readers.limits import current_limits
from provscan.report.files import ORDERING, exhibit_order
from provscan.runs.evidence.tables import TABLE, with_digests
from provscan.runs.folder import MATCHES_FILE

Row = dict[str, Any]
# The columns by which a match is known again.
KEY = ("source", "record", "field", "start", "end", "tweet_id")
# The number of rows that are decoded at a time, and the maximum size of a text in
# bytes.
BATCH, LONGEST = 256, 1 << 20
_TEXTS = (pa.string(), pa.large_string())


def rows_of(matches: Path | IO[bytes]) -> Iterator[Row]:
    """Yield the matches of a run in the order of ``matches.parquet``. ``exhibit`` is
    the number in the report, or null for control texts.

    Raises
    ------
    ValueError
        The table can't be read, or is not the table of a run.
    """
    with _open_table(matches) as table:
        try:
            order = exhibit_order(table.read([*ORDERING]))
            exhibits = {row: exhibit for exhibit, row in enumerate(order.tolist(), 1)}
            for number, row in enumerate(_rows(table)):
                yield {**row, "exhibit": exhibits.get(number)}
        except Exception as error:
            # pyarrow does not document the errors that it raises for forged tables.
            raise ValueError(f"the rows can't be read: {error}") from error


def write_without_texts(run: Path, folder: Path) -> None:
    """Write the matches of a run with SHA-256 digests instead of passages and tweets,
    and without context.
    """
    _rewrite(run / MATCHES_FILE, folder, with_digests)


def write_renamed(run: Path, folder: Path, names: Mapping[str, str]) -> None:
    """Write the matches of a run with other names of the sources."""

    def renamed(rows: pa.Table) -> pa.Table:
        position = rows.schema.get_field_index("source")
        field = rows.schema.field(position)
        sources = [names[name] for name in rows["source"].to_pylist()]
        return rows.set_column(position, field, pa.array(sources, field.type))

    _rewrite(run / MATCHES_FILE, folder, renamed)


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


def _open_table(file: Path | IO[bytes]) -> pq.ParquetFile:
    """Open an untrusted ``matches.parquet``. Check that it has the columns of one, and
    that it does not expand beyond the limits of the readers.
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
        raise ValueError(f"{MATCHES_FILE} can't be read: {error}") from error
    for column in TABLE:
        position = found.get_field_index(column.name)
        if position < 0 or found.field(position).type != column.type:
            raise ValueError(
                f"{MATCHES_FILE} has no column {column.name} of {column.type}"
            )
    if nested := [each.name for each in found if pa.types.is_nested(each.type)]:
        raise ValueError(f"{MATCHES_FILE} has nested columns, such as {nested[0]}")
    # Do not read the metadata of columns: pyarrow crashes the process if they are
    # damaged.
    expanded = sum(group.total_byte_size for group in groups)
    size = file.stat().st_size if isinstance(file, Path) else file.seek(0, os.SEEK_END)
    most = max(limits.expansion * size, limits.expansion_bytes)
    rows = limits.expansion_records + limits.byte_records * size
    if expanded > most or about.num_rows > rows:
        raise ValueError(
            f"{MATCHES_FILE} expands to {expanded:,} bytes in {about.num_rows:,} rows, "
            "more than the limit"
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
