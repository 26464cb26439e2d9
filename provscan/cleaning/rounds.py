"""Clean a dataset in rounds, each of which writes the files and scans the result.

:func:`clean_in_rounds` is the loop over rounds. In each round, :func:`_write_files`
writes the files, and :class:`Scanner` scans the result with the options of the run. If
matches to remove are left, the next round cleans this result.
"""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from provscan import api
from provscan.cleaning.choice import Choice, Rejected
from provscan.cleaning.files import Dataset, Task, base_name, open_dataset
from provscan.cleaning.rewriting import write_file
from provscan.cleaning.work import ROUNDS, Round
from provscan.engine import EXECUTORS, LostTask, Progress, Ray
from provscan.errors import InputError, WorkerError
from provscan.matching import Index
from provscan.names import counted
from provscan.options import MatchOptions
from provscan.runs.folder import MATCHES_FILE, RUN_FILE, read_run

# The maximum number of files that an error lists.
MOST_NAMED = 20
# The counts of a file that are added up over the rounds.
ADDED = (
    "records_removed",
    "records_with_matches",
    "spans",
    "unscanned_removed",
    "hidden_masked",
)

Entry = dict[str, Any]  # The entry of a file in the manifest.


def clean_in_rounds(
    work: Path,
    dataset: Dataset,
    choice: Choice,
    refused: dict[str, str],
    scanner: Scanner,
) -> tuple[Round, list[Entry], int | None]:
    """Clean in up to ROUNDS rounds, until no match to remove is left.

    Returns
    -------
    last
        The last round.
    files
        The entries of the files for the manifest. Files that could not be written are
        added to ``refused``.
    left
        The number of records that still have matches to remove; None with
        ``keep_only``, whose result is not scanned.
    """
    named, options = dataset.named, choice.options
    entries: dict[str, Entry] = {}
    for number in range(1, ROUNDS + 1):
        current, left = Round(work, number), None if options.keep_only else 0
        files = _write_files(current, dataset, choice, refused, scanner)
        texts = sum(file.pop("texts") for file in files)
        for file in files:
            before = entries.setdefault(file["path"], file)
            if before is not file:
                before |= {name: before[name] + file[name] for name in ADDED}
                before |= {name: file[name] for name in ("records_kept", "xxh3_after")}
        if options.keep_only or not texts:
            break
        written = [current.files / base_name(name) for name in named]
        sources = [str(path) for path in written if path.exists()]
        summary, info = scanner.scan(current, sources)
        options = replace(options, drop_unscanned=False)
        again = Choice(current.scan / MATCHES_FILE, options)
        if not again.matches:
            break
        copy = open_dataset(sources, summary, info)
        rejected = _renumbered(choice, current, dataset, copy)
        dataset, choice = copy, replace(again, rejected=rejected)
        found = (matches["record"] for _, matches in choice.by_source())
        left = sum(len(records.unique()) for records in found)
        if not left or number == ROUNDS:
            break
        if reasons := dataset.unwritable(choice):
            raise not_written(reasons)
    return current, list(entries.values()), left


def _renumbered(
    choice: Choice, current: Round, dataset: Dataset, copy: Dataset
) -> frozenset[Rejected]:
    """Return the rejected tweets, with the names of sources and the numbers of records
    in the copy that a round wrote.
    """
    if not choice.rejected:
        return choice.rejected
    removed = defaultdict[str, list[int]](list)
    if choice.options.mask is None:
        for line in current.removed():
            found = json.loads(line)
            removed[found["source"]].append(found["record"])
    members = {dataset.sources[s.source]: dataset.member(s) for s in dataset.plan}
    names = {copy.member(s): copy.sources[s.source] for s in copy.plan}
    return frozenset(
        key._replace(
            source=names[members[key.source]],
            record=key.record - bisect_left(removed[key.source], key.record),
        )
        for key in choice.rejected
        if members[key.source] in names and key.record not in removed[key.source]
    )


def _write_files(
    current: Round,
    dataset: Dataset,
    choice: Choice,
    refused: dict[str, str],
    scanner: Scanner,
) -> list[Entry]:
    """Write the files of one round, and return their entries for the manifest. Their
    ``texts`` is the number of scanned records that are left.
    """
    current.parts.mkdir(exist_ok=True)
    current.files.mkdir(exist_ok=True)
    scanned = {each["source"]: each["records"] for each in dataset.summary["sources"]}
    options, progress = scanner.options, scanner.progress
    files: list[Entry] = []
    paths = {split.path for split in dataset.plan if split.path in dataset.checksums}
    progress.start("Cleaning", sum(map(os.path.getsize, paths)), "bytes")
    with (
        Ray(options.workers, options.address)
        if options.executor == "ray"
        else EXECUTORS[options.executor](options.threads)
    ) as executor:
        function = partial(write_file, current, dataset.fields, dataset.limits)
        tasks = _with_folders(dataset.tasks(choice, dict(refused)), current)
        # An error closes the iterator, and thereby ends the tasks, only if no variable
        # refers to it.
        for file in executor.run(function, tasks, progress):
            if isinstance(file, LostTask):
                why = ", ".join(sorted(set(file.failures)))
                raise WorkerError(f"{file.task} could not be written: {why}")
            names = file.pop("names")
            if (reason := file.get("unwritable")) is not None:
                refused |= dict.fromkeys(names, reason)
                if not choice.options.skip_unwritable:
                    raise not_written(refused)
                continue
            dropped = file["records_with_matches"] if choice.options.mask is None else 0
            file["texts"] = sum(scanned.get(name, 0) for name in names) - dropped
            files.append(file)
    progress.finish()
    written = {file["path"] for file in files}
    for path, where in dataset.metadata():
        target = current.files / where
        if target.parent.is_dir() and where not in written:
            shutil.copyfile(path, target)
    return files


def _with_folders(tasks: Iterable[Task], current: Round) -> Iterator[Task]:
    """Make the folder of each file, and yield its task. Tasks make no folders: one that
    outlives an interruption must not write to a folder that has been removed.
    """
    for task in tasks:
        (current.files / task.target).parent.mkdir(parents=True, exist_ok=True)
        yield task


@dataclass
class Scanner:
    """Scans the results of all rounds with the same options and index."""

    options: MatchOptions
    progress: Progress
    index: Index | None = None

    def scan(
        self, current: Round, sources: list[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Scan the result of a round, unless an interrupted call has done that. Return
        ``summary.json`` and ``run.json`` of the scan.
        """
        if not (current.scan / RUN_FILE).is_file():
            names = [item.name for item in fields(self.options)]
            api.match(
                sources,
                self.index,
                current.scan,
                resume=True,
                progress=self.progress,
                **{name: getattr(self.options, name) for name in names},
            )
        return read_run(current.scan, [MATCHES_FILE])


def not_written(refused: dict[str, str]) -> InputError:
    shown = "; ".join(
        f"{name}: {why}" for name, why in list(refused.items())[:MOST_NAMED]
    )
    if (more := len(refused) - MOST_NAMED) > 0:
        shown += f"; and {more:,} more"
    return InputError(
        f"{counted(len(refused), 'file')} can't be written: {shown}. Leave such files "
        "out with --skip-unwritable"
    )
