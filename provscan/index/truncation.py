"""Survive the truncation of mapped files by another program: the system kills a
process that reads the missing part (SIGBUS).

The handler replaces the missing page with zeros, and the process continues. Readers of
an index then check that none of its files was changed
(:meth:`provscan.index.IndexReader.unchanged`), and return no results if one was. The
fault occurs only while mapped memory is read, when no lock is taken that the handler
needs.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
from functools import cache
from typing import Any

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
