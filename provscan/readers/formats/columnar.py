"""Read Parquet and Arrow IPC files.

Arrow files are not memory-mapped: the process would crash if a mapped file were
truncated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.readers.bytes.budget import require_few_fields
from provscan.readers.bytes.files import open_file
from provscan.readers.bytes.streams import ByteStream, unpack_into
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split
from provscan.readers.values import with_distinct_names
from provscan.urls import is_remote

# The number of bytes of a column read at a time; a row group may have gigabytes.
COLUMN_BYTES = 4 << 20

# A row of fewer than DENSE bytes may be much larger in memory, since the file stores a
# repeated value only once. SOME_ROWS rows are then read to measure their size.
DENSE, SOME_ROWS = 16, 64
# For an Arrow file: the bytes with which it begins and ends, the offset of the stream
# in it, and the bytes that end the stream.
MAGIC, FIRST, END = b"ARROW1", 8, b"\xff\xff\xff\xff\0\0\0\0"

# For each type of text, the binary type with the same layout. In this type, offsets can
# be checked without checking that the text is UTF-8.
RAW = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}
LISTS = pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray


@contextmanager
def opened_file(stream: ByteStream) -> Iterator[pa.NativeFile]:
    """Open the file for random access, extracted and decompressed if necessary."""
    path = stream.split.path
    if stream.split.random_access:
        with (
            pa.PythonFile(open_file(path), mode="r")
            if is_remote(path)
            else pa.OSFile(path) as file
        ):
            yield file
        return
    with tempfile.TemporaryFile(buffering=0) as copy:
        unpack_into(stream, copy)
        copy.seek(0)
        yield pa.PythonFile(copy, mode="r")


def parquet_file(source: pa.NativeFile, limits: Limits) -> pq.ParquetFile:
    file = pq.ParquetFile(source, buffer_size=COLUMN_BYTES, pre_buffer=False)
    require_few_fields(file.metadata.num_columns, limits)
    return file


def _row_groups(split: Split, count: int) -> range:
    """Return the row groups of a split of a file with ``count`` of them.

    The range of an undivided file goes from 0 to its size in bytes. The size is larger
    than ``count``, so all row groups are returned.
    """
    groups = range(count)
    return groups[split.start : split.end] if split.random_access else groups


class Parquet(Format):
    name = "parquet"
    extensions = (".parquet", ".pq")
    binary = True

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"PAR1")

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        """Yield ranges of row groups. Each range is assigned a share of the file's
        bytes in proportion to its decoded size.

        The sizes of single columns would be more exact, but asking a damaged file for
        them crashes the process.
        """
        if not whole.random_access:
            yield whole
            return
        with opened_file(ByteStream(whole, Context.quiet(limits))) as source:
            metadata = pq.read_metadata(source)
            groups = [
                metadata.row_group(group) for group in range(metadata.num_row_groups)
            ]
        total = max(1, sum(group.total_byte_size for group in groups))
        start = first = rows = decoded = given = part = 0
        for number, group in enumerate(groups, 1):
            rows += group.num_rows
            decoded += group.total_byte_size
            size = whole.size * decoded // total - given
            if size >= target or number == len(groups):
                yield replace(
                    whole,
                    start=start,
                    end=number,
                    first_record=first,
                    size=size,
                    part=part,
                )
                start, first, given, part = number, rows, given + size, part + 1
        if not groups:
            yield replace(whole, start=0, end=0, size=0)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = split.first_record
        limits = context.limits
        with opened_file(stream) as source, parquet_file(source, limits) as file:
            direct = split.random_access
            columns, names = None, file.schema_arrow.names
            # Columns of the same name can only be distinguished if all are read.
            if wanted is not None and len(set(names)) == len(names):
                columns = sorted({path[0] for path in wanted}.intersection(names))
            groups = _row_groups(split, file.num_row_groups)
            rows = sum(file.metadata.row_group(group).num_rows for group in groups)
            used = 0
            for group in groups:
                metadata = file.metadata.row_group(group)
                size = metadata.total_byte_size // max(metadata.num_rows, 1)
                if size > limits.record_bytes:
                    where = (
                        f"{size:,} bytes per row in row group {group}, above the limit"
                    )
                    count = metadata.num_rows
                    stream.counts.skip("record_too_long", number, where, count)
                    number += count
                    continue
                if size < DENSE and metadata.num_rows:
                    head = next(
                        file.iter_batches(
                            SOME_ROWS,
                            row_groups=[group],
                            columns=columns,
                            use_threads=False,
                        )
                    )
                    size = max(size, head.nbytes // head.num_rows)
                step = max(
                    1, min(limits.batch_records, limits.batch_bytes // max(size, 1))
                )
                for batch in file.iter_batches(
                    step, row_groups=[group], columns=columns, use_threads=False
                ):
                    numbers = range(number, number + batch.num_rows)
                    yield Rows(numbers, with_distinct_names(batch))
                    number += batch.num_rows
                    now = (
                        split.size * (number - split.first_record) // rows
                        if direct
                        else used
                    )
                    context.consumed(now - used)
                    used = now


class Arrow(Format):
    """Arrow IPC, as a random-access file (Feather) or as a stream."""

    name = "arrow"
    extensions = (".arrow", ".feather", ".ipc", ".arrows")
    binary = True

    def sniff(self, head: bytes) -> bool:
        return head.startswith((b"ARROW1", b"\xff\xff\xff\xff"))

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        split, context = stream.split, stream.context
        number = split.first_record
        direct = split.random_access
        used = 0
        with opened_file(stream) as file:
            for batch in ipc_batches(file, context.limits):
                batch = with_distinct_names(batch)
                if wanted is not None:
                    roots = {path[0] for path in wanted}
                    names = [name for name in batch.schema.names if name in roots]
                    batch = batch.select(names)
                for array in batch.columns:
                    require_sound(array)
                yield Rows(range(number, number + batch.num_rows), batch)
                number += batch.num_rows
                if direct:
                    now = min(file.tell(), split.size)
                    context.consumed(max(now - used, 0))
                    used = max(now, used)
        if direct:
            context.consumed(split.size - used)


def require_sound(array: pa.Array) -> None:
    """Check the offsets and lengths of an array from a file before they are used. UTF-8
    is not checked here.
    """
    array.validate()
    if pa.types.is_struct(array.type):
        for index in range(array.type.num_fields):
            require_sound(array.field(index))
    elif (raw := RAW.get(array.type)) is not None:
        array.view(raw).validate(full=True)
    elif isinstance(array.type, pa.BaseExtensionType):
        require_sound(array.storage)
    elif pa.types.is_dictionary(array.type):
        array.indices.validate(full=True)
        require_sound(array.dictionary)
        pa.DictionaryArray.from_arrays(
            array.indices, array.dictionary
        )  # checks the indices against the dictionary
    elif isinstance(array, LISTS):  # A map is a list of keys and values.
        # The offsets are checked on lists of nulls, since the values may also be bad.
        values = pa.nulls(len(array.values))
        if isinstance(array, pa.LargeListArray):
            pa.LargeListArray.from_arrays(array.offsets, values).validate(full=True)
        elif isinstance(array, pa.ListArray):
            pa.ListArray.from_arrays(array.offsets, values).validate(full=True)
        require_sound(array.values)
    else:
        array.validate(full=True)


def ipc_batches(file: pa.NativeFile, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the batches that have rows. A file is a stream between a magic number and
    a footer, and is read as a stream.
    """
    is_file = file.read(len(MAGIC)) == MAGIC
    file.seek(FIRST if is_file else 0)
    # Before version 0.15, Arrow wrote lengths without a marker.
    end = END if file.read(4) == END[:4] else END[4:]
    file.seek(FIRST if is_file else 0)
    # The file may consist of several concatenated streams.
    while True:
        with pa.ipc.open_stream(file) as stream:
            require_few_fields(len(stream.schema), limits)
            yield from (batch for batch in stream if batch.num_rows)
        position = file.tell()
        file.seek(position - len(end))
        if file.read(len(end)) != end:
            raise ValueError("its end-of-stream mark is missing")
        if is_file:
            footer = file.read()
            if not footer.endswith(len(footer[:-10]).to_bytes(4, "little") + MAGIC):
                raise ValueError("its footer is cut off or damaged")
            return
        if not file.read(1):
            return
        file.seek(position)


FORMATS = (Parquet(), Arrow())
