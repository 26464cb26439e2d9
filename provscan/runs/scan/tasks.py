"""Scan all inputs: an executor runs one task per split, which writes a part file, and
the results are added up in the order of the splits (:func:`scan_inputs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.calibration.spike_ins import CARRIERS
from provscan.engine import (
    Advance,
    Executor,
    LostTask,
    Progress,
    Ray,
    Threads,
)
from provscan.errors import InputError, OutputError
from provscan.index import IndexReader
from provscan.matching.part_files import PartResult, load_part
from provscan.matching.record_samples import MAX_KEY, CarrierSample
from provscan.matching.scan_task import (
    CARRIER_SEED,
    Map,
    Sampling,
    ScanTask,
    reported,
    scan,
    scan_batches,
)
from provscan.names import counted
from provscan.options import MatchOptions, needs_files
from provscan.ordered_map import ordered_map
from provscan.params import MatchParams
from provscan.readers import (
    ReadStats,
    current_limits,
)
from provscan.runs.inputs.licensed import SearchedTexts
from provscan.runs.inputs.plan import Inputs, PathReasons
from provscan.runs.scan.left_out import check_skipped, unread_parts
from provscan.runs.scan.totals import ScanTotals
from provscan.runs.target import PARTS
from provscan.unfinished import Unfinished

# How messages name the scanned data, by its key in the inputs of a run.
SCANNED = {"dataset": "dataset", "null": "clean data", "known": "other sources"}


def scan_inputs(
    name: str,
    inputs: Inputs,
    folder: Unfinished,
    licensed: SearchedTexts,
    options: MatchOptions,
    progress: Progress,
) -> ScanTotals:
    """Scan all splits whose parts are not complete yet, and add up all parts. Part
    files with the matches remain in the folder. ``name`` is one of :data:`SCANNED`.
    """
    parts = folder.path / PARTS[name]
    parts.mkdir(exist_ok=True)
    complete = _complete(inputs, parts)
    done: list[PartResult] = []
    lost: list[LostTask] = []
    stats, carriers = ReadStats(), CarrierSample(CARRIERS, CARRIER_SEED)
    unit = "records" if inputs.named is None else "bytes"
    progress.start(f"Scanning the {SCANNED[name]}", inputs.size, unit)
    progress.advance(sum(inputs.splits[number].size for number in complete))
    with _executor(inputs, options) as executor:
        make_task = partial(
            ScanTask,
            fields=inputs.fields,
            snapshot=licensed.snapshot,
            params=MatchParams(),
            folder=parts,
            limits=current_limits(),
        )
        tasks = _tasks(make_task, inputs, complete, options.seed, carriers)
        function = _function(
            inputs, licensed.controls.reader, executor, options.threads
        )
        for result in _in_order(executor.run(function, tasks, progress), complete):
            if isinstance(result, LostTask):
                lost.append(result)
                continue
            done.append(_loaded(parts, result, stats, carriers))
        cluster = executor.describe() if isinstance(executor, Ray) else None
    # The order of the files must not decide whether a run stops, so the share of
    # unreadable records is compared with its limit only after the scan.
    check_skipped(stats, options)
    unread = unread_parts(done, lost)
    if not any(part.records for part in done):
        folder.forget()
        raise _nothing_scanned(name, stats, [*inputs.unread, *unread])
    return ScanTotals(
        folder=parts,
        parts=done,
        stats=stats,
        carriers=list(carriers.records.values()),
        unread=unread,
        cluster=cluster,
        share=inputs.share,
        sizes=None if inputs.sample is None else inputs.sample.sizes,
    )


def _complete(inputs: Inputs, parts: Path) -> set[int]:
    """Return the ids of the parts that an interrupted or an earlier run made."""
    splits = range(len(inputs.splits))
    return {number for number in splits if load_part(parts, number) is not None}


def _tasks(
    make_task: Callable[..., ScanTask],
    inputs: Inputs,
    complete: set[int],
    seed: int,
    carriers: CarrierSample,
) -> Iterator[ScanTask]:
    """Yield a task for each split whose part is not complete."""
    for number, split in enumerate(inputs.splits):
        if number not in complete:
            # Each task draws the records to scan, and keeps a sample of carrier
            # records. Spike-ins are planted in the carrier records, which also serve to
            # compare the lengths and scripts of the dataset and clean data. They
            # are the records with the lowest keys of the whole dataset: a task keeps
            # none far above the highest key of the sample so far, once that is full
            # (``carriers.limit``). The limit is doubled because a later run may reuse
            # this part without some of the others, and then needs records with higher
            # keys.
            limit = min(2 * carriers.limit, MAX_KEY)
            sampling = Sampling(inputs.share, seed, CARRIERS, limit)
            yield make_task(number, split, sampling=sampling)


def _in_order(
    results: Iterator[int | LostTask], complete: set[int]
) -> Iterator[int | LostTask]:
    """Yield the number of each complete part, or the lost task of a part that could
    not be made, in the order of the splits.
    """
    for number in count():
        result = number if number in complete else next(results, None)
        if result is None:
            return
        yield result


def _loaded(
    folder: Path, number: int, stats: ReadStats, carriers: CarrierSample
) -> PartResult:
    """Return the counts of a complete part, and add its statistics and carrier records
    to those of the other parts.
    """
    part = load_part(folder, number)
    if part is None:
        raise OutputError(f"part {number} of {folder} is gone: run match again")
    stats.merge(part.stats)
    carriers.merge(part.carriers)
    # There may be thousands of parts, and their samples are no longer needed.
    part.carriers = CarrierSample(0, 0)
    return part


def _executor(inputs: Inputs, options: MatchOptions) -> Executor:
    if options.ray is None:
        return Threads(max(1, min(len(inputs.splits), options.threads)))
    if inputs.streamed:
        raise needs_files()
    return Ray(options.workers, options.ray)


def _function(
    inputs: Inputs, reader: IndexReader, executor: Executor, threads: int
) -> Any:
    """Return the function that the executor runs. On this machine, several threads scan
    a split if there are only a few splits.
    """
    workers = 1 if isinstance(executor, Ray) else threads // executor.workers
    mapped: Map = partial(ordered_map, workers=workers) if workers > 1 else map
    if inputs.named is not None:
        shared = reader if isinstance(executor, Threads) else None
        return partial(scan, reader=shared, mapped=mapped)

    def scan_memory(task: ScanTask, advance: Advance) -> int:
        stats = ReadStats()
        batches = readers.read_objects(inputs.data, inputs.fields, stats)
        return scan_batches(task, reported(batches, advance), stats, reader, mapped)

    return scan_memory


def _nothing_scanned(name: str, stats: ReadStats, unread: PathReasons) -> InputError:
    if stats.records:
        return InputError(
            "the sample contains none of the records: give a larger --sample"
        )
    why = [
        f"{counted(count, 'record')} skipped ({reason})"
        for reason, count in stats.skipped.items()
    ]
    why += [
        f"{damage.source} is damaged ({damage.reason})" for damage in stats.damaged[:3]
    ]
    why += [f"{path} can't be read ({reason})" for path, reason in unread[:3]]
    reasons = "; ".join(why) or "the inputs are empty"
    return InputError(
        f"no records of the {SCANNED[name]} were scanned: {reasons}. Check the paths, "
        "and the field that contains the text (--text-field)"
    )
