"""One execution of ``match``: scan all splits, add up, write the run folder."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan import readers, report
from provscan.calibration.controls import Controls, moment, no_control, with_cutoff, with_files
from provscan.calibration.spike_ins import HOSTS
from provscan.engine.ordered_map import ordered_map, until
from provscan.engine.progress import Progress
from provscan.errors import InputError, ParameterError, UsageError
from provscan.index import IndexReader, replacing
from provscan.matching import Index, open_index
from provscan.matching.carriers import Hosts
from provscan.matching.excerpts import Excerpts, side_by_side
from provscan.matching.task import Sampling, SplitResult, scan_split
from provscan.params import MatchParams
from provscan.runs.analysis import conclude
from provscan.runs.sample import Drawn, draw, told_sample
from provscan.runs.sources import default_workers, source_list
from provscan.runs.totals import collect, summarise, write_matches

MATCHES_FILE, SUMMARY_FILE, RUN_FILE, REPORT_FILE = "matches.parquet", "summary.json", "run.json", "report.html"
RUN_VERSION = 1
PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "orjson", "xxhash", "zstandard")

Source = str | os.PathLike[str]


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes
    ----------
    path
        The folder.
    summary
        ``summary.json``: what was found.
    info
        ``run.json``: parameters, versions, inputs, index, timings.
    """

    path: Path
    summary: dict[str, Any]
    info: dict[str, Any]

    @cached_property
    def matches(self) -> pa.Table:
        """``matches.parquet``, one row a match."""
        return pq.read_table(self.path / MATCHES_FILE)


def match(
    sources: Source | Sequence[Source] | object,
    index: Index | Source | None = None,
    out: Source | None = None,
    *,
    text_field: str | None = None,
    id_field: str | None = None,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    min_chars: int = MatchParams.min_chars,
    cutoff: str | date | None = None,
    control: Source | Sequence[Source] | None = None,
    spikes: int | None = None,
    sample: float | None = None,
    sample_by: str | None = None,
    seed: int = 1,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Find the licensed tweets of an index in datasets, and write a run folder.

    Parameters
    ----------
    sources
        Files, folders of files, "-" for the standard input; or an Arrow table, a ``datasets.Dataset``,
        dicts. Strings are taken for paths: hand texts over as dicts or as an Arrow array.
    index
        An open index or the folder of one; by default ``$PROVSCAN_INDEX``, else ``licensed.index``. All its files are
        compared with their checksums first.
    out
        The run folder; by default the first dataset's name with ``.run``, in the current folder.
    text_field, id_field
        Names of fields, dots lead into nested ones; by default the usual names are looked for.
    threshold
        Least similarity of a match (Jaccard index of character 5-grams).
    min_containment
        Least share of the licensed text's 5-grams that a match holds.
    min_chars
        Least length of a licensed text in canonical code points, where a Chinese character, a kana or a Korean
        syllable counts two.
    cutoff
        When the dataset was collected: licensed texts all of whose tweets are younger can't have been copied into
        it, and what they match is chance.
    control
        Files of tweets that are known to be absent from the dataset for another reason, used alike.
    spikes
        Licensed texts to change and plant in the dataset, to measure recall; 0 for none, which withholds every
        corrected number. By default one for 50 records, between 1,000 and 3,000.
    sample
        Share of the dataset to scan, drawn at random; the estimate is for all of it.
    sample_by
        What is drawn: ``"records"``, for which all is read and only they are scanned; or ``"files"``, whole files,
        and of files that can be cut ranges: only these are read, but they tell less than as many records from
        everywhere, and the intervals are wider by what is measured of that. By default files, where at least 50 parts
        would be drawn, else records.
    seed
        Of all that is drawn at random.
    workers
        Threads; all processors by default. The matches do not depend on it.
    overwrite
        Replace a run folder that is there.
    progress
        Told how far it is.

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged.
    InputError, FieldNotFoundError
        A source can't be read, or has no text field. One that breaks off is no error: the summary lists it under
        ``damaged``.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        A parameter is out of range.
    RecallError
        None of the planted texts came back.
    """
    clock = _Clock()
    sampling = _sampling(sample, spikes, seed)
    kept = HOSTS if spikes is None else min(spikes, HOSTS)
    since = moment(cutoff) if cutoff is not None else None
    absent = _files(control)
    params = MatchParams(threshold, min_containment, min_chars)
    fields = readers.Fields(text=text_field, id=id_field)
    threads = default_workers(workers)
    watcher = progress or Progress()
    named = source_list(sources)
    target = Path(out) if out is not None else _default_out(named)
    opened = index if isinstance(index, Index) else open_index(_index_path(index))
    opened.verify()
    clock.lap("open_index")
    drawn = draw(named, fields, sample, sample_by, seed)
    if drawn is not None:
        sampling = replace(sampling, fraction=1.0)
    clock.lap("draw")
    with replacing(target, overwrite=overwrite, kind="a run", mark=RUN_FILE) as folder:
        parts = folder / "parts"
        parts.mkdir()
        controls, told = _controls(opened.reader, since, absent, parts / "control", threads)
        clock.lap("control")
        jobs, inputs = _jobs(sources, named, fields, threads, watcher, drawn)
        outer = min(len(jobs), threads) or 1
        inner = max(1, threads // outer)
        mapped = partial(ordered_map, workers=inner) if inner > 1 else map

        stop = threading.Event()
        hosts, excerpts = Hosts(kept, seed + 1), Excerpts(seed + 2)

        def scan(numbered: tuple[int, _Job]) -> SplitResult:
            number, job = numbered
            stats = readers.ReadStats()
            batches = until(stop, job.read(stats))
            part = parts / f"{number:08}.arrow"
            return scan_split(
                job.source, batches, stats, controls.reader, params, part, mapped, sampling, controls.absent,
                # What comes late need not collect what is too high already.
                (hosts.fresh(), excerpts.fresh()),
            )  # fmt: skip

        results = []
        for result in ordered_map(scan, enumerate(jobs), outer, stop):
            hosts.merge(result.hosts)
            excerpts.merge(result.excerpts)
            # There may be thousands of splits.
            result.hosts, result.excerpts = Hosts(0, seed), Excerpts(seed)
            results.append(result)
        clock.lap("scan")
        rows = collect(results)
        conclusion = conclude(
            rows, results, hosts, controls, params,
            sampling=sampling, drawn=drawn, spikes=spikes,
            index_fraction=opened.reader.fraction,
            threads=threads,
        )  # fmt: skip
        clock.lap("estimate")
        write_matches(rows, conclusion.added, folder / MATCHES_FILE)
        summary = {
            **summarise(rows, conclusion.added, conclusion.chosen, results, opened.reader),
            **conclusion.summary,
        }
        summary["control"].update(told)
        if sample is not None:
            summary["sample"] = told_sample(sample, drawn, results, summary["estimate"])
        examples = side_by_side(excerpts, rows, conclusion.chosen["listed"], controls.reader)
        # Their part files are mapped.
        del rows
        shutil.rmtree(parts)
        clock.lap("add_up")
        checked = list(ordered_map(_with_checksum, inputs, threads))
        clock.lap("checksums")
        info = {
            "version": RUN_VERSION,
            **clock.dates(),
            "parameters": {
                **params.as_dict(), "text_field": text_field, "id_field": id_field, "workers": threads,
                "cutoff": None if since is None else since.isoformat(), "control": absent or None,
                "spikes": spikes, "sample": sample, "sample_by": sample_by, "seed": seed,
            },
            "index": {"path": str(opened.path), "fingerprint": opened.fingerprint, "params": opened.params.as_dict()},
            "inputs": checked,
            "seconds": clock.seconds,
            "records_per_second": round(summary["records"] / max(clock.seconds["scan"], 1e-4), 1),
            "versions": _versions(),
        }  # fmt: skip
        if drawn is not None:
            info["parts_in_all"] = len(drawn.splits) + len(drawn.rest)
            info["parts_drawn"] = drawn.parts
        _write_json(folder / SUMMARY_FILE, summary)
        _write_json(folder / RUN_FILE, info)
        (folder / REPORT_FILE).write_text(report.html(summary, info, examples), encoding="utf-8")
    watcher.finish()
    return Run(target, summary, info)


def _sampling(sample: float | None, spikes: int | None, seed: int) -> Sampling:
    if sample is not None and not 0.0 < sample <= 1.0:
        raise ParameterError(f"sample must be above 0 and at most 1, not {sample!r}")
    if spikes is not None and spikes < 0:
        raise ParameterError(f"spikes must be at least 0, not {spikes!r}")
    if seed < 0:
        raise ParameterError(f"seed must be at least 0, not {seed!r}")
    return Sampling(1.0 if sample is None else sample, seed)


def _files(control: object) -> list[str]:
    """The paths that `control` names."""
    if control is None or (isinstance(control, Sequence) and not control):
        return []
    named = source_list(control)
    if named is None:
        raise ParameterError(f"control must be paths of files or folders, not {type(control).__name__}")
    return named


def _controls(
    reader: IndexReader, since: datetime | None, files: list[str], folder: Path, threads: int
) -> tuple[Controls, dict[str, Any]]:
    """What to scan for, and what the summary says of the control."""
    controls = no_control(reader)
    told: dict[str, Any] = {"cutoff": None, "files": None}
    if since is not None:
        controls = with_cutoff(controls, since)
        told["cutoff"] = {"since": since.isoformat(), "texts": controls.texts}
    if files:
        controls, told["files"] = with_files(controls, files, readers.Fields(), folder, threads)
    return controls, told


@dataclass(frozen=True)
class _Job:
    """One split to scan: its dataset, and how to read it."""

    source: str
    read: Callable[[readers.ReadStats], Iterator[pa.RecordBatch]]


def _jobs(
    sources: object,
    named: list[str] | None,
    fields: readers.Fields,
    threads: int,
    progress: Progress,
    drawn: Drawn | None,
) -> tuple[list[_Job], list[dict[str, Any]]]:
    """The splits, and of each input file what the run folder says about it."""
    if named is None:
        progress.start("Scanning", None, "records")

        def read_memory(stats: readers.ReadStats) -> Iterator[pa.RecordBatch]:
            for batch in readers.read_objects(sources, fields, stats):
                yield batch
                progress.advance(batch.num_rows)

        return [_Job("<memory>", read_memory)], [{"source": "<memory>", "bytes": None, "xxh3": None}]
    plan: list[readers.Split] = drawn.splits if drawn else readers.plan(named, fields, workers=threads)
    progress.start("Scanning", sum(split.size for split in plan) or None, "bytes")

    def job(split: readers.Split) -> _Job:
        return _Job(split.source, lambda stats: readers.read(split, fields, stats, on_bytes=progress.advance))

    inputs: dict[str, dict[str, Any]] = {
        split.path: {"source": split.source, "path": os.path.abspath(split.path) if split.path != "-" else None}
        for split in (*plan, *(drawn.rest if drawn else []))
    }
    for path, size in drawn.scanned().items() if drawn else ():
        inputs[path]["scanned"] = size
    return [job(split) for split in plan], list(inputs.values())


def _with_checksum(item: dict[str, Any]) -> dict[str, Any]:
    """What the run folder says about an input; of one that was not scanned to its end, nothing more is read."""
    path = item.pop("path", None)
    if path is None:
        return {**item, "bytes": None, "xxh3": None}
    try:
        size = os.path.getsize(path)
        whole = item.get("scanned", size) >= size
        return {**item, "bytes": size, "xxh3": readers.checksum(path) if whole else None}
    except OSError as error:
        raise InputError(f"{path} can't be read any more: {error.strerror}. No run was written") from error


def _default_out(named: list[str] | None) -> Path:
    if named is None or named == ["-"]:
        raise UsageError("name the folder for the results with out (-o): the data has no name to take it from")
    name = Path(os.path.abspath(named[0])).name
    for suffix in (".gz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    stem, dot, _ = name.rpartition(".")
    return Path(f"{stem if dot and stem else name}.run")


def _index_path(index: Source | None) -> Source:
    return index if index is not None else os.environ.get("PROVSCAN_INDEX") or "licensed.index"


def _versions() -> dict[str, str]:
    from provscan import __version__

    return {
        "provscan": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class _Clock:
    """Wall-clock seconds of the stages of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = datetime.now(UTC)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now

    def dates(self) -> dict[str, str]:
        return {"started": self._started.isoformat(), "finished": datetime.now(UTC).isoformat()}
