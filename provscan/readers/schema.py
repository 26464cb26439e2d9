"""The form in which every dataset is read.

One row is one text of a record; the rows of a record follow each other. A text that is longer than ``limits.piece``
code points comes as *pieces*: consecutive stretches of it, one row and one batch each, in :data:`PIECE_SCHEMA`.
Neighbours overlap by ``limits.overlap`` code points, and each place of the text is owned by exactly one piece.
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

OWN = [pa.field(name, pa.int64(), nullable=False) for name in ("offset", "own_from", "own_to")]

PIECE_SCHEMA = pa.schema([*SCHEMA, *OWN])
