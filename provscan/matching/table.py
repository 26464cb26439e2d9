"""The matches in a batch of records, their rows in the columns of ``matches.parquet``, and what stands there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from provscan.index import ScanReader, Strings
from provscan.index.blind import BlindIndex
from provscan.kernels.utf8 import byte_places
from provscan.matching.rows import LEVELS, MATCHES, Matches
from provscan.readers import mended_texts
from provscan.readers.arrow import buffers

# Code points before and after a match, and at most of the match itself.
CONTEXT, LONGEST = 200, 2_000
# What finds the matches in the texts of a text buffer, ordered by text and place.
Finder = Callable[[np.ndarray, np.ndarray], Matches]


def matches_in(batch: pa.RecordBatch, find: Finder, *, fix_encoding: bool = False) -> Matches:
    """Matches in one batch of records, or of pieces of a record (:mod:`provscan.readers.schema`).

    With `fix_encoding` they are those in the repaired texts, and their spans those of the texts as they are.
    """
    texts, repaired = mended_texts(batch.column("text")) if fix_encoding else (batch.column("text"), {})
    found = find(*buffers(texts))
    for row, text in repaired.items():
        places = (found.row == row).nonzero()[0]
        found.span[places] = text.original(found.span[places])
        found.characters[row] = int(text.original(found.characters[row : row + 1])[0])
    if "offset" not in batch.schema.names or len(found.row) == 0:
        return found
    offset, low, high = (batch.column(name).to_numpy()[found.row] for name in ("offset", "own_from", "own_to"))
    found.span = found.span + offset[:, None]
    return found.take(((found.span[:, 0] >= low) & (found.span[:, 0] < high)).nonzero()[0])


def match_table(found: Matches, reader: ScanReader | BlindIndex, source: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of the matches in the texts of one batch: their ``record`` (int64), ``id`` and, where known, ``field``.

    The `source` is what the user called the dataset.
    """
    rows = pa.array(found.row)
    fields = batch.column("field") if "field" in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
    levels = pa.DictionaryArray.from_arrays(pa.array(found.level.astype(np.int8)), pa.array(LEVELS))
    columns = [
        pa.repeat(pa.scalar(source), len(found.row)),
        batch.column("record").take(rows),
        batch.column("id").take(rows),
        fields.take(rows).cast(pa.string()),
        pa.array(found.span[:, 0]),
        pa.array(found.span[:, 1]),
        reader.tweet_ids(found.text).array().cast(pa.string()),
        pa.array(reader.tweet_counts(found.text).astype(np.int32)),
        levels.cast(pa.string()),
        pa.array(found.similarity.astype(np.float32)),
        pa.array(found.containment.astype(np.float32)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=MATCHES)


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
