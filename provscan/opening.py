"""Open a file that the user names, without waiting and without reading for ever.

Named pipes make a program wait, devices may have no end, and a file of the wrong kind
may be larger than the memory. So a file is opened only if it is a regular file, and a
file that is read completely has a maximum size. Datasets are opened by
:mod:`provscan.readers`, which reads them in parts.
"""

from __future__ import annotations

import errno
import io
import os
import stat

# The maximum size of keys, certificates, marks, case files and the like; and of files
# that describe runs and indexes, which grow with their contents.
SMALL, LARGE = 64 << 20, 1 << 30
KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        The file can't be opened, or is not a regular file.
    """
    # Opening a device may change it, so its kind is looked up first.
    _require_regular(os.stat(path).st_mode, path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_small(path: str | os.PathLike[str], most: int = SMALL) -> bytes:
    """Return the contents of a regular file of at most ``most`` bytes.

    Raises
    ------
    OSError
        The file can't be read, is larger, or is not a regular file.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(path))
    return content


def _require_regular(mode: int, path: str | os.PathLike[str]) -> None:
    if not stat.S_ISREG(mode):
        why = next((words for test, words in KINDS if test(mode)), "it is not a file")
        kind = IsADirectoryError if stat.S_ISDIR(mode) else OSError
        raise kind(errno.EINVAL, why, os.fspath(path))
