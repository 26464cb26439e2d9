"""Matches as a table: what :mod:`provscan.matching.scan` found, in the columns of ``matches.parquet``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from provscan.matching.rows import LEVELS, MATCHES, Matches
from provscan.matching.verifier import TweetNames


def match_table(found: Matches, reader: TweetNames, source: str, batch: pa.RecordBatch) -> pa.RecordBatch:
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
