"""Blind runs: a lab scans its data with a platform's blind index; the platform turns
the rows into evidence.

A blind run knows no text of a tweet. So it has no estimate, no chance and no evidence,
only rows; ``passages.parquet`` holds what stands at each of them. :func:`reveal`
compares these passages with the texts of the full index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan import __version__
from provscan.blind.index import BlindIndex
from provscan.blind.scan import scan_blind
from provscan.engine import Progress
from provscan.errors import InputError, UsageError
from provscan.index import IndexReader
from provscan.matching.parts import PASSAGE, PartResult
from provscan.matching.table import LEVELS, MATCHES, match_table, matches_in, passages
from provscan.matching.verified import compared_with_tweets
from provscan.ordered_map import ordered_map
from provscan.params import BlindLimits
from provscan.readers import ReadStats, counted, read
from provscan.runs.analysis import SCORED
from provscan.runs.evidence import CANDIDATE, EVIDENCE, evidence_rows
from provscan.runs.folder import (
    EVIDENCE_FILE,
    MATCHES_FILE,
    PASSAGES_FILE,
    RUN_FILE,
    read_json,
    read_run,
    run_folder,
    write_summary,
)
from provscan.runs.inputs import check_skipped, find_inputs, unread_members
from provscan.runs.options import Options, Sources

FOUND = pa.schema([*MATCHES, *PASSAGE])
VERSION = 1
# Options that a blind run takes; the others would have no effect.
TAKEN = (
    "text_field",
    "id_field",
    "records",
    "encoding",
    "outputs",
    "threshold",
    "min_containment",
    "min_chars",
    "workers",
    "log",
    "allow_unread",
    "strict",
    "max_bad",
)
MISSED = (
    f"copies under {BlindLimits.min_chars} characters, of a part of a tweet that would "
    "be a partial match, or of wording that many tweets share, are not found, and of "
    "heavily edited ones (every few words changed, dropped or mistyped, halves "
    "swapped) about half are not"
)
COSTS = (
    "The index holds no texts: similarity and containment are estimates from "
    f"sketches, and {MISSED}.",
    "There is no measure of chance and of recall, so the rows are candidates and no "
    "estimate is made.",
    "No row is evidence until the owner of the full index has compared its passage "
    "with the tweet (provscan reveal).",
)
# Of a run that was revealed.
REVEALED_COSTS = (
    f"The data was scanned with an index that holds no texts: {MISSED}.",
    "There is no measure of chance and of recall, so no estimate is made.",
    "Only rows that the full index confirms are counted and have evidence; the others "
    "stay in matches.parquet.",
)


def require_blind(options: Options, *, resume: bool) -> None:
    """Raise :class:`~provscan.errors.UsageError` if an option is given that a blind run
    does not take.
    """
    defaults = Options()
    given = [
        item.name for item in fields(Options) if item.init and item.name not in TAKEN
    ]
    given = [
        name for name in given if getattr(options, name) != getattr(defaults, name)
    ]
    if resume:
        given.append("resume")
    if given:
        raise UsageError(
            "a blind run finds rows only, in threads of this process, and keeps their "
            f"passages: leave out {', '.join(given)}"
        )


def match_blind(
    sources: Sources,
    index: BlindIndex,
    target: Path,
    options: Options,
    *,
    overwrite: bool,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find the licensed tweets of a blind index in datasets, and write a run folder,
    but for its report.

    Gives what is in ``summary.json`` and ``run.json``.
    """
    with run_folder(target, resume=False, overwrite=overwrite) as folder:
        return _write(folder.path, *_scanned(sources, index, options, progress))


def _scanned(
    sources: Sources, index: BlindIndex, options: Options, progress: Progress
) -> tuple[pa.Table, np.ndarray, pa.Table, dict[str, Any], dict[str, Any]]:
    """The rows, those that count, the evidence, and what is in ``summary.json`` and
    ``run.json``.
    """
    inputs = find_inputs(sources, options, options.threads)
    limits, read_memory = BlindLimits(), inputs.reader(options)
    find = partial(scan_blind, index=index, params=options.params, limits=limits)
    stats, tables, totals = ReadStats(), [FOUND.empty_table()], PartResult(0, "")

    def found_in(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Table, Any]:
        found = matches_in(batch, find)
        rows = match_table(found, index, source, batch)
        return (
            batch,
            pa.table([*rows.columns, *passages(batch, found)], schema=FOUND),
            found,
        )

    progress.start(
        "Scanning", inputs.size, "records" if inputs.named is None else "bytes"
    )
    for split in inputs.splits:
        source, part = split.source, PartResult(0, split.source)
        batches: Iterator[pa.RecordBatch] = (
            read(split, options.fields, stats, on_bytes=progress.advance)
            if read_memory is None
            else read_memory(split, stats)
        )
        for batch, rows, found in ordered_map(found_in, batches, options.threads):
            part.count(batch, found.characters)
            totals.truncated.add(found.truncated)
            tables.append(rows)
        totals.records += part.records
        totals.characters += part.characters
    inputs.unread += unread_members(stats)
    check_skipped(stats, options)
    if totals.records == 0:
        raise InputError(
            "no records were scanned: check the paths, and the field that holds the "
            "text (--text-field)"
        )
    table = pa.concat_tables(tables)
    about = {
        "texts": index.size,
        "tweets": index.manifest.tweets,
        "fingerprint": index.fingerprint,
    }
    noted = stats.as_dict()
    summary = {
        **_counts(table),
        "records": totals.records,
        "characters": totals.characters,
        **{name: noted[name] for name in ("skipped", "repaired", "notes")},
        **inputs.left_out(stats),
        "truncated": {"bands_cut": 0, "seeds_cut": totals.truncated.seeds_cut},
        "index": about,
    }
    progress.finish()
    info = {
        "parameters": {
            **options.as_dict(),
            **{f"blind_{k}": v for k, v in limits.as_dict().items()},
        },
        "index": {
            "path": str(index.path),
            "fingerprint": index.fingerprint,
            "params": index.params.as_dict(),
        },
        "inputs": inputs.describe(options.threads),
    }
    counted = np.zeros(len(table), np.bool_)
    return table, counted, EVIDENCE.empty_table(), summary, info


def reveal(
    run: Path,
    reader: IndexReader,
    target: Path,
    *,
    threshold: float,
    min_containment: float,
    overwrite: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare the passages of a blind run with the texts of the full index, and write a
    run with the evidence.
    """
    if not read_json(run / RUN_FILE).get("blind"):
        raise InputError(f"{run} is no blind run: name the folder of one")
    summary, info = read_run(run, (MATCHES_FILE, EVIDENCE_FILE, PASSAGES_FILE))
    table = pq.read_table(run / PASSAGES_FILE, schema=FOUND)
    passages, ids = (table[name].combine_chunks() for name in ("passage", "tweet_id"))
    known, texts, level, similarity, containment = compared_with_tweets(
        passages, ids, reader
    )
    columns = {
        name: table[name].to_numpy().copy() for name in ("similarity", "containment")
    }
    columns["similarity"][known], columns["containment"][known] = (
        similarity,
        containment,
    )
    levels = np.array(table["level"].to_pylist(), object)
    levels[known] = np.array(LEVELS, object)[level]
    for name, values in {**columns, "level": levels}.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place,
            table.schema.field(name),
            pa.array(values, table.schema.field(name).type),
        )
    counted = np.zeros(len(table), np.bool_)
    counted[known] = (similarity >= threshold) & (containment >= min_containment)
    chosen = table.filter(pa.array(counted)).append_column(
        "text", pa.array(texts[counted[known]])
    )
    chosen = chosen.append_column("has_text", pa.array(np.ones(len(chosen), np.bool_)))
    evidence = (
        evidence_rows(chosen.to_batches(), reader)
        if len(chosen)
        else EVIDENCE.empty_table()
    )
    summary |= _counts(table)
    summary["answer"] = _answer(
        f"{_headline(chosen)}, confirmed by the full index", REVEALED_COSTS
    )
    summary["blind"] = {
        "costs": list(REVEALED_COSTS),
        "revealed": {
            "rows": len(table),
            "confirmed": int(counted.sum()),
            "refuted": int(len(known) - counted.sum()),
            "unknown": int(len(table) - len(known)),
        },
    }
    summary["counted"]["matches"] = int(counted.sum())
    info["revealed_with"] = {
        "path": str(reader.path),
        "fingerprint": reader.fingerprint,
        "left_out": reader.left_out.as_dict(),
        "threshold": threshold,
        "min_containment": min_containment,
    }
    with run_folder(target, resume=False, overwrite=overwrite) as folder:
        return _write(folder.path, table, counted, evidence, summary, info)


def _headline(table: pa.Table) -> str:
    places = (
        table.select(["source", "record"]).group_by(["source", "record"]).aggregate([])
    )
    tweets = pc.count_distinct(table["tweet_id"]).as_py()
    return (
        f"{counted(len(table), 'match')} of {counted(tweets, 'tweet')} in "
        f"{counted(len(places), 'record')}"
    )


def _answer(headline: str, costs: tuple[str, ...]) -> dict[str, Any]:
    return {
        "headline": headline,
        "layer": "findings",
        "warnings": [{"code": "blind", "message": costs[1]}],
    }


def _counts(table: pa.Table) -> dict[str, Any]:
    levels = {
        row["values"]: row["counts"]
        for row in pc.value_counts(table["level"]).to_pylist()
    }
    places = (
        table.select(["source", "record"]).group_by(["source", "record"]).aggregate([])
    )
    return {
        "version": VERSION,
        "blind": {"costs": list(COSTS)},
        "matches": len(table),
        "records_matched": len(places),
        "levels": {level: levels.get(level, 0) for level in LEVELS},
        "texts_found": pc.count_distinct(table["tweet_id"]).as_py(),
        "counted": {"matches": 0},
        "answer": _answer(f"{_headline(table)}, by sketches alone", COSTS),
    }


def _write(
    folder: Path,
    table: pa.Table,
    counted: np.ndarray,
    evidence: pa.Table,
    summary: dict[str, Any],
    info: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    nothing = np.zeros(len(table), np.bool_)
    scored = pa.table(
        [
            *table.select(MATCHES.names).columns,
            pa.nulls(len(table), pa.float32()),
            pa.nulls(len(table), pa.float64()),
            *[pa.array(nothing)] * 3,
            pa.array(counted),
            *(pa.nulls(len(table), column.type) for column in CANDIDATE),
        ],
        schema=pa.schema([*SCORED, *CANDIDATE]),
    )
    pq.write_table(scored, folder / MATCHES_FILE, compression="zstd")
    pq.write_table(table, folder / PASSAGES_FILE, compression="zstd")
    pq.write_table(evidence, folder / EVIDENCE_FILE, compression="zstd")
    info = {
        **info,
        "version": VERSION,
        "blind": True,
        "folder": os.getcwd(),
        "versions": {"provscan": __version__},
    }
    write_summary(folder, summary, info, (MATCHES_FILE, EVIDENCE_FILE, PASSAGES_FILE))
    return summary, info
