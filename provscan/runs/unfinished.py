"""The folder of a run while it is being written: next to its final place, so that an
interrupted run can continue. It is moved there when the run is complete.

``NAME.run.unfinished`` contains ``unfinished.json``, the checkpoint with the options
and inputs of the run, and the parts that are complete. :func:`run_folder` provides it,
and renames it to ``NAME.run`` when everything is written. Files are removed only from a
folder that has ``unfinished.json`` or ``run.json``, and only if these name them or if
they have the names of parts.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provscan.errors import OutputError, RecallError, UsageError
from provscan.index.folder import remove_index, sync, sync_all
from provscan.names import counted
from provscan.runs.folder import (
    ALL_PARTS,
    CHECKPOINT,
    CONTROL,
    REPORTS,
    REVIEW_FILE,
    RUN_FILE,
    WRITTEN,
)
from provscan.writing import TEMPORARY, is_mount_point, remove_named, temporary_name

# The entry by which a checkpoint is recognised.
UNFINISHED = {"format": "provscan-unfinished-run"}
PART = re.compile(rf"[0-9]{{8}}\.(json|arrow)|scan\.json|{TEMPORARY.pattern}")
# Minimum free bytes on the disk, about the size of a small run with its report.
ROOM = 1 << 20

# Names of the entries of a checkpoint, for messages.
NAMES = {
    "options": "options",
    "limits": "limits of the readers",
    "index": "tweets in the index",
    "control": "control files",
    "files": "input files",
    "splits": "splits",
    "null_files": "files of the null dataset",
    "null_splits": "splits of the null dataset",
    "known_files": "files of the known data",
    "known_splits": "splits of the known data",
}
# The entries that are not files; files could be restored.
NO_FILES = ("options", "limits", "index")


@dataclass
class RunFolder:
    """A run folder that is being written."""

    path: Path  # Folder to write to.
    checkpoint: int  # Descriptor of the checkpoint, which is locked.
    # The checkpoint of the interrupted run that is continued, if any.
    earlier: dict[str, Any] | None
    resumable: bool = False  # Whether complete parts are kept after an interruption.

    def begin(self, checkpoint: dict[str, Any], *, resumable: bool) -> None:
        """Record the inputs of the run, or compare them with those of the run that
        continues.
        """
        known = json.loads(json.dumps(checkpoint))
        if self.earlier is not None:
            for name, words in NAMES.items():
                before = self.earlier.get(name)
                if known.get(name) != before:
                    advice = (
                        "Restore the files as they were, repeat"
                        if name not in NO_FILES
                        else "Repeat"
                    )
                    raise UsageError(
                        f"can't resume {self.path} with other {words}"
                        f"{_difference(before, known.get(name))}. {advice} the first "
                        "command with --resume, or start again with --overwrite"
                    )
        self.resumable = resumable
        if self.earlier is None:
            _write(self.checkpoint, UNFINISHED | known)


@contextlib.contextmanager
def run_folder(target: Path, *, resume: bool, overwrite: bool) -> Iterator[RunFolder]:
    """Provide a folder for a run, which replaces ``target`` when the block succeeds.

    If the block fails, complete parts are kept, and a note on how to continue is added
    to the error. With ``resume`` an unfinished run continues, if there is one; with
    ``overwrite`` an older or unfinished run may be replaced.
    """
    # If the target is a link, the folder to which it points is replaced.
    place = Path(os.path.realpath(target))
    if os.path.lexists(target):
        if not overwrite:
            done = ", so there is no interrupted run to continue" * resume
            raise OutputError(
                f"{target} exists already{done}: name another folder, or replace it "
                "with --overwrite"
            )
        _check_replaceable(target, place)
    unfinished = place.with_name(f"{place.name}.unfinished")
    shown = target.with_name(unfinished.name)
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't write next to {target}: {error.strerror}") from error
    with _locked(unfinished, shown) as checkpoint:
        earlier = _earlier(checkpoint, shown, resume=resume, overwrite=overwrite)
        folder = RunFolder(
            unfinished, checkpoint, earlier, resumable=earlier is not None
        )
        try:
            if folder.earlier is None:
                _write(checkpoint, UNFINISHED)
                _remove_parts(unfinished)
            remove_index(unfinished / CONTROL)
            _remove_files(unfinished)
            _require_room(checkpoint)
            yield folder
            retired = _put(unfinished, place, replace=overwrite)
        except BaseException as error:
            _keep_or_remove(folder, shown, error)
            if isinstance(error, OSError):
                raise _failed(error, target) from error
            raise
        _remove_parts(place)
        remove_index(place / CONTROL)
        remove_named(place, [CHECKPOINT])
        if retired is not None:
            _clear(retired, place)


def _check_replaceable(target: Path, place: Path) -> None:
    """Raise an error unless a folder contains only a run, or nothing, and can be
    replaced.
    """
    if not target.is_dir():
        raise OutputError(
            f"{target} is not a folder, so it is not replaced: name another place"
        )
    if is_mount_point(place):
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
    own = _own_names(target)
    if foreign := sorted(names - own):
        others = sorted(names - own - WRITTEN)
        why = (
            f"it contains {others[0]}"
            if others
            else f"no {RUN_FILE} of provscan names {foreign[0]}"
        )
        raise OutputError(
            f"{target} is not a run ({why}), so it is not replaced: name another folder"
        )


def _own_names(folder: Path) -> set[str]:
    """Return the names of the files that provscan wrote to the folder of a run,
    according to ``run.json`` and the checkpoint.
    """
    own: set[str] = set()
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        info = json.loads((folder / RUN_FILE).read_bytes())
        if "parameters" in info:
            own |= {
                name
                for name in {RUN_FILE, *info["files"], *REPORTS} & WRITTEN
                if (folder / name).is_file()
            }
    with contextlib.suppress(OSError):
        if _is_checkpoint((folder / CHECKPOINT).read_bytes()):
            own |= {CHECKPOINT, *ALL_PARTS, CONTROL, *WRITTEN}
    return own


def _remove_parts(folder: Path) -> None:
    for name in ALL_PARTS:
        with contextlib.suppress(OSError):
            parts = filter(PART.fullmatch, os.listdir(folder / name))
            remove_named(folder, [name, *(f"{name}/{part}" for part in parts)])


def _remove_files(folder: Path) -> None:
    """Remove the files of a run, and temporary files."""
    remove_named(folder, {*WRITTEN, *filter(TEMPORARY.fullmatch, os.listdir(folder))})


def _clear(retired: Path, place: Path) -> None:
    """Remove a replaced run, and move files that others saved in it to the new run.

    Files that can't be removed are not an error, since the run is already replaced.
    """
    own = _own_names(retired)
    if CHECKPOINT in own:
        _remove_parts(retired)
        remove_index(retired / CONTROL)
    remove_named(retired, own)
    with contextlib.suppress(OSError):
        for path in retired.iterdir():
            if not os.path.lexists(place / path.name):
                path.rename(place / path.name)
        retired.rmdir()


def _require_room(checkpoint: int) -> None:
    size = os.fstat(checkpoint).st_size
    try:
        os.pwrite(checkpoint, bytes(ROOM), size)
    finally:
        os.ftruncate(checkpoint, size)


def _failed(error: OSError, target: Path) -> OutputError:
    failed = OutputError(f"writing {target} failed: {error.strerror or error}")
    for note in getattr(error, "__notes__", []):
        failed.add_note(note)
    return failed


def _keep_or_remove(folder: RunFolder, shown: Path, error: BaseException) -> None:
    complete = sum(
        1 for name in ALL_PARTS for _ in (folder.path / name).glob("[0-9]*.json")
    )
    differs = isinstance(error, UsageError) and folder.earlier is not None
    if differs or (
        complete and folder.resumable and not isinstance(error, RecallError)
    ):
        if not differs:
            error.add_note(
                f"{counted(complete, 'complete part')} kept in {shown}: repeat the "
                "command with --resume to go on, or "
                "with --overwrite once an input file has changed"
            )
    else:
        _remove_parts(folder.path)
        remove_index(folder.path / CONTROL)
        with contextlib.suppress(OSError):
            _remove_files(folder.path)
            remove_named(folder.path, [CHECKPOINT])
            folder.path.rmdir()
        if not isinstance(error, KeyboardInterrupt):
            error.add_note("No results were saved")


def _earlier(
    checkpoint: int, shown: Path, *, resume: bool, overwrite: bool
) -> dict[str, Any] | None:
    """Return the checkpoint of the run to continue; None if there is none, or if that
    run was interrupted before its first part.
    """
    text = os.pread(checkpoint, os.fstat(checkpoint).st_size, 0).rstrip(b"\0")
    found: dict[str, Any] = json.loads(text) if text else UNFINISHED
    if found == UNFINISHED:
        return None
    if not resume:
        if not overwrite:
            raise OutputError(
                f"{shown} contains an interrupted run: continue it with --resume, or "
                "discard it with --overwrite"
            )
        return None
    return found


@contextlib.contextmanager
def _locked(folder: Path, shown: Path) -> Iterator[int]:
    """Lock the checkpoint of a run's folder; the system releases the lock when this
    process ends, however it ends.
    """
    if not (folder / CHECKPOINT).is_file():
        _require_own(folder, shown)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / CHECKPOINT, flags, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(descriptor), os.stat(folder / CHECKPOINT))
        except OSError:
            same = False
        if not same:
            raise OutputError(
                f"{shown} is being written by another process: wait for it, or name "
                "another folder"
            )
        text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        if not text:
            _require_own(folder, shown)
        elif not _is_checkpoint(text):
            raise OutputError(
                f"{shown} contains a file {CHECKPOINT} that provscan did not write: "
                "name another folder"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _require_own(folder: Path, shown: Path) -> None:
    """Raise an error if a folder without a checkpoint contains anything but a replaced
    run.
    """
    if foreign := sorted(set(os.listdir(folder)) - {CHECKPOINT, *_own_names(folder)}):
        raise OutputError(
            f"{shown} contains {foreign[0]}, and no unfinished run that it could "
            "belong to: name another folder"
        )


def _is_checkpoint(text: bytes) -> bool:
    try:
        found = json.loads(text.rstrip(b"\0"))
    except ValueError:
        return False
    return isinstance(found, dict) and found.items() >= UNFINISHED.items()


def _write(checkpoint: int, value: dict[str, Any]) -> None:
    # Write in place, since the file is locked; it contains a complete object at any
    # time.
    text = json.dumps(value).encode()
    os.pwrite(checkpoint, text, 0)
    os.ftruncate(checkpoint, len(text))
    os.fsync(checkpoint)


def _put(temporary: Path, place: Path, *, replace: bool) -> Path | None:
    """Move a folder to its place, and return the new path of the folder that was
    there.
    """
    sync_all(
        [
            path
            for path in temporary.iterdir()
            if path.is_file() and path.name != CHECKPOINT
        ]
    )
    sync(temporary)
    if not os.path.lexists(place):
        temporary.rename(place)
        sync(place.parent)
        return None
    if not replace:
        raise FileExistsError(
            errno.EEXIST, "a folder was created there in the meantime"
        )
    if _exchange(temporary, place):
        sync(place.parent)
        return temporary
    retired = temporary.with_name(temporary_name())
    place.rename(retired)
    try:
        temporary.rename(place)
    except BaseException:
        retired.rename(place)
        raise
    return retired


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders atomically, if the system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    cwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return (
        rename is not None
        and rename(cwd, os.fsencode(first), cwd, os.fsencode(second), exchange) == 0
    )


def _difference(before: Any, now: Any) -> str:
    """Return the difference between two dicts or lists in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in now if before.get(name) != now[name]]
        return (
            " "
            f"({', '.join(f'{name} was {before.get(name)!r} and is {now[name]!r}' for name in names[:3])})"  # noqa: E501
        )
    if isinstance(before, list) and isinstance(now, list):
        changed = [item[0] for item in now if item not in before] or [
            item[0] for item in before if item not in now
        ]
        return f" ({', '.join(map(str, changed[:3]))})"
    return ""
