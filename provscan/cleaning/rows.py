"""Compare the rows of Parquet and Arrow files, some at a time.

:data:`ROWS_OF` opens a file of each format, :class:`Ahead` takes rows from it, and
:func:`require_equal` compares rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 1 << 12  # Rows of Parquet that are read at a time.


class Different(Exception):
    """The files differ, with the reason."""


def paired(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pair the values of a record, or the columns of a table, before and after."""
    if len(old) != len(new):
        raise Different("a masked record has changed elsewhere")
    return list(zip(old, new, strict=True))


def _parquet_rows(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    return pq.ParquetFile(file).iter_batches(ROWS, use_threads=False)


def _arrow_rows(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    try:
        batches = pa.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
    else:
        yield from map(batches.get_batch, range(batches.num_record_batches))
        return
    size = file.size()
    while file.tell() < size:
        yield from pa.ipc.open_stream(file)


ROWS_OF: dict[str, Callable[[pa.NativeFile], Iterator[pa.RecordBatch]]] = {
    "parquet": _parquet_rows,
    "arrow": _arrow_rows,
}


class Ahead:
    """Rows that are taken some at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches, self._rest = batches, pa.table({})

    def take(self, count: int) -> pa.Table:
        parts, found = [self._rest], self._rest.num_rows
        while found < count:
            if (batch := next(self._batches, None)) is None:
                raise Different("rows are missing")
            parts.append(pa.Table.from_batches([batch]))
            found += batch.num_rows
        table = pa.concat_tables([part for part in parts if part.num_rows] or parts[:1])
        self._rest = table.slice(count)
        return table.slice(0, count)

    def require_end(self) -> None:
        if self._rest.num_rows or any(batch.num_rows for batch in self._batches):
            raise Different("it has more rows")


def some_rows(table: pa.Table, rows: list[int]) -> pa.Table:
    """Return the rows with these numbers, in ascending order."""
    return pa.concat_tables([table.slice(0, 0), *(table.slice(k, 1) for k in rows)])


def other_rows(table: pa.Table, rows: list[int]) -> pa.Table:
    """Return all rows but those with these numbers."""
    bounds = [-1, *rows, table.num_rows]
    return pa.concat_tables(
        [table.slice(a + 1, b - a - 1) for a, b in pairwise(bounds) if b > a + 1]
        or [table.slice(0, 0)]
    )


def require_equal(old: pa.Table, new: pa.Table) -> None:
    """Raise :class:`Different` unless two tables have the same values."""
    if not old.num_rows == new.num_rows == 0:
        for first, second in paired(old.columns, new.columns):
            if not _equal(first, second):
                raise Different("rows without findings differ")


def _equal(old: pa.ChunkedArray, new: pa.ChunkedArray) -> bool:
    try:
        if old.type == new.type and old.equals(new):
            return True
    except pa.ArrowNotImplementedError:  # Arrow can't compare views.
        pass
    # NaN differs from itself, and dictionaries may have another order.
    return repr(old.to_pylist()) == repr(new.to_pylist())
