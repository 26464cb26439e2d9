"""The folder of a result while it is being written, so that an interrupted command can
resume.

The folder ``OUT.unfinished`` contains the checkpoint ``unfinished.json``, which is
locked while a process writes to the folder; the complete parts of the work; and a
folder with the result, which becomes ``OUT`` at the end.

:func:`require_outside` refuses to write into an input, and :func:`require_new` to
replace anything. :func:`unfinished_folder` provides the folder.
:meth:`Unfinished.begin` records the request of the command in the checkpoint, or
compares it with the request of the interrupted command.
:meth:`Unfinished.publish` moves the result to its place.

A part is complete when the file that describes it exists. :class:`Work` says which
files these are, and how the files of a command are removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provscan.errors import OutputError, UsageError
from provscan.index.folder import sync, sync_all
from provscan.names import counted
from provscan.readers.corpus.recipes import path_in_recipe
from provscan.urls import local_path
from provscan.writing import EXISTS, exchange, hidden, remove_dead, remove_named

CHECKPOINT = "unfinished.json"
VERSION = 1
# How to go on after an interruption, for messages.
ADVICE = "repeat the command to resume it"
# Minimum free bytes on the disk, about the size of a small run with its report.
ROOM = 1 << 20


@dataclass(frozen=True)
class Work:
    """A description of what a command writes to its unfinished folder."""

    name: str  # The kind of the result, such as "run".
    # Patterns of the files that describe complete parts, for ``Path.glob``.
    parts: tuple[str, ...]
    unit: str  # What a part is, in words.
    # Function that removes everything that the command wrote to the folder.
    remove: Callable[[Path], None]
    # Entries of the request that must not change, with their names for messages.
    request: Mapping[str, str] = field(default_factory=dict)

    @property
    def checkpoint(self) -> dict[str, Any]:
        """The entries by which a checkpoint of this command is recognised."""
        return {"format": f"provscan-unfinished-{self.name}", "version": VERSION}

    def discard(self, folder: Path) -> None:
        """Remove the files that describe complete parts, which are then made again."""
        for pattern in self.parts:
            for path in folder.glob(pattern):
                path.unlink()

    def complete(self, folder: Path) -> int:
        """Return how many complete parts an unfinished folder contains."""
        return sum(1 for pattern in self.parts for _ in folder.glob(pattern))


class Unfinished:
    """A folder with an unfinished result, which this process has locked.

    ``path`` is the folder. ``earlier`` is the request of the interrupted command that
    is resumed, or None if no command is resumed.
    """

    def __init__(
        self,
        path: Path,
        target: Path,
        work: Work,
        checkpoint: int,
        earlier: dict[str, Any] | None,
        overwrite: bool,
    ) -> None:
        self.path, self.earlier, self._overwrite = path, earlier, overwrite
        self._target, self._work, self._checkpoint = target, work, checkpoint
        # Whether complete parts are kept if the command fails.
        self._keep = earlier is not None
        self._published = False

    def begin(self, request: Mapping[str, Any], *, keep: bool = True) -> None:
        """Record the request of this command, or compare it with that of the command
        that is resumed. If they differ, this is an error or, with ``overwrite``, the
        complete parts are discarded. They are kept after an interruption only with
        ``keep``.
        """
        now = json.loads(json.dumps(request))
        earlier = now if self.earlier is None else self.earlier
        for name, words in self._work.request.items():
            if (before := earlier.get(name)) == now.get(name):
                continue
            if self._overwrite:
                self.earlier = None
                self._work.discard(self.path)
                break
            raise UsageError(
                f"can't resume {unfinished_path(self._target)} with other {words}"
                f"{_difference(before, now.get(name))}. Undo that change and {ADVICE}, "
                "or start again with --overwrite"
            )
        if keep:
            _write(self._checkpoint, self._work.checkpoint | {"request": now})
        self._keep = keep

    def forget(self) -> None:
        """Discard the complete parts if the command fails, because a resumed command
        would fail again.
        """
        self._keep = False

    def publish(self, result: Path, *, replace: bool = False) -> None:
        """Move the complete folder ``result`` to the target.

        An existing target is an error. With ``replace``, it is moved to the former path
        of ``result``; if it is a link, the link is moved, not the folder that it points
        to.
        """
        sync_all([*result.rglob("*"), result])
        place = self._target
        # If this process is killed after the move, the next one knows that it was done.
        moved = {"published": _identity(result)}
        _write(self._checkpoint, _read(self._checkpoint) | moved)
        if not os.path.lexists(place):
            result.rename(place)
        elif not replace:
            raise FileExistsError(
                errno.EEXIST, "a folder was created there in the meantime"
            )
        else:
            exchange(result, place)
        self._published = True
        sync(place.parent)

    def _end(self, error: BaseException | None) -> None:
        """Remove the folder, unless the command failed and can be resumed. In that
        case, add a note with the way to resume it to the error.
        """
        complete = self._work.complete(self.path)
        if error is not None and self._keep and complete and not self._published:
            # A UsageError has its own remedy.
            if not isinstance(error, UsageError):
                error.add_note(
                    f"{counted(complete, f'complete {self._work.unit}')} kept in "
                    f"{unfinished_path(self._target)}: {ADVICE}"
                )
            return
        with contextlib.suppress(OSError):
            _discard(self.path, self._checkpoint, self._work)
        if isinstance(error, Exception) and not self._published:
            error.add_note("No results were saved")


def require_new(target: Path, work: Work) -> None:
    """Raise :class:`~provscan.errors.OutputError` if the target exists. If a command
    was killed after it had moved its result there, remove what it left.
    """
    if not os.path.lexists(target):
        return
    with contextlib.suppress(OSError, OutputError):
        remove_dead(target.parent)
        place = unfinished_path(target)
        if (place / CHECKPOINT).is_file():
            with _locked(place, work) as checkpoint:
                found = _read(checkpoint)
                if "request" not in found or found.get("published") == _identity(
                    target
                ):
                    _discard(place, checkpoint, work)
    raise OutputError(EXISTS.format(target))


def require_outside(target: Path, sources: Sequence[str]) -> None:
    """Raise :class:`~provscan.errors.OutputError` if the target is inside a folder that
    is read, or if an input is inside the target.
    """
    place = Path(os.path.realpath(target))
    for source in sources:
        path = local_path(path_in_recipe(source))
        read = Path(os.path.realpath(path))
        # ``os.path.isdir`` raises no error for a path that is too long, such as a text
        # that was given by mistake.
        if path and (
            read.is_relative_to(place)
            or (os.path.isdir(read) and place.is_relative_to(read))
        ):
            raise OutputError(
                f"{target} would be inside an input, {source}, or contain it: give a "
                "place outside of it with -o"
            )


@contextlib.contextmanager
def unfinished_folder(
    target: Path, work: Work, *, overwrite: bool = False
) -> Iterator[Unfinished]:
    """Provide the folder in which the result for ``target`` is written. The folder is
    removed at the end, unless the block fails and its complete parts are kept. An
    interrupted command is resumed if it completed any parts.

    Parameters
    ----------
    target
        The final path of the result. A link there is replaced, not followed.
    work
        The description of what the command writes.
    overwrite
        Discard the parts of an interrupted command whose request was another.

    Raises
    ------
    OutputError
        The folder can't be written, another process is writing to it, or it contains
        files that provscan did not write.
    """
    place = unfinished_path(target)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't write next to {target}: {error.strerror}") from error
    with _locked(place, work) as checkpoint:
        # A command that completed no part starts from the beginning.
        earlier = _read(checkpoint).get("request") if work.complete(place) else None
        folder = Unfinished(place, target, work, checkpoint, earlier, overwrite)
        try:
            if earlier is None:
                _write(checkpoint, work.checkpoint)
                work.remove(place)
            _require_room(checkpoint)
            yield folder
        except BaseException as error:
            folder._end(error)
            if isinstance(error, OSError):
                raise _failed(error, target) from error
            raise
        folder._end(None)


def unfinished_path(target: Path) -> Path:
    """Return the folder in which the result for a target is written."""
    # A path such as ``..`` has no name of its own.
    named = target.name not in ("", "..")
    place = target if named else Path(os.path.realpath(target))
    return place.with_name(f"{place.name}.unfinished")


@contextlib.contextmanager
def _locked(folder: Path, work: Work) -> Iterator[int]:
    """Lock the checkpoint of a folder; the system releases the lock when this process
    ends, however it ends.
    """
    if not (folder / CHECKPOINT).is_file():
        _require_empty(folder)
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
                f"{folder} is being written by another process: wait for it, or name "
                "another folder"
            )
        if os.fstat(descriptor).st_size == 0:
            _require_empty(folder)
        elif not _read(descriptor).items() >= work.checkpoint.items():
            raise OutputError(
                f"{folder} contains a file {CHECKPOINT} that this command did not "
                "write: name another folder"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _require_empty(folder: Path) -> None:
    """Raise an error if a folder without a checkpoint contains anything."""
    if foreign := sorted(set(os.listdir(folder)) - {CHECKPOINT}):
        raise OutputError(
            f"{folder} contains {foreign[0]}, which provscan did not write: name "
            "another folder"
        )


def _discard(folder: Path, checkpoint: int, work: Work) -> None:
    """Remove what a command wrote to a locked folder, and the folder if it is empty."""
    # If the removal is interrupted, the rest must not be taken for complete parts.
    with contextlib.suppress(OSError):
        _write(checkpoint, work.checkpoint)
    work.remove(folder)
    # A command inside this one, such as the scan of ``clean``, may have been killed.
    remove_dead(folder)
    if os.listdir(folder) == [CHECKPOINT]:
        # Move the folder away as a whole: without its checkpoint, provscan would not
        # recognise it. If the disk is too full for that, remove the checkpoint last.
        with contextlib.suppress(OSError), hidden(folder.parent) as temporary:
            folder.rename(temporary)
            return
    remove_named(folder, [CHECKPOINT])
    with contextlib.suppress(OSError):
        folder.rmdir()


def _identity(path: Path) -> list[int]:
    found = os.lstat(path)
    return [found.st_dev, found.st_ino]


def _read(checkpoint: int) -> dict[str, Any]:
    """Return the contents of a checkpoint; nothing if it is not a JSON object."""
    text = os.pread(checkpoint, os.fstat(checkpoint).st_size, 0).rstrip(b"\0")
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _write(checkpoint: int, value: dict[str, Any]) -> None:
    # The locked file can't be replaced, so write in place. A single write pads the
    # object to the size of the file, so that the file always contains a complete one.
    text = json.dumps(value).encode()
    os.pwrite(checkpoint, text.ljust(os.fstat(checkpoint).st_size), 0)
    os.ftruncate(checkpoint, len(text))
    os.fsync(checkpoint)


def _require_room(checkpoint: int) -> None:
    """Raise an error if the disk is full already."""
    size = os.fstat(checkpoint).st_size
    try:
        os.pwrite(checkpoint, bytes(ROOM), size)
    finally:
        os.ftruncate(checkpoint, size)


def _failed(error: OSError, target: Path) -> OutputError:
    """Return an error of the system as an :class:`OutputError` with its notes."""
    failed = OutputError(f"writing {target} failed: {error.strerror or error}")
    for note in getattr(error, "__notes__", []):
        failed.add_note(note)
    return failed


def _difference(before: Any, now: Any) -> str:
    """Return the first differences between two dicts or lists, in parentheses."""
    changes: list[str] = []
    if isinstance(before, dict) and isinstance(now, dict):
        changes = [
            f"{name} was {before.get(name)!r} and is {value!r}"
            for name, value in now.items()
            if before.get(name) != value
        ]
    elif isinstance(before, list) and isinstance(now, list):
        changed = [item for item in now if item not in before] or [
            item for item in before if item not in now
        ]
        changes = [str(item[0] if isinstance(item, list) else item) for item in changed]
    return f" ({', '.join(changes[:3])})" if changes else ""
