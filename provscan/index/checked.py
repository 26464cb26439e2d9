"""Marks of files that were checked: as long as nothing changes them, they need not be
checked again.

A mark is an empty file in the user's cache folder, named after a digest of where the
checked files stand and of what tells whether one was changed: inode, size, times of
change. Where no mark can be written, the files are checked whenever they are opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from provscan.caches import make_folder, user_cache

# Marks that are kept at most; then the half that was used last stays.
KEPT = 4096
MARK = re.compile("[0-9a-f]{32}")
# A file that is changed twice within so many seconds may have the same times of change.
TICK = 0.02


def key_of(paths: Sequence[Path]) -> str:
    """What the mark of some files is called; another one as soon as one of them is
    changed, moved or copied.
    """
    digest = hashlib.blake2b(digest_size=16)
    split = sorted(os.path.split(path) for path in paths)
    real = {
        folder: os.path.realpath(folder) for folder in {folder for folder, _ in split}
    }
    for folder, name in split:
        found = os.stat(f"{folder}/{name}" if folder else name)
        state = (
            f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        )
        digest.update(os.fsencode(f"{real[folder]}/{name}\0{state}\0"))
    return digest.hexdigest()


def is_marked(key: str, how: str = "") -> bool:
    """Whether files with a key were checked; `how` tells several kinds of checks
    apart.
    """
    try:
        os.utime(_folder() / _name(key, how))
    except OSError:
        return False
    return True


def mark_checked(key: str, paths: Sequence[Path], how: str = "") -> None:
    """Note that files are checked which have had this key since before they were
    opened.
    """
    with contextlib.suppress(OSError):
        newest = max(os.stat(path).st_ctime for path in paths)
        time.sleep(max(0.0, min(TICK, newest + TICK - time.time())))
        if key_of(paths) != key:
            return
        folder = _folder()
        make_folder(folder)
        (folder / _name(key, how)).touch()
        if len(os.listdir(folder)) > KEPT:
            marks = [path for path in folder.iterdir() if MARK.fullmatch(path.name)]
            for path in sorted(marks, key=lambda path: path.stat().st_mtime)[
                : -KEPT // 2
            ]:
                path.unlink(missing_ok=True)


def _name(key: str, how: str) -> str:
    return (
        hashlib.blake2b(f"{key} {how}".encode(), digest_size=16).hexdigest()
        if how
        else key
    )


def _folder() -> Path:
    return user_cache() / "checked"
