"""The forms in which datasets (:data:`SCHEMA`) and licensed tweets (:data:`TWEETS`) are read.

One row of a dataset is one text of a record; the rows of a record follow each other. A text that is longer than
``limits.piece`` code points comes as *pieces*: consecutive stretches of it, one row and one batch each, in
:data:`PIECE_SCHEMA`. Neighbours overlap by ``limits.overlap`` code points, and each place of the text is owned by
exactly one piece.
"""

from __future__ import annotations

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

OWN = [pa.field(name, pa.int64(), nullable=False) for name in ("offset", "own_from", "own_to")]

PIECE_SCHEMA = pa.schema([*SCHEMA, *OWN])

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


def _without_maps(kind: pa.DataType) -> pa.DataType:
    """A type in which maps are lists of keys and values, and repeated values stand by themselves."""
    if pa.types.is_run_end_encoded(kind):
        return _without_maps(kind.value_type)
    if pa.types.is_map(kind):
        parts = [("key", _without_maps(kind.key_type)), ("value", _without_maps(kind.item_type))]
        return pa.list_(pa.struct(parts))
    if pa.types.is_struct(kind):
        return pa.struct([part.with_type(_without_maps(part.type)) for part in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_maps(kind.value_type)))
    return kind


def without_maps(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns of which every text can be named by a path."""
    schema = pa.schema([part.with_type(_without_maps(part.type)) for part in batch.schema])
    if schema == batch.schema:
        return batch
    arrays = [pc.run_end_decode(array) if pa.types.is_run_end_encoded(array.type) else array for array in batch.columns]
    return pa.RecordBatch.from_arrays(
        [
            array if array.type == part.type else pc.cast(array, part.type)
            for array, part in zip(arrays, schema, strict=True)
        ],
        schema=schema,
    )
