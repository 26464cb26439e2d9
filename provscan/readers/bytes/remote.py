"""Read remote files through fsspec: find them (:func:`remote_files`), state
their versions (:func:`size_and_version`), read ranges of their bytes
(:class:`RemoteFile`).

This is the only module that opens a :class:`~provscan.urls.Url` with the secrets that
its string form hides. A failed request is repeated; the error that remains contains no
secrets.
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from provscan.errors import InputError
from provscan.names import counted
from provscan.urls import Url, below, opened, without_secrets

Result = TypeVar("Result")
# Attempts per request; seconds before the second attempt, doubled for each further
# one; the minimum number of bytes that a read requests.
TRIES, WAIT, BUFFER = 5, 0.1, 1 << 20
# HTTP statuses after which a request is retried.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
# Keys of the metadata of various file systems. Their values change when the content of
# a file changes.
VERSION = (
    "ETag",
    "etag",
    "Content-MD5",
    "md5Hash",
    "crc32c",
    "Digest",
    "VersionId",
    "generation",
    "Last-Modified",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "created",
    "sha",
    "sha256",
    "blob_id",
)


def remote_files(url: str) -> Iterator[str]:
    """Yield the files below a URL in sorted order, or the one file that it names."""
    system, inner = _system(url)
    try:
        # A web server has no folders and may answer a request for one with a page.
        if url.startswith("http") or not _tried(url, lambda: system.isdir(inner)):
            yield url
            return
        names = sorted(_tried(url, lambda: system.find(inner)))
    except OSError as error:
        raise InputError(f"{url} can't be read: {error.strerror or error}") from None
    for name in names:
        inside = name.startswith(inner.rstrip("/") + "/")
        yield (
            below(url, name[len(inner) :].lstrip("/"))
            if inside
            else Url(system.unstrip_protocol(name))
        )


def size_and_version(url: str) -> tuple[int, dict[str, str]]:
    """Return the size of a remote file in bytes, and the version that its server
    states.
    """
    system, inner = _system(url)
    about = _tried(url, lambda: system.info(inner))
    if about.get("size") is None or about.get("partial") is False:
        raise OSError(
            errno.ENOTSUP,
            "its server does not support range requests; download the file",
        )
    version = {
        name: str(about[name]) for name in VERSION if about.get(name) is not None
    }
    return int(about["size"]), version


class RemoteFile(io.RawIOBase):
    """A remote file. Each read is one request, which is repeated if it fails."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        system, inner = _system(url)
        self._file = _tried(url, lambda: system.open(inner, "rb", cache_type="none"))
        self._size = size_and_version(url)[0]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        start, stop = self._at, min(self._at + len(buffer), self._size)
        if stop <= start:
            return 0

        def part() -> bytes:
            self._file.seek(start)
            data: bytes = self._file.read(stop - start)
            if len(data) != stop - start:
                raise OSError(
                    errno.EIO,
                    f"the server sent {len(data):,} of {counted(stop - start, 'byte')}",
                )
            return data

        buffer[: stop - start] = _tried(self._url, part)
        self._at = stop
        return stop - start


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path within it."""
    try:
        import fsspec

        # fsspec would keep its cache of listings and blocks for the whole run.
        system, inner = fsspec.core.url_to_fs(opened(url), use_listings_cache=False)
    except ImportError as error:
        raise InputError(
            f"{url} can't be read without more packages: pip install "
            f"'provscan[remote]' ({error})"
        ) from None
    # Some file systems contact their server at once and raise their library's errors.
    except Exception as error:
        raise InputError(
            f"{url} can't be read: {type(error).__name__}: "
            f"{without_secrets(str(error), url)}"
        ) from None
    return system, inner


def _tried(url: str, request: Callable[[], Result]) -> Result:
    """Return the result of a request to a URL; the request is tried several times. The
    last failure becomes an OSError whose message contains no secrets.
    """
    for attempt in range(TRIES):
        try:
            return request()
        except Exception as error:  # each file system raises its own library's errors
            status = getattr(error.__cause__ or error, "status", None)
            lasting = (
                isinstance(error, FileNotFoundError | PermissionError | ValueError)
                if status is None
                else status not in TRANSIENT
            )
            if attempt + 1 < TRIES and not lasting:
                time.sleep(WAIT * 2**attempt)
                continue
            if isinstance(error, FileNotFoundError) and status in (None, 404):
                raise FileNotFoundError(errno.ENOENT, "it does not exist") from None
            reason = (
                getattr(error, "message", None)
                or getattr(error, "strerror", None)
                or error
            )
            what = (
                f"{type(error).__name__}{f' {status}' if status else ''}: "
                f"{without_secrets(str(reason), url)}"
            )
            number = (
                errno.EACCES
                if isinstance(error, PermissionError) or status in (401, 403)
                else errno.EIO
            )
            raise OSError(number, what) from None
    raise AssertionError
