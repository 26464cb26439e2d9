"""Convert rows of Arrow to Python values, including values that Python can't
represent.

Such values are text that is not UTF-8, dates before the year 1 or after 9999,
nanoseconds without pandas, unknown time zones, and objects with two fields of the same
name.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from provscan.readers.texts.schema import without_maps

HEAD = 100
# Before version 24, Arrow raises a KeyError for an unknown time zone.
FAILURES = (ValueError, OverflowError, KeyError, pa.ArrowException)


def values_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch; a value that Python can't represent is repaired or
    null.
    """
    try:
        return batch.to_pylist()
    except FAILURES:
        columns = [array_values(array) for array in batch.columns]
        return [
            dict(zip(batch.schema.names, row, strict=True))
            for row in zip(*columns, strict=True)
        ]


def head_values(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the first rows of a batch, with maps as lists of keys and values.

    A row of empty texts follows, by which text columns without a value are recognised.
    """
    rows = without_maps(batch.slice(0, HEAD))
    return [*values_of(rows), {part.name: _empty(part.type) for part in rows.schema}]


def _empty(kind: pa.DataType) -> Any:
    """Return a value of a type with empty texts in place of texts, and null
    elsewhere.
    """
    if pa.types.is_struct(kind):
        return {part.name: _empty(part.type) for part in kind}
    if hasattr(kind, "value_field"):
        return [_empty(kind.value_type)]
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _empty(kind.value_type)
    return "" if kind in (pa.string(), pa.large_string(), pa.string_view()) else None


def array_values(array: pa.Array) -> list[Any]:
    try:
        return array.to_pylist()
    except FAILURES:
        return [_value(scalar) for scalar in array]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except FAILURES:
        pass
    kind = scalar.type
    if pa.types.is_struct(kind):
        return {
            kind.field(place).name: _value(scalar[place])
            for place in range(kind.num_fields)
        }
    if hasattr(kind, "value_field"):
        return [_value(inner) for inner in scalar.values]
    if (
        pa.types.is_dictionary(kind)
        or pa.types.is_union(kind)
        or isinstance(kind, pa.BaseExtensionType)
    ):
        return _value(scalar.value)
    if pa.types.is_timestamp(kind) and kind != (
        plain := pa.timestamp("us" if kind.unit == "ns" else kind.unit)
    ):
        return _value(scalar.cast(plain, safe=False))
    return (
        scalar.as_buffer().to_pybytes().decode(errors="replace")
        if hasattr(scalar, "as_buffer")
        else None
    )
