"""One execution of ``match``: :func:`run_match` is the way of the data.

A record goes from its file through :mod:`provscan.readers` and
:mod:`provscan.matching.scan_task`, which writes what it finds to a part file.
:mod:`provscan.runs.scan` adds the parts up, :mod:`provscan.runs.analysis` scores and
counts the matches and estimates from them, and here the run folder is written.
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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from provscan import readers
from provscan.calibration.controls import Controls, no_control, with_cutoff, with_files
from provscan.engine import Progress
from provscan.errors import InputError, UsageError
from provscan.estimate.strata import enough_text
from provscan.index import open_reader
from provscan.matching import Index, open_index
from provscan.matching.scan_task import Snapshot
from provscan.options import MatchOptions, Source
from provscan.runs.analysis import Analysis, AnalysisSettings, analyse, score
from provscan.runs.evidence import CANDIDATES, write_tables
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
    RunInputs,
    Sources,
    check_files,
    left_out_summary,
    plan_run,
    run_path,
    source_list,
)
from provscan.runs.matches import PartRows
from provscan.runs.null import NullScan
from provscan.runs.sample import describe_sample, extent_of
from provscan.runs.scan import (
    DATASET,
    OTHER_ROLES,
    Role,
    ScanTotals,
    scan_inputs,
    unread_parts,
)
from provscan.runs.summary import counts_summary
from provscan.runs.tokenizer import tokens_of
from provscan.scoring.background import background
from provscan.scoring.lengths import letters
from provscan.scoring.rule import KNOWN_SHARE, KnownElsewhere

RUN_VERSION = 1
PACKAGES = ("numpy", "numba", "pyarrow", "orjson", "xxhash", "zstandard")
OPEN_ALREADY = (
    "the index is open already: give without_segment to open_index, or name its folder"
)


@dataclass(frozen=True)
class RunTarget:
    """Where a run is written."""

    out: Source | None = None  # The folder as the user named it, if at all.
    # Whether an older run is replaced, and an interrupted one goes on.
    overwrite: bool = False
    resume: bool = False


class WrittenRun(NamedTuple):
    path: Path
    summary: dict[str, Any]  # ``summary.json``.
    info: dict[str, Any]  # ``run.json``.
    # Which gate that the user set was crossed, in words.
    crossed: str | None = None


class Calibration(NamedTuple):
    """What is scanned for."""

    controls: Controls
    snapshot: Snapshot  # How another process opens it.
    cutoff: dict[str, Any] | None  # What the summary says of a cutoff.
    files: dict[str, Any] | None  # What it says of control files.


def run_match(
    sources: Sources,
    index: Index | Source,
    target: RunTarget,
    options: MatchOptions,
    progress: Progress,
    render: Callable[[Path], Any],
) -> WrittenRun:
    """Find the licensed tweets of an index in datasets, and write a run folder;
    `render` makes its report.
    """
    clock = Clock()
    path = run_path(source_list(sources), target.out)
    index = checked_index(index, options)
    left_out = list(index.reader.left_out.segments) or None
    options = replace(options, without_segment=left_out)
    tokens = tokens_of(options.tokenizer)
    clock.lap("open")
    with run_folder(path, resume=target.resume, overwrite=target.overwrite) as folder:
        # What is read, and what is scanned for.
        workers = folder.earlier["workers"] if folder.earlier else options.threads
        inputs = plan_run(sources, options, workers)
        clock.lap("sample")
        calibration = calibrate(index, options, folder)
        controls = calibration.controls
        checkpoint = _checkpoint(inputs, calibration.snapshot, options, workers)
        folder.begin(
            checkpoint,
            resumable=not any(
                data.streamed for data in (inputs.dataset, *inputs.beside.values())
            ),
        )
        clock.lap("calibrate")

        # The scans.
        with ThreadPoolExecutor(1, thread_name_prefix="provscan") as beside:
            # Only the estimate needs these, and a small dataset is scanned in no more
            # time than they take.
            counted = beside.submit(background, controls.licensed)
            beside.submit(importlib.import_module, "scipy.special")
            scanned = _scan(
                inputs.dataset, DATASET, folder, calibration, options, progress
            )
            counted.result()
        clock.lap("scan")
        others = {
            name: _scan(data, OTHER_ROLES[name], folder, calibration, options, progress)
            for name, data in inputs.beside.items()
        }
        clock.lap("beside")

        # The estimate.
        settings = AnalysisSettings(
            params=options.params,
            finding=options.finding,
            spike_ins=options.spike_ins,
            edits=options.edits,
            index_fraction=controls.licensed.fraction,
            tokens=tokens,
            texts=0 if options.no_text else options.texts,
            threads=options.threads,
        )
        totals, rows = scanned
        null = known = elsewhere = None
        if "null" in others:
            null = _null_scan(*others["null"], totals, options)
        if "known" in others:
            elsewhere, known = _known_elsewhere(*others["known"], controls, options)
        sample = inputs.dataset.sample
        extent = extent_of(totals.parts, inputs.dataset.share, sample)
        carriers = list(totals.carriers.records.values())
        scores = score(rows, extent, carriers, controls, settings, elsewhere)
        analysis = analyse(scores, extent, carriers, controls, settings, null)
        clock.lap("estimate")

        # The files.
        write_tables(
            scores.matches,
            analysis.added,
            analysis.kept,
            controls.reader,
            folder.path,
        )
        clock.lap("write")
        scans = {"dataset": totals} | {name: of for name, (of, _) in others.items()}
        entries, described = _check_inputs(inputs, scans, calibration, options)
        clock.lap("checksums")
        summary = _summary(analysis, calibration, totals, inputs.dataset, entries)
        summary["known"] = known
        if options.sample is not None:
            measured = analysis.measured
            effect = extent.design_effect(measured.counts.claimable[0].records)
            asked = options.sample
            summary["sample"] = describe_sample(asked, sample, extent, effect)
        # Some hundred bytes a text that was found, which the report does not need.
        del analysis, scores
        info = _info(index, target, options, inputs.dataset) | described
        if checkpoint["control"] is not None:
            info["control"] = {"fingerprint": checkpoint["control"]}
        info |= clock.describe(totals)
        write_summary(folder.path, summary, info, (MATCHES_FILE, EVIDENCE_FILE))
        render(folder.path)
    progress.finish()
    crossed = _crossed(summary, options.fail_above)
    return WrittenRun(path, summary, info, crossed)


def checked_index(index: Index | Source, options: MatchOptions) -> Index:
    """The index, open, not empty, and all of its files compared with their
    checksums.
    """
    if isinstance(index, Index):
        reader = index.reader
        if options.without_segment is not None:
            raise UsageError(OPEN_ALREADY)
        if reader.verified:
            reader.require_unchanged()
        else:
            open_reader(reader.path, snapshot=reader.snapshot, without=reader.left_out)
    else:
        index = open_index(index, without_segment=options.without_segment)
    if not index.reader.texts:
        raise InputError(f"{index.reader.path} is empty: add tweets, or name another")
    return index


def calibrate(index: Index, options: MatchOptions, folder: RunFolder) -> Calibration:
    """What to scan for: the licensed texts, and the controls that the user named."""
    controls = no_control(index.reader)
    cutoff = files = control = None
    if options.since is not None:
        controls = with_cutoff(controls, options.since)
        cutoff = {"since": options.since.isoformat(), "texts": controls.texts}
    if options.files("control"):
        control = folder.path / CONTROL
        controls, files = with_files(
            controls,
            options.files("control"),
            readers.Fields(),
            control,
            options.threads,
        )
    reader = index.reader
    snapshot = Snapshot(
        str(index.path),
        reader.snapshot,
        None if control is None else str(control),
        reader.left_out,
    )
    return Calibration(controls, snapshot, cutoff, files)


def _checkpoint(
    inputs: RunInputs, snapshot: Snapshot, options: MatchOptions, workers: int
) -> dict[str, Any]:
    """What must be the same for a run to go on where it was interrupted."""
    control = None
    if snapshot.control is not None:
        control = open_reader(snapshot.control, check="lengths").fingerprint
    return {
        "workers": workers,
        "options": options.lasting(),
        "index": snapshot.fingerprint,
        "limits": readers.current_limits().as_dict(),
        "control": control,
        **inputs.state,
    }


def _scan(
    inputs: Inputs,
    role: Role,
    folder: RunFolder,
    calibration: Calibration,
    options: MatchOptions,
    progress: Progress,
) -> tuple[ScanTotals, PartRows]:
    """Scan a dataset: what that adds up to, and its matches."""
    controls, snapshot = calibration.controls, calibration.snapshot
    totals = scan_inputs(
        inputs, role, folder, snapshot, controls.reader, options, progress
    )
    return totals, PartRows(folder.path / role.parts, totals.parts)


def _null_scan(
    scanned: ScanTotals, rows: PartRows, dataset: ScanTotals, options: MatchOptions
) -> NullScan:
    """What the scan of a null dataset found, beside that of the dataset."""
    samples = [list(of.carriers.records.values()) for of in (dataset, scanned)]
    scripts = enough_text(
        *(letters(carrier.text for carrier in carriers) for carriers in samples)
    )
    own, other = (
        np.repeat([c.length for c in carriers], [c.copies for c in carriers])
        for carriers in samples
    )
    counts = scanned.stats.as_dict()
    return NullScan(
        rows,
        scanned.records,
        scanned.characters,
        tuple(options.files("null")),
        counts["skipped"],
        scripts,
        counts["notes"],
        (own, other),
    )


def _known_elsewhere(
    scanned: ScanTotals, rows: PartRows, controls: Controls, options: MatchOptions
) -> tuple[KnownElsewhere, dict[str, Any]]:
    """What the scan of known data found, and what ``summary.json`` says of it."""
    containment = np.zeros(len(controls.absent), np.float32)
    for columns, _ in rows.batches(["text", "containment"]):
        found, share = (column.to_numpy() for column in columns)
        np.maximum.at(containment, found, share)
    texts = int(np.count_nonzero((containment >= KNOWN_SHARE) & ~controls.absent))
    counts = scanned.stats.as_dict()
    about = {
        "sources": options.files("known"),
        "records": scanned.records,
        "characters": scanned.characters,
        "texts": texts,
        "share": texts / max(1, controls.licensed_texts),
        "skipped": counts["skipped"],
        "notes": counts["notes"],
    }
    return KnownElsewhere(containment), about


def _check_inputs(
    inputs: RunInputs,
    scans: dict[str, ScanTotals],
    calibration: Calibration,
    options: MatchOptions,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Whether the inputs stayed as they were: entries of ``summary.json`` on what is
    damaged or was not scanned, and of ``run.json`` on each input.
    """
    data = {"dataset": inputs.dataset} | inputs.beside
    checked = {name: check_files(of, options.threads) for name, of in data.items()}
    control = calibration.files["unread"] if calibration.files else []
    unread = [*inputs.dataset.unread, *unread_parts(scans["dataset"])]
    unread += [(item["path"], item["reason"]) for item in control]
    damaged = list(scans["dataset"].stats.damaged)
    ignored = list(inputs.dataset.ignored)
    for name, other in inputs.beside.items():
        damaged += [*scans[name].stats.damaged, *checked[name][0]]
        unread += [*other.unread, *unread_parts(scans[name])]
        ignored += other.ignored
    damaged += checked["dataset"][0]
    described = {
        "inputs" if name == "dataset" else f"{name}_inputs": entries
        for name, (_, entries) in checked.items()
    }
    return left_out_summary(damaged, unread, ignored), described


def _summary(
    analysis: Analysis,
    calibration: Calibration,
    totals: ScanTotals,
    inputs: Inputs,
    entries: dict[str, Any],
) -> dict[str, Any]:
    licensed = calibration.controls.licensed
    about = {
        "texts": licensed.texts,
        "tweets": licensed.tweets,
        "fingerprint": licensed.fingerprint,
    }
    if licensed.left_out.segments:
        about["left_out"] = licensed.left_out.as_dict()
    control = {"cutoff": calibration.cutoff, "files": calibration.files}
    return {
        **counts_summary(analysis.measured, totals),
        **entries,
        "truncated": {
            "bands_cut": totals.truncated.bands_cut,
            "seeds_cut": totals.truncated.seeds_cut,
        },
        "index": about,
        **analysis.summary,
        "control": analysis.summary["control"] | control,
    }


def _info(
    index: Index, target: RunTarget, options: MatchOptions, inputs: Inputs
) -> dict[str, Any]:
    """What ``run.json`` says, but for files and times."""
    out = None if target.out is None else os.fspath(target.out)
    info: dict[str, Any] = {
        "version": RUN_VERSION,
        "parameters": {**options.as_dict(), "workers": options.threads},
        "limits": {**readers.current_limits().as_dict(), "candidates": CANDIDATES},
        "repeat": None
        if inputs.named is None
        else options.command(inputs.named, index.path, out),
        "folder": os.getcwd(),
        "index": {
            "path": str(index.path),
            "fingerprint": index.fingerprint,
            "params": index.params.as_dict(),
        },
        "versions": _versions(),
    }
    if options.tokenizer is not None:
        source = os.fspath(options.tokenizer)
        info["tokenizer"] = {"source": source, "xxh3": readers.checksum(source)}
    if inputs.sample is not None:
        info["parts_in_all"] = len(inputs.sample.splits) + len(inputs.sample.rest)
        info["parts_sampled"] = inputs.sample.ranges
    return info


def _crossed(summary: dict[str, Any], above: float | None) -> str | None:
    """Whether more records than `above` hold licensed text, by the lower bound; an
    error where there is none.
    """
    if above is None:
        return None
    answer = summary["answer"]
    if answer["records"]["at_least"] is None:
        none = "there is no measure of chance"
        reason = answer["withheld"].get("records.at_least", none)
        raise UsageError(
            f"fail_above can't be decided, since there is no lower bound: {reason}"
        )
    share = answer["records"]["share"]["at_least"]
    if share <= above:
        return None
    return (
        f"at least {share:.4%} of the records hold licensed text: more than the "
        f"{above:.4%} that --fail-above allows"
    )


@cache
def _packages() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def _versions() -> dict[str, str]:
    from provscan import __version__

    return {
        "provscan": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **_packages(),
    }


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

    def describe(self, totals: ScanTotals) -> dict[str, Any]:
        """Times of the run, and how fast the dataset was scanned."""
        scan = max(self.seconds["scan"], 1e-4)
        times = {
            "started": self._started.isoformat(),
            "finished": datetime.now(UTC).isoformat(),
            "seconds": self.seconds,
            "records_per_second": round(totals.records / scan, 1),
        }
        return times | ({} if totals.cluster is None else {"cluster": totals.cluster})
