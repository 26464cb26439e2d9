"""Write the tables of a run (:func:`write_tables`), with the texts that people compare:
the passage and the tweet of every finding, and of some other matches.

``evidence.parquet`` lists the texts of the findings. The texts of the strongest other
matches, the candidates, are in columns of ``matches.parquet``. With ``--digests``, all
have digests instead. :mod:`provscan.runs.counting.exhibits` chooses the candidates.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.index import IndexReader
from provscan.matching import MATCHES
from provscan.matching.matches import permalinks
from provscan.matching.part_files import PART
from provscan.runs.counting.matches import Batch
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE
from provscan.runs.measures.analysis import Measured

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


def write_tables(measured: Measured, folder: Path, *, digests: bool) -> None:
    """Write ``matches.parquet``, with the texts of candidates, and
    ``evidence.parquet``, with those of findings or with their ``digests``.
    """
    reader = measured.controls.reader
    schema = pa.schema([*MATCHES, *ADDED, *CANDIDATE])

    def with_texts(batches: list[pa.RecordBatch]) -> pa.Table:
        rows = evidence_rows(batches, reader)
        return with_digests(rows) if digests else rows

    with (
        pq.ParquetWriter(
            folder / EVIDENCE_FILE, EVIDENCE, compression="zstd"
        ) as evidence,
        pq.ParquetWriter(folder / MATCHES_FILE, schema, compression="zstd") as table,
    ):
        rows, findings = schema.empty_table(), list[pa.RecordBatch]()
        # Both have the same rows in the same batches.
        for batch, (columns, _) in zip(
            measured.matches.batches(),
            measured.scanned.batches(PART.names),
            strict=True,
        ):
            # Mark the matches that keep their texts.
            new = _added(measured, batch)
            finding = new["counted"].to_numpy(zero_copy_only=False)
            number = np.arange(batch.low, batch.low + len(finding))
            candidate = np.isin(number, measured.candidates)
            # Add the texts of candidates, and nulls for other matches.
            texts = CANDIDATE.empty_table()
            if candidate.any():
                chosen = columns.filter(pa.array(candidate))
                texts = with_texts([chosen]).select(CANDIDATE.names)
            places = pa.array(np.cumsum(candidate) - 1, mask=~candidate)
            texts = texts.take(places).combine_chunks()
            # Write full row groups, whatever the size of the batches.
            own = columns.select(MATCHES.names)
            every = [*own.columns, *new.columns, *texts.columns]
            rows = pa.concat_tables([rows, pa.table(every, schema=schema)])
            while len(rows) > ROW_GROUP:
                table.write_table(rows.slice(0, ROW_GROUP))
                rows = rows.slice(ROW_GROUP)
            findings.append(columns.filter(pa.array(finding)))
            if sum(map(len, findings)) >= EVIDENCE_GROUP:
                evidence.write_table(with_texts(findings))
                findings = []
        if any(map(len, findings)):
            evidence.write_table(with_texts(findings))
        table.write_table(rows)


def _added(measured: Measured, batch: Batch) -> pa.RecordBatch:
    """Return the columns that the analysis adds to matches; ``counted`` marks the
    findings.
    """
    matches = measured.matches
    control = matches.control[batch.text_index]
    q = measured.error_rates.q_values(batch, measured.eligible)
    columns = [
        pa.array(batch.bits.astype(np.float32), mask=np.isnan(batch.bits)),
        pa.array(q, mask=np.isnan(q)),
        pa.array(control),
        pa.array(batch.common),
        pa.array(batch.known),
        pa.array(batch.passes_rule & ~control),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ADDED)


def evidence_rows(batches: list[pa.RecordBatch], reader: IndexReader) -> pa.Table:
    """Return rows of ``evidence.parquet`` for rows of part files."""
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
        "has_text": pa.repeat(True, rows.num_rows),
        **known,
        **reported,
        "permalink": permalinks(ids),
    }
    return pa.table(
        [columns[name] for name in EVIDENCE.names], names=EVIDENCE.names
    ).cast(EVIDENCE)


def with_digests(rows: pa.Table) -> pa.Table:
    """Return rows without texts: ``passage`` and ``tweet`` are SHA-256 digests, there
    is no context, and ``has_text`` is false.
    """
    whole = rows["has_text"].to_pylist()
    texts = {
        name: [
            digest(text) if is_text else text
            for text, is_text in zip(rows[name].to_pylist(), whole, strict=True)
        ]
        for name in ("passage", "tweet")
    }
    none = dict.fromkeys(("before", "after"), [None] * len(rows))
    columns = texts | none | {"has_text": [False] * len(rows)}
    for name, values in columns.items():
        field = rows.schema.field(name)
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, field, pa.array(values, field.type))
    return rows


def digest(text: str | None) -> str | None:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
