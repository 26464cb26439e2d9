"""Mapped files that another program changes while an index is open.

If a mapped file is truncated, the system ends a process that reads the missing part
(SIGBUS). provscan never does that: it writes new files beside the old ones. If another
program changes a file in place, :func:`require_unchanged` notices that the file has
changed since :func:`stamps` and raises an error, so no results are returned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from provscan.errors import IndexFormatError

# The inode, size and modification time of a file.
Stamp: TypeAlias = tuple[int, int, int]
Stamps: TypeAlias = dict[str, Stamp]


def stamps(folder: Path, names: Iterable[str]) -> Stamps:
    """Return the stamps of existing files, by path."""
    found = ((path, _stamp(path)) for path in (str(folder / name) for name in names))
    return {path: stamp for path, stamp in found if stamp is not None}


def require_unchanged(states: Stamps) -> None:
    """Raise an error if a file was changed in place. A file that was removed or
    replaced is not an error, since it stays mapped.
    """
    for path, before in states.items():
        now = _stamp(path)
        if now is not None and now[0] == before[0] and now != before:
            raise IndexFormatError(
                f"{path} was changed while the index was in use, so the results can't "
                "be trusted: restore the index and run again"
            )


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
