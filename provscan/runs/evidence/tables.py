"""Write ``matches.parquet`` (:func:`write_matches`), with the texts that people
compare: the passage and the tweet of every finding, and of the strongest other matches,
the candidates. With ``--digests``, findings have digests instead, and others nothing.
:mod:`provscan.runs.counting.exhibits` chooses the candidates.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.index import IndexReader
from provscan.matching import MATCHES
from provscan.matching.matches import permalinks
from provscan.matching.part_files import PART
from provscan.runs.measures.analysis import Measured

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
AROUND = ("before", "passage", "after")
# Columns that are null except for matches that keep their texts.
TEXTS = pa.schema(
    [
        *(pa.field(name, pa.large_string()) for name in (*AROUND, "tweet")),
        pa.field("author", pa.string()),
        pa.field("time", pa.timestamp("ms", "UTC")),
        pa.field("permalink", pa.string()),
        pa.field("lang", pa.string()),
        pa.field("has_text", pa.bool_()),
        # Null in a run without a baseline.
        pa.field("new", pa.bool_()),
    ]
)
TABLE = pa.schema([*MATCHES, *ADDED, *TEXTS])
ROW_GROUP = 1 << 14


def write_matches(measured: Measured, path: Path, *, digests: bool) -> None:
    """Write ``matches.parquet``, with the texts of findings and candidates or with
    their ``digests``.
    """
    reader, rows = measured.controls.reader, TABLE.empty_table()
    every, low = _added(measured), 0
    keeps_texts = every["counted"].to_numpy(zero_copy_only=False).copy()
    keeps_texts[measured.candidates] = True
    with pq.ParquetWriter(path, TABLE, compression="zstd") as table:
        for columns, _ in measured.scanned.batches(PART.names):
            added, kept = (
                each[low : low + len(columns)] for each in (every, keeps_texts)
            )
            low += len(columns)
            # Add the texts of the matches that keep them, and nulls for the others.
            texts = texts_of(columns.filter(pa.array(kept)), reader)
            texts = with_digests(texts) if digests else texts
            places = pa.array(np.cumsum(kept) - 1, mask=~kept)
            texts = texts.take(places).combine_chunks()
            # Write full row groups, whatever the size of the batches.
            own = columns.select(MATCHES.names)
            values = [*own.columns, *added.columns, *texts.columns]
            rows = pa.concat_tables([rows, pa.table(values, schema=TABLE)])
            while len(rows) > ROW_GROUP:
                table.write_table(rows.slice(0, ROW_GROUP).combine_chunks())
                rows = rows.slice(ROW_GROUP)
        table.write_table(rows.combine_chunks())


def _added(measured: Measured) -> pa.RecordBatch:
    """Return the columns that the analysis adds to matches; ``counted`` marks the
    findings.
    """
    rows = measured.matches.rows
    control = measured.matches.control[rows.text_index]
    q = measured.error_rates.q_values(rows, measured.eligible)
    columns = [
        pa.array(rows.bits.astype(np.float32), mask=np.isnan(rows.bits)),
        pa.array(q, mask=np.isnan(q)),
        pa.array(control),
        pa.array(rows.common),
        pa.array(rows.known),
        pa.array(rows.passes_rule & ~control),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ADDED)


def texts_of(rows: pa.RecordBatch, reader: IndexReader) -> pa.Table:
    """Return the columns :data:`TEXTS` for rows of part files."""
    tweets = reader.earliest_tweets(rows["text"].to_numpy())
    columns = {
        **{name: rows[name] for name in AROUND},
        **{name: tweets[name] for name in ("tweet", "author", "time", "lang")},
        "permalink": permalinks(tweets["tweet_id"], tweets["time"]).combine_chunks(),
        "has_text": pa.repeat(True, len(rows)),
        "new": pa.nulls(len(rows), pa.bool_()),
    }
    return pa.table([columns[name] for name in TEXTS.names], TEXTS.names).cast(TEXTS)


def with_digests(rows: pa.Table) -> pa.Table:
    """Return rows without texts: ``passage`` and ``tweet`` are SHA-256 digests, there
    is no context, and ``has_text`` is false.
    """
    whole = rows["has_text"].to_pylist()
    columns = {
        name: [
            digest(text) if is_text else text
            for text, is_text in zip(rows[name].to_pylist(), whole, strict=True)
        ]
        for name in ("passage", "tweet")
    }
    columns |= dict.fromkeys(("before", "after"), [None] * len(rows))
    columns["has_text"] = pc.and_(rows["has_text"], False)
    for name, values in columns.items():
        field = rows.schema.field(name)
        place = rows.schema.get_field_index(name)
        if isinstance(values, list):
            values = pa.array(values, field.type)
        rows = rows.set_column(place, field, values)
    return rows


def digest(text: str | None) -> str | None:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
