"""Write the files of the result in threads, and scan them.

:func:`write_files` writes the files. :func:`left_in` scans the result, and counts the
records that have matches to remove.
"""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from provscan.cleaning.choice import Choice, Rejected
from provscan.cleaning.files import Dataset, Task, base_name, open_dataset
from provscan.cleaning.rewriting import write_file
from provscan.cleaning.work import Unpublished
from provscan.engine import Progress, Threads
from provscan.errors import InputError, OutputError
from provscan.matching import Index
from provscan.names import counted, printable
from provscan.options import MatchOptions
from provscan.readers import file_checksum
from provscan.runs.folder import MATCHES_FILE, RUN_FILE, read_run
from provscan.runs.match import run_match

# The maximum number of files that an error lists.
MOST_NAMED = 20

Entry = dict[str, Any]  # The entry of a file in the manifest.


def left_in(
    current: Unpublished,
    dataset: Dataset,
    choice: Choice,
    index: Index,
    options: MatchOptions,
    progress: Progress,
) -> int:
    """Scan the result, unless an interrupted call has done that, and return the number
    of records that have matches to remove.
    """
    written = [current.files / base_name(name) for name in dataset.named]
    sources = [str(path) for path in written if path.exists()]
    if not (current.scan / RUN_FILE).is_file():
        run_match(
            *(sources, index, current.scan, options, progress),
            render=lambda _: None,
            overwrite=False,
        )
    summary, info = read_run(current.scan, [MATCHES_FILE])
    again = Choice(current.scan / MATCHES_FILE, choice.options)
    if not again.matches:
        return 0
    if choice.rejected:
        copy = open_dataset(sources, summary, info)
        again = replace(again, rejected=_renumbered(choice, current, dataset, copy))
    return sum(len(matches["record"].unique()) for _, matches in again.by_source())


def _renumbered(
    choice: Choice, current: Unpublished, dataset: Dataset, copy: Dataset
) -> frozenset[Rejected]:
    """Return the rejected tweets, with the sources and the positions that they have in
    the copy.
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


def write_files(
    current: Unpublished,
    dataset: Dataset,
    choice: Choice,
    refused: dict[str, str],
    threads: int,
    progress: Progress,
) -> list[Entry]:
    """Write the files, and return their entries for the manifest. Their ``texts``
    counts the scanned records that remain. Files that could not be written are added to
    ``refused``.
    """
    for folder in (current.parts, current.files):
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(exist_ok=True)
    scanned = {each["source"]: each["records"] for each in dataset.summary["sources"]}
    files: list[Entry] = []
    paths = {split.path for split in dataset.plan if split.path in dataset.checksums}
    progress.start("Cleaning", sum(map(os.path.getsize, paths)), "bytes")
    with Threads(threads) as executor:
        function = partial(write_file, current, dataset.limits)
        tasks = _with_folders(dataset.tasks(choice, dict(refused)), current)
        # An error closes the iterator, and thereby ends the tasks, only if no variable
        # refers to it.
        for file in executor.run(function, tasks, progress):
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
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
            if file_checksum(target) != file_checksum(path):
                raise OutputError(f"the copy of {printable(path)} differs from it")
    return files


def _with_folders(tasks: Iterable[Task], current: Unpublished) -> Iterator[Task]:
    """Make the folder of each file, and yield its task. Tasks make no folders: one that
    outlives an interruption must not write to a folder that has been removed.
    """
    for task in tasks:
        (current.files / task.target).parent.mkdir(parents=True, exist_ok=True)
        yield task


def not_written(refused: dict[str, str]) -> InputError:
    shown = "; ".join(
        f"{name}: {why}" for name, why in list(refused.items())[:MOST_NAMED]
    )
    if (more := len(refused) - MOST_NAMED) > 0:
        shown += f"; and {more:,} more"
    return InputError(
        f"{counted(len(refused), 'file')} can't be written: {shown.rstrip('.')}. Leave "
        "such files out with --skip-unwritable"
    )
