"""Parquet and Arrow IPC files.

Arrow files are read, not mapped: one that is cut short while it is mapped would end the process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.readers.files import is_remote, open_file, readable
from provscan.readers.limits import Limits
from provscan.readers.protocol import Context, Rows, Split, Undivided, Wanted
from provscan.readers.schema import without_maps
from provscan.readers.streams import ByteStream

FAILURES = (pa.ArrowException, OSError, ValueError)

# Text that nobody has checked to be UTF-8.
RAW = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


@contextmanager
def _file(stream: ByteStream) -> Iterator[pa.NativeFile]:
    """The file, at random access; out of its archive and decompressed if need be."""
    path = stream.split.path
    if stream.split.random_access:
        with pa.PythonFile(open_file(path), mode="r") if is_remote(path) else pa.OSFile(path) as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        for chunk in stream:
            copy.write(chunk)
        copy.seek(0)
        yield pa.PythonFile(copy, mode="r")


@contextmanager
def _readable(whole: Split, form: str, limits: Limits) -> Iterator[pa.NativeFile]:
    with (
        readable(whole.source, FAILURES, form=f" as {form}"),
        _file(ByteStream(whole, Context.quiet(limits))) as file,
    ):
        yield file


def head_values(batch: pa.RecordBatch) -> list[Any]:
    """The first rows of a batch as Python values; text that is not UTF-8 repaired."""
    batch = without_maps(batch.slice(0, 100))
    try:
        return batch.to_pylist()
    except UnicodeDecodeError:
        pass
    columns = []
    for array in batch.columns:
        try:
            columns.append(array.to_pylist())
        except UnicodeDecodeError:
            raw = array.view(RAW[array.type]).to_pylist() if array.type in RAW else [None] * len(array)
            columns.append([value if value is None else value.decode(errors="replace") for value in raw])
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _names(schema: pa.Schema, wanted: Wanted) -> list[str] | None:
    if wanted is None:
        return None
    return sorted({path[0] for path in wanted} & set(schema.names))


class Parquet:
    """Parquet, cut into row groups."""

    name = "parquet"
    extensions = (".parquet", ".pq")

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"PAR1")

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        """Ranges of row groups; each takes a share of the file's bytes that goes by its decoded size.

        The sizes of single columns would be more exact, but asking a damaged file for them ends the process.
        """
        if not whole.random_access:
            yield whole
            return
        with _readable(whole, "Parquet", limits) as source:
            metadata = pq.read_metadata(source)
            groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        total = max(1, sum(group.total_byte_size for group in groups))
        start = first = rows = decoded = given = part = 0
        for number, group in enumerate(groups, 1):
            rows += group.num_rows
            decoded += group.total_byte_size
            size = whole.size * decoded // total - given
            if size >= target or number == len(groups):
                yield replace(whole, start=start, end=number, first_record=first, size=size, part=part)
                start, first, given, part = number, rows, given + size, part + 1
        if not groups:
            yield replace(whole, start=0, end=0, size=0)

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        with _readable(whole, "Parquet", limits) as source, pq.ParquetFile(source) as file:
            batch = next(file.iter_batches(100, use_threads=False), None)
            return [] if batch is None else head_values(batch)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = split.first_record
        limits = context.limits
        try:
            with _file(stream) as source, pq.ParquetFile(source) as file:
                whole = split.random_access
                names = _names(file.schema_arrow, wanted)
                groups = range(split.start, split.end) if whole else range(file.num_row_groups)
                rows = sum(file.metadata.row_group(group).num_rows for group in groups)
                used = 0
                for group in groups:
                    about = file.metadata.row_group(group)
                    size = about.total_byte_size // max(about.num_rows, 1)
                    if size > limits.record_bytes:
                        detail = f"{size:,} bytes a row in row group {group}, above the limit"
                        context.stats.skip("record_too_long", split.source, number, detail, about.num_rows)
                        number += about.num_rows
                        continue
                    step = max(1, min(limits.batch_records, limits.batch_bytes // max(size, 1)))
                    for batch in file.iter_batches(step, row_groups=[group], columns=names, use_threads=False):
                        yield Rows(range(number, number + batch.num_rows), batch)
                        number += batch.num_rows
                        now = split.size * (number - split.first_record) // rows if whole else used
                        context.consumed(now - used)
                        used = now
        except FAILURES as error:
            context.breaks.append(f"damaged Parquet data ({error})")


class Arrow(Undivided):
    """Arrow IPC, as a file with random access (Feather) or as a stream."""

    name = "arrow"
    extensions = (".arrow", ".feather", ".ipc", ".arrows")

    def sniff(self, head: bytes) -> bool:
        return head.startswith((b"ARROW1", b"\xff\xff\xff\xff"))

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        with _readable(whole, "Arrow IPC", limits) as file:
            batch = next(_ipc_batches(file), None)
            if batch is None:
                return []
            batch = batch.slice(0, 100)
            for array in batch.columns:
                _require_sound(array)
            return head_values(batch)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = split.first_record
        whole = split.random_access
        used = 0
        try:
            with _file(stream) as file:
                for batch in _ipc_batches(file):
                    names = _names(batch.schema, wanted)
                    batch = batch if names is None else batch.select(names)
                    for array in batch.columns:
                        _require_sound(array)
                    yield Rows(range(number, number + batch.num_rows), batch)
                    number += batch.num_rows
                    if whole:
                        now = min(file.tell(), split.size)
                        context.consumed(max(now - used, 0))
                        used = max(now, used)
        except FAILURES as error:
            context.breaks.append(f"damaged Arrow data ({error})")
        if whole:
            context.consumed(split.size - used)


def _require_sound(array: pa.Array) -> None:
    """Check what a file claims before its bytes are used as offsets and lengths, but for UTF-8."""
    array.validate()
    if pa.types.is_struct(array.type):
        for place in range(array.type.num_fields):
            _require_sound(array.field(place))
    elif (raw := RAW.get(array.type)) is not None:
        array.view(raw).validate(full=True)
    elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        _require_sound(array.values)
    else:
        array.validate(full=True)


def _ipc_batches(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """Those that have rows."""
    if file.read(6) == b"ARROW1":
        with pa.ipc.open_file(file) as random:
            for place in range(random.num_record_batches):
                if (batch := random.get_batch(place)).num_rows:
                    yield batch
    else:
        file.seek(0)
        with pa.ipc.open_stream(file) as stream:
            yield from (batch for batch in stream if batch.num_rows)
