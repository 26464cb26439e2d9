"""Write files and folders that appear complete or not at all, and remove only what
provscan provably wrote.

A temporary file is in the same folder as the file that it becomes. Its name can't be
guessed, and the file must not exist yet. So two writers never share a file, and a link
that someone else has placed there is not followed. A link at the place of a new file is
replaced; the file that it points to does not change.

:func:`replacing_file` writes a file of a folder that a command has locked, and which
the next command cleans up. All other temporary files and folders are
:func:`hidden`: a marker file next to them is locked until they are removed. If a
command is killed, the system releases the lock, and the next command that writes to
that folder removes them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from provscan.errors import OutputError

TEMPORARY = re.compile(r"\.provscan-[0-9a-f]{16}")
# The name of a hidden file or folder, plus this suffix, is the name of its marker.
MARKER = ".lock"
# The marker's content, followed by the name of the hidden file or folder.
MARK = "Locked while provscan writes "


def temporary_name() -> str:
    return f".provscan-{os.urandom(8).hex()}"


def new_file(path: Path) -> None:
    """Create an empty file; a file that exists is an error."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))


@contextlib.contextmanager
def replacing_file(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the path of a new, empty file, which replaces ``target`` if the block
    succeeds and is removed if it fails. The file is in ``folder`` of the same file
    system or, by default, next to ``target``.

    If ``target`` is a link, the link itself is replaced.
    """
    temporary = (folder or target.parent) / temporary_name()
    new_file(temporary)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def hidden(folder: Path) -> Iterator[Path]:
    """Yield a path in ``folder`` for a temporary file or folder, which is removed at
    the end unless it was renamed. Remove those of killed commands.
    """
    remove_dead(folder)
    path = folder / temporary_name()
    marker = path.with_name(path.name + MARKER)
    descriptor = _create_marker(marker, f"{MARK}{path.name}\n".encode())
    try:
        yield path
    finally:
        _remove(path)
        if descriptor is not None:
            marker.unlink(missing_ok=True)
            os.close(descriptor)


@contextlib.contextmanager
def replacing_hidden(target: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file, as :func:`replacing_file` does, with a
    marker next to it.
    """
    with hidden(target.parent) as temporary:
        new_file(temporary)
        yield temporary
        temporary.replace(target)


# The message for a folder that exists already.
EXISTS = "{} exists already: name another folder, or replace it with --overwrite"


@contextlib.contextmanager
def new_folder(
    target: Path, own: Collection[str], *, overwrite: bool = False
) -> Iterator[Path]:
    """Yield the path of a new folder next to ``target``, which is renamed to ``target``
    if the block succeeds and removed if it fails.

    Parameters
    ----------
    target
        The final path.
    own
        The paths of all files that the command writes to the folder.
    overwrite
        Replace an existing folder that contains only such files.

    Raises
    ------
    OutputError
        ``target`` exists and is not replaced, or can't be written.
    """
    parent = target.parent
    if os.path.lexists(target):
        remove_dead(parent)
        if not overwrite:
            raise OutputError(EXISTS.format(target))
        require_own(target, own)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with hidden(parent) as folder:
            folder.mkdir()
            yield folder
            if not os.path.lexists(target):
                folder.rename(target)
            elif not overwrite:
                raise OutputError(EXISTS.format(target))
            else:
                require_own(target, own)
                exchange(folder, target)
    except OSError as error:
        name = error.filename
        if name is not None and Path(os.fsdecode(name)).parent.is_relative_to(parent):
            raise OutputError(
                f"{target} can't be written: {error.strerror or error}"
            ) from error
        raise


def exchange(first: Path, second: Path) -> None:
    """Exchange two folders, at once if the system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    cwd, flags = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    paths = cwd, os.fsencode(first), cwd, os.fsencode(second)
    if rename is not None and rename(*paths, flags) == 0:
        return
    aside = first.with_name(temporary_name())
    second.rename(aside)
    try:
        first.rename(second)
    except BaseException:
        aside.rename(second)
        raise
    aside.rename(first)


def require_own(folder: Path, own: Collection[str]) -> None:
    """Raise :class:`~provscan.errors.OutputError` unless a folder contains only files
    with the paths ``own``, so that it can be replaced.
    """
    if folder.is_symlink() or not folder.is_dir() or is_mount_point(folder):
        raise OutputError(
            f"{folder} is not a folder that can be replaced: name another one"
        )
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if foreign := sorted(found - {*own}):
        raise OutputError(
            f"{folder} contains {foreign[0]}, which this command does not write, so "
            "the folder is not replaced: name another one"
        )


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder for temporary files, in ``TMPDIR`` or the system's folder."""
    with hidden(Path(tempfile.gettempdir())) as folder:
        folder.mkdir(0o700)
        yield folder


def remove_dead(folder: Path) -> None:
    """Remove the hidden files and folders of killed commands of this user.

    Each has a complete marker that no process locks. What can't be removed remains.
    """
    with contextlib.suppress(OSError):
        names = [each for each in os.listdir(folder) if each.startswith(".provscan-")]
        for name in names:
            hidden_name = name.removesuffix(MARKER)
            if name.endswith(MARKER) and TEMPORARY.fullmatch(hidden_name):
                with contextlib.suppress(OSError):
                    _remove_if_dead(folder / hidden_name, folder / name)


def _remove_if_dead(path: Path, marker: Path) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(marker, flags)
    try:
        found, mark = os.fstat(descriptor), f"{MARK}{path.name}\n".encode()
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or os.read(descriptor, len(mark) + 1) != mark:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.lexists(path) and os.lstat(path).st_uid != os.geteuid():
            return
        _remove(path)
        if not os.path.lexists(path):
            marker.unlink()
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all of its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _create_marker(marker: Path, content: bytes) -> int | None:
    """Create a marker that is locked and complete when it appears. Return its
    descriptor, or None if the file system can't do so.
    """
    flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
    try:
        descriptor = os.open(marker.parent, flags, 0o600)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    try:
        os.write(descriptor, content)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only with ``src_dir_fd``, Python follows the link in /proc to the file.
        source = f"/proc/self/fd/{descriptor}"
        os.link(source, marker, src_dir_fd=descriptor, follow_symlinks=True)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        return None
    return descriptor


def require_not_input(target: Path, inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Raise :class:`~provscan.errors.OutputError` if the file ``target`` exists and is
    an input, or is inside a folder that is an input.
    """
    if not os.path.lexists(target):
        return
    places = {Path(os.path.realpath(target)), _place(target)}
    for name in inputs:
        for place in {Path(os.path.realpath(name)), _place(Path(name))}:
            # An input may be a member of an archive, whose path is below the archive's.
            related = (
                each.is_relative_to(place) or place.is_relative_to(each)
                for each in places
            )
            if any(related) or (
                os.path.exists(place)
                and os.path.exists(target)
                and os.path.samefile(place, target)
            ):
                raise OutputError(
                    f"{target} is an input, {os.fspath(name)}, or inside it, so it is "
                    "not replaced: name another file"
                )


def _place(path: Path) -> Path:
    """Return the absolute path of a file with links in it resolved, but not the link
    that the file itself may be.
    """
    return Path(os.path.realpath(path.parent), path.name)


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
