"""The schemas in which datasets (:data:`SCHEMA`) and licensed tweets (:data:`TWEETS`)
are read.

A row of a dataset is one text of a record; the rows of a record are consecutive. A text
longer than ``limits.piece`` code points is yielded in *pieces*: consecutive stretches,
each a batch of one row in :data:`PIECE_SCHEMA`. Neighbouring pieces overlap by
``limits.overlap`` code points, and exactly one piece owns each place of the text.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        pa.field("record", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("field", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)


PIECE_SCHEMA = pa.schema(
    [
        *SCHEMA,
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("offset", "own_from", "own_to")
        ),
    ]
)

TIMESTAMP = pa.timestamp("ms", tz="UTC")

TWEETS = pa.schema(
    [
        pa.field("record", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("created_at", TIMESTAMP),
        pa.field("lang", pa.string()),
        pa.field("rt_of", pa.string()),
    ]
)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return distinct names of columns; a repeated name is followed by its position,
    counted from 1.
    """
    taken, found = set(names), dict[str, None]()
    for place, name in enumerate(names, 1):
        if name in found:
            name = f"{name}_{place}"
            while name in taken:
                name += "_"
        found[name] = None
    return list(found)


def with_distinct_names(batch: pa.RecordBatch) -> pa.RecordBatch:
    names = batch.schema.names
    return (
        batch
        if len(set(names)) == len(names)
        else batch.rename_columns(distinct_names(names))
    )


def null_if_empty(texts: pa.Array) -> pa.Array:
    """Turn empty strings into nulls, which CSV can't write otherwise."""
    empty = pc.equal(texts, "")
    return (
        pc.if_else(empty, pa.scalar(None, texts.type), texts)
        if pc.any(empty).as_py()
        else texts
    )


def plain_array(array: pa.Array) -> pa.Array:
    """Return the plain values of an extension type, such as JSON, or of run-end
    encoding.
    """
    while True:
        if isinstance(array.type, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


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
