"""Changing the folder of an index: one writer at a time, and at any instant the old generation or the new one.

New files are written beside the old ones and synced to disk before the manifest that names them takes the place of
the old manifest. What a killed writer leaves behind is named by no manifest; the next writer removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import xxhash

from provscan.errors import IndexFormatError, OutputError
from provscan.index.format import (
    BLIND_FORMAT,
    FORMAT,
    MANIFEST,
    PURGES,
    SEGMENTS,
    SHARDS_VERSION,
    TOMBSTONES,
    VERSION,
    FileInfo,
    Manifest,
    SegmentInfo,
    is_blind,
    read_manifest,
)
from provscan.ordered_map import pool_of
from provscan.readers import file_checksum
from provscan.urls import without_secrets

LOCK = "lock"
UNFINISHED = ".new-"
# Files that are synced or hashed at a time, if they hold more than a few bytes.
THREADS, FEW_BYTES = 8, 4 << 20


class Change:
    """A change of an index folder under its lock; see :func:`changing`.

    `manifest` is what the folder holds before the change: None if nothing, or nothing that is kept.
    """

    def __init__(self, folder: Path, manifest: Manifest | None, replaced: set[str]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.committed = False
        self._replaced = replaced
        self._folders = 0

    @property
    def generation(self) -> int:
        return self.manifest.generation + 1 if self.manifest else 1

    def workspace(self) -> Path:
        """A name for a folder to write a segment to."""
        self._folders += 1
        return self.folder / SEGMENTS / f"{UNFINISHED}{self._folders}"

    def adopt(self, workspace: Path, texts: int, tweets: int, digest: str) -> SegmentInfo:
        """Take the checksums of a segment's files and give its folder its name."""
        names = sorted(os.listdir(workspace))
        sizes = [(workspace / name).stat().st_size for name in names]
        with pool_of(threads_for(sum(sizes))) as pool:
            sums = pool.map(file_checksum, [workspace / name for name in names])
            files = {name: FileInfo(size, xxh3) for name, size, xxh3 in zip(names, sizes, sums, strict=True)}
        content = "".join(f"{name} {info.xxh3}\n" for name, info in files.items())
        name = xxhash.xxh3_64_hexdigest(content.encode())
        place = workspace.with_name(name)
        if place.exists():
            shutil.rmtree(workspace)  # the same segment, from before the change
        else:
            workspace.rename(place)
        return SegmentInfo(name, texts, tweets, digest, files)

    def write(self, kind: str, name: str, content: bytes) -> FileInfo:
        """Write a file under ``tombstones/`` or ``purges/``."""
        folder = self.folder / kind
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        return FileInfo(len(content), xxhash.xxh3_128_hexdigest(content))

    def commit(self, manifest: Manifest) -> None:
        """Make a manifest the index's next generation, and remove the files that it does not name.

        Its segments are put in order, shards before others, the largest first.
        """
        manifest = replace(manifest, segments=tuple(sorted(manifest.segments, key=_order)))
        before = self._replaced | set(self.manifest.files() if self.manifest else ())
        after = manifest.files()
        new = [self.folder / name for name in after if name not in before]
        folders = {path.parent for path in new} | {path.parent.parent for path in new}
        sync_all(new)
        sync_all([folder for folder in folders if folder.is_relative_to(self.folder)])
        temporary = self.folder / f"{MANIFEST}.new"
        temporary.write_bytes(manifest.encoded())
        sync(temporary)
        os.replace(temporary, self.folder / MANIFEST)
        self.committed = True
        sync(self.folder)
        sync(self.folder.parent)
        for name in before - set(after):
            with contextlib.suppress(OSError):  # the change is made; the next writer tries again
                (self.folder / name).unlink()
        remove_leftovers(self.folder, manifest)


def _order(info: SegmentInfo) -> tuple[int, int, str]:
    return (-info.texts, 0, info.name) if info.shard is None else (-sys.maxsize, info.shard, "")


@contextlib.contextmanager
def changing(target: Path, mode: Literal["create", "replace", "change"]) -> Iterator[Change]:
    """Lock an index folder for a change. Where `target` is a link, what it leads to is changed.

    The mode ``create`` makes it, ``replace`` may replace an index that is there, ``change`` needs one.
    """
    place = Path(os.path.realpath(target))
    if mode == "change":
        read_manifest(place)
    created = False
    lock = change = None
    replaced: set[str] = set()
    try:
        created = not place.exists()
        if created:
            place.mkdir(parents=True)
        elif not place.is_dir():
            raise OutputError(f"{target} is not a folder, so no index is written there: name another place")
        elif mode != "change":
            _check_replaceable(target, place, mode)
        lock = _lock(target, place)
        replaced = set() if mode == "change" else _check_replaceable(target, place, mode)
        manifest = read_manifest(place) if mode == "change" else None
        remove_leftovers(place, manifest, keep=replaced)
        (place / SEGMENTS).mkdir(exist_ok=True)
        change = Change(place, manifest, replaced)
        if mode == "replace" and replaced:
            with contextlib.suppress(IndexFormatError):
                change.manifest = read_manifest(place, blind=is_blind(place))
        yield change
    except BaseException as error:
        done = change is not None and change.committed
        effect = "The index was changed before that" if done else "Nothing was changed"
        if isinstance(error, OSError):
            raise OutputError(f"writing {target} failed: {error.strerror or error}. {effect}") from error
        if done:
            error.add_note(effect)
        raise
    finally:
        # Ctrl-C may have come before any of the three was there.
        if change is None or not change.committed:
            if created:
                _remove(place, lock)
            elif change is not None:
                remove_leftovers(place, change.manifest, keep=replaced)
        if lock is not None:
            os.ftruncate(lock, 0)
            os.close(lock)


def _lock(target: Path, place: Path) -> int:
    """Take the lock file. The kernel releases it when its holder dies; the text in it is for messages only."""
    while True:
        descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(place / LOCK)):
                    command = without_secrets(" ".join([os.path.basename(sys.argv[0]), *sys.argv[1:2]]))
                    process = f"process {os.getpid()} on {socket.gethostname()} ({command})"
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"{process} since {datetime.now(UTC):%F %T} UTC".encode(), 0)
                    return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 4096).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise OutputError(f"{target} is being written by {holder}: wait until that ends, then try again") from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the holder before removed the folder
        place.mkdir(parents=True, exist_ok=True)


def _remove(place: Path, lock: int | None) -> None:
    """Remove a folder made for an index that was not written, unless another process has begun one in it."""
    with contextlib.suppress(OSError):
        if lock is not None:
            shutil.rmtree(place)
            return
        descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place)
        finally:
            os.close(descriptor)


def _check_replaceable(target: Path, place: Path, mode: str) -> set[str]:
    """Files of the index that is to be replaced; an error unless provscan wrote everything in the folder."""
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_symlink() or not path.is_dir()}
    named = _named_files(place)
    foreign = sorted(name for name in found - named if not _is_leftover(name))
    if MANIFEST in found and mode == "create":
        raise OutputError(
            f"{target} exists already: name another place, add to it with --append, or replace it with --overwrite"
        )
    if foreign:
        raise OutputError(
            f"{target} holds {foreign[0]}, which provscan did not write, so it is not replaced: name another place"
        )
    return found & named - {MANIFEST}


def _named_files(place: Path) -> set[str]:
    """The files that a manifest of any version names, itself included; none if it can't be read."""
    try:
        found = json.loads((place / MANIFEST).read_bytes())
        if found["format"] not in (FORMAT, BLIND_FORMAT):
            return set()
        if found["version"] in (VERSION, SHARDS_VERSION):
            return {MANIFEST, *read_manifest(place, blind=is_blind(place)).files()}
        return {MANIFEST, *(f"{SEGMENTS}/{s['name']}/{name}" for s in found["segments"] for name in s["files"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, IndexFormatError):
        return set()


def _is_leftover(name: str) -> bool:
    """Whether a file may be what a writer left behind that did not finish."""
    parts = name.split("/")
    if len(parts) == 1:
        return name in (LOCK, f"{MANIFEST}.new")
    if parts[0] == SEGMENTS and len(parts) >= 2:
        folder = parts[1]
        finished = len(folder) == 16 and set(folder) <= set("0123456789abcdef")
        return folder.startswith(UNFINISHED) or (finished and len(parts) == 3)
    return parts[0] in (TOMBSTONES, PURGES) and len(parts) == 2


def remove_leftovers(folder: Path, manifest: Manifest | None, keep: Iterable[str] = ()) -> None:
    """Remove what no manifest names and only an unfinished writer can have left."""
    named = {*(manifest.files() if manifest else ()), *keep, LOCK}
    for path in [path for path in folder.rglob("*") if not path.is_dir()]:
        name = str(path.relative_to(folder))
        if name not in named and _is_leftover(name):
            path.unlink(missing_ok=True)
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):  # not empty
            path.rmdir()


def threads_for(size: int) -> int:
    """Threads that hash so many bytes of files; none if these are few."""
    return THREADS if size > FEW_BYTES else 0


def sync_all(paths: Sequence[Path]) -> None:
    with pool_of(THREADS) as pool:
        list(pool.map(sync, paths))


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
