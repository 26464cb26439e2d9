"""The texts that a run keeps for people to compare: passage and tweet of every counted match, and of some others.

``evidence.parquet`` holds those of the counted matches. The strongest others, candidates that are not counted, have
theirs in columns of ``matches.parquet``. Where the terms of a platform ask for it, digests take the place of texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
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
        pa.field("lang", pa.string()),
        pa.field("has_text", pa.bool_()),
    ]
)
# Columns of ``matches.parquet`` that are null but for the candidates that are kept for people to read.
CANDIDATE = pa.schema([EVIDENCE.field(name) for name in ("passage", "tweet", "author", "time", "lang")])
# Matches that don't count of which texts are kept, the strongest.
CANDIDATES = 10_000
ROW_GROUP = 1 << 14
PERMALINK = "https://x.com/i/status/"

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kept:
    """Which matches are kept with texts, each bool[matches]."""

    counted: Flags  # The rows of ``evidence.parquet``.
    texts: Flags  # Those of them whose texts are kept; the others have digests.
    candidates: Flags  # Matches that don't count whose texts are kept.


def kept(rows: pa.Table, added: pa.Table, counted: Flags, texts: int | None, candidates: int = CANDIDATES) -> Kept:
    """Choose the matches whose texts are kept: the first exhibits, in the order of the report.

    `counted` marks licensed matches that meet the rule, and `added` is what the analysis adds to the `rows`. So many
    `texts` are kept, or (None) those of all that count and of so many `candidates`, the strongest others.
    """
    licensed = np.flatnonzero(~added["control"].to_numpy())
    bits = np.nan_to_num(added["bits"].to_numpy()[licensed].astype(np.float64), nan=-1.0)
    order = licensed[np.lexsort((rows["record"].to_numpy()[licensed], -bits, ~counted[licensed]))]
    number = int(np.count_nonzero(counted))
    allowed = len(order) if texts is None else texts
    result = Kept(counted, *(np.zeros(len(counted), np.bool_) for _ in range(2)))
    result.texts[order[: min(number, allowed)]] = True
    result.candidates[order[number : min(number + candidates, allowed)]] = True
    return result


def write_evidence(batches: Iterable[pa.RecordBatch], kept: Kept, reader: IndexReader, path: Path) -> pa.Table:
    """Write ``evidence.parquet``, one row a counted match, in the order of ``matches.parquet``.

    The `batches` are all matches as in part files: the columns of ``matches.parquet`` up to ``containment``, ``text``
    (the number of the licensed text), ``before``, ``passage`` and ``after``. Gives :data:`CANDIDATE`, one row a
    candidate whose texts are kept.
    """
    low = 0
    counted: list[pa.RecordBatch] = []
    candidates: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, EVIDENCE, compression="zstd") as writer:

        def write() -> None:
            if counted:
                writer.write_table(evidence_rows(counted, reader))
                counted.clear()

        for batch in batches:
            chosen = slice(low, low + batch.num_rows)
            low += batch.num_rows
            flagged = batch.append_column("has_text", pa.array((kept.texts | kept.candidates)[chosen]))
            for waiting, flags in ((counted, kept.counted), (candidates, kept.candidates)):
                if flags[chosen].any():
                    waiting.append(flagged.filter(pa.array(flags[chosen])))
            if sum(waiting.num_rows for waiting in counted) >= ROW_GROUP:
                write()
        write()
    if not candidates:
        return CANDIDATE.empty_table()
    return evidence_rows(candidates, reader).select(CANDIDATE.names)


def evidence_rows(batches: list[pa.RecordBatch], reader: IndexReader) -> pa.Table:
    """Rows of ``evidence.parquet`` for matches as in part files, with ``has_text``: whether texts are kept."""
    rows = pa.Table.from_batches(batches).combine_chunks()
    tweets = reader.earliest_tweets(rows["text"].to_numpy())
    ids = tweets["tweet_id"].combine_chunks()
    numeric = pc.match_substring_regex(ids, "^[0-9]+$")
    links = pc.if_else(numeric, pc.binary_join_element_wise(PERMALINK, ids, ""), pa.scalar(None, pa.string()))
    known = {name: rows[name] for name in EVIDENCE.names if name in rows.schema.names}
    reported = {name: tweets[name] for name in ("tweet_id", "tweet", "author", "time", "lang")}
    columns = {"field": pa.nulls(rows.num_rows, pa.string()), **known, **reported, "permalink": links}
    whole = rows["has_text"].to_numpy()
    if not whole.all():
        for name in ("passage", "tweet"):
            texts = zip(columns[name].to_pylist(), whole, strict=True)
            columns[name] = pa.array([text if keep else digest(text) for text, keep in texts], pa.large_string())
        for name in ("before", "after"):
            columns[name] = pc.if_else(pa.array(whole), columns[name], pa.scalar(None, pa.large_string()))
    return pa.table([columns[name] for name in EVIDENCE.names], names=EVIDENCE.names).cast(EVIDENCE)


def digest(text: str | None) -> str | None:
    """SHA-256 of the UTF-8 of a text, in hexadecimal digits."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
