"""Read the records of Python objects: lists, frames, tables, datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.errors import InputError
from provscan.names import counted
from provscan.readers.formats.protocol import Rows, in_groups
from provscan.readers.limits import Limits
from provscan.readers.splits import MEMORY
from provscan.readers.values import distinct_names, with_distinct_names

RECORDS_AT_ONCE = 4096


def object_rows(obj: Any, limits: Limits) -> Iterator[Rows]:
    """Yield the records of an object in memory, unchanged."""
    number = 0
    try:
        for rows in _rows(obj, limits):
            yield rows
            number = rows.positions[-1] + 1 if rows.positions else number
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{MEMORY} can't be read (after {counted(number, 'record')} or more): "
            f"{error}"
        ) from error


def _rows(obj: Any, limits: Limits) -> Iterator[Rows]:
    if isinstance(obj, str | bytes):
        raise InputError("expected a list of texts, not one; put it in a list")
    kind = f"{type(obj).__module__.partition('.')[0]}.{type(obj).__name__}"
    if kind in ("datasets.DatasetDict", "datasets.IterableDatasetDict"):
        yield from _numbered(
            rows for part in obj.values() for rows in _rows(part, limits)
        )
        return
    if isinstance(obj, Mapping):
        raise InputError(
            "expected records, not a mapping; take one of its parts: "
            f"{', '.join(map(repr, obj))}"
        )
    obj = _converted(obj, kind, limits)
    if _is_ray_dataset(obj):
        yield from _tables(_batches_of_ray(obj, limits))
    elif kind in ("datasets.Dataset", "datasets.IterableDataset"):
        tables = obj.with_format("arrow").iter(limits.batch_records)
        yield from _tables(batch for table in tables for batch in table.to_batches())
    elif isinstance(obj, pa.Table):
        yield from _tables(obj.to_batches(limits.batch_records))
    elif isinstance(obj, pa.RecordBatch):
        yield from _tables([obj])
    elif hasattr(obj, "__arrow_c_stream__"):
        yield from _tables(pa.RecordBatchReader.from_stream(obj))
    elif isinstance(obj, Iterable):
        records = (
            {"text": value} if isinstance(value, str) else _filled(value)
            for value in obj
        )
        yield from in_groups(enumerate(records), RECORDS_AT_ONCE)
    else:
        raise InputError(
            f"expected texts, dicts or an Arrow table, not {type(obj).__name__}"
        )


def _converted(obj: Any, kind: str, limits: Limits) -> Any:
    """Return a frame, a column or a query as Arrow data, and other objects
    unchanged.
    """
    if kind == "pandas.DataFrame":
        names = distinct_names(list(map(str, obj.columns)))
        return _arrow(obj.set_axis(names, axis=1), pa.Table.from_pandas)
    if kind == "polars.LazyFrame":
        return obj.collect()
    if kind.endswith(".DuckDBPyRelation"):
        return (
            obj.to_arrow_reader(limits.batch_records)
            if hasattr(obj, "to_arrow_reader")
            else obj.fetch_arrow_reader()
        )
    if type(obj).__module__.startswith("pyarrow._dataset"):
        scans = hasattr(obj, "scanner")
        obj = obj.scanner(batch_size=limits.batch_records) if scans else obj
        return obj.to_reader()
    if type(obj).__name__ == "Series" and hasattr(obj, "__arrow_c_stream__"):
        obj = _arrow(obj, pa.chunked_array)
    is_column = isinstance(obj, pa.Array | pa.ChunkedArray)
    return pa.table({"text": obj}) if is_column else obj


def _filled(value: Any) -> Any:
    """Return a record with None in place of the missing values of pandas. As an id, NaN
    would become "nan" for many tweets.
    """
    if not isinstance(value, dict):
        return None if _is_missing(value) else value
    missing = [key for key, each in value.items() if _is_missing(each)]
    return {**value, **dict.fromkeys(missing)} if missing else value


def _is_missing(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def _arrow(obj: Any, convert: Callable[[Any], Any]) -> Any:
    """Return the Arrow data of a frame or a column."""
    try:
        return convert(obj)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"{MEMORY} can't be read: a column has values of several types; convert it "
            f"first, such as with astype(str) ({error})"
        ) from error


def _tables(batches: Iterable[pa.RecordBatch]) -> Iterator[Rows]:
    yield from _numbered(
        Rows(range(batch.num_rows), with_distinct_names(batch)) for batch in batches
    )


def _numbered(parts: Iterable[Rows]) -> Iterator[Rows]:
    number = 0
    for part in parts:
        count = len(part.positions)
        yield Rows(range(number, number + count), part.values)
        number += count


def _is_ray_dataset(obj: object) -> bool:
    return any(
        f"{kind.__module__}.{kind.__name__}" == "ray.data.dataset.Dataset"
        for kind in type(obj).__mro__
    )


def _batches_of_ray(dataset: Any, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a Ray dataset in its order. By default, Ray yields blocks in
    the order in which they are complete, and positions of records would vary.
    """
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    try:
        for table in dataset.iter_batches(
            batch_format="pyarrow", batch_size=limits.batch_records
        ):
            yield from table.to_batches()
    finally:
        options.preserve_order = before
