"""Blind runs: a lab scans its data with a platform's blind index, and the platform
turns the resulting rows into evidence.

:func:`match` writes a run without texts of tweets. It makes no estimate, measures no
chance and has no evidence, only rows; ``passages.parquet`` contains the passage of each
row. :func:`reveal` compares these passages with the texts of the full index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan import __version__
from provscan.api import Run
from provscan.blind.index import BlindIndex, open_blind, read_key
from provscan.blind.params import BlindLimits
from provscan.blind.report import write_report
from provscan.blind.scan import scan_blind
from provscan.engine import Progress, logged
from provscan.errors import InputError, UsageError
from provscan.index import IndexReader
from provscan.matching import Index, open_index
from provscan.matching.compare import compared
from provscan.matching.matches import LEVELS, MATCHES, match_table, matches_in, passages
from provscan.matching.part_files import PASSAGE, PartResult
from provscan.names import counted
from provscan.options import MatchOptions, Source
from provscan.ordered_map import ordered_map
from provscan.params import MatchParams, require_folder
from provscan.readers import ReadStats, read, read_objects
from provscan.runs.evidence import ADDED, CANDIDATE, EVIDENCE, evidence_rows
from provscan.runs.folder import (
    EVIDENCE_FILE,
    MATCHES_FILE,
    PASSAGES_FILE,
    RUN_FILE,
    read_json,
    read_run,
    write_summary,
)
from provscan.runs.inputs import Sources, plan_inputs, source_list
from provscan.runs.left_out import (
    check_files,
    check_skipped,
    left_out_summary,
    unread_members,
)
from provscan.runs.licensed import OPEN_ALREADY
from provscan.runs.target import run_folder, run_path
from provscan.text_buffers import buffers

# The words in the column for rarity in lists: for a match that counts, and for any
# other match.
WORDING = ["not measured", "found by sketches alone, and not compared"]
REVEALED_WORDING = [
    "confirmed by the full index",
    "not confirmed by the full index",
]
FOUND = pa.schema([*MATCHES, *PASSAGE])
VERSION = 1
MISSED = (
    f"Copies of fewer than {BlindLimits.min_chars} characters, copies of only a part "
    "of a tweet, and copies of wording that many tweets share are not found. About "
    "half of the heavily edited copies (every few words changed, dropped or mistyped, "
    "or halves swapped) are not found."
)
COSTS = (
    "The index contains no texts, so similarity and containment are estimates from "
    f"sketches. {MISSED}",
    "Neither chance nor recall is measured, so the rows are candidates and no "
    "estimate is made.",
    "No row is evidence until the owner of the full index has compared its passage "
    "with the tweet (provscan reveal).",
)
# Notes of a revealed run.
REVEALED_COSTS = (
    f"The data was scanned with an index that contains no texts. {MISSED}",
    "Neither chance nor recall is measured, so no estimate is made.",
    "Only rows that the full index confirms are counted and have evidence; the others "
    "remain in matches.parquet.",
)


class RunContents(NamedTuple):
    """The contents of a blind or a revealed run."""

    rows: pa.Table  # Columns ``FOUND``.
    counted: np.ndarray  # bool[rows]: the row counts, because it was confirmed.
    evidence: pa.Table
    summary: dict[str, Any]  # ``summary.json``.
    info: dict[str, Any]  # ``run.json``.


def match(
    sources: Sources,
    index: Source,
    out: Source | None = None,
    *,
    key: Source,
    text_field: str | tuple[str, ...] | None = None,
    id_field: str | None = None,
    records: str | None = None,
    encoding: str | None = None,
    outputs: bool = False,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    min_chars: int = MatchParams.min_chars,
    workers: int | None = None,
    log: Source | None = None,
    allow_unread: bool = False,
    strict: bool = False,
    max_bad: float = MatchOptions.max_bad,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Find the licensed tweets of a blind index in datasets, and write a run folder.

    Such a run finds rows and keeps their passages, and makes no estimate;
    :func:`reveal` turns the rows into evidence. It runs in threads of this process.

    Parameters
    ----------
    index
        Folder of the blind index.
    key
        File with the key with which the index was built.
    sources, out, text_field, id_field, records, encoding, outputs, threshold,\
    min_containment, min_chars, workers, log, allow_unread, strict, max_bad, overwrite,\
    progress
        As for :func:`provscan.match`.

    Returns
    -------
    Run

    Raises
    ------
    IndexFormatError
        There is no blind index, or it is damaged.
    InputError
        A source can't be read, has no text field, or no record at all.
    ParameterError
        A parameter is out of range, or the key is not that of the index.
    OutputError
        ``out`` exists, or can't be written.
    """
    options = MatchOptions(
        text_field=text_field,
        id_field=id_field,
        records=records,
        encoding=encoding,
        outputs=outputs,
        threshold=threshold,
        min_containment=min_containment,
        min_chars=min_chars,
        workers=workers,
        log=log,
        allow_unread=allow_unread,
        strict=strict,
        max_bad=max_bad,
    )
    require_folder("index", index)
    target = run_path(source_list(sources), out)
    opened = open_blind(index, read_key(key))
    with (
        logged(log, progress) as watcher,
        run_folder(target, resume=False, overwrite=overwrite) as (_, files),
    ):
        contents = _scanned(sources, opened, options, watcher)
        summary, info = _write(files, contents)
    write_report(target)
    return Run(target, summary, info)


def _scanned(
    sources: Sources, index: BlindIndex, options: MatchOptions, progress: Progress
) -> RunContents:
    """Scan datasets with a blind index, and return the contents of the run."""
    inputs, limits = plan_inputs(sources, options, options.threads), BlindLimits()
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
            read_objects(inputs.data, inputs.fields, stats)
            if inputs.named is None
            else read(split, inputs.fields, stats, on_bytes=progress.advance)
        )
        for batch, rows, found in ordered_map(found_in, batches, options.threads):
            part.count(batch, found.characters)
            totals.truncated.add(found.truncated)
            tables.append(rows)
        totals.records += part.records
        totals.characters += part.characters
    unread = [*inputs.unread, *unread_members(stats)]
    changed, described = check_files(inputs, options.threads)
    check_skipped(stats, options)
    if totals.records == 0:
        raise InputError(
            "no records were scanned: check the paths, and the field that contains the "
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
        **left_out_summary([*stats.damaged, *changed], unread, inputs.ignored),
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
        "inputs": described,
    }
    counted = np.zeros(len(table), np.bool_)
    return RunContents(table, counted, EVIDENCE.empty_table(), summary, info)


def reveal(
    run: Source,
    index: Index | Source,
    out: Source | None = None,
    *,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    overwrite: bool = False,
    without_segment: str | Sequence[str] | None = None,
) -> Run:
    """Turn the rows of a blind run into evidence, with the full index.

    Each passage is compared with the tweet that its row names. A row gets its true
    similarity and containment and the level that follows from them (never ``exact``,
    which a blind index can't tell from ``near_exact``). Rows that reach the thresholds
    are counted and have evidence.

    Parameters
    ----------
    run
        Folder of a blind run.
    index
        The full index, open or its folder.
    out
        Folder to write; by default ``run`` with ``.revealed.run`` in place of ``.run``.
    threshold, min_containment
        As for :func:`provscan.match`.
    overwrite
        Replace an existing run folder.
    without_segment
        Name of a damaged segment of the index to leave out, or several names. Rows that
        name a tweet in such a segment are not counted, like rows whose tweets are not
        in the index.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        There is no blind run, or it was changed.
    IndexFormatError
        There is no full index, or it is damaged.
    OutputError
        ``out`` exists, or can't be written.

    Examples
    --------
    >>> import provscan.blind
    >>> from pathlib import Path
    >>> tweets = [{"id": "1", "text": "the only tweet of this corpus, which somebody copied"}]
    >>> _ = Path("key").write_bytes(bytes(range(32)))
    >>> _ = provscan.blind.build_index(tweets, "blind.index", key="key")
    >>> run = provscan.blind.match(
    ...     [{"text": tweets[0]["text"].upper()}], "blind.index", "blind.run", key="key"
    ... )
    >>> full = provscan.build_index(tweets, "full.index")
    >>> provscan.blind.reveal(run.path, full, "revealed.run").evidence["tweet_id"].to_pylist()
    ['1']
    """  # noqa: E501
    require_folder("run", run)
    if out is not None:
        require_folder("out", out)
    params = MatchParams(threshold, min_containment)
    if isinstance(index, Index) and without_segment is not None:
        raise UsageError(OPEN_ALREADY)
    opened = (
        index
        if isinstance(index, Index)
        else open_index(index, without_segment=without_segment)
    )
    folder = Path(run)
    if out is None:
        named = folder if folder.name not in ("", "..") else folder.resolve()
        out = named.with_name(f"{named.name.removesuffix('.run')}.revealed.run")
    target = Path(out)
    contents = _revealed(folder, opened.reader, params)
    with run_folder(target, resume=False, overwrite=overwrite) as (_, files):
        summary, info = _write(files, contents)
    write_report(target)
    return Run(target, summary, info)


def _revealed(run: Path, reader: IndexReader, params: MatchParams) -> RunContents:
    """Compare the passages of a run with the texts of the full index, and return the
    contents of the revealed run.
    """
    if not read_json(run / RUN_FILE).get("blind"):
        raise InputError(f"{run} is not a blind run: name the folder of one")
    summary, info = read_run(run, (MATCHES_FILE, EVIDENCE_FILE, PASSAGES_FILE))
    table = pq.read_table(run / PASSAGES_FILE, schema=FOUND)
    passages, ids = (table[name].combine_chunks() for name in ("passage", "tweet_id"))
    known, texts, level, similarity, containment = compared_with_tweets(
        passages, ids, reader
    )
    columns = {
        name: table[name].to_numpy().copy() for name in ("similarity", "containment")
    }
    columns["similarity"][known] = similarity
    columns["containment"][known] = containment
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
    counted[known] = (similarity >= params.threshold) & (
        containment >= params.min_containment
    )
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
    summary["wording"] = REVEALED_WORDING
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
        "threshold": params.threshold,
        "min_containment": params.min_containment,
    }
    return RunContents(table, counted, evidence, summary, info)


def compared_with_tweets(
    passages: pa.LargeStringArray, ids: pa.Array, reader: IndexReader
) -> tuple[np.ndarray, ...]:
    """Compare passages with the tweets of the given ids.

    Return arrays with one entry for each id that the index has: its row, ascending, the
    number of the text, level, similarity and containment. If a tweet has several texts,
    the most similar one counts.
    """
    rows, texts = reader.texts_of_ids(ids)
    level, similarity, containment = compared(
        *buffers(passages.take(pa.array(rows))), texts, reader
    )
    order = np.lexsort((texts, -similarity, rows))
    best = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
    return tuple(
        column[best] for column in (rows, texts, level, similarity, containment)
    )


def _totals(table: pa.Table) -> dict[str, int]:
    """Return the numbers of matches, of records that have one, and of their tweets."""
    return {
        "matches": len(table),
        "records_matched": len(table.group_by(["source", "record"]).aggregate([])),
        "texts_found": pc.count_distinct(table["tweet_id"]).as_py(),
    }


def _headline(table: pa.Table) -> str:
    matches, records, tweets = _totals(table).values()
    return (
        f"{counted(matches, 'match')} of {counted(tweets, 'tweet')} in "
        f"{counted(records, 'record')}"
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
    return {
        **_totals(table),
        "version": VERSION,
        "blind": {"costs": list(COSTS)},
        "wording": WORDING,
        "levels": {level: levels.get(level, 0) for level in LEVELS},
        "counted": {"matches": 0},
        "answer": _answer(f"{_headline(table)}, by sketches alone", COSTS),
    }


def _write(
    folder: Path, contents: RunContents
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the files of a run except the report, and return ``summary.json`` and
    ``run.json``.
    """
    table, counted, evidence, summary, info = contents
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
        schema=pa.schema([*MATCHES, *ADDED, *CANDIDATE]),
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
