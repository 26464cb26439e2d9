"""Shards that were fetched from a copy of an index, in this machine's cache: what is
not in use is bounded.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from provscan.caches import make_folder, user_cache
from provscan.errors import ParameterError
from provscan.index import format as index_format
from provscan.index.folder import noting, remove_index
from provscan.index.format import MANIFEST
from provscan.readers import FileStore
from provscan.urls import below

# Gigabytes of fetched shards that are kept for later runs, beside those in use, and the
# variable that says otherwise.
KEPT_GIGABYTES = 100.0
VARIABLE = "PROVSCAN_CACHE_GB"

_SNAPSHOT = re.compile("[0-9a-f]{32}")
# Locks on the folders that this process uses; the kernel releases them when it ends.
_IN_USE: dict[Path, int] = {}


def fetched(url: str, shards: Sequence[int], snapshot: str) -> Path:
    """A folder with the manifest of an index, some of its shards, and what was added;
    `url` has a copy of the index.

    Shards of other snapshots that no process uses are removed, those used least
    recently first, until those that stay and what is fetched are within the limit.
    """
    folder = user_cache() / "shards" / snapshot
    make_folder(folder.parent)
    with _locked(folder.parent):
        folder.mkdir(exist_ok=True)
        if folder not in _IN_USE:
            _IN_USE[folder] = os.open(folder, os.O_RDONLY)
            fcntl.flock(_IN_USE[folder], fcntl.LOCK_SH)
    url = url.rstrip("/")
    with noting(folder) as change:
        new = change.workspace()
        new.mkdir(parents=True)
        FileStore(url).get(new / MANIFEST)
        missing = {
            file: known
            for info in index_format.read_manifest(new).segments
            if info.shard is None or info.shard in shards
            for file, known in info.paths().items()
            if not (folder / file).exists()
        }
        _make_room(folder, sum(known.bytes for known in missing.values()))
        for file, known in missing.items():
            place = new / file
            place.parent.mkdir(parents=True, exist_ok=True)
            FileStore(below(url, os.path.dirname(file))).get(place)
            index_format.check_sizes(new, {file: known})
            index_format.check_sums(new, {file: known})
            change.note(file, os.path.dirname(file))
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            place.replace(folder / file)
        # Last, so that nobody opens what is not complete.
        (new / MANIFEST).replace(folder / MANIFEST)
    return folder


def _limit() -> float:
    """Bytes of all fetched shards."""
    given = os.environ.get(VARIABLE) or KEPT_GIGABYTES
    with contextlib.suppress(ValueError):
        if float(given) >= 0:
            return float(given) * 1e9
    raise ParameterError(
        f"{VARIABLE} is {given!r}, and must be a number of gigabytes, such as 50"
    )


def _make_room(folder: Path, needed: int) -> None:
    """Remove what no process uses until so many more bytes are within the limit, or
    nothing of that is left.
    """
    limit = _limit()
    with _locked(folder.parent):
        sizes = {
            path: _size(path)
            for path in folder.parent.iterdir()
            if _SNAPSHOT.fullmatch(path.name)
        }
        total = sum(sizes.values()) + needed
        for path in sorted(
            sizes.keys() - {folder}, key=lambda path: path.stat().st_mtime
        ):
            if total <= limit:
                return
            with (
                contextlib.suppress(BlockingIOError),
                _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB),
            ):
                remove_index(path)
                total -= sizes[path] - _size(path)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            # Another process may be fetching.
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


@contextlib.contextmanager
def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
