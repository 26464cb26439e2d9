"""Open files by path or URL, state their versions and checksums, and say why a file
can't be read.

Local files are opened directly, remote files with
:mod:`provscan.readers.bytes.remote`.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

import pyarrow as pa
import xxhash

from provscan.errors import InputError, ProvscanError
from provscan.opening import open_regular
from provscan.readers.bytes.remote import BUFFER, RemoteFile, size_and_version
from provscan.urls import is_remote


class FileState(NamedTuple):
    """The size of a file in bytes, a number that changes with the file, and the
    version that the server states for a remote file.
    """

    size: int
    modified: int
    version: dict[str, str] | None = None


def file_identity(path: str) -> str:
    """Return the identity of a file: the same for all hard and symbolic links to
    it.
    """
    if is_remote(path):
        return path
    with suppress(OSError):
        state = os.stat(path)
        if state.st_nlink > 1:
            return f"{state.st_dev}:{state.st_ino}"
    return os.path.realpath(path)


def state_of(path: str) -> FileState:
    if not is_remote(path):
        found = os.stat(path)
        return FileState(found.st_size, found.st_mtime_ns)
    size, version = size_and_version(path)
    modified = xxhash.xxh3_64_intdigest(repr(version).encode()) >> 1
    return FileState(size, modified, version)


def open_file(path: str, *, buffered: bool = True) -> IO[bytes]:
    if not is_remote(path):
        return open(path, "rb", buffering=-1 if buffered else 0)
    file = RemoteFile(path)
    return io.BufferedReader(file, BUFFER) if buffered else file  # type: ignore[return-value]


@contextmanager
def readable(source: str, form: str = "") -> Iterator[None]:
    """Turn any exception of a library into an error that says which source can't be
    read.

    Errors of provscan and MemoryError pass unchanged. Arrow's memory error is turned
    into an InputError, because a damaged file may cause it.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ProvscanError | MemoryError) and not isinstance(
            error, pa.ArrowException
        ):
            raise
        raise InputError(
            f"{source} can't be read{form}: {message_of(error)}"
        ) from error


def why_unread(error: InputError, source: str) -> str:
    """Return why reading a source ended. The data is damaged, unless the error comes
    from the system or from provscan.
    """
    cause = error.__cause__
    if isinstance(cause, Exception) and getattr(cause, "errno", None) is None:
        return f"damaged: {message_of(cause)}"
    return str(error).removeprefix(f"{source} ")


def message_of(error: Exception) -> str:
    """Return the message of an error. Its type is added, except for the usual errors of
    reading.
    """
    words = str(getattr(error, "strerror", None) or error)
    if words and isinstance(error, OSError | ValueError | pa.ArrowException):
        return words
    return f"{type(error).__name__}: {words}".removesuffix(": ")


def file_checksum(path: str | os.PathLike[str]) -> str:
    """Return the XXH3-128 of a file's bytes as 32 hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def checksum(path: str) -> str:
    """Return :func:`file_checksum` of a source. If it can't be read, raise an
    InputError.
    """
    with readable(path):
        return file_checksum(path)
