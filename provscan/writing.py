"""Writing and removing files: a file appears whole or not at all, and nothing is
removed but what is named.

Temporary files stand in the folder of the file they become. Their names can't be
guessed and they are created exclusively, so that no two writers share one and no link
is followed that somebody else has put there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

TEMPORARY = re.compile(r"\.provscan-[0-9a-f]{16}")


def temporary_name() -> str:
    return f".provscan-{os.urandom(8).hex()}"


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """A new, empty file to write, which takes the place of `target` when the block ends
    well, and goes if it does not.

    Where `target` is a link, the link is replaced.
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


def remove_named(folder: Path, names: Iterable[str]) -> None:
    """Remove files, and folders that are empty then, by their paths within a folder;
    links are not followed.

    What can't be removed stays, and so does everything else.
    """
    # What is in a folder comes before the folder.
    for name in sorted(names, reverse=True):
        path = folder / name
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def is_mount_point(folder: Path) -> bool:
    """Whether a file system, or a part of one, is mounted at a folder, so that it can't
    be renamed or replaced.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return os.path.ismount(folder)
    place = os.fsencode(os.path.realpath(folder))
    return any(place == _unescaped(line.split(b" ")[4]) for line in mounts)


def _unescaped(name: bytes) -> bytes:
    """A name in the kernel's list of mounts, where spaces and some others are three
    octal digits.
    """
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), name)
