"""Compile kernels, and cache their machine code.

:func:`kernel` decorates a function that Python calls; :func:`helper` decorates one
that only kernels call. Both are :func:`numba.njit` with the options below.

Numba caches the machine code of a kernel until the kernel's own file changes, and does
not notice when a helper in another file is edited. The cache folder is therefore named
after a digest of the sources of all kernels, so that any edit starts an empty one. It
is in ``NUMBA_CACHE_DIR`` if that is set, else inside the package, else in the user's
cache folder. If none of these is writable, each process compiles its kernels again.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba

from provscan.caches import make_folder, open_to_others, user_cache, warn_once

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
    digest = hashlib.sha256()
    # Satellites such as blind/ have their kernels in a file of this name.
    others = _SOURCES.parent.glob("*/kernels.py")
    for path in sorted([*_SOURCES.rglob("*.py"), *others]):
        name = str(path.relative_to(_SOURCES.parent)).encode()
        digest.update(name + b"\0" + path.read_bytes() + b"\0")
    chosen = _NUMBA.config.CACHE_DIR
    in_package = _SOURCES / "__pycache__"
    refused = []
    for parent in [Path(chosen).absolute()] if chosen else [in_package, user_cache()]:
        folder = parent / (_NAME + digest.hexdigest()[:16])
        try:
            # Root may compile kernels for all users of an installation.
            make_folder(folder, 0o755 if parent == in_package else 0o700)
            tempfile.TemporaryFile(dir=folder).close()
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


def _remove_old(folder: Path) -> None:
    """Remove the cache folders of earlier sources, except the latest few."""
    others = [path for path in folder.parent.glob(f"{_NAME}*") if path != folder]
    others.sort(key=lambda path: path.stat().st_mtime)
    for old in others[:-_KEPT_FOLDERS]:
        shutil.rmtree(old, ignore_errors=True)
