"""One execution of ``match``: open, sample, calibrate, scan, score, estimate, write.

A record goes from its file through :mod:`provscan.readers` and
:mod:`provscan.matching.task`, which writes what it finds to a part file;
:mod:`provscan.runs.scan` adds the parts up, :mod:`provscan.runs.analysis` scores the
matches and estimates from them, :mod:`provscan.runs.totals` counts, and here the run
folder is written.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from provscan import readers
from provscan.calibration.controls import Controls, no_control, with_cutoff, with_files
from provscan.engine import Progress
from provscan.errors import InputError
from provscan.estimate.strata import enough_text
from provscan.index import open_reader
from provscan.matching import Index
from provscan.matching.task import Snapshot
from provscan.runs.analysis import Analysis, AnalysisSettings, analyse
from provscan.runs.evidence import CANDIDATES, kept
from provscan.runs.folder import (
    CONTROL,
    EVIDENCE_FILE,
    MATCHES_FILE,
    RunFolder,
    run_folder,
    write_summary,
)
from provscan.runs.inputs import (
    Inputs,
    find_inputs,
    find_known,
    find_null,
    require_other_data,
)
from provscan.runs.matched import NullScan, PartRows
from provscan.runs.options import Options, Sources
from provscan.runs.sample import describe_sample
from provscan.runs.scan import ScanTotals, sampling_of, scan_inputs
from provscan.runs.tokens import tokens_of
from provscan.runs.totals import counts_of, write_tables
from provscan.scoring.background import background
from provscan.scoring.lengths import letters
from provscan.scoring.rule import KNOWN_SHARE, KnownElsewhere

RUN_VERSION = 1
PACKAGES = ("numpy", "numba", "pyarrow", "orjson", "xxhash", "zstandard")


@dataclass(frozen=True)
class RunTarget:
    path: Path  # The run folder.
    # Whether an older run is replaced, and an interrupted one goes on.
    overwrite: bool = False
    resume: bool = False
    named: str | None = None  # The folder as the user named it, if at all.


def run_match(
    sources: Sources,
    index: Index,
    target: RunTarget,
    options: Options,
    *,
    progress: Progress,
    render: Callable[[Path], Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find the licensed tweets of an index in datasets, and write a run folder;
    `render` makes its report.

    Gives what is in ``summary.json`` and ``run.json``.
    """
    clock = Clock()
    if index.reader.verified:
        index.reader.require_unchanged()
    else:
        reader = index.reader
        open_reader(
            reader.path,
            snapshot=reader.snapshot,
            without=reader.left_out,
            workers=options.threads,
        )
    if not index.reader.texts:
        raise InputError(
            f"{index.reader.path} holds no tweet, so that nothing can be found: add "
            "some, or name another"
        )
    tokens_of(options.tokenizer)
    clock.lap("open")
    with run_folder(
        target.path, resume=target.resume, overwrite=target.overwrite
    ) as folder:
        planned = folder.earlier["workers"] if folder.earlier else options.threads
        inputs = find_inputs(sources, options, planned)
        null_inputs, known_inputs = (
            find_null(options, planned),
            find_known(options, planned),
        )
        beside_it = [data for data in (null_inputs, known_inputs) if data is not None]
        require_other_data(inputs, null_inputs, known_inputs, options.control_files)
        clock.lap("sample")
        controls, snapshot, about = calibrate(index, options, folder)
        if about["files"] is not None:
            inputs.unread += [
                (item["path"], item["reason"]) for item in about["files"]["unread"]
            ]
        clock.lap("calibrate")
        checkpoint = _checkpoint(
            inputs, null_inputs, known_inputs, snapshot, options, planned
        )
        folder.begin(
            checkpoint,
            resumable=not any(each.streamed for each in (inputs, *beside_it)),
        )
        with ThreadPoolExecutor(1, thread_name_prefix="provscan") as beside:
            # Only the estimate needs them, and a small dataset is scanned in no more
            # time than they take.
            counted = beside.submit(background, controls.licensed)
            beside.submit(importlib.import_module, "scipy.special")
            totals = scan_inputs(
                inputs, folder, snapshot, controls.reader, options, progress
            )
            counted.result()
        clock.lap("scan")
        rows = PartRows(folder.parts, totals.parts)
        null = None
        if null_inputs is not None:
            scanned = scan_inputs(
                null_inputs,
                folder,
                snapshot,
                controls.reader,
                options.of_whole(),
                progress,
            )
            null = _null_scan(
                PartRows(folder.path / null_inputs.parts, scanned.parts),
                totals,
                scanned,
                options,
            )
            totals.stats.damaged += [*scanned.stats.damaged, *null_inputs.changed()]
        clock.lap("null")
        known = None
        if known_inputs is not None:
            scanned = scan_inputs(
                known_inputs,
                folder,
                snapshot,
                controls.reader,
                options.of_whole(),
                progress,
            )
            known = _known_scan(
                PartRows(folder.path / known_inputs.parts, scanned.parts),
                scanned,
                controls,
                options,
            )
            totals.stats.damaged += [*scanned.stats.damaged, *known_inputs.changed()]
        for data in beside_it:
            inputs.unread += data.unread
            inputs.ignored += data.ignored
        clock.lap("known")
        analysis = _analyse(rows, totals, inputs, controls, (null, known), options)
        analysis.summary["control"].update(about)
        clock.lap("estimate")
        summary = _summary(analysis, totals, inputs, controls, options)
        matches, evidence = folder.path / MATCHES_FILE, folder.path / EVIDENCE_FILE
        matched = analysis.measured.matches
        chosen = kept(
            matched.batches(), matched.control, 0 if options.no_text else options.texts
        )
        write_tables(analysis, chosen, controls.reader, matches, evidence)
        # Some hundred bytes a text that was found, which the report needs no more.
        del analysis, matched, chosen
        clock.lap("write")
        described = {"inputs": inputs.describe(options.threads)}
        for name, other in (
            ("null_inputs", null_inputs),
            ("known_inputs", known_inputs),
        ):
            if other is not None:
                described[name] = other.describe(options.threads)
        clock.lap("checksums")
        info = _info(index, target, options, inputs, described)
        if checkpoint["control"] is not None:
            info["control"] = {"fingerprint": checkpoint["control"]}
        info |= clock.describe()
        if totals.cluster is not None:
            info["cluster"] = totals.cluster
        info["records_per_second"] = round(
            totals.records / max(clock.seconds["scan"], 1e-4), 1
        )
        write_summary(folder.path, summary, info, (MATCHES_FILE, EVIDENCE_FILE))
        render(folder.path)
    progress.finish()
    return summary, info


def calibrate(
    index: Index, options: Options, folder: RunFolder
) -> tuple[Controls, Snapshot, dict[str, Any]]:
    """What to scan for, how another process opens it, and what the summary says of the
    control.
    """
    controls = no_control(index.reader)
    about: dict[str, Any] = {"cutoff": None, "files": None}
    if options.since is not None:
        controls = with_cutoff(controls, options.since)
        about["cutoff"] = {"since": options.since.isoformat(), "texts": controls.texts}
    control = None
    if options.control_files:
        control = str(folder.path / CONTROL)
        files = options.control_files
        controls, about["files"] = with_files(
            controls, files, readers.Fields(), Path(control), options.threads
        )
    snapshot = Snapshot(
        str(index.path), index.reader.snapshot, control, index.reader.left_out
    )
    return controls, snapshot, about


def _checkpoint(
    inputs: Inputs,
    null: Inputs | None,
    known: Inputs | None,
    snapshot: Snapshot,
    options: Options,
    workers: int,
) -> dict[str, Any]:
    """What must be the same for a run to go on where it was interrupted."""
    control = (
        None
        if snapshot.control is None
        else open_reader(snapshot.control, check="lengths").fingerprint
    )
    return {
        "workers": workers,
        "options": options.lasting(),
        "index": snapshot.fingerprint,
        "limits": readers.current_limits().as_dict(),
        "control": control,
        **inputs.state(),
        **{
            f"null_{name}": value
            for name, value in (null.state() if null else {}).items()
        },
        **{
            f"known_{name}": value
            for name, value in (known.state() if known else {}).items()
        },
    }


def _null_scan(
    rows: PartRows, totals: ScanTotals, scanned: ScanTotals, options: Options
) -> NullScan:
    """What the scan of a null dataset found, beside that of the dataset."""
    samples = [list(of.carriers.records.values()) for of in (totals, scanned)]
    scripts = enough_text(
        *(letters(carrier.text for carrier in carriers) for carriers in samples)
    )
    lengths = [
        np.repeat([c.length for c in carriers], [c.copies for c in carriers])
        for carriers in samples
    ]
    read, counts = tuple(options.null_files), scanned.stats.as_dict()
    return NullScan(
        rows,
        scanned.records,
        scanned.characters,
        read,
        counts["skipped"],
        scripts,
        counts["notes"],
        (lengths[0], lengths[1]),
    )


@dataclass(frozen=True)
class KnownScan:
    """What the scan of known data found, and what ``summary.json`` says of it."""

    elsewhere: KnownElsewhere
    about: dict[str, Any]


def _known_scan(
    rows: PartRows, scanned: ScanTotals, controls: Controls, options: Options
) -> KnownScan:
    containment = np.zeros(len(controls.absent), np.float32)
    for columns, _ in rows.batches(["text", "containment"]):
        np.maximum.at(
            containment, columns["text"].to_numpy(), columns["containment"].to_numpy()
        )
    texts = int(np.count_nonzero((containment >= KNOWN_SHARE) & ~controls.absent))
    counts = scanned.stats.as_dict()
    about = {
        "sources": options.known_files,
        "records": scanned.records,
        "characters": scanned.characters,
        "texts": texts,
        "share": texts / max(1, controls.licensed_texts),
        "skipped": counts["skipped"],
        "notes": counts["notes"],
    }
    return KnownScan(KnownElsewhere(containment), about)


def _analyse(
    rows: PartRows,
    totals: ScanTotals,
    inputs: Inputs,
    controls: Controls,
    beside: tuple[NullScan | None, KnownScan | None],
    options: Options,
) -> Analysis:
    settings = AnalysisSettings(
        sampling_of(inputs, options),
        inputs.sample,
        options.spike_ins,
        options.edits,
        controls.licensed.fraction,
        options.threads,
        tokens_of(options.tokenizer),
        options.finding,
    )
    carriers = list(totals.carriers.records.values())
    null, known = beside
    elsewhere = None if known is None else known.elsewhere
    analysis = analyse(
        rows,
        totals.parts,
        carriers,
        controls,
        options.params,
        settings,
        null,
        elsewhere,
    )
    analysis.summary["known"] = None if known is None else known.about
    return analysis


def _summary(
    analysis: Analysis,
    totals: ScanTotals,
    inputs: Inputs,
    controls: Controls,
    options: Options,
) -> dict[str, Any]:
    counts = counts_of(analysis.measured, totals, inputs, controls.reader)
    licensed = controls.licensed
    about = {
        "texts": licensed.texts,
        "tweets": licensed.tweets,
        "fingerprint": licensed.fingerprint,
    }
    about |= (
        {"left_out": licensed.left_out.as_dict()} if licensed.left_out.segments else {}
    )
    summary = {**counts, "index": about, **analysis.summary}
    if options.sample is not None:
        measured = analysis.measured
        effect = measured.scanned.design_effect(measured.whole.claimable[0])
        summary["sample"] = describe_sample(
            options.sample,
            inputs.sample,
            totals.parts,
            effect,
            measured.scanned.all_records,
        )
    return summary


def _info(
    index: Index,
    target: RunTarget,
    options: Options,
    inputs: Inputs,
    described: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """What ``run.json`` says, but for times."""
    info: dict[str, Any] = {
        "version": RUN_VERSION,
        "parameters": {**options.as_dict(), "workers": options.threads},
        "limits": {**readers.current_limits().as_dict(), "candidates": CANDIDATES},
        "repeat": None
        if inputs.named is None
        else options.command(inputs.named, index.path, target.named),
        "folder": os.getcwd(),
        "index": {
            "path": str(index.path),
            "fingerprint": index.fingerprint,
            "params": index.params.as_dict(),
        },
        **described,
        "versions": _versions(),
    }
    if options.tokenizer is not None:
        source = os.fspath(options.tokenizer)
        info["tokenizer"] = {"source": source, "xxh3": readers.checksum(source)}
    if inputs.sample is not None:
        info["parts_in_all"] = len(inputs.sample.splits) + len(inputs.sample.rest)
        info["parts_sampled"] = inputs.sample.ranges
    return info


def _versions() -> dict[str, str]:
    from provscan import __version__

    return {
        "provscan": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **_packages(),
    }


@cache
def _packages() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in PACKAGES}


class Clock:
    """Wall-clock seconds of the stages of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = datetime.now(UTC)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now

    def describe(self) -> dict[str, Any]:
        finished = datetime.now(UTC).isoformat()
        return {
            "started": self._started.isoformat(),
            "finished": finished,
            "seconds": self.seconds,
        }
