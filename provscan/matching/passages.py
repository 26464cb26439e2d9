"""The passage of the dataset that each match covers, with what stands before and after it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from provscan.index import Strings
from provscan.kernels.utf8 import byte_places
from provscan.matching.rows import Matches
from provscan.readers.arrow import buffers

# Code points before and after a match, and at most of the match itself.
CONTEXT, LONGEST = 200, 2_000


def passages(batch: pa.RecordBatch, found: Matches) -> list[pa.LargeStringArray]:
    """Columns ``before``, ``passage`` and ``after`` of the matches in a batch of records, or of pieces of a record."""
    text, offsets = buffers(batch.column("text"))
    start, end = found.span.T
    if "offset" in batch.schema.names:
        offset = batch.column("offset").to_numpy()[found.row]
        start, end = start - offset, end - offset
    points = np.stack(
        [np.maximum(start - CONTEXT, 0), start, np.minimum(end, start + LONGEST), end, end + CONTEXT], axis=1
    )
    places = np.empty_like(points)
    byte_places(text, offsets, found.row, points, places)
    # String 5 i + k goes from place k of match i to the next one.
    between, first = Strings(text, places.reshape(-1)), np.arange(0, 5 * len(points), 5)
    return [between.take(first + place).array() for place in (0, 1, 3)]
