"""Records that are in memory already."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.batches import rebatch
from provscan.readers.columns import Columns
from provscan.readers.fields import Fields
from provscan.readers.jsonl import from_objects
from provscan.readers.schema import BATCH_RECORDS
from provscan.readers.stats import ReadStats
from provscan.readers.tables import TableReader

GROUP = 4096


def read_objects(
    obj: Any, fields: Fields | None = None, stats: ReadStats | None = None, *, source: str = "<memory>"
) -> Iterator[pa.RecordBatch]:
    """Records in memory -> record batches in the common schema.

    Parameters
    ----------
    obj
        An iterable of strings or of dicts, an Arrow table, batch, reader or string array, a ``datasets.Dataset``, or
        anything else that hands out Arrow data (a polars or pandas frame).
    fields
        Names of the fields; by default they are found.
    stats
        Counts what is read and what is not.
    source
        What messages and examples call it.

    Yields
    ------
    pyarrow.RecordBatch
        In :data:`~provscan.readers.SCHEMA`; the record number is the place in ``obj``.

    Raises
    ------
    FieldNotFoundError
        There are fields, but none for the text.
    InputError
        ``obj`` is nothing of the kind.
    """
    counts = ReadStats() if stats is None else stats
    yield from rebatch(_columns(obj, Fields() if fields is None else fields, counts, source), counts)


def _columns(obj: Any, fields: Fields, stats: ReadStats, source: str) -> Iterator[pa.RecordBatch]:
    if isinstance(obj, str | bytes):
        raise InputError("expected a list of texts, not one; put it in a list")
    if isinstance(obj, Mapping):
        raise InputError(f"expected records, not a mapping; take one of its parts: {', '.join(map(repr, obj))}")
    if isinstance(obj, pa.Array | pa.ChunkedArray):
        obj = pa.table({"text": obj})
        fields = Fields()
    if type(obj).__module__.partition(".")[0] == "datasets" and hasattr(obj, "with_format"):
        tables = obj.with_format("arrow").iter(BATCH_RECORDS)
        yield from _from_batches((batch for table in tables for batch in table.to_batches()), fields, stats, source)
    elif isinstance(obj, pa.Table):
        yield from _from_batches(obj.to_batches(BATCH_RECORDS), fields, stats, source)
    elif isinstance(obj, pa.RecordBatch):
        yield from _from_batches([obj], fields, stats, source)
    elif hasattr(obj, "__arrow_c_stream__"):
        yield from _from_batches(pa.RecordBatchReader.from_stream(obj), fields, stats, source)
    elif isinstance(obj, Iterable):
        yield from _from_iterable(obj, fields, stats, source)
    else:
        raise InputError(f"expected texts, dicts or an Arrow table, not {type(obj).__name__}")


def _from_batches(
    batches: Iterable[pa.RecordBatch], fields: Fields, stats: ReadStats, source: str
) -> Iterator[pa.RecordBatch]:
    reader: TableReader | None = None
    number = 0
    for batch in batches:
        if reader is None:
            reader = TableReader(batch.schema, fields, source, stats)
        yield reader.batch(batch, number)
        number += batch.num_rows


def _from_iterable(obj: Iterable[Any], fields: Fields, stats: ReadStats, source: str) -> Iterator[pa.RecordBatch]:
    items = iter(obj)
    first = next(items, None)
    if first is None:
        return
    items = itertools.chain([first], items)
    if isinstance(first, dict):
        yield from from_objects(items, fields, stats, source)
        return
    number = 0
    while group := list(itertools.islice(items, GROUP)):
        yield Columns(source, range(number, number + len(group)), group).batch(stats)
        number += len(group)
