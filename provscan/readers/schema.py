"""The one shape that every corpus and dataset is read into, and the limits that keep memory bounded.

A record that is longer than :data:`PIECE` code points comes as *pieces*: consecutive stretches of it, one row and
one batch each, in :data:`PIECE_SCHEMA`. Neighbours overlap by :data:`OVERLAP` code points, and each place of the
record is owned by exactly one piece.
"""

from __future__ import annotations

import pyarrow as pa

TIMESTAMP = pa.timestamp("ms", tz="UTC")

SCHEMA = pa.schema(
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

PIECE_SCHEMA = pa.schema(
    [
        *SCHEMA,
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("own_from", pa.int64(), nullable=False),
        pa.field("own_to", pa.int64(), nullable=False),
    ]
)

# A batch holds at most so many records, and so many bytes of text unless one record alone is larger.
BATCH_RECORDS = 16_384
BATCH_BYTES = 4 << 20

# In code points.
PIECE = 16 << 20
OVERLAP = 64 << 10

# In bytes. A line above this takes too much to be parsed at once, several times its size: one of JSON is read bit by
# bit (:mod:`provscan.readers.longjson`), one of CSV is skipped and counted.
LINE_LIMIT = 16 << 20

# In bytes. A JSON array above this is refused: it is parsed at once.
ARRAY_LIMIT = 64 << 20

# In bytes, as the metadata give them. Parquet whose rows are larger on average is refused: a row is read at once.
ROW_LIMIT = 64 << 20
