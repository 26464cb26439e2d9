"""Write the tables of a run, with the texts that people compare: passage and tweet of
every finding, and of some other matches.

``evidence.parquet`` has the texts of the findings. The texts of the strongest other
matches, the candidates, are in columns of ``matches.parquet``. If a platform's terms
require it, digests replace texts. :class:`ExhibitChoice` chooses the matches that keep
texts, and :func:`write_tables` writes both tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.arrays import Flags, Numbers
from provscan.estimate.counters import Strongest
from provscan.index import IndexReader
from provscan.matching import MATCHES
from provscan.matching.matches import permalinks
from provscan.matching.part_files import PART
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE
from provscan.runs.matches import Batch, ScoredMatches

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
        # Null in a run without a baseline.
        pa.field("new", pa.bool_()),
    ]
)
# Columns of ``matches.parquet`` that are null except for candidates that keep texts.
CANDIDATE = pa.schema(
    [EVIDENCE.field(name) for name in ("passage", "tweet", "author", "time", "lang")]
)
# Maximum number of candidates: the strongest matches that are not findings.
CANDIDATES = 10_000
# Columns that the analysis adds to those of the search.
ADDED = pa.schema(
    [
        pa.field("bits", pa.float32()),
        pa.field("q_value", pa.float64()),
        pa.field("control", pa.bool_(), nullable=False),
        pa.field("common", pa.bool_(), nullable=False),
        pa.field("known", pa.bool_(), nullable=False),
        pa.field("counted", pa.bool_(), nullable=False),
    ]
)
ROW_GROUP, EVIDENCE_GROUP = 1 << 17, 1 << 14


@dataclass(frozen=True)
class Kept:
    """The matches that keep their texts, by number."""

    # Findings with texts in ``evidence.parquet``; None for all. The other findings have
    # digests.
    counted: Numbers | None
    candidates: Numbers  # Other matches that keep their texts.


class ExhibitChoice:
    """Chooses the matches that keep their texts: the first exhibits, in the order of
    the report.

    ``texts`` is the number of matches that keep their texts; with None, these are all
    findings and the strongest ``candidates``.
    """

    def __init__(self, texts: int | None, candidates: int = CANDIDATES) -> None:
        self._texts, self._findings = texts, 0
        self._first, self._others = Strongest(texts or 0, 2), Strongest(candidates, 2)

    def add(self, batch: Batch, licensed: Flags) -> None:
        """Consider matches; only ``licensed`` ones are kept."""
        # Round the bits as in the column of ``matches.parquet``.
        bits = batch.bits.astype(np.float32).astype(np.float64)
        weakest, record = -np.nan_to_num(bits, nan=-1.0), batch.columns["record"]
        self._findings += int(np.count_nonzero(batch.counted & licensed))
        for chosen, which in (
            (self._first, batch.counted),
            (self._others, ~batch.counted),
        ):
            rows = np.flatnonzero(which & licensed)
            if chosen.limit:
                records = record.to_numpy()[rows].astype(np.float64)
                chosen.add(batch.low + rows, weakest[rows], records)

    def kept(self) -> Kept:
        others = self._others.rows
        if self._texts is None:
            return Kept(None, others)
        return Kept(self._first.rows, others[: max(0, self._texts - self._findings)])


def write_tables(
    matches: ScoredMatches,
    added: Callable[[Batch], pa.RecordBatch],
    kept: Kept,
    reader: IndexReader,
    folder: Path,
) -> None:
    """Write ``matches.parquet``, with the ``added`` columns and the texts of
    candidates, and ``evidence.parquet``.
    """
    schema = pa.schema([*MATCHES, *ADDED, *CANDIDATE])
    with (
        pq.ParquetWriter(
            folder / EVIDENCE_FILE, EVIDENCE, compression="zstd"
        ) as evidence,
        pq.ParquetWriter(folder / MATCHES_FILE, schema, compression="zstd") as table,
    ):
        rows, findings = schema.empty_table(), list[pa.RecordBatch]()
        for batch in matches.batches(PART.names):
            new = added(batch)
            counted = new["counted"].to_numpy(zero_copy_only=False)
            number = np.arange(batch.low, batch.low + len(counted))
            candidate = np.isin(number, kept.candidates)
            whole = candidate | counted
            if kept.counted is not None:
                whole = candidate | np.isin(number, kept.counted)
            flagged = batch.columns.append_column("has_text", pa.array(whole))
            texts = CANDIDATE.empty_table()
            if candidate.any():
                chosen = flagged.filter(pa.array(candidate))
                texts = evidence_rows([chosen], reader).select(CANDIDATE.names)
            places = pa.array(np.cumsum(candidate) - 1, mask=~candidate)
            texts = texts.take(places).combine_chunks()
            own = batch.columns.select(MATCHES.names)
            columns = [*own.columns, *new.columns, *texts.columns]
            rows = pa.concat_tables([rows, pa.table(columns, schema=schema)])
            while len(rows) > ROW_GROUP:
                table.write_table(rows.slice(0, ROW_GROUP))
                rows = rows.slice(ROW_GROUP)
            findings.append(flagged.filter(pa.array(counted)))
            if sum(map(len, findings)) >= EVIDENCE_GROUP:
                evidence.write_table(evidence_rows(findings, reader))
                findings = []
        if any(map(len, findings)):
            evidence.write_table(evidence_rows(findings, reader))
        table.write_table(rows)


def evidence_rows(batches: list[pa.RecordBatch], reader: IndexReader) -> pa.Table:
    """Return rows of ``evidence.parquet`` for rows of part files with the column
    ``has_text``, which says whether texts are kept.
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
        "new": pa.nulls(rows.num_rows, pa.bool_()),
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
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
