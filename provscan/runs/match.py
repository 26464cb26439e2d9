"""One execution of ``match``, by :func:`run_match`.

1. :mod:`provscan.runs.inputs.plan` decides which parts of which files are read.
2. :mod:`provscan.runs.inputs.licensed` opens the licensed texts and the controls.
3. :mod:`provscan.runs.scan.tasks` scans the records and writes part files.
4. :mod:`provscan.runs.measures.analysis` reads them, scores and counts the matches, and
   measures chance and recall.
5. :mod:`provscan.runs.answer.summary` computes the numbers and writes the sentences
   about them.
6. :mod:`provscan.runs.evidence.tables` writes the matches, and :func:`run_match` writes
   the other files. :mod:`provscan.runs.target` provides the folder.
7. :mod:`provscan.runs.gates` decides whether there are more findings than allowed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from provscan import readers
from provscan.engine import Progress
from provscan.errors import RecallError
from provscan.matching import Index
from provscan.options import MatchOptions, Source
from provscan.params import FEW_CHARS, FEW_MISSING, MatchParams
from provscan.runs.answer.summary import summarise
from provscan.runs.answer.wording import since_baseline
from provscan.runs.counting.exhibits import CANDIDATES
from provscan.runs.evidence.baseline import mark_new, read_baseline
from provscan.runs.evidence.tables import write_matches
from provscan.runs.folder import (
    MATCHES_FILE,
    SCANNED_FILE,
    write_summary,
)
from provscan.runs.gates import Gate, decide
from provscan.runs.inputs.licensed import SearchedTexts, checked_index, with_controls
from provscan.runs.inputs.plan import Inputs, Sources, plan_run
from provscan.runs.measures.analysis import analyse
from provscan.runs.scan.left_out import describe_inputs
from provscan.runs.scan.reuse import basis, copy_parts, keep_parts, with_earlier_parts
from provscan.runs.scan.tasks import scan_inputs
from provscan.runs.scan.totals import ScanTotals
from provscan.runs.target import CONTROL, run_folder, run_path
from provscan.scoring.background import background
from provscan.unfinished import Unfinished

RUN_VERSION = 1
PACKAGES = ("numpy", "numba", "pyarrow", "orjson", "xxhash", "zstandard")


class WrittenRun(NamedTuple):
    path: Path
    summary: dict[str, Any]  # ``summary.json``.
    info: dict[str, Any]  # ``run.json``.
    gate: Gate | None  # The gate that does not pass.


def run_match(
    sources: Sources,
    index: Index | Source,
    out: Source | None,
    options: MatchOptions,
    progress: Progress,
    render: Callable[[Path], Any],
    *,
    overwrite: bool,
) -> WrittenRun:
    """Find the licensed tweets of an index in datasets, and write a run folder.

    ``render`` writes the report. :func:`provscan.match` describes the other parameters.
    """
    clock = Clock()
    others = (
        options.files(name) for name in ("control", "clean_data", "other_sources")
    )
    path = run_path(sources, out, chain.from_iterable(others))
    index = checked_index(index, options)
    baseline = None if options.baseline is None else read_baseline(options.baseline)
    clock.lap("open")
    with run_folder(path, overwrite=overwrite) as (folder, files):
        # Plan the inputs, and open the texts to search for.
        workers = folder.earlier["workers"] if folder.earlier else options.threads
        inputs = plan_run(sources, options, workers)
        clock.lap("plan")
        licensed = with_controls(index, options, folder.path / CONTROL)
        based_on = basis(options, licensed, _versions())
        if overwrite:
            inputs = with_earlier_parts(
                path, based_on, inputs, progress, options.threads
            )
        request = _request(workers, based_on, inputs)
        # The scan of data that can be read only once can't be resumed.
        folder.begin(request, keep=not any(data.streamed for data in inputs.values()))
        copy_parts(path, inputs, folder)
        clock.lap("licensed")

        scans = _scan(inputs, folder, licensed, options, progress, clock)

        # Analyse the part files, and write the files of the run.
        try:
            measured = analyse(scans, licensed.controls, options)
        except RecallError:
            folder.forget()
            raise
        clock.lap("estimate")
        entries, described, missing = describe_inputs(
            inputs, scans, licensed.unread, options.threads
        )
        info = _info(index, out, options, inputs["dataset"].named) | described
        if licensed.control_fingerprint is not None:
            info["control"] = {"fingerprint": licensed.control_fingerprint}
        info["reused"] = sum(data.reused for data in inputs.values())
        # A hook is a function of the user, which may change without notice. Parts have
        # texts, which a run with digests must not contain.
        if index.reader.hook is None and not options.digests:
            keep_parts(files, based_on, inputs, scans, described)
            info["scanned"] = readers.file_checksum(files / SCANNED_FILE)
        clock.lap("checksums")
        summary = summarise(measured, licensed, options, entries, missing)
        write_matches(measured, files / MATCHES_FILE, digests=options.digests)
        # Free several hundred bytes per found text, which the report does not need.
        del measured
        summary["baseline"] = baseline and mark_new(files, baseline, summary, info)
        summary["answer"]["details"] += since_baseline(summary["baseline"])
        clock.lap("write")
        info |= clock.describe(scans["dataset"])
        write_summary(files, summary, info, (MATCHES_FILE,))
        render(files)
    progress.finish()
    return WrittenRun(path, summary, info, decide(summary, options))


def _request(
    workers: int, based_on: Mapping[str, Any], inputs: Mapping[str, Inputs]
) -> dict[str, Any]:
    """Return everything on which the part files depend. A run is resumed only if the
    values that ``request`` of :data:`provscan.runs.target.WORK` names are unchanged.
    """
    return {
        "workers": workers,
        **based_on,
        **{
            key if name == "dataset" else f"{name}_{key}": value
            for name, data in inputs.items()
            for key, value in data.state.items()
        },
    }


def _scan(
    inputs: Mapping[str, Inputs],
    folder: Unfinished,
    licensed: SearchedTexts,
    options: MatchOptions,
    progress: Progress,
    clock: Clock,
) -> dict[str, ScanTotals]:
    """Scan the dataset, and the clean data and the known data if there are any."""

    def scanned(name: str, data: Inputs) -> ScanTotals:
        return scan_inputs(name, data, folder, licensed, options, progress)

    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as pool:
        # During the scan, prepare the model and the library that only the estimate
        # needs: this takes as long as the scan of a small dataset.
        model = pool.submit(background, licensed.controls.licensed)
        pool.submit(importlib.import_module, "scipy.special")
        scans = {"dataset": scanned("dataset", inputs["dataset"])}
        model.result()
    clock.lap("scan")
    scans |= {
        name: scanned(name, data) for name, data in inputs.items() if name not in scans
    }
    clock.lap("scan_auxiliary")
    return scans


def _info(
    index: Index, out: Source | None, options: MatchOptions, named: list[str] | None
) -> dict[str, Any]:
    """Return the entries of ``run.json`` that the options, the index and the program
    determine; :func:`run_match` adds the inputs, the control and the times.
    """
    path = None if out is None else os.fspath(out)
    info: dict[str, Any] = {
        "version": RUN_VERSION,
        "parameters": {**options.as_dict(), "workers": options.threads},
        "match": {
            **MatchParams().as_dict(),
            "few_chars": FEW_CHARS,
            "few_missing": FEW_MISSING,
        },
        "limits": {**readers.current_limits().as_dict(), "candidates": CANDIDATES},
        "repeat": None if named is None else options.command(named, index.path, path),
        "folder": os.getcwd(),
        "index": {
            "path": str(index.path),
            "fingerprint": index.fingerprint,
            "params": index.params.as_dict(),
            "canonical": index.reader.hook_name,
        },
        "versions": _versions(),
    }
    return info


# The metadata of a package is a file.
_version = cache(importlib.metadata.version)


def _versions() -> dict[str, str]:
    from provscan import __version__

    return {
        "provscan": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **{name: _version(name) for name in PACKAGES},
    }


class Clock:
    """Measures the wall-clock seconds of the stages of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = datetime.now(UTC)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now

    def describe(self, totals: ScanTotals) -> dict[str, Any]:
        """Return the times of the stages, and the speed of the dataset's scan."""
        scan = max(self.seconds["scan"], 1e-4)
        times = {
            "started": self._started.isoformat(),
            "finished": datetime.now(UTC).isoformat(),
            "seconds": self.seconds,
            "records_per_second": round(totals.records / scan, 1),
        }
        return times | ({} if totals.cluster is None else {"cluster": totals.cluster})
