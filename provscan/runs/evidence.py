"""``evidence.parquet``: the passage and the tweet of every counted match, for people to compare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.index import IndexReader

EVIDENCE = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("field", pa.string()),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("tweet_id", pa.string(), nullable=False),
        pa.field("before", pa.large_string()),
        pa.field("passage", pa.large_string()),
        pa.field("after", pa.large_string()),
        pa.field("tweet", pa.large_string()),
        pa.field("author", pa.string()),
        pa.field("time", pa.timestamp("ms", "UTC")),
        pa.field("permalink", pa.string()),
    ]
)
ROW_GROUP = 1 << 14
PERMALINK = "https://x.com/i/status/"


def write_evidence(
    batches: Iterable[pa.RecordBatch], counted: npt.NDArray[np.bool_], reader: IndexReader, path: Path
) -> int:
    """Write ``evidence.parquet``, one row a counted match, in the order of ``matches.parquet``.

    Parameters
    ----------
    batches
        All matches as in part files, a batch at a time: the columns of ``matches.parquet`` up to ``containment``,
        ``text`` (the number of the licensed text), ``before``, ``passage`` and ``after``.
    counted
        bool[matches]: counted, and not of a control text.
    reader
        The index that numbers the texts.
    path
        The file to write.

    Returns
    -------
    int
        Rows written.
    """
    written = offset = 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, EVIDENCE, compression="zstd") as writer:

        def write() -> None:
            if waiting:
                writer.write_table(_evidence(pa.Table.from_batches(waiting).combine_chunks(), reader))
                waiting.clear()

        for batch in batches:
            picked = batch.filter(pa.array(counted[offset : offset + batch.num_rows]))
            offset += batch.num_rows
            if picked.num_rows:
                waiting.append(picked)
                written += picked.num_rows
            if sum(held.num_rows for held in waiting) >= ROW_GROUP:
                write()
        write()
    return written


def _evidence(rows: pa.Table, reader: IndexReader) -> pa.Table:
    tweets = reader.earliest_tweets(rows["text"].to_numpy())
    ids = tweets["tweet_id"].combine_chunks()
    numeric = pc.match_substring_regex(ids, "^[0-9]+$")
    links = pc.if_else(numeric, pc.binary_join_element_wise(PERMALINK, ids, ""), pa.scalar(None, pa.string()))
    known = {name: rows[name] for name in EVIDENCE.names if name in rows.schema.names}
    reported = {name: tweets[name] for name in ("tweet_id", "tweet", "author", "time")}
    columns = {"field": pa.nulls(rows.num_rows, pa.string()), **known, **reported, "permalink": links}
    return pa.table([columns[name] for name in EVIDENCE.names], names=EVIDENCE.names).cast(EVIDENCE)
