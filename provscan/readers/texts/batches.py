"""Bring batches to the right size: join small ones, cut large ones, and cut texts
beyond a limit into pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from provscan.kernels.canonical.utf8 import byte_places, code_points
from provscan.readers.limits import Limits
from provscan.readers.schema import PIECE
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
        """Yield the same rows in the same order, with long texts in pieces."""
        limits = self._limits
        waiting: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in parts:
            for part, part_size in slices(batch, limits):
                long = part_size > limits.piece and part.num_rows == 1
                full = (
                    rows + part.num_rows > limits.batch_records
                    or size + part_size > limits.batch_bytes
                )
                if waiting and (long or full):
                    yield self._joined(waiting)
                    waiting, rows, size = [], 0, 0
                if long:
                    yield from self._cut(part)
                    continue
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
        batch = batches[0]
        if len(batches) > 1:
            batch = (
                pa.Table.from_batches(batches)
                .unify_dictionaries()
                .combine_chunks()
                .to_batches()[0]
            )
        return self._counted(batch, characters(batch))

    def _cut(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield a long text: unchanged if it has at most ``piece`` code points, else
        in pieces that share its bytes.
        """
        limits = self._limits
        texts, schema = batch.column("text"), pa.schema([*batch.schema, *PIECE])
        length = characters(batch)
        if length <= limits.piece:
            yield self._joined([batch])
            return
        starts = list(range(0, length - limits.overlap, limits.piece - limits.overlap))
        stops = [min(start + limits.piece, length) for start in starts]
        bounds = np.empty((len(starts), 2), np.int64)
        byte_places(
            *buffers(texts),
            np.zeros(len(starts), np.int64),
            np.stack([starts, stops], axis=1),
            bounds,
        )
        half = limits.overlap // 2
        for start, stop, bound in zip(starts, stops, bounds, strict=True):
            piece = pa.LargeStringArray.from_buffers(
                1, pa.py_buffer(bound.copy()), texts.buffers()[2]
            )
            own_from = start + half if start else 0
            own_to = stop if stop == length else stop - half
            columns = [
                piece if name == "text" else batch.column(name)
                for name in batch.schema.names
            ]
            columns += [
                pa.array([position], pa.int64())
                for position in (start, own_from, own_to)
            ]
            yield self._counted(
                pa.RecordBatch.from_arrays(columns, schema=schema),
                own_to - own_from,
            )

    def _counted(self, batch: pa.RecordBatch, characters: int) -> pa.RecordBatch:
        """Count the records and characters of a batch."""
        stats, records = self._counts.stats, batch.column("record").to_numpy()
        stats.records += int(np.count_nonzero(np.diff(records)))
        stats.records += int(records[0] != self._last)
        stats.characters += characters
        if "offset" not in batch.schema.names or records[0] != self._last:
            note_garbled(batch, self._counts, fixed=self._fixed)
        self._last = int(records[-1])
        return batch
