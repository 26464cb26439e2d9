"""Convert Arrow rows to Python values.

A value that Python can't represent is repaired or becomes None: text that is not UTF-8,
dates before the year 1 or after 9999, nanoseconds without pandas, times in unknown time
zones, objects with two fields of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

HEAD_ROWS = 100
# Before version 24, Arrow raises a KeyError for an unknown time zone.
FAILURES = (ValueError, OverflowError, KeyError, pa.ArrowException)


def values_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch as Python values."""
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

    A row with an empty string in each text column is appended, so that a text column
    without a value in these rows is still recognised as text.
    """
    rows = without_maps(batch.slice(0, HEAD_ROWS))
    return [*values_of(rows), {part.name: _empty(part.type) for part in rows.schema}]


def _empty(kind: pa.DataType) -> Any:
    """Return a value of a type with empty texts in place of texts and bytes, and null
    elsewhere.
    """
    if pa.types.is_struct(kind):
        return {part.name: _empty(part.type) for part in kind}
    if hasattr(kind, "value_field"):
        return [_empty(kind.value_type)]
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _empty(kind.value_type)
    if kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        return b""
    return "" if kind in (pa.string(), pa.large_string(), pa.string_view()) else None


def array_values(array: pa.Array) -> list[Any]:
    """Return the values of an array as Python values."""
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
            kind.field(position).name: _value(scalar[position])
            for position in range(kind.num_fields)
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


def plain_array(array: pa.Array) -> pa.Array:
    """Return the values of an array without extension types (such as JSON) and run-end
    encoding.
    """
    while True:
        if isinstance(array.type, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def is_mixed(kind: pa.DataType) -> bool:
    """Return whether a type has unions of objects or lists, in which no path can name
    a text.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return is_mixed(kind.storage_type)
    inner = [kind.field(position).type for position in range(kind.num_fields)]
    if pa.types.is_union(kind) and any(part.num_fields for part in inner):
        return True
    return any(map(is_mixed, inner))


def without_maps(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with maps as lists, so that a path can name every text."""
    schema = pa.schema(
        [part.with_type(_without_maps(part.type)) for part in batch.schema]
    )
    if schema == batch.schema:
        return batch
    return pa.RecordBatch.from_arrays(
        [
            array if array.type == part.type else pc.cast(array, part.type)
            for array, part in zip(batch.columns, schema, strict=True)
        ],
        schema=schema,
    )


def _without_maps(kind: pa.DataType) -> pa.DataType:
    """Return the type with maps as lists of keys and values."""
    if pa.types.is_map(kind):
        parts = [
            ("key", _without_maps(kind.key_type)),
            ("value", _without_maps(kind.item_type)),
        ]
        return pa.list_(pa.struct(parts))
    if pa.types.is_struct(kind):
        return pa.struct([part.with_type(_without_maps(part.type)) for part in kind])
    # Arrow's casts of list views are wrong.
    lists = (
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )
    if lists and (inner := _without_maps(kind.value_type)) != kind.value_type:
        return pa.large_list(kind.value_field.with_type(inner))
    return kind


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return distinct names of columns; a repeated name is followed by its position,
    counted from 1.
    """
    taken, found = set(names), dict[str, None]()
    for position, name in enumerate(names, 1):
        if name in found:
            name = f"{name}_{position}"
            while name in taken:
                name += "_"
        found[name] = None
    return list(found)


def with_distinct_names(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose columns, and the fields in each struct, have distinct
    names.
    """
    names = batch.schema.names
    kinds = [_with_distinct_fields(kind) for kind in batch.schema.types]
    if len(set(names)) == len(names) and kinds == batch.schema.types:
        return batch
    pairs = zip(batch.columns, kinds, strict=True)
    columns = [array.view(kind) for array, kind in pairs]
    return pa.RecordBatch.from_arrays(columns, names=distinct_names(names))


def _with_distinct_fields(kind: pa.DataType) -> pa.DataType:
    """Return a type with the same memory layout."""
    if not pa.types.is_nested(kind) or not kind.num_fields:
        return kind
    fields = [kind.field(place) for place in range(kind.num_fields)]
    names = [each.name for each in fields]
    inner = [
        each.with_type(_with_distinct_fields(each.type)).with_name(name)
        for each, name in zip(fields, distinct_names(names), strict=True)
    ]
    if inner == fields:
        return kind
    if pa.types.is_struct(kind):
        return pa.struct(inner)
    if pa.types.is_list(kind):
        return pa.list_(*inner)
    if pa.types.is_large_list(kind):
        return pa.large_list(*inner)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(*inner, kind.list_size)
    if pa.types.is_map(kind):
        return pa.map_(*inner[0].type)
    return kind
