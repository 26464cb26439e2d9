"""Records that are in memory already."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.batches import Batcher
from provscan.readers.fields import Fields
from provscan.readers.limits import Limits, current_limits
from provscan.readers.protocol import Rows
from provscan.readers.reading import binding_in
from provscan.readers.stats import ReadStats
from provscan.readers.texts import Extractor

GROUP = 4096


def read_objects(
    obj: Any,
    fields: Fields | None = None,
    stats: ReadStats | None = None,
    *,
    source: str = "<memory>",
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Records in memory -> record batches of their texts.

    Parameters
    ----------
    obj
        An iterable of strings or of dicts, an Arrow table, batch, reader or string array, a ``datasets.Dataset``,
        ``DatasetDict`` or ``IterableDataset``, a DuckDB relation, or anything else that hands out Arrow data (a polars
        or pandas frame, lazy ones too).
    fields
        Names of the fields; by default they are determined from what the records hold.
    stats
        Counts what is read and what is not.
    source
        What messages and examples call it.
    limits
        Limits on memory.

    Yields
    ------
    pyarrow.RecordBatch
        In :data:`~provscan.readers.SCHEMA`; the record number is the place in ``obj``.

    Raises
    ------
    FieldNotFoundError
        There are fields, but none that holds text.
    InputError
        ``obj`` is nothing of the kind.
    """
    limits = limits or current_limits()
    counts = ReadStats() if stats is None else stats
    names = Fields() if fields is None else fields

    def batches(limits: Limits) -> Iterator[pa.RecordBatch]:
        extractor: Extractor | None = None
        for rows in object_rows(obj, limits):
            if extractor is None:
                if not isinstance(rows.values, pa.RecordBatch) and not any(isinstance(v, dict) for v in rows.values):
                    for number, value in zip(*rows, strict=True):
                        counts.skip("no_text" if value is None else "text_not_string", source, number)
                    continue
                binding = binding_in(rows, names, source, limits)
                counts.describe(binding.verdicts)
                extractor = Extractor(binding, source, counts)
            yield extractor.batch(rows)

    yield from Batcher(counts, limits).batches(batches(limits))


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
    if kind == "datasets.Dataset":
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
