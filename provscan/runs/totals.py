"""What the parts hold, put together: one table of matches, one summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.index import IndexReader
from provscan.matching import LEVELS, MATCHES
from provscan.matching.parts import PART
from provscan.runs.analysis import SCORED, Analysis
from provscan.runs.evidence import CANDIDATE, EVIDENCE, Kept, evidence_rows
from provscan.runs.inputs import Inputs
from provscan.runs.measured import Measured
from provscan.runs.scan import ScanTotals

SUMMARY_VERSION = 1
ROW_GROUP, EVIDENCE_GROUP = 1 << 17, 1 << 14


def write_tables(
    analysis: Analysis, kept: Kept, reader: IndexReader, matches: Path, evidence: Path
) -> None:
    """``matches.parquet`` with the texts of candidates that are kept, and
    ``evidence.parquet``.
    """
    schema = pa.schema([*SCORED, *CANDIDATE])
    held: list[pa.RecordBatch] = []
    waiting: list[pa.RecordBatch] = []
    with (
        pq.ParquetWriter(evidence, EVIDENCE, compression="zstd") as of_counted,
        pq.ParquetWriter(matches, schema, compression="zstd") as of_all,
    ):
        for batch in analysis.measured.matches.batches(more=PART.names):
            added = analysis.added(batch)
            counted = added["counted"].to_numpy(zero_copy_only=False)
            number = np.arange(batch.low, batch.low + len(counted))
            candidate = np.isin(number, kept.candidates)
            whole = candidate | counted & (
                True if kept.counted is None else np.isin(number, kept.counted)
            )
            flagged = batch.columns.append_column("has_text", pa.array(whole))
            texts = CANDIDATE.empty_table()
            if candidate.any():
                texts = evidence_rows(
                    [flagged.filter(pa.array(candidate))], reader
                ).select(CANDIDATE.names)
            texts = texts.take(
                pa.array(np.cumsum(candidate) - 1, mask=~candidate)
            ).combine_chunks()
            own = batch.columns.select(MATCHES.names).columns
            held += pa.table(
                [*own, *added.columns, *texts.columns], schema=schema
            ).to_batches()
            waiting.append(flagged.filter(pa.array(counted)))
            held = _written(of_all, held, ROW_GROUP, schema)
            if sum(part.num_rows for part in waiting) >= EVIDENCE_GROUP:
                of_counted.write_table(evidence_rows(waiting, reader))
                waiting = []
        if any(part.num_rows for part in waiting):
            of_counted.write_table(evidence_rows(waiting, reader))
        of_all.write_table(pa.Table.from_batches(held, schema))


def _written(
    writer: pq.ParquetWriter, held: list[pa.RecordBatch], size: int, schema: pa.Schema
) -> list[pa.RecordBatch]:
    """Write row groups of `size` rows while there are more; the rest."""
    table = pa.Table.from_batches(held, schema)
    while len(table) > size:
        writer.write_table(table.slice(0, size))
        table = table.slice(size)
    return table.to_batches()


def counts_of(
    measured: Measured, totals: ScanTotals, inputs: Inputs, reader: IndexReader
) -> dict[str, Any]:
    """The counts of ``summary.json``; matches of control texts are not among them."""
    licensed, findings = measured.whole.licensed, measured.whole.findings
    matches = measured.sums.licensed.matches
    sources: dict[str, dict[str, Any]] = {}
    for part, records, found in zip(
        totals.parts, licensed.records.tolist(), matches.tolist(), strict=True
    ):
        new = {
            "source": part.source,
            "records": 0,
            "read": 0,
            "records_matched": 0,
            "matches": 0,
        }
        entry = sources.setdefault(part.source, new)
        entry["records"] += part.records
        entry["read"] += part.stats.records + sum(part.stats.skipped.values())
        entry["records_matched"] += records
        entry["matches"] += found
    texts = measured.matches.text[licensed.copies > 0]
    matched, held = int(licensed.records.sum()), int(findings.records.sum())
    characters_matched = int(measured.size("characters", licensed).total)
    stats = totals.stats.as_dict()
    return {
        "version": SUMMARY_VERSION,
        "records": totals.records,
        "characters": totals.characters,
        "records_matched": matched,
        "share_of_records": _share(matched, totals.records),
        "matches": int(matches.sum()),
        "levels": {level: measured.counts.levels.get(level, 0) for level in LEVELS},
        "texts_found": len(texts),
        "tweets_found": reader.count_tweets(texts),
        "characters_matched": characters_matched,
        "share_of_characters": _share(characters_matched, totals.characters),
        "counted": {
            "matches": int(measured.sums.findings.matches.sum()),
            "records": held,
            "share_of_records": _share(held, totals.records),
            "texts": findings.texts,
        },
        "sources": list(sources.values()),
        **{name: stats[name] for name in ("skipped", "repaired", "notes", "fields")},
        "examples": [
            {
                "source": case.source,
                "where": f"record {case.record}",
                "reason": f"{reason}: {case.detail}".rstrip(": "),
            }
            for reason, cases in sorted(totals.stats.examples.items())
            for case in cases
        ],
        **inputs.left_out(totals.stats),
        "truncated": {
            "bands_cut": totals.truncated.bands_cut,
            "seeds_cut": totals.truncated.seeds_cut,
        },
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
