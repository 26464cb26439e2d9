"""Compile kernels, and cache their machine code.

:func:`kernel` decorates a function that Python calls; :func:`helper` decorates one
that only kernels call. Both are :func:`numba.njit` with the options below.

Numba caches the machine code of a kernel until the kernel's own file changes, and does
not notice when a helper in another file is edited. The cache folder is therefore named
after a digest of the sources of all kernels, so that any edit starts an empty one. It
is in ``NUMBA_CACHE_DIR`` if that is set, else inside the package, else in the user's
cache folder. If none of these is writable, each process compiles its kernels again.

Such a folder contains a marker file, which each process that uses the folder locks.
Folders of earlier sources are removed if they have the marker and nobody locks it.
"""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba

from provscan.caches import (
    make_folder,
    open_to_others,
    sources_digest,
    user_cache,
    warn_once,
)

# Numba's manual explains ``nogil`` and ``error_model``: kernels run in threads, and
# division by zero is not checked. The other options are accepted but not documented:
#
# - ``_nrt=False``: numba does not count references to arrays. Counting requires an
#   atomic addition at every slice, which makes a scan a third slower. It is not needed
#   here: kernels create no arrays, and the caller keeps the arrays that it passes.
# - ``no_cfunc_wrapper``, ``no_cpython_wrapper``: no wrapper for calls from C, or from
#   Python, is compiled.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
# Numba's type hints lack these options.
_NUMBA: Any = numba
_SOURCES = Path(__file__).parent
_NAME = "kernels-"
_MARKER = "provscan.txt"
_MARK = b"This folder is a cache of provscan, which removes it when it is outdated.\n"
# Numba's files (also half-written ones), and the file that says that the warm-up is
# complete.
_CACHED = re.compile(r"\.nb[ic](\.tmp\.[0-9a-f]{16})?$|^complete-")
# The number of cache folders of earlier sources that are kept.
_KEPT_FOLDERS = 2


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a kernel; ``options`` are further options of :func:`numba.njit`.

    A kernel creates no arrays: it fills arrays of its caller, and may slice them.
    """
    if function is None:
        return partial(kernel, **options)
    config = _NUMBA.config
    if config.DISABLE_JIT:
        return function
    # Numba reads the setting when a function is decorated. It is restored afterwards,
    # since it also affects functions of other packages.
    folder, chosen = cache_folder(), config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        return _NUMBA.njit(cache=folder is not None, **_OPTIONS, **options)(function)
    finally:
        config.CACHE_DIR = chosen


def helper(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a function that only kernels call; see :func:`kernel`.

    Calling it from Python would crash the process; a test checks that no code does.
    With ``inline="always"``, a helper that is called in one or two places is compiled
    only there; otherwise it would also be optimised by itself.
    """
    if function is None:
        return partial(helper, **options)
    return _NUMBA.njit(no_cpython_wrapper=True, **_OPTIONS, **options)(function)


@cache
def cache_folder() -> Path | None:
    """Return the folder that caches the machine code of the kernels as their sources
    are now; None if no folder is writable.
    """
    digest = sources_digest(_SOURCES)
    chosen = _NUMBA.config.CACHE_DIR
    in_package = _SOURCES / "__pycache__"
    refused = []
    for parent in [Path(chosen).absolute()] if chosen else [in_package, user_cache()]:
        folder = parent / (_NAME + digest[:16])
        try:
            # Root may compile kernels for all users of an installation.
            mode = 0o755 if parent == in_package else 0o700
            make_folder(folder, mode)
            tempfile.TemporaryFile(dir=folder).close()
            _use(folder, mode)
            why = open_to_others(folder)
        except OSError as error:
            why = str(error)
        if why is None:
            _remove_old(folder)
            return folder
        refused.append(f"{folder} ({why})")
    warn_once(
        f"compiled kernels can't be kept in {' or '.join(refused)}: each process "
        "compiles them again. Set NUMBA_CACHE_DIR to a folder that only you can write "
        "to"
    )
    return None


def _use(folder: Path, mode: int) -> None:
    """Mark a folder as a cache of provscan, and lock the marker until this process
    ends. If the file system has no locks, the folder is not marked and never removed.
    """
    while True:
        make_folder(folder, mode)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(folder / _MARKER, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError:
            return
        if os.fstat(descriptor).st_nlink:
            break
        # Another process removed the folder in the meantime.
        os.close(descriptor)
    if not os.fstat(descriptor).st_size and os.listdir(folder) == [_MARKER]:
        with contextlib.suppress(OSError):
            os.write(descriptor, _MARK)


def _remove_old(folder: Path) -> None:
    """Remove the cache folders of earlier sources, except the latest few and those that
    a process uses.
    """
    others = [path for path in folder.parent.glob(f"{_NAME}*") if path != folder]
    marked = [path for path in others if not path.is_symlink() and _is_marked(path)]
    marked.sort(key=lambda path: path.stat().st_mtime)
    for old in marked[:-_KEPT_FOLDERS]:
        with contextlib.suppress(OSError):
            _remove(old)


def _is_marked(folder: Path) -> bool:
    try:
        marker = os.lstat(folder / _MARKER)
        return (
            stat.S_ISREG(marker.st_mode)
            and marker.st_size == len(_MARK)
            and (folder / _MARKER).read_bytes() == _MARK
        )
    except OSError:
        return False


def _remove(folder: Path) -> None:
    """Remove numba's files and the marker from a folder that no process uses, then the
    folder and its folders, unless they contain anything else.
    """
    descriptor = os.open(folder / _MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for place, _, names in os.walk(folder, topdown=False):
            for name in filter(_CACHED.search, names):
                os.unlink(os.path.join(place, name))
            if place != str(folder):
                os.rmdir(place)
        # The marker is last, so that a removal that was interrupted is repeated.
        if os.listdir(folder) == [_MARKER]:
            os.unlink(folder / _MARKER)
            os.rmdir(folder)
    finally:
        os.close(descriptor)
