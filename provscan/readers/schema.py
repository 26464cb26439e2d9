"""The schemas in which datasets (:data:`SCHEMA`) and licensed tweets (:data:`TWEETS`)
are read.

A row of a dataset is one text of a record; the rows of a record are consecutive.

If the records of a file have dates of their own, its batches also have the column
``date`` (:data:`DATE`): the date as it is written, null if it is missing. The metadata
of the column contain its ``form`` (:func:`provscan.readers.dates.form_of`).
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("record", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("field", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)


DATE = pa.field("date", pa.string())

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
