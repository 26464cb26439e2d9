"""Scan all inputs: an executor runs one task per split, and the results are added up in
the order of the splits.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

from provscan import readers
from provscan.calibration.spike_ins import CARRIERS
from provscan.engine import (
    Advance,
    Executor,
    LostTask,
    Processes,
    Progress,
    Ray,
    Service,
    Threads,
)
from provscan.errors import InputError, OutputError, ParameterError
from provscan.index import CONSTANT, IndexReader, open_shards
from provscan.matching.part_files import fetch_part, load_part
from provscan.matching.scan_task import (
    Map,
    Sampling,
    ScanTask,
    Snapshot,
    reported,
    scan,
    scan_batches,
)
from provscan.names import counted
from provscan.options import MatchOptions, needs_files
from provscan.ordered_map import ordered_map
from provscan.readers import (
    MEMORY,
    FileStore,
    RayBlock,
    ReadStats,
    Split,
    current_limits,
)
from provscan.runs.folder import KNOWN_PARTS, NULL_PARTS, PARTS
from provscan.runs.inputs import Inputs, Reasons, check_skipped
from provscan.runs.licensed import LicensedTexts
from provscan.runs.scan_totals import ScanTotals
from provscan.runs.unfinished import RunFolder
from provscan.urls import below

# Number of records after which the share of unreadable records is first compared with
# the limit in the options.
CHECK_FROM = 10_000


@dataclass(frozen=True)
class Role:
    """The purpose for which data is read."""

    stage: str  # Name of its scan while it runs.
    parts: str  # Name of the folder of the part files.
    owner: str  # Completes "no records of ... were scanned" in a message.


ROLES = {
    "dataset": Role("Scanning", PARTS, ""),
    "null": Role("Scanning null dataset", NULL_PARTS, " of the null dataset"),
    "known": Role("Scanning known data", KNOWN_PARTS, " of the known data"),
}


def scan_inputs(
    inputs: Inputs,
    role: Role,
    folder: RunFolder,
    licensed: LicensedTexts,
    options: MatchOptions,
    progress: Progress,
) -> None:
    """Scan all splits whose parts are not complete yet. The results are in the run
    folder, from which :func:`provscan.runs.scan_totals.read_scan` reads them.
    """
    snapshot, reader = licensed.snapshot, licensed.controls.reader
    limits = current_limits()
    parts = folder.path / role.parts
    sizes = None if inputs.sample is None else inputs.sample.sizes
    totals = ScanTotals(parts, share=inputs.share, sizes=sizes)
    lost: list[LostTask] = []
    parts.mkdir(exist_ok=True)
    # Choose the records to scan, and the number of carrier records to keep, in which
    # spike-ins are planted and by which null dataset and dataset are compared.
    sampling = Sampling(inputs.share, options.seed, CARRIERS)
    # Blocks on a cluster are unknown until they are computed.
    splits = [] if inputs.in_blocks else list(inputs.splits)
    complete: set[int] = set()
    if folder.earlier is not None:
        complete = {
            number
            for number in range(len(splits))
            if load_part(parts, number) is not None
        }

    def tasks() -> Iterator[ScanTask]:
        for number, (split, block) in enumerate(_pieces(inputs)):
            if block is not None:
                splits.append(split)
            if number in complete:
                continue
            # Later tasks need not keep records that the sample already excludes.
            kept = replace(sampling, carrier_limit=totals.sample.limit)
            yield ScanTask(
                number,
                split,
                inputs.fields,
                snapshot,
                options.params,
                kept,
                str(parts),
                limits,
                store,
                block,
            )

    unit = "records" if inputs.named is None else "bytes"
    progress.start(role.stage, inputs.size, unit)
    progress.advance(sum(splits[number].size for number in complete))
    with _store(options) as store, _executor(inputs, options) as executor:
        if isinstance(executor, Ray) and options.shard_groups is not None:
            groups = _groups(executor, snapshot, reader, options)
            snapshot = replace(snapshot, groups=groups)
        threads = max(1, options.threads // executor.workers)
        function = _function(inputs, reader, executor, threads)
        results = executor.run(function, tasks(), progress)
        for number in count():
            if number not in complete:
                result = next(results, None)
                if result is None:
                    break
                if isinstance(result, LostTask):
                    lost.append(result)
                    continue
                if store is not None:
                    fetch_part(store, number, parts)
            totals.add_complete(number)
            if options.strict or totals.stats.records >= CHECK_FROM:
                check_skipped(totals.stats, options)
        totals.cluster = executor.describe() if isinstance(executor, Ray) else None
    check_skipped(totals.stats, options)
    totals.unread = unread_parts(totals, lost)
    if totals.records == 0:
        folder.resumable = False
        raise _nothing_scanned(inputs, role, totals)
    totals.save()


def _pieces(inputs: Inputs) -> Iterator[tuple[Split, RayBlock | None]]:
    """Yield the splits of files, or the blocks of data on a cluster as they are
    computed.
    """
    if not inputs.in_blocks:
        yield from ((split, None) for split in inputs.splits)
        return
    blocks = readers.blocks_of(inputs.data, inputs.fields, MEMORY, current_limits())
    for part, block in enumerate(blocks):
        first, size = block.first_record, block.size
        yield Split(MEMORY, MEMORY, "", first_record=first, size=size, part=part), block


@contextlib.contextmanager
def _store(options: MatchOptions) -> Iterator[str | None]:
    """Provide a folder for the parts of this run in the place that the user named, if
    any. The folder is removed when the parts have been copied to the run folder.
    """
    if options.parts is None:
        yield None
        return
    url = below(os.fspath(options.parts), f"provscan-{uuid.uuid4().hex}")
    store = FileStore(url)
    try:
        store.begin()
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"{options.parts} can't be written ({reason}): name another --parts"
        ) from error
    try:
        yield url
    finally:
        # Remaining files are useless, but a failure to remove them is not an error.
        with contextlib.suppress(OSError):
            store.end()


def _groups(
    executor: Ray, snapshot: Snapshot, reader: IndexReader, options: MatchOptions
) -> tuple[Service, ...]:
    """Return the processes of the cluster that have the shards of the index open."""
    shards, groups = len(reader.manifest.shards), options.shard_groups or 1
    if shards < groups:
        has = f"has only {shards}" if shards else "has none"
        raise ParameterError(
            f"shard_groups={groups} needs an index with at least that many shards, and "
            f"{snapshot.index} {has}: build it with more shards, or give fewer groups"
        )
    where = None if options.shards_from is None else os.fspath(options.shards_from)
    open_group = partial(
        open_shards,
        snapshot.index,
        snapshot=snapshot.fingerprint,
        control=snapshot.control,
        fetched_from=where,
    )
    try:
        return executor.start_services(
            [
                partial(open_group, shards=range(group, shards, groups))
                for group in range(groups)
            ],
            CONSTANT,
        )
    except OSError as error:
        shown = snapshot.index if where is None else where
        raise InputError(
            f"the nodes can't read the shards of {shown} ({error.strerror or error}): "
            "name a copy of the index that they can with --shards-from"
        ) from error


def _executor(inputs: Inputs, options: MatchOptions) -> Executor:
    if options.executor != "threads" and inputs.streamed and not inputs.in_blocks:
        raise needs_files(options.executor)
    if options.executor == "ray":
        return Ray(options.workers, options.address, memory=options.memory)
    workers = max(1, min(len(inputs.splits), options.threads))
    return Processes(workers) if options.executor == "processes" else Threads(workers)


def _function(
    inputs: Inputs, reader: IndexReader, executor: Executor, threads: int
) -> Any:
    """Return the function that the executor runs. On this machine, several threads scan
    a split if there are only a few splits.
    """
    if isinstance(executor, Ray):
        threads = 1
    mapped: Map = partial(ordered_map, workers=threads) if threads > 1 else map
    if inputs.named is not None or inputs.in_blocks:
        shared = reader if isinstance(executor, Threads) else None
        return partial(scan, reader=shared, mapped=mapped)

    def scan_memory(task: ScanTask, advance: Advance) -> int:
        stats = ReadStats()
        batches = readers.read_objects(inputs.data, inputs.fields, stats)
        return scan_batches(task, reported(batches, advance), stats, reader, mapped)

    return scan_memory


def unread_parts(totals: ScanTotals, lost: list[LostTask]) -> Reasons:
    """Return the splits that could not be scanned, and the members of archives that
    were not read.
    """
    splits = [task.task.split for task in lost]
    parts = Counter(each.source for each in (*totals.parts, *splits))
    found = []
    for split, task in zip(splits, lost, strict=True):
        count = parts[split.source]
        where = "all of it" if count == 1 else f"part {split.part + 1} of {count}"
        failures = ", ".join(sorted(set(task.failures)))
        words = f"{where} ({len(task.failures)} attempts failed: {failures})"
        found.append((split.source, words))
    return found + unread_members(totals.stats)


def unread_members(stats: ReadStats) -> Reasons:
    """Return the first members of compressed archives that were not read, and the
    number of the others.
    """
    cases = stats.examples.get("unread_member", [])
    found = [(case.source, case.detail) for case in cases]
    if more := stats.notes.get("unread_member", 0) - len(cases):
        words = f"and {more:,} more members of archives, for reasons like these"
        found.append((cases[-1].source, words))
    return found


def _nothing_scanned(inputs: Inputs, role: Role, totals: ScanTotals) -> InputError:
    if totals.stats.records:
        return InputError(
            "the sample contains none of the records: give a larger --sample"
        )
    why = [
        f"{counted(count, 'record')} skipped ({reason})"
        for reason, count in totals.stats.skipped.items()
    ]
    why += [
        f"{damage.source} is damaged ({damage.reason})"
        for damage in totals.stats.damaged[:3]
    ]
    unread = [*inputs.unread, *totals.unread]
    why += [f"{path} can't be read ({reason})" for path, reason in unread[:3]]
    reasons = "; ".join(why) or "the inputs are empty"
    return InputError(
        f"no records{role.owner} were scanned: {reasons}. Check the paths, and "
        "the field that contains the text (--text-field)"
    )
