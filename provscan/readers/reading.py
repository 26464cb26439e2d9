"""One split -> record batches."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.batches import rebatch
from provscan.readers.delimited import read_delimited
from provscan.readers.fields import Fields
from provscan.readers.jsonl import from_objects, read_jsonl
from provscan.readers.plain import read_text
from provscan.readers.schema import ARRAY_LIMIT
from provscan.readers.splits import UNKNOWN, Split
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.streams import ByteStream, Progress
from provscan.readers.tables import read_arrow, read_parquet


def read(
    split: Split, fields: Fields, stats: ReadStats, *, on_bytes: Progress | None = None
) -> Iterator[pa.RecordBatch]:
    """The records of one split, in bounded memory.

    Parameters
    ----------
    split
        One of :func:`~provscan.readers.plan`'s.
    fields
        Names of the fields.
    stats
        Is added to while reading, and complete when the iterator is exhausted.
    on_bytes
        Called with the number of bytes of the file read since the last call.

    Yields
    ------
    pyarrow.RecordBatch
        In :data:`~provscan.readers.SCHEMA`, some 4 MB of text or 16,384 records; a record of more than 16 Mi code
        points comes in pieces (:mod:`provscan.readers.schema`).

    Raises
    ------
    FieldNotFoundError
        The file has no field for the text, or not the one that was named.
    InputError
        The file can't be read, is not what its name says, or is above a limit of :mod:`provscan.readers.schema`.
    OutputError
        A very long line of a compressed file or a pipe finds no room in the folder for temporary files.
    """
    if split.start == split.end:
        if split.start == 0:
            stats.note("empty_file", split.source)
        return
    if split.format == "parquet":
        yield from rebatch(read_parquet(split, fields, stats, on_bytes), stats)
        return
    if split.format in ("arrow", "arrows"):
        yield from rebatch(read_arrow(split, fields, stats, on_bytes), stats)
        return
    before = stats.records
    stream = ByteStream(split, stats, on_bytes)
    yield from rebatch(_streamed(stream, fields, stats), stats)
    if stream.damage is not None:
        stats.damaged.append(Damage(split.source, stats.records - before, stream.damage))


def _streamed(stream: ByteStream, fields: Fields, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    form = stream.split.format
    if form == UNKNOWN:
        form = _piped_form(stream)
    if form == "text":
        return read_text(stream, stats)
    if form in ("csv", "tsv"):
        return read_delimited(stream, fields, stats)
    if form == "json":
        return _read_array(stream, fields, stats)
    return read_jsonl(stream, fields, stats)


def _piped_form(stream: ByteStream) -> str:
    head = stream.peek()
    if head.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        raise InputError(f"{stream.split.source}: Parquet and Arrow can't be read from a pipe; name the file")
    return {b"{": "jsonl", b"[": "json", b"": "jsonl"}.get(head.lstrip()[:1], "text")


def _read_array(stream: ByteStream, fields: Fields, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """A file that is one JSON array of objects; read as a whole, so not above ARRAY_LIMIT."""
    source = stream.split.source
    parts: list[bytes] = []
    size = 0
    for chunk in stream:
        size += len(chunk)
        if size > ARRAY_LIMIT:
            raise InputError(
                f"{source} is one JSON array of more than {ARRAY_LIMIT:,} bytes, too large to read at once. "
                "Write it as JSON lines: jq -c '.[]'"
            )
        parts.append(chunk)
    if stream.damage is not None:
        return
    try:
        records = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError as error:
        raise InputError(f"{source} is not JSON: {error}") from error
    del parts
    if records and not any(isinstance(record, dict) for record in records):
        raise InputError(f"{source} is a JSON array, but not of objects; expected objects with a field for the text")
    if not records:
        stats.note("empty_file", source)
    yield from from_objects(records, fields, stats, source)
