"""Keep an unfinished result in a folder, so that an interrupted command can resume.

``OUT.unfinished`` contains ``unfinished.json`` (the request) and, for each round, the
files of the result, the parts, and the scan of the result. A part describes what was
removed from one file, and is written when that file is complete. A complete file is not
written again. The files of the last round become ``OUT`` when everything is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from provscan.errors import OutputError, UsageError
from provscan.names import counted
from provscan.readers import file_checksum
from provscan.runs.folder import write_json
from provscan.writing import TEMPORARY, replacing_file

CHECKPOINT = "unfinished.json"
FORMAT = {"format": "provscan-unfinished-cleaning", "version": 1}
ROUNDS = 3


class Round(NamedTuple):
    """One round of cleaning: the paths of its files, and its parts."""

    folder: Path  # OUT.unfinished.
    number: int

    @property
    def files(self) -> Path:
        return self.folder / str(self.number)

    @property
    def parts(self) -> Path:
        return self.folder / f"{self.number}.parts"

    @property
    def scan(self) -> Path:
        return self.folder / f"{self.number}.run"

    def lines(self, file: int) -> Path:
        """Return the path of the lines for the records removed from a file."""
        return self.parts / f"{file:08}.jsonl"

    def removed(self) -> Iterator[bytes]:
        """Yield the lines for the records removed from all files."""
        for path in sorted(self.parts.glob("*.jsonl")):
            with path.open("rb") as lines:
                yield from lines

    def save(self, file: int, about: dict[str, Any]) -> None:
        """Write the part of a file, which is then complete."""
        checksum = file_checksum(self.lines(file))
        with replacing_file(self.parts / f"{file:08}.json") as temporary:
            write_json(temporary, about | {"lines": checksum})

    def load(self, file: int, written: Path) -> dict[str, Any] | None:
        """Return the part of a file; None if it is not complete, or if the file was
        changed since.
        """
        try:
            part = (self.parts / f"{file:08}.json").read_bytes()
            about: dict[str, Any] = json.loads(part)
            same = about.pop("lines") == file_checksum(self.lines(file))
            now = file_checksum(written) if written.exists() else None
        except (OSError, ValueError, KeyError):
            return None
        return about if same and about["xxh3_after"] == now else None


def unfinished(target: Path) -> Path:
    """Return the folder in which a result is written."""
    return target.with_name(f"{target.name}.unfinished")


@contextlib.contextmanager
def work_folder(
    target: Path, request: dict[str, Any], *, resume: bool
) -> Iterator[Path]:
    """Provide the folder in which a result is written. It is removed if the block
    succeeds, or if it fails before a file is complete.

    Raises
    ------
    OutputError
        Another process is writing to the folder, or provscan did not write it.
    UsageError
        The folder has an interrupted result, and `resume` is false or the request is
        not the same.
    """
    folder = unfinished(target)
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(lock), os.stat(folder))
        except OSError:
            same = False
        if not same:
            raise OutputError(
                f"{folder} is being written by another process: wait for it, or name "
                "another folder"
            )
        _begin(folder, json.loads(json.dumps(FORMAT | request)), resume=resume)
        try:
            yield folder
        except BaseException as error:
            if complete := _complete(folder):
                error.add_note(
                    f"{counted(complete, 'complete file')} kept in {folder}: repeat "
                    "the command with --resume to continue, or remove that folder"
                )
            elif isinstance(error, Exception):  # After Ctrl-C, tasks may still write.
                _remove(folder)
            raise
        _remove(folder)
    finally:
        os.close(lock)


def _begin(folder: Path, request: dict[str, Any], *, resume: bool) -> None:
    """Record the request. If files are complete, compare it with the earlier request
    instead.
    """
    names = [name for name in os.listdir(folder) if not TEMPORARY.fullmatch(name)]
    try:
        before = json.loads((folder / CHECKPOINT).read_bytes())
        own = before.items() >= FORMAT.items()
    except (OSError, ValueError, AttributeError):
        own = False
    if names and not own:
        raise OutputError(
            f"{folder} contains {min(names)}, which provscan did not write: name "
            "another folder"
        )
    if not _complete(folder):
        _remove_rounds(folder)
        with replacing_file(folder / CHECKPOINT) as temporary:
            write_json(temporary, request)
        return
    if not resume:
        raise UsageError(
            f"{folder} contains an interrupted result: continue it with --resume, or "
            "remove it"
        )
    if differ := [name for name in request if before.get(name) != request[name]]:
        raise UsageError(
            f"can't resume {folder}: its {' and '.join(differ)} differ. Repeat the "
            "first command with --resume, or remove that folder"
        )


def _complete(folder: Path) -> int:
    """Return the number of complete parts."""
    return sum(1 for _ in folder.glob("*.parts/*.json"))


def _remove_rounds(folder: Path) -> None:
    for number in range(1, ROUNDS + 1):
        each = Round(folder, number)
        for path in (each.files, each.parts, each.scan, unfinished(each.scan)):
            shutil.rmtree(path, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove what provscan wrote to a folder, and the folder if it is then empty."""
    _remove_rounds(folder)
    with contextlib.suppress(OSError):
        (folder / CHECKPOINT).unlink()
        folder.rmdir()
