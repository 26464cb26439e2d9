"""The path of a run, and the folder in which the run is written.

:func:`run_path` determines the path. :func:`run_folder` provides a folder for the files
of the run, and moves it to that path when the run is complete. Files of an earlier run
are removed only if its ``run.json`` lists them or if they are reports.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from provscan import readers
from provscan.errors import OutputError, UsageError
from provscan.index.folder import remove_index
from provscan.opening import LARGE, read_small
from provscan.options import Source
from provscan.params import require_folder
from provscan.readers.bytes.compression import COMPRESSED
from provscan.runs.folder import (
    REPORT_FILE,
    REVIEW_FILE,
    RUN_FILE,
    SCANNED_FILE,
    WRITTEN,
    is_page,
)
from provscan.runs.inputs.plan import Sources
from provscan.unfinished import (
    Unfinished,
    Work,
    require_new,
    require_outside,
    unfinished_folder,
)
from provscan.urls import source_of
from provscan.writing import TEMPORARY, is_mount_point, remove_named

# Folders in the unfinished folder of a run: the run's files, the index of its control,
# and the part files of each scan.
FILES, CONTROL = "run", "control"
PARTS = {"dataset": "parts", "null": "null", "known": "known"}
FILE = re.compile("|".join([*map(re.escape, sorted(WRITTEN)), TEMPORARY.pattern]))
PART = re.compile(rf"[0-9]{{8}}\.(json|arrow)|{TEMPORARY.pattern}")


class RunFolder(NamedTuple):
    """A run that is being written."""

    unfinished: Unfinished  # The folder of its parts.
    files: Path  # The folder of its files.


def run_path(
    sources: Sources, out: Source | None, others: Iterable[Source] = ()
) -> Path:
    """Return the path of the run folder, which by default is named after the first
    source. The path must be outside the sources and outside ``others``, which are also
    read.
    """
    named = readers.source_list(sources)
    path = default_out(named) if out is None else out
    require_folder("out", path)
    require_outside(Path(path), [*(named or []), *map(source_of, others)])
    return Path(path)


def default_out(named: Sequence[str] | None) -> str:
    """Return the default name of the folder for a run over some files."""
    if named is None or list(named) == ["-"]:
        raise UsageError(
            "name the folder for the results with out (-o): data in memory and the "
            "standard input have no name from which to derive it"
        )
    name = os.path.basename(os.path.abspath(named[0]).replace(":", "-"))
    # The name of a file may be invalid UTF-8, but the name of a run must be valid.
    name = os.fsencode(name).decode("utf-8", "replace")
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    stem, dot, _ = name.rpartition(".")
    return f"{stem if dot and stem else name}.run"


@contextlib.contextmanager
def run_folder(target: Path, *, overwrite: bool) -> Iterator[RunFolder]:
    """Provide a folder for a run, which becomes ``target`` when the block succeeds.

    An interrupted run is resumed if there is one. With ``overwrite``, an earlier run is
    replaced, and an interrupted run with other options is started again.
    """
    if not overwrite:
        require_new(target, WORK)
    elif os.path.lexists(target) and not target.is_symlink():
        _check_replaceable(target)
    with unfinished_folder(target, WORK, overwrite=overwrite) as folder:
        # A resumed run writes its control index and its files again.
        _remove_files(folder.path)
        files = folder.path / FILES
        files.mkdir(exist_ok=True)
        yield RunFolder(folder, files)
        folder.publish(files, replace=overwrite)
        _clear(files, target)


def _check_replaceable(target: Path) -> None:
    """Raise an error unless the target is a folder that contains only a run, or
    nothing, and that can be replaced.
    """
    if not target.is_dir():
        raise OutputError(
            f"{target} is not a folder, so it is not replaced: name another path"
        )
    if is_mount_point(target):
        raise OutputError(
            f"{target} is a mount point, so no folder can take its place: name a "
            f"folder in it, such as {target / 'dataset.run'}"
        )
    if not os.access(target, os.W_OK):
        raise OutputError(
            f"{target} is write-protected, so it is not replaced: name another folder"
        )
    names = {path.name for path in target.iterdir()}
    if REVIEW_FILE in names:
        raise OutputError(
            f"{target} has verdicts of reviewers ({REVIEW_FILE}), which would be lost: "
            "name another folder, or move that file away"
        )
    if foreign := sorted(names - _own_names(target)):
        others = [name for name in foreign if name not in WRITTEN]
        why = (
            f"it contains {others[0]}"
            if others
            else f"no {RUN_FILE} of provscan lists {foreign[0]}"
        )
        raise OutputError(
            f"{target} is not a run ({why}), so it is not replaced: name another folder"
        )
    if REPORT_FILE in names and not is_page(target / REPORT_FILE):
        raise OutputError(
            f"{target / REPORT_FILE} is not a report as provscan wrote it, so the run "
            "is not replaced: move that file away, or name another folder"
        )


def _own_names(folder: Path) -> set[str]:
    """Return the names of the files of a run, according to its ``run.json``."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        info = json.loads(read_small(folder / RUN_FILE, LARGE))
        if "parameters" in info:
            others = {SCANNED_FILE} if "scanned" in info else set()
            names = {RUN_FILE, *info["files"], REPORT_FILE, *others} & WRITTEN
            return {name for name in names if (folder / name).is_file()}
    return set()


def _clear(replaced: Path, run: Path) -> None:
    """Remove a replaced run, and move files that others saved in it to the new run.

    Errors are ignored, since the new run is already complete.
    """
    with contextlib.suppress(OSError):
        if replaced.is_symlink():
            replaced.unlink()
            return
        remove_named(replaced, _own_names(replaced))
        for path in replaced.iterdir():
            if not os.path.lexists(run / path.name):
                path.rename(run / path.name)


def _remove_work(folder: Path) -> None:
    """Remove everything that a run writes to its unfinished folder."""
    for name in PARTS.values():
        _remove_matching(folder, name, PART)
    _remove_files(folder)


def _remove_files(folder: Path) -> None:
    remove_index(folder / CONTROL)
    _remove_matching(folder, FILES, FILE)


def _remove_matching(folder: Path, name: str, files: re.Pattern[str]) -> None:
    """Remove the matching files of the folder ``name`` inside ``folder``, and that
    folder if it is then empty.
    """
    with contextlib.suppress(OSError):
        found = filter(files.fullmatch, os.listdir(folder / name))
        remove_named(folder, [name, *(f"{name}/{file}" for file in found)])


WORK = Work(
    name="run",
    parts=tuple(f"{name}/[0-9]*.json" for name in PARTS.values()),
    unit="part",
    remove=_remove_work,
    request={
        "options": "options",
        "limits": "limits of the readers",
        "versions": "versions of packages",
        "program": "sources of provscan",
        "index": "tweets in the index",
        "control": "control files",
        "files": "input files",
        "splits": "splits",
        "null_files": "files of the clean data",
        "null_splits": "splits of the clean data",
        "known_files": "files of the known data",
        "known_splits": "splits of the known data",
    },
)
