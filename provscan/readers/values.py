"""Convert Arrow rows to Python values.

A value that Python can't represent is repaired or becomes None: dates before the year 1
or after 9999, nanoseconds without pandas, times in unknown time zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import InputError

HEAD_ROWS = 100
# Before version 24, Arrow raises a KeyError for an unknown time zone.
FAILURES = (ValueError, OverflowError, KeyError, pa.ArrowException)


def values_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch as Python values, with maps as lists of objects that
    have a ``key`` and a ``value``. Text that is not UTF-8 stays bytes.
    """
    names, columns = batch.schema.names, list(map(array_values, batch.columns))
    return [
        {name: column[row] for name, column in zip(names, columns, strict=True)}
        for row in range(batch.num_rows)
    ]


def head_values(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the first rows of a batch.

    A row with an empty string in each text column is appended, so that a text column
    without a value in these rows is still recognised as text.
    """
    rows = values_of(batch.slice(0, HEAD_ROWS))
    return [*rows, {part.name: _empty(part.type) for part in batch.schema}]


def _empty(kind: pa.DataType) -> Any:
    """Return an example value of a type: empty strings for texts and bytes, and null
    for everything else.
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
        values = array.to_pylist()
    except FAILURES:
        return [_value(scalar) for scalar in array]
    return list(map(with_entries, values)) if "map<" in str(array.type) else values


def with_entries(value: Any) -> Any:
    """Return a value with objects in place of the entries of maps."""
    if isinstance(value, tuple):
        return {"key": with_entries(value[0]), "value": with_entries(value[1])}
    if isinstance(value, dict):
        return {key: with_entries(inner) for key, inner in value.items()}
    return list(map(with_entries, value)) if isinstance(value, list) else value


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except FAILURES:
        pass
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_struct(kind):
        return {
            kind.field(position).name: _value(scalar[position])
            for position in range(kind.num_fields)
        }
    if hasattr(kind, "value_field") or pa.types.is_map(kind):
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
    return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else None


def plain_array(array: pa.Array) -> pa.Array:
    """Return the values of an array without extension types (such as JSON), run-end
    encoding and dictionaries.
    """
    while True:
        if isinstance(array.type, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        elif pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        else:
            return array


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
    """Return a batch whose columns have distinct names. Raise InputError if two fields
    of a struct have the same name.
    """
    if any(map(_repeats_names, batch.schema.types)):
        raise InputError(
            "two fields of a struct have the same name, so that one of them would not "
            "be read: rename one"
        )
    return batch.rename_columns(distinct_names(batch.schema.names))


def _repeats_names(kind: pa.DataType) -> bool:
    inner = [kind.field(place) for place in range(kind.num_fields)]
    names = {each.name for each in inner}
    repeated = pa.types.is_struct(kind) and len(names) < len(inner)
    return repeated or any(_repeats_names(each.type) for each in inner)
