"""How kernels are compiled, and where their machine code is kept.

:func:`kernel` decorates a function that Python calls, :func:`helper` one that only
kernels call. Both are :func:`numba.njit` with the options below.

Numba keeps the machine code of a kernel until the kernel's own file changes. It does
not notice that a helper in another file was edited. So the cache folder is named after
a digest of the sources of all kernels: any edit begins an empty one. It stands in
``NUMBA_CACHE_DIR`` if that is set, else beside the package, else in the user's cache
folder. Where none of these can be written, each process compiles its kernels again.
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

# `nogil` and `error_model` are in numba's manual: kernels run in threads, and division
# by zero is not checked. The other options are accepted, but not in the manual:
#
# - `_nrt=False`: numba does not count references to arrays. Counting takes an atomic
#   addition at every slice, and makes a scan a third slower. It has no use here:
#   kernels make no arrays, and their caller keeps those that it passes.
# - `no_cfunc_wrapper`, `no_cpython_wrapper`: a function that C code, or Python, could
#   call is not compiled beside the one that kernels call.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
# Numba's type hints leave the latter out.
_NUMBA: Any = numba
_SOURCES = Path(__file__).parent
_NAME = "kernels-"
# Cache folders of earlier sources that stay.
_KEPT_FOLDERS = 2


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a kernel; ``options`` are further ones of :func:`numba.njit`.

    A kernel makes no arrays: it fills those of its caller, and may slice them.
    """
    if function is None:
        return partial(kernel, **options)
    config = _NUMBA.config
    if config.DISABLE_JIT:
        return function
    # Numba reads the setting here, and takes it for functions of others, too.
    folder, chosen = cache_folder(), config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        return _NUMBA.njit(cache=folder is not None, **_OPTIONS, **options)(function)
    finally:
        config.CACHE_DIR = chosen


def helper(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a function that kernels call and Python can't; see :func:`kernel`."""
    if function is None:
        return partial(helper, **options)
    return _NUMBA.njit(no_cpython_wrapper=True, **_OPTIONS, **options)(function)


@cache
def cache_folder() -> Path | None:
    """Folder that keeps the machine code of these sources, if there can be one."""
    digest = hashlib.sha256()
    # A room of its own, such as blind/, keeps its kernels in a file of this name.
    others = _SOURCES.parent.glob("*/kernels.py")
    for path in sorted([*_SOURCES.rglob("*.py"), *others]):
        name = str(path.relative_to(_SOURCES.parent)).encode()
        digest.update(name + b"\0" + path.read_bytes() + b"\0")
    chosen = _NUMBA.config.CACHE_DIR
    beside = _SOURCES / "__pycache__"
    refused = []
    for parent in [Path(chosen)] if chosen else [beside, user_cache()]:
        folder = parent / (_NAME + digest.hexdigest()[:16])
        try:
            # Root may compile for all users of an installation.
            make_folder(folder, 0o755 if parent == beside else 0o700)
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
