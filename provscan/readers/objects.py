"""What Python code hands over -> its records: lists, frames, tables, datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.limits import Limits, current_limits
from provscan.readers.protocol import Rows
from provscan.readers.ray_data import block_batches, is_ray_dataset

GROUP = 4096


def object_rows(obj: Any, limits: Limits | None = None) -> Iterator[Rows]:
    """The records of an object in memory, as they are."""
    limits = limits or current_limits()
    if isinstance(obj, str | bytes):
        raise InputError("expected a list of texts, not one; put it in a list")
    kind = f"{type(obj).__module__.partition('.')[0]}.{type(obj).__name__}"
    if kind in ("datasets.DatasetDict", "datasets.IterableDatasetDict"):
        yield from _numbered(rows for part in obj.values() for rows in object_rows(part, limits))
        return
    if isinstance(obj, Mapping):
        raise InputError(f"expected records, not a mapping; take one of its parts: {', '.join(map(repr, obj))}")
    if isinstance(obj, pa.Array | pa.ChunkedArray):
        obj = pa.table({"text": obj})
    if kind == "polars.LazyFrame":
        obj = obj.collect()
    if kind.endswith(".DuckDBPyRelation"):
        obj = obj.to_arrow_reader(limits.batch_records) if hasattr(obj, "to_arrow_reader") else obj.fetch_arrow_reader()
    if is_ray_dataset(obj):
        yield from _tables(block_batches(obj, limits))
    elif kind in ("datasets.Dataset", "datasets.IterableDataset"):
        obj = (batch for table in obj.with_format("arrow").iter(limits.batch_records) for batch in table.to_batches())
        yield from _tables(obj)
    elif isinstance(obj, pa.Table):
        yield from _tables(obj.to_batches(limits.batch_records))
    elif isinstance(obj, pa.RecordBatch):
        yield from _tables([obj])
    elif hasattr(obj, "__arrow_c_stream__"):
        yield from _tables(pa.RecordBatchReader.from_stream(obj))
    elif isinstance(obj, Iterable):
        items = iter(obj)
        number = 0
        while group := list(itertools.islice(items, GROUP)):
            values = [{"text": value} if isinstance(value, str) else value for value in group]
            yield Rows(range(number, number + len(group)), values)
            number += len(group)
    else:
        raise InputError(f"expected texts, dicts or an Arrow table, not {type(obj).__name__}")


def _tables(batches: Iterable[pa.RecordBatch]) -> Iterator[Rows]:
    yield from _numbered(Rows(range(batch.num_rows), batch) for batch in batches)


def _numbered(parts: Iterable[Rows]) -> Iterator[Rows]:
    number = 0
    for part in parts:
        count = len(part.numbers)
        yield Rows(range(number, number + count), part.values)
        number += count
