"""Bring batches to the right size: join small ones, and cut large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from provscan.kernels.canonical.utf8 import code_points
from provscan.readers.limits import Limits
from provscan.readers.stats import Counts
from provscan.readers.texts.garbled import note_garbled
from provscan.text_buffers import buffers


def characters(batch: pa.RecordBatch) -> int:
    """Return the number of code points in the texts of a batch."""
    data, offsets = buffers(batch.column("text"))
    return int(code_points(data[offsets[0] : offsets[-1]]))


def slices(
    batch: pa.RecordBatch, limits: Limits
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield slices within the limits of a batch, each with the number of bytes of its
    texts. Nothing is copied. A slice with a single text may be larger.
    """
    offsets = buffers(batch.column("text"))[1]
    start = 0
    while start < batch.num_rows:
        most = offsets[start] + limits.batch_bytes
        fits = int(np.searchsorted(offsets, most, "right")) - 1
        end = min(max(fits, start + 1), start + limits.batch_records, batch.num_rows)
        yield batch.slice(start, end - start), int(offsets[end] - offsets[start])
        start = end


class Batcher:
    """Counts records and characters, and yields batches within the limits."""

    def __init__(self, counts: Counts, limits: Limits, *, fixed: bool = False) -> None:
        self._counts = counts
        self._limits = limits
        self._fixed = fixed
        self._last = -1

    def batches(self, parts: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the same rows in the same order."""
        limits = self._limits
        waiting: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in parts:
            for part, part_size in slices(batch, limits):
                full = (
                    rows + part.num_rows > limits.batch_records
                    or size + part_size > limits.batch_bytes
                )
                if waiting and full:
                    yield self._joined(waiting)
                    waiting, rows, size = [], 0, 0
                waiting.append(part)
                rows += part.num_rows
                size += part_size
                if 2 * rows >= limits.batch_records or 4 * size >= limits.batch_bytes:
                    # The batch is large enough; joining it to the next would copy it.
                    yield self._joined(waiting)
                    waiting, rows, size = [], 0, 0
        if waiting:
            yield self._joined(waiting)

    def _joined(self, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        """Return batches as one, whose records and characters are counted."""
        batch = batches[0]
        if len(batches) > 1:
            batch = (
                pa.Table.from_batches(batches)
                .unify_dictionaries()
                .combine_chunks()
                .to_batches()[0]
            )
        stats, records = self._counts.stats, batch.column("record").to_numpy()
        stats.records += int(np.count_nonzero(np.diff(records)))
        stats.records += int(records[0] != self._last)
        stats.characters += characters(batch)
        note_garbled(batch, self._counts, fixed=self._fixed)
        self._last = int(records[-1])
        return batch
