"""Mapped files that another program changes while an index is open.

If a mapped file is truncated, the system kills a process that reads the missing part
(SIGBUS). :func:`survive_truncated_files` sets a handler that replaces the missing page
with zeros, so that the process continues. :func:`require_unchanged` then raises an
error, since the file has changed since :func:`stamps`, so no results are returned. The
handler can't deadlock: it waits for no lock that a thread may hold while it reads
mapped memory.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from provscan.errors import IndexFormatError

# The inode, size and modification time of a file.
Stamp: TypeAlias = tuple[int, int, int]
Stamps: TypeAlias = dict[str, Stamp]

_SA_SIGINFO = 4
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value
_Handler = ctypes.CFUNCTYPE(
    None, ctypes.c_int, ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p
)


class _SigAction(ctypes.Structure):
    """``struct sigaction`` of Linux in glibc and musl."""

    _fields_ = (
        ("handler", _Handler),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


@cache
def survive_truncated_files() -> Any:
    """Set the handler, once per process; do nothing on systems other than Linux."""
    if sys.platform != "linux":
        return None
    system = ctypes.CDLL(None)
    system.mmap.restype = ctypes.c_void_p
    system.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED

    def replace_page(number: int, info: Any, context: Any) -> None:
        page = info[2] // mmap.PAGESIZE * mmap.PAGESIZE
        if system.mmap(page, mmap.PAGESIZE, mmap.PROT_READ, flags, -1, 0) == _FAILED:
            system.signal(signal.SIGBUS, 0)  # the repeated read kills the process

    handler = _Handler(replace_page)
    system.sigaction(
        signal.SIGBUS,
        ctypes.byref(_SigAction(handler=handler, flags=_SA_SIGINFO)),
        None,
    )
    return handler


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
