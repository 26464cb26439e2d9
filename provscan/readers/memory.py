"""Read records that are in memory, in this process or on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from provscan.readers.fields.binding import Binding, Fields
from provscan.readers.formats.objects import (
    head_of_block,
    object_rows,
    references_of,
    table_of_block,
)
from provscan.readers.formats.protocol import Rows, first_records
from provscan.readers.limits import Limits, current_limits
from provscan.readers.splits import MEMORY
from provscan.readers.stats import ReadStats
from provscan.readers.texts.batches import Batcher
from provscan.readers.texts.fields import bind
from provscan.readers.texts.records import texts_of
from provscan.readers.values import HEAD


class RayBlock(NamedTuple):
    """Consecutive records of a Ray dataset; a value that can be sent to another
    process.
    """

    reference: Any  # Ray's reference to the block.
    first_record: int
    size: int  # Bytes in memory.
    binding: Binding  # The fields of the dataset.
    begins: bool  # Whether it is the first block with records.

    def rows(self, limits: Limits) -> Iterator[Rows]:
        number = self.first_record
        for batch in table_of_block(self.reference).to_batches(limits.batch_records):
            yield Rows(range(number, number + batch.num_rows), batch)
            number += batch.num_rows


def blocks_of(
    dataset: Any, fields: Fields, source: str, limits: Limits
) -> Iterator[RayBlock]:
    """Yield the blocks of a dataset that have records. The fields are determined from
    the first records.
    """
    blocks = (block for block in references_of(dataset) if block[1])
    taken = []

    def heads() -> Iterator[Rows]:
        for block in blocks:
            taken.append(block)
            yield Rows(range(block[1]), head_of_block(block[0], HEAD))

    records, _ = first_records(heads(), limits)
    binding = bind(records, source, fields=fields, limits=limits) if records else None
    number = 0
    for reference, count, size in chain(taken, blocks):
        assert binding is not None
        yield RayBlock(reference, number, size, binding, number == 0)
        number += count


def read_block(
    block: RayBlock, fields: Fields, stats: ReadStats, *, source: str, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Yield the records of one block of a ``ray.data.Dataset``, numbered by their
    places in the dataset.
    """
    if block.begins:
        stats.describe(block.binding.verdicts)
    texts = texts_of(block.rows(limits), block.binding, fields, source, stats, limits)
    yield from Batcher(source, stats, limits, fixed=fields.fix_encoding).batches(texts)


def read_objects(
    obj: Any,
    fields: Fields | None = None,
    stats: ReadStats | None = None,
    *,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of the texts of records in memory. Records are numbered by
    their places in ``obj``.

    ``obj`` is an iterable of strings or of dicts, an Arrow table, batch, reader or
    string array, a ``datasets.Dataset``, ``DatasetDict`` or ``IterableDataset``, a
    ``ray.data.Dataset``, a DuckDB relation, or any other object that exports Arrow data
    (a pandas frame, or a polars frame, lazy or not).
    """
    limits = limits or current_limits()
    stats = ReadStats() if stats is None else stats
    fields = Fields() if fields is None else fields
    rows = object_rows(obj, limits)
    texts = texts_of(rows, None, fields, MEMORY, stats, limits)
    yield from Batcher(MEMORY, stats, limits, fixed=fields.fix_encoding).batches(texts)
