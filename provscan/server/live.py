"""Look up texts in the current state of an index, which may be replaced or appended to
at any time.

A changed index has a new manifest, so the inode, size and time of the manifest are
compared before each answer. Each answer is made from one snapshot of the index and
names its fingerprint. Requests wait while a new index is opened, and fail while it
can't be opened.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from provscan.errors import IndexFormatError
from provscan.index.format import MANIFEST
from provscan.lookup import Match, look_up
from provscan.matching import Index, open_index
from provscan.scoring.background import background

# Seconds that a request waits for an index that is being opened.
PATIENCE = 20.0
# Licensed texts that are looked up before the first request.
WARMING_TEXTS = 3
Stamp = tuple[int, int, int]
# Options of mallopt in malloc.h: the maximum number of arenas, and the minimum size of
# blocks of memory that are mapped, and returned to the system when they are freed.
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3


class Snapshot(NamedTuple):
    """An open index, and its description in answers."""

    licensed: Index
    about: dict[str, Any]


class LiveIndex:
    """An index that is opened again when its folder changes. Several threads can use
    it at once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._manifest = Path(path) / MANIFEST
        self._path = path
        self._opening = threading.Lock()
        self._stamp: Stamp | None = None
        self._snapshot = self._open()

    def look_up(self, texts: Sequence[str]) -> tuple[dict[str, Any], list[list[Match]]]:
        """Return the description of the index, and the matches in each text."""
        snapshot = self.snapshot()
        try:
            return snapshot.about, look_up(texts, snapshot.licensed)
        except IndexFormatError:
            # A file was changed since the index was opened. Try the current files.
            self._stamp = None
            snapshot = self.snapshot()
            return snapshot.about, look_up(texts, snapshot.licensed)

    def snapshot(self) -> Snapshot:
        """Return the current index, and open it if it has changed."""
        if self._is_current():
            return self._snapshot
        if not self._opening.acquire(timeout=PATIENCE):
            raise IndexFormatError("the index is being opened: ask again soon")
        try:
            if not self._is_current():
                self._snapshot = self._open()
                _libc("malloc_trim", 0)
        finally:
            self._opening.release()
        return self._snapshot

    def _is_current(self) -> bool:
        return self._stamp is not None and self._stamp == self._stamp_now()

    def _stamp_now(self) -> Stamp | None:
        try:
            found = os.stat(self._manifest)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _open(self) -> Snapshot:
        self._stamp = None
        while True:
            # The stamp is taken before the index is opened, so that a change in the
            # meantime is noticed at the next request.
            stamp = self._stamp_now()
            try:
                snapshot = _opened(self._path)
            except IndexFormatError:
                if stamp == self._stamp_now():
                    raise
                # The index was changed while it was opened. Try again.
            else:
                self._stamp = stamp
                return snapshot


def return_freed_memory() -> None:
    """Make the C library of Linux return freed memory to the system.

    By default, each thread has an arena that keeps freed memory: a hundred megabytes in
    all after a few indexes have been opened.
    """
    _libc("mallopt", M_ARENA_MAX, 2)
    _libc("mallopt", M_MMAP_THRESHOLD, 128 << 10)


def _libc(name: str, *values: int) -> None:
    """Call a function of the C library, if it has one of this name."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*values)


def _opened(path: str | os.PathLike[str]) -> Snapshot:
    """Open an index, and prepare everything that would delay the first request."""
    index = open_index(path)
    background(index.reader)
    # The first matches load the kernels that compare and score matches.
    some = next(index.reader.shuffled(seed=0))[:WARMING_TEXTS]
    texts = index.reader.raw_texts(some).array().to_pylist()
    look_up(["ready to be asked", *texts], index)
    about = {
        "fingerprint": index.fingerprint,
        "generation": index.reader.manifest.generation,
        "tweets": index.reader.tweets,
        "texts": len(index),
    }
    return Snapshot(index, about)
