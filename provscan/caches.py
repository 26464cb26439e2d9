"""Folders for caches, which are used only if no other user can write to them.

Compiled kernels and templates are trusted like the program itself. A folder is used if
it and all folders above it belong to the user, to root or to the owner of the program,
and nobody else can write to them. The folders above the program are not checked, since
anyone who can write to them can replace the program anyway.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROGRAM = Path(os.path.realpath(__file__)).parent
GROUP, OTHERS = stat.S_IWGRP, stat.S_IWOTH


@cache
def sources_digest(folder: Path) -> str:
    """Return the SHA-256 of all Python sources in a folder, with their names. If it
    changes, whatever these sources made is made again. A process computes it once per
    folder.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = str(path.relative_to(folder)).encode()
        digest.update(name + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def user_cache() -> Path:
    """Return the user's cache folder. If the user has no home folder, or if someone
    else can write to the cache folder, return a path at which no folder can be created.
    """
    user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    none = Path(os.devnull) / "provscan"
    if not user.is_absolute():
        return none
    if (why := open_to_others(user / "provscan")) is None:
        return user / "provscan"
    warn_once(
        f"The cache folder {user / 'provscan'} is not used, because {why}: report "
        "templates are compiled each time. Set XDG_CACHE_HOME to a folder that only "
        "you can write to"
    )
    return none


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Create a folder and the folders above it, writable only by the user, regardless
    of the umask.
    """
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(mode, exist_ok=True)


def open_to_others(folder: Path) -> str | None:
    """Return the reason why someone else can write to a folder, or None if nobody can.
    The folder need not exist yet.
    """
    program = os.stat(PROGRAM)
    trusted = {0, os.geteuid(), program.st_uid}
    for path in _with_parents(folder):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        if path in PROGRAM.parents:
            continue
        if found.st_uid not in trusted:
            return f"{path} belongs to user {found.st_uid}"
        # In a sticky folder, users can't replace each other's files.
        if stat.S_ISLNK(found.st_mode) or (
            found.st_mode & stat.S_ISVTX and path != folder
        ):
            continue
        # On many systems, each user has a private group with the number of the user.
        groups = {0, found.st_uid} | (
            {program.st_gid} if program.st_mode & GROUP else set()
        )
        if found.st_mode & GROUP and found.st_gid not in groups:
            return f"group {found.st_gid} can write to {path}"
        if found.st_mode & OTHERS and not program.st_mode & OTHERS:
            return f"every user can write to {path}"
    return None


def _with_parents(folder: Path) -> Iterator[Path]:
    """Yield a folder and all folders above it, first as given, then with links
    resolved.
    """
    for place in dict.fromkeys(
        (Path(os.path.abspath(folder)), Path(os.path.realpath(folder)))
    ):
        yield from (place, *place.parents)


@cache
def warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
