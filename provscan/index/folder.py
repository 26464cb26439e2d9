"""Change the folder of an index atomically, with one writer at a time.

New files are written next to the old ones and synced to disk; then a manifest that
lists them replaces the old manifest. A writer notes in the lock file
(:mod:`provscan.index.lock`) what it is about to write or remove. When the change ends,
or before the next change if the writer was killed, the noted files that are not in the
manifest are removed. Nothing else in the folder is ever removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import xxhash

from provscan.errors import IndexFormatError, OutputError
from provscan.index.format import (
    FORMAT,
    MANIFEST,
    PURGES,
    SEGMENTS,
    THREADS,
    TOMBSTONES,
    VERSION,
    FileInfo,
    Manifest,
    SegmentInfo,
    checksums,
    read_manifest,
)
from provscan.index.lock import LOCK, NOTED, UNFINISHED, Lock, locked, noted_in
from provscan.opening import LARGE, read_small
from provscan.ordered_map import pool_of
from provscan.writing import remove_named, replacing_file

Mode: TypeAlias = Literal["create", "replace", "change"]


class Change:
    """A change to an index folder; see :func:`changing`.

    ``manifest`` is the manifest before the change; None if there is no readable one.
    ``replaced`` contains the files of an index that the change replaces.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest | None,
        replaced: set[str],
        lock: Lock | None = None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.committed = False
        self._replaced = replaced
        self._written: set[str] = set()
        self._lock = lock  # None in a temporary folder.

    def note(self, *names: str) -> None:
        """Note paths before they are written or removed, for the next writer."""
        if self._lock is not None:
            self._lock.note(*names)

    @property
    def generation(self) -> int:
        return self.manifest.generation + 1 if self.manifest else 1

    def workspace(self) -> Path:
        """Return a new path, for the folder of a segment. Paths of temporary files may
        begin with the same name.
        """
        name = f"{SEGMENTS}/.new-{os.urandom(8).hex()}"
        self.note(name)
        return self.folder / name

    def adopt(self, workspace: Path, info: SegmentInfo) -> SegmentInfo:
        """Compute the checksums of a segment's files, and rename its folder after
        them. Return ``info`` with the new name and the files.
        """
        names = sorted(os.listdir(workspace))
        sizes = [(workspace / name).stat().st_size for name in names]
        sums = checksums([workspace / name for name in names], sum(sizes))
        files = {
            name: FileInfo(size, xxh3)
            for name, size, xxh3 in zip(names, sizes, sums, strict=True)
        }
        content = "".join(f"{name} {file.xxh3}\n" for name, file in files.items())
        name = xxhash.xxh3_64_hexdigest(content.encode())
        info = replace(info, name=name, files=files)
        final = workspace.with_name(name)
        if final.exists():
            # An equal segment existed before the change, but may be damaged.
            for path in workspace.iterdir():
                self._require_own(f"{SEGMENTS}/{name}/{path.name}")
                path.replace(final / path.name)
            sync_all(list(final.iterdir()))
            workspace.rmdir()
        else:
            self.note(f"{SEGMENTS}/{name}", *info.paths())
            workspace.rename(final)
        return info

    def write(self, kind: str, name: str, content: bytes) -> FileInfo:
        """Write a file under ``tombstones/`` or ``purges/``."""
        folder, path = self.folder / kind, f"{kind}/{name}"
        if not folder.exists():
            self.note(kind)
            folder.mkdir()
        if path not in self._written:
            self._require_own(path)
            self.note(path)
            self._written.add(path)
        (folder / name).write_bytes(content)
        return FileInfo(len(content), xxhash.xxh3_128_hexdigest(content))

    def _require_own(self, name: str) -> None:
        """Raise an error if a file exists that does not belong to the index."""
        path = self.folder / name
        if os.path.lexists(path) and name not in self._old_files():
            raise OutputError(
                f"{path} was not written by provscan, so it is not replaced: move it "
                "away"
            )

    def _old_files(self) -> set[str]:
        """Return the files of the index before the change."""
        return self._replaced | set(self.manifest.files() if self.manifest else ())

    def commit(self, manifest: Manifest) -> None:
        """Make a manifest the current one. Old files that it does not list are removed
        when the change ends.

        The segments of the manifest are sorted, the largest first.
        """
        segments = sorted(manifest.segments, key=lambda info: (-info.texts, info.name))
        manifest = replace(manifest, segments=tuple(segments))
        before, after = self._old_files(), manifest.files()
        new = [self.folder / name for name in after if name not in before]
        folders = {path.parent for path in new} | {path.parent.parent for path in new}
        sync_all(new)
        sync_all([folder for folder in folders if folder.is_relative_to(self.folder)])
        gone = before - set(after)
        self.note(*gone, *{os.path.dirname(name) for name in gone})
        with replacing_file(self.folder / MANIFEST) as temporary:
            self.note(temporary.name)
            temporary.write_bytes(manifest.encoded())
            sync(temporary)
        self.committed = True
        sync(self.folder)
        sync(self.folder.parent)


@contextlib.contextmanager
def changing(target: Path, mode: Mode) -> Iterator[Change]:
    """Lock an index folder for a change. If ``target`` is a link to an index, a change
    is made there; a new index is never written through a link.

    The mode ``create`` requires that there is no index, ``change`` requires one, and
    ``replace`` allows either.
    """
    folder = Path(os.path.realpath(target))
    if mode == "change":
        read_manifest(folder)
    elif target.is_symlink():
        raise OutputError(
            f"{target} is a link, so no index is written there: name the folder itself"
        )
    created = False
    lock: Lock | None = None
    change: Change | None = None
    try:
        created = not folder.exists()
        if created:
            folder.mkdir(parents=True)
        elif not folder.is_dir():
            raise OutputError(
                f"{target} is not a folder, so no index is written there: choose "
                "another path"
            )
        elif mode != "change":
            _check_replaceable(target, folder, mode)
        lock = locked(target, folder)
        change = _begin(target, folder, mode, lock)
        yield change
    except BaseException as error:
        done = change is not None and change.committed
        effect = "The index was already changed" if done else "Nothing was changed"
        if isinstance(error, OSError):
            raise OutputError(
                f"writing {target} failed: {error.strerror or error}. {effect}"
            ) from error
        if done:
            error.add_note(effect)
        raise
    finally:
        if created and lock is None:
            # Ctrl-C may have come after the lock file was created, but before it was
            # locked.
            with contextlib.suppress(OSError, OutputError):
                lock = locked(target, folder)
        # Files that can't be removed are no error, since the next writer tries again.
        left = remove_noted(folder, lock.noted) if lock is not None else set()
        if created and not left and not os.path.lexists(folder / MANIFEST):
            # Remove the new folder, unless somebody else put something in it.
            with contextlib.suppress(OSError):
                remove_named(folder, [LOCK] if lock is not None else [])
                folder.rmdir()
        if lock is not None:
            lock.release(left)


def _begin(target: Path, folder: Path, mode: Mode, lock: Lock) -> Change:
    """Begin the change of a locked folder: remove what killed writers left in it."""
    replaced = set() if mode == "change" else _check_replaceable(target, folder, mode)
    manifest = None
    if mode == "change":
        manifest = read_manifest(folder)
    elif replaced:
        with contextlib.suppress(IndexFormatError):
            manifest = read_manifest(folder)
    remove_noted(folder, lock.noted)
    change = Change(folder, manifest, replaced, lock)
    if not (folder / SEGMENTS).exists():
        change.note(SEGMENTS)
        (folder / SEGMENTS).mkdir()
    return change


def _check_replaceable(target: Path, folder: Path, mode: str) -> set[str]:
    """Return the files of the index to replace, without its manifest. Raise an error
    unless provscan wrote everything in the folder.
    """
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    listed = _listed_files(folder)
    noted = noted_in(folder)
    known = listed | ({LOCK, *noted} if noted is not None else set())
    unfinished = tuple(filter(UNFINISHED.fullmatch, known))
    foreign = sorted(name for name in found - known if not name.startswith(unfinished))
    if MANIFEST in found and mode == "create":
        raise OutputError(
            f"{target} exists already: choose another path, add to it with --append, "
            "or replace it with --overwrite"
        )
    if foreign:
        raise OutputError(
            f"{target} contains {foreign[0]}, which this provscan did not write, so it "
            "is not replaced: choose another path"
        )
    return found & listed - {MANIFEST}


def _listed_files(folder: Path) -> set[str]:
    """Return the paths of the manifest and of the files that it lists, in any version;
    none if it can't be read, or lists a path that no index has.
    """
    try:
        found = json.loads(read_small(folder / MANIFEST, LARGE))
        if found["format"] != FORMAT:
            return set()
        if found["version"] == VERSION:
            return {MANIFEST, *read_manifest(folder).files()}
        segments = found["segments"]
        tombstones = [info["tombstones"] for info in segments if info.get("tombstones")]
        names = {
            *(
                f"{SEGMENTS}/{info['name']}/{name}"
                for info in segments
                for name in info["files"]
            ),
            *(f"{TOMBSTONES}/{info['name']}" for info in tombstones),
            *(f"{PURGES}/{name}" for name in found.get("purges", ())),
        }
        # A forged manifest may list paths outside the folder.
        return {MANIFEST, *names} if all(map(NOTED.fullmatch, names)) else set()
    except Exception:  # The file may contain anything.
        return set()


def remove_noted(folder: Path, noted: set[str]) -> set[str]:
    """Remove the noted paths that the manifest does not list; return those that could
    not be removed.
    """
    listed = _listed_files(folder)
    if not listed and os.path.lexists(folder / MANIFEST):
        # The manifest is damaged, or was not written by provscan.
        return noted
    _remove(folder, noted - listed)
    return {name for name in noted - listed if _is_left(folder, name)}


def remove_index(folder: Path) -> None:
    """Remove the files of an index, complete or not. Remove its folder if nothing else
    is in it.
    """
    noted = noted_in(folder)
    names = {*_listed_files(folder), *(noted or ())}
    folders = {os.path.dirname(name) for name in names} | (
        {SEGMENTS} if names else set()
    )
    _remove(folder, (names | folders | (set() if noted is None else {LOCK})) - {""})
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove(folder: Path, names: set[str]) -> None:
    for path in [
        path
        for name in names
        if UNFINISHED.fullmatch(name)
        for path in folder.glob(f"{name}*")
    ]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove_named(path.parent, [path.name])
    remove_named(folder, names)


def _is_left(folder: Path, name: str) -> bool:
    """Return whether a noted file, or an unfinished segment, still exists. Other noted
    folders may contain files that must stay.
    """
    return (
        any(folder.glob(f"{name}*"))
        if UNFINISHED.fullmatch(name)
        else (folder / name).is_file()
    )


def sync_all(paths: Sequence[Path]) -> None:
    with pool_of(THREADS) as pool:
        list(pool.map(sync, paths))


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
