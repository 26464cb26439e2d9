"""The texts that a run keeps for people to compare: passage and tweet of every counted
match, and of some others.

``evidence.parquet`` holds those of the counted matches. The strongest others,
candidates that are not counted, have theirs in columns of ``matches.parquet``. Where
the terms of a platform ask for it, digests take the place of texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Flags, Numbers
from provscan.estimate.counters import Strongest
from provscan.index import IndexReader
from provscan.matching.table import permalinks
from provscan.runs.matched import Batch

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
        pa.field("lang", pa.string()),
        pa.field("has_text", pa.bool_()),
    ]
)
# Columns of ``matches.parquet`` that are null but for the candidates that are kept for
# people to read.
CANDIDATE = pa.schema(
    [EVIDENCE.field(name) for name in ("passage", "tweet", "author", "time", "lang")]
)
# Matches that don't count of which texts are kept, the strongest.
CANDIDATES = 10_000


@dataclass(frozen=True)
class Kept:
    """Which matches are kept with texts, by their numbers."""

    # Of those that count, all of which are rows of ``evidence.parquet``; None for all.
    # The others have digests there.
    counted: Numbers | None
    candidates: Numbers  # Of those that do not count.


def kept(
    batches: Iterable[Batch],
    control: Flags,
    texts: int | None,
    candidates: int = CANDIDATES,
) -> Kept:
    """Choose the matches whose texts are kept: the first exhibits, in the order of the
    report.

    The `batches` are all matches, `control` marks texts. So many `texts` are kept, or
    (None) those of all that count and of so many `candidates`, the strongest others.
    """
    first, others, number = Strongest(texts or 0, 2), Strongest(candidates, 2), 0
    for batch in batches:
        licensed = ~control[batch.place]
        keys = (
            -np.nan_to_num(batch.bits.astype(np.float32).astype(np.float64), nan=-1.0),
            batch.columns["record"],
        )
        number += int(np.count_nonzero(batch.counted & licensed))
        for chosen, which in ((first, batch.counted), (others, ~batch.counted)):
            rows = np.flatnonzero(which & licensed)
            if chosen.limit:
                chosen.add(
                    batch.low + rows,
                    keys[0][rows],
                    keys[1].to_numpy()[rows].astype(np.float64),
                )
    rest = others.rows if texts is None else others.rows[: max(0, texts - number)]
    return Kept(None if texts is None else first.rows, rest)


def evidence_rows(batches: list[pa.RecordBatch], reader: IndexReader) -> pa.Table:
    """Rows of ``evidence.parquet`` for matches as in part files, with ``has_text``:
    whether texts are kept.
    """
    rows = pa.Table.from_batches(batches).combine_chunks()
    tweets = reader.earliest_tweets(rows["text"].to_numpy())
    ids = tweets["tweet_id"].combine_chunks()
    known = {name: rows[name] for name in EVIDENCE.names if name in rows.schema.names}
    reported = {
        name: tweets[name] for name in ("tweet_id", "tweet", "author", "time", "lang")
    }
    columns = {
        "field": pa.nulls(rows.num_rows, pa.string()),
        **known,
        **reported,
        "permalink": permalinks(ids),
    }
    whole = rows["has_text"].to_numpy()
    if not whole.all():
        for name in ("passage", "tweet"):
            texts = zip(columns[name].to_pylist(), whole, strict=True)
            columns[name] = pa.array(
                [text if keep else digest(text) for text, keep in texts],
                pa.large_string(),
            )
        for name in ("before", "after"):
            columns[name] = pc.if_else(
                pa.array(whole), columns[name], pa.scalar(None, pa.large_string())
            )
    return pa.table(
        [columns[name] for name in EVIDENCE.names], names=EVIDENCE.names
    ).cast(EVIDENCE)


def digest(text: str | None) -> str | None:
    """SHA-256 of the UTF-8 of a text, in hexadecimal digits."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
