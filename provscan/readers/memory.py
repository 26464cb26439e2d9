"""Records that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from provscan.readers.batches import Batcher
from provscan.readers.fields import Fields
from provscan.readers.limits import Limits, current_limits
from provscan.readers.objects import object_rows
from provscan.readers.reading import binding_in
from provscan.readers.stats import ReadStats
from provscan.readers.texts import Extractor


def read_objects(
    obj: Any,
    fields: Fields | None = None,
    stats: ReadStats | None = None,
    *,
    source: str = "<memory>",
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Records in memory -> record batches of their texts; the record number is the place in ``obj``.

    That is an iterable of strings or of dicts, an Arrow table, batch, reader or string array, a ``datasets.Dataset``,
    ``DatasetDict`` or ``IterableDataset``, a DuckDB relation, or anything else that hands out Arrow data (a polars or
    pandas frame, lazy ones too). `source` is what messages and examples call it.
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

    yield from Batcher(source, counts, limits, fixed=names.fix_encoding).batches(batches(limits))
