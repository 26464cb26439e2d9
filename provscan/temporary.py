"""Temporary folders of results that are made of data in memory."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def removed_on_error(folder: str | None) -> Iterator[None]:
    """Remove a temporary folder if the block fails."""
    try:
        yield
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def remove_with(result: object, folder: str | None) -> None:
    """Remove a temporary folder when an object is no longer used, or when the process
    that made it ends.
    """
    if folder is not None:
        weakref.finalize(result, _remove, folder, os.getpid())


def _remove(folder: str, process: int) -> None:
    # A forked process has a copy of the object.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
