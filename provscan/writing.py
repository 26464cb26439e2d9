"""Write files and folders that appear complete or not at all, and remove only files
that the caller lists.

A temporary file is in the same folder as the file that it becomes. Its name can't be
guessed, and the file must not exist yet. So two writers never share a file, and a link
that someone else has placed there is not followed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from provscan.errors import OutputError

TEMPORARY = re.compile(r"\.provscan-[0-9a-f]{16}")


def temporary_name() -> str:
    return f".provscan-{os.urandom(8).hex()}"


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file, which replaces ``target`` if the block
    succeeds and is removed if it fails.

    If ``target`` is a link, the link itself is replaced.
    """
    temporary = target.with_name(temporary_name())
    os.close(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    )
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield the path of a new folder next to ``target``, which is renamed to ``target``
    if the block succeeds and removed if it fails.

    Raises
    ------
    OutputError
        ``target`` exists, or can't be written.
    """
    if os.path.lexists(target):
        raise OutputError(f"{target} exists: name a new folder")
    folder = target.with_name(temporary_name())
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(target)
    except OSError as error:
        if error.filename is not None and Path(error.filename).is_relative_to(folder):
            raise OutputError(
                f"{target} can't be written: {error.strerror or error}"
            ) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_named(folder: Path, names: Iterable[str]) -> None:
    """Remove files, and folders that are then empty, by their paths inside ``folder``.

    Links are not followed. Other files, and files that can't be removed, remain.
    """
    # The reverse order puts the contents of a folder before the folder.
    for name in sorted(names, reverse=True):
        path = folder / name
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def is_mount_point(folder: Path) -> bool:
    """Return whether a file system, or a part of one, is mounted at a folder. Such a
    folder can't be renamed or replaced.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return os.path.ismount(folder)
    place = os.fsencode(os.path.realpath(folder))
    return any(place == _unescaped(line.split(b" ")[4]) for line in mounts)


def _unescaped(name: bytes) -> bytes:
    """Decode a path in the kernel's list of mounts, in which spaces and some other
    characters are escaped as three octal digits.
    """
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), name)
