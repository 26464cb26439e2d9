"""Write tables (Parquet, Arrow) again with some records removed or changed, and with
the same row groups, codecs and metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.columnar import (
    FIRST,
    MAGIC,
    ipc_batches,
    opened_file,
    parquet_file,
    require_sound,
)

# A function of the position of a row and a table that begins there. It returns the
# table to write in its place.
Changed = Callable[[int, pa.Table], pa.Table]


def _parquet(stream: ByteStream, out: IO[bytes], changed: Changed) -> None:
    """Write a file again with the rows that ``changed`` returns."""
    with (
        opened_file(stream) as source,
        parquet_file(source, stream.context.limits) as file,
    ):
        codecs = {}
        if file.num_row_groups:
            first = file.metadata.row_group(0)
            for number in range(first.num_columns):
                column = first.column(number)
                codec = column.compression
                codecs[column.path_in_schema] = (
                    "NONE" if codec == "UNCOMPRESSED" else codec
                )
        number = 0
        with pq.ParquetWriter(
            out, file.schema_arrow, compression=codecs or "NONE"
        ) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, use_threads=False)
                kept = changed(number, table)
                number += table.num_rows
                if kept.num_rows or not table.num_rows:
                    writer.write_table(kept, max(kept.num_rows, 1))


def _arrow(stream: ByteStream, out: IO[bytes], changed: Changed) -> None:
    """Write a file or stream again with the rows that ``changed`` returns."""
    number = 0
    with opened_file(stream) as file:
        is_file, codec = file.read(len(MAGIC)) == MAGIC, _codec(file)
        file.seek(FIRST if is_file else 0)
        with pa.ipc.open_stream(file) as inner:
            schema = inner.schema
        file.seek(0)
        options = pa.ipc.IpcWriteOptions(compression=codec, unify_dictionaries=is_file)
        new = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with new(out, schema, options=options) as writer:
            for batch in ipc_batches(file, stream.context.limits):
                for array in batch.columns:
                    require_sound(array)
                table = changed(number, pa.Table.from_batches([batch]))
                number += batch.num_rows
                for kept in table.combine_chunks().to_batches():
                    writer.write_batch(kept)


def _codec(file: pa.NativeFile) -> str | None:
    """Return the compression of an Arrow file. The first buffer of a batch begins with
    its length and the magic number of the codec.
    """
    file.seek(0)
    file.seek(FIRST if file.read(len(MAGIC)) == MAGIC else 0)
    for message in pa.ipc.MessageReader.open_stream(file):
        if message.type in ("record batch", "dictionary") and message.body.size:
            magic = message.body[8:12].to_pybytes()
            return {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}.get(magic)
    return None


TABLES = {"parquet": _parquet, "arrow": _arrow}
