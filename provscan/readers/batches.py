"""Batches of the right size: small ones joined, large ones cut, records beyond a limit cut into pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from provscan.kernels.utf8 import byte_places, code_points
from provscan.readers.schema import BATCH_BYTES, BATCH_RECORDS, OVERLAP, PIECE, PIECE_SCHEMA, SCHEMA
from provscan.readers.stats import ReadStats

TEXT = SCHEMA.get_field_index("text")


def text_offsets(texts: pa.Array) -> np.ndarray:
    """The int64[n + 1] byte offsets of a large_string array, in its buffer of bytes."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)
    return offsets[texts.offset : texts.offset + len(texts) + 1] if len(texts) else np.zeros(1, np.int64)


def rebatch(batches: Iterable[pa.RecordBatch], stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """Batches of at most BATCH_RECORDS records and about BATCH_BYTES of text, in the same order.

    Counts records and characters; a record above PIECE code points comes as pieces.
    """
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if batch.schema.equals(PIECE_SCHEMA):
            if held:
                yield _joined(held, stats)
                held, rows, size = [], 0, 0
            yield _counted(batch, stats)
            continue
        for part, part_size in _parts(batch):
            if held and (rows + part.num_rows > BATCH_RECORDS or size + part_size > BATCH_BYTES):
                yield _joined(held, stats)
                held, rows, size = [], 0, 0
            if part_size > PIECE and part.num_rows == 1:
                yield from _one(part, stats)
                continue
            held.append(part)
            rows += part.num_rows
            size += part_size
    if held:
        yield _joined(held, stats)


def _parts(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Slices that each fit one batch, with their bytes of text; no copy."""
    offsets = text_offsets(batch.column(TEXT))
    start = 0
    while start < batch.num_rows:
        fits = int(np.searchsorted(offsets, offsets[start] + BATCH_BYTES, "right")) - 1
        end = min(max(fits, start + 1), start + BATCH_RECORDS, batch.num_rows)
        yield batch.slice(start, end - start), int(offsets[end] - offsets[start])
        start = end


def _joined(batches: list[pa.RecordBatch], stats: ReadStats) -> pa.RecordBatch:
    batch = batches[0]
    if len(batches) > 1:
        batch = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    stats.records += batch.num_rows
    stats.characters += _characters(batch.column(TEXT))
    return batch


def text_buffers(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and offsets of a large_string array."""
    return np.frombuffer(texts.buffers()[2] or b"", np.uint8), text_offsets(texts)


def _characters(texts: pa.Array) -> int:
    data, offsets = text_buffers(texts)
    return int(code_points(data[offsets[0] : offsets[-1]]))


def _one(batch: pa.RecordBatch, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """A long record: as it is if it has no more than PIECE code points, else in pieces that share its bytes."""
    texts = batch.column(TEXT)
    length = _characters(texts)
    if length <= PIECE:
        stats.records += 1
        stats.characters += length
        yield batch
        return
    starts = list(range(0, length - OVERLAP, PIECE - OVERLAP))
    stops = [min(start + PIECE, length) for start in starts]
    bounds = np.empty((len(starts), 2), np.int64)
    byte_places(*text_buffers(texts), np.zeros(len(starts), np.int64), np.stack([starts, stops], axis=1), bounds)
    for start, stop, bound in zip(starts, stops, bounds, strict=True):
        piece = pa.LargeStringArray.from_buffers(1, pa.py_buffer(bound.copy()), texts.buffers()[2])
        yield _counted(piece_batch(batch, piece, start, stop, last=stop == length), stats)


def _counted(piece: pa.RecordBatch, stats: ReadStats) -> pa.RecordBatch:
    own_from, own_to = piece.column("own_from")[0].as_py(), piece.column("own_to")[0].as_py()
    stats.records += own_from == 0
    stats.characters += own_to - own_from
    return piece


def piece_batch(batch: pa.RecordBatch, text: pa.Array, start: int, stop: int, *, last: bool) -> pa.RecordBatch:
    """One piece, code points ``start`` to ``stop`` of the record that ``batch`` holds."""
    own = (start, start + OVERLAP // 2 if start else 0, stop if last else stop - OVERLAP // 2)
    columns = [text if place == TEXT else column for place, column in enumerate(batch.columns)]
    columns += [pa.array([value], pa.int64()) for value in own]
    return pa.RecordBatch.from_arrays(columns, schema=PIECE_SCHEMA)
