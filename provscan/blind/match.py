"""Scan datasets with a blind index, and write a run without texts of tweets.

The run has matches, but no evidence, no measure of chance and no estimate;
``passages.parquet`` contains the passage of each match.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.api import Run
from provscan.blind.index import BlindIndex, open_blind
from provscan.blind.keys import read_key
from provscan.blind.params import BlindLimits
from provscan.blind.report import write_report
from provscan.blind.run import FOUND, RunContents, counts_of, write_run
from provscan.blind.scan import scan_blind
from provscan.engine import Progress, logged
from provscan.errors import InputError
from provscan.matching.matches import Finder, match_table, matches_in, passages
from provscan.matching.part_files import PartResult
from provscan.options import MatchOptions, Source
from provscan.ordered_map import ordered_map
from provscan.params import MatchParams, require_folder
from provscan.readers import ReadStats, read, read_objects, source_list
from provscan.runs.evidence.tables import EVIDENCE
from provscan.runs.inputs.plan import Inputs, Sources, plan_inputs
from provscan.runs.scan.left_out import check_files, check_skipped, left_out_summary
from provscan.runs.target import run_folder, run_path


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

    The run has matches with their passages, and no estimate; :func:`reveal` turns its
    matches into evidence. The scan runs in threads of this process.

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
        summary, info = write_run(files, contents)
    write_report(target)
    return Run(target, summary, info)


def _scanned(
    sources: Sources, index: BlindIndex, options: MatchOptions, progress: Progress
) -> RunContents:
    """Scan datasets with a blind index, and return the contents of the run."""
    inputs, limits = plan_inputs(sources, options, options.threads), BlindLimits()
    find = partial(scan_blind, index=index, params=options.params, limits=limits)
    stats = ReadStats()
    table, totals = _rows(inputs, index, find, stats, options.threads, progress)
    changed, described = check_files(inputs, options.threads)
    check_skipped(stats, options)
    if totals.records == 0:
        raise InputError(
            "no records were scanned: check the paths, and the field that contains the "
            "text (--text-field)"
        )
    noted = stats.as_dict()
    summary = {
        **counts_of(table),
        "records": totals.records,
        "characters": totals.characters,
        **{name: noted[name] for name in ("skipped", "repaired", "notes")},
        **left_out_summary([*stats.damaged, *changed], inputs.unread, inputs.ignored),
        "truncated": {"bands_cut": 0, "seeds_cut": totals.truncated.seeds_cut},
        "index": {
            "texts": index.size,
            "tweets": index.manifest.tweets,
            "fingerprint": index.fingerprint,
        },
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


def _rows(
    inputs: Inputs,
    index: BlindIndex,
    find: Finder,
    stats: ReadStats,
    threads: int,
    progress: Progress,
) -> tuple[pa.Table, PartResult]:
    """Return the rows of all matches, and the sums over all records."""
    tables, totals = [FOUND.empty_table()], PartResult(0, "")

    def found_in(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Table, Any]:
        found = matches_in(batch, find)
        columns = match_table(found, index, source, batch).columns
        rows = pa.table([*columns, *passages(batch, found)], schema=FOUND)
        return batch, rows, found

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
        for batch, rows, found in ordered_map(found_in, batches, threads):
            part.count(batch, found.characters)
            totals.truncated.add(found.truncated)
            tables.append(rows)
        totals.records += part.records
        totals.characters += part.characters
    return pa.concat_tables(tables), totals
