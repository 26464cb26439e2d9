"""Arrow data, in Parquet and IPC files or in memory, into the common schema; without a copy where it has the form."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.errors import InputError
from provscan.readers.columns import Columns, null_if_empty, strings
from provscan.readers.dates import timestamps
from provscan.readers.fields import NESTING, OTHER, SCALAR, STRING, Binding, Fields, Found, Path, bind, note_missing
from provscan.readers.schema import BATCH_BYTES, BATCH_RECORDS, ROW_LIMIT, SCHEMA, TIMESTAMP
from provscan.readers.splits import Split
from provscan.readers.stats import ReadStats
from provscan.readers.streams import Progress

# What text is when nobody has checked that it is UTF-8.
RAW = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
        )
    )


def declared(schema: pa.Schema) -> dict[Path, int]:
    """The fields of a schema, nested ones too, and what each can hold."""
    present: dict[Path, int] = {}

    def look(field: pa.Field, above: Path) -> None:
        path = (*above, field.name)
        if _is_text(field.type):
            present[path] = STRING
        elif pa.types.is_struct(field.type):
            present[path] = OTHER
            if len(path) < NESTING:
                for inner in field.type:
                    look(inner, path)
        elif pa.types.is_nested(field.type) or pa.types.is_null(field.type):
            present[path] = OTHER
        else:
            present[path] = SCALAR

    for field in schema:
        look(field, ())
    return present


def _values(batch: pa.RecordBatch, paths: tuple[Path, ...]) -> pa.Array | None:
    arrays = []
    for first, *rest in paths:
        array = batch.column(batch.schema.get_all_field_indices(first)[0])
        arrays.append(pc.struct_field(array, rest) if rest else array)
    if len(arrays) > 1:
        arrays = [pc.cast(array, pa.large_string()) if _is_text(array.type) else array for array in arrays]
        return pc.coalesce(*arrays)
    return arrays[0] if arrays else None


class TableReader:
    """Record batches of one source -> the common schema."""

    def __init__(
        self, schema: pa.Schema, fields: Fields, source: str, stats: ReadStats, *, strict: bool = True
    ) -> None:
        self.source = source
        self.binding: Binding = bind(fields, Found(declared(schema), source), strict=strict)
        self._tally = stats

    def columns(self) -> list[str]:
        """The dotted names of the fields to read."""
        return [".".join(path) for role in Binding.__slots__ for path in getattr(self.binding, role)]

    def batch(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """One batch, whose first row is record ``first``."""
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        found = {role: _values(batch, getattr(self.binding, role)) for role in Binding.__slots__}
        if found["text"] is None or not _is_text(found["text"].type):
            values = [None] * batch.num_rows if found["text"] is None else found["text"].to_pylist()
            return Columns(self.source, range(first, first + batch.num_rows), values).batch(self._tally)
        text, repaired = _decoded(found["text"], pa.large_string())
        for place in repaired:
            self._tally.repair("invalid_utf8", self.source, first + place, "bytes replaced by U+FFFD")
        columns = [
            numbers,
            _short(found["id"], batch.num_rows),
            text,
            _short(found["author"], batch.num_rows),
            self._dates(found["date"], batch.num_rows, first),
            _short(found["lang"], batch.num_rows),
            _short(found["rt_of"], batch.num_rows),
        ]
        if text.null_count:
            there = text.is_valid()
            for place in pc.indices_nonzero(pc.invert(there)).to_pylist():
                self._tally.skip("no_text", self.source, first + place, "the text is missing or null")
            columns = [column.filter(there) for column in columns]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _dates(self, array: pa.Array | None, count: int, first: int) -> pa.Array:
        if array is None:
            return pa.nulls(count, TIMESTAMP)
        if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
            return pc.cast(array, TIMESTAMP, safe=False)
        values = array.to_pylist()
        dates, bad = timestamps(values)
        for place in bad:
            self._tally.note("bad_date", self.source, first + place, repr(values[place]))
        return dates


def _decoded(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Text or bytes as valid text, and the places where bytes had to be replaced."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        text = pc.cast(array, kind)
        text.validate(full=True)
        return text, []
    except (pa.ArrowInvalid, UnicodeDecodeError):  # the second while Arrow words the first
        pass
    values: list[str | None] = []
    repaired = []
    for place, value in enumerate(pc.cast(array, pa.large_binary()).to_pylist()):
        try:
            values.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            values.append(value.decode(errors="replace"))
            repaired.append(place)
    return pa.array(values, kind), repaired


def _short(array: pa.Array | None, count: int) -> pa.Array:
    """A column of ids or names."""
    if array is None:
        return pa.nulls(count, pa.string())
    if _is_text(array.type):
        return null_if_empty(_decoded(array, pa.string())[0])
    if pa.types.is_integer(array.type):
        return pc.cast(array, pa.string())
    return strings(array.to_pylist(), count)


def fields_of(split: Split) -> Found:
    """The fields that a Parquet or Arrow file declares."""
    try:
        if split.format == "parquet":
            return Found(declared(pq.read_schema(split.path)), split.source)
        with pa.memory_map(split.path) as file:
            return Found(declared(next(_ipc_batches(file, split.format))), split.source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{split.source} can't be read as {split.format}: {error}") from error


def _require_sound(batch: pa.RecordBatch, names: list[str]) -> None:
    """Check what a file claims before its bytes are used as offsets and lengths.

    Whether text is UTF-8 is left to :func:`_decoded`, which repairs it.
    """
    for name in {name.partition(".")[0] if name not in batch.schema.names else name for name in names}:
        _require_sound_array(batch.column(batch.schema.get_all_field_indices(name)[0]))


def _require_sound_array(array: pa.Array) -> None:
    array.validate()
    if pa.types.is_struct(array.type):
        for place in range(array.type.num_fields):
            _require_sound_array(array.field(place))
    elif (raw := RAW.get(array.type)) is not None:
        array.view(raw).validate(full=True)
    else:
        array.validate(full=True)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, BATCH_RECORDS):
        yield batch.slice(start, BATCH_RECORDS)


def read_parquet(split: Split, fields: Fields, stats: ReadStats, on_bytes: Progress | None) -> Iterator[pa.RecordBatch]:
    """The rows of some row groups."""
    try:
        with pq.ParquetFile(split.path) as file:
            reader = TableReader(file.schema_arrow, fields, split.source, stats, strict=False)
            if split.first_record == 0:
                note_missing(fields, reader.binding, split.source, stats)
            groups = range(split.start, split.end)
            for group in groups:
                _require_small(file.metadata.row_group(group), group, split.source)
            rows = sum(file.metadata.row_group(group).num_rows for group in groups)
            size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
            step = max(1, min(BATCH_RECORDS, rows * BATCH_BYTES // max(size, 1)))
            number = split.first_record
            used = 0
            if rows == 0 and split.first_record == 0:
                stats.note("empty_file", split.source)
            for batch in file.iter_batches(step, row_groups=list(groups), columns=reader.columns(), use_threads=False):
                yield reader.batch(batch, number)
                number += batch.num_rows
                now = split.size * (number - split.first_record) // rows
                _consumed(now - used, stats, on_bytes)
                used = now
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{split.source} can't be read as Parquet: {error}") from error


def _require_small(group: pq.RowGroupMetaData, number: int, source: str) -> None:
    """Refuse rows that are too large on average; a single one among small ones is not told by the metadata."""
    size = group.total_byte_size // max(group.num_rows, 1)
    if size > ROW_LIMIT:
        raise InputError(
            f"{source}: the rows of row group {number} have {size:,} bytes on average, above the limit of "
            f"{ROW_LIMIT:,}; Parquet reads a row at once. Write them as JSON lines, which may be of any length"
        )


def read_arrow(split: Split, fields: Fields, stats: ReadStats, on_bytes: Progress | None) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow IPC file, mapped into memory, in its random-access or its streaming form."""
    try:
        with pa.memory_map(split.path) as file:
            batches = _ipc_batches(file, split.format)
            schema = next(batches)
            reader = TableReader(schema, fields, split.source, stats, strict=False)
            note_missing(fields, reader.binding, split.source, stats)
            number = used = 0
            for batch in batches:
                _require_sound(batch, reader.columns())
                for part in _cut(batch):
                    yield reader.batch(part, number)
                    number += part.num_rows
                now = file.tell() if split.format == "arrows" else 0
                _consumed(now - used, stats, on_bytes)
                used = now
            _consumed(split.size - used, stats, on_bytes)
            if number == 0:
                stats.note("empty_file", split.source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{split.source} can't be read as Arrow IPC: {error}") from error


def _ipc_batches(file: pa.NativeFile, form: str) -> Iterator[pa.Schema | pa.RecordBatch]:
    if form == "arrows":
        with pa.ipc.open_stream(file) as stream:
            yield stream.schema
            yield from stream
    else:
        with pa.ipc.open_file(file) as random:
            yield random.schema
            for place in range(random.num_record_batches):
                yield random.get_batch(place)


def _consumed(count: int, stats: ReadStats, on_bytes: Progress | None) -> None:
    stats.bytes += count
    if on_bytes is not None and count:
        on_bytes(count)
