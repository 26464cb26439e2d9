"""Open zip and tar archives, check the headers of their members, and classify the names
of members and of files in folders.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from tarfile import (  # type: ignore[attr-defined]
    EmptyHeaderError,
    EOFHeaderError,
    HeaderError,
    ReadError,
    TruncatedHeaderError,
)
from typing import IO, Any, Self

from provscan.readers.bytes.files import open_file, state_of
from provscan.urls import is_remote

# Extensions of the text members of a webdataset.
TEXT_MEMBERS = ("txt", "text", "caption", "json", "srt", "vtt")


class Member(tarfile.TarInfo):
    """A member with a valid header. A damaged or missing header raises ReadError;
    tarfile would treat it as the end of the archive, unless it is the first header.

    With ``ignore_zeros``, concatenated archives are read to the end of the last one.
    """

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            member = super().fromtarfile(tarfile)
            tarfile.ended = False  # type: ignore[attr-defined]
            return member
        except EOFHeaderError:
            tarfile.ended = True  # type: ignore[attr-defined]
            raise
        except HeaderError as error:
            # The bytes after an end mark may be too few for a header.
            over = isinstance(
                error, EmptyHeaderError | TruncatedHeaderError
            ) and getattr(tarfile, "ended", False)
            if tarfile.offset == 0 or over:
                raise
            what = (
                "its end mark is missing: it may be cut off"
                if isinstance(error, EmptyHeaderError)
                else error
            )
            raise ReadError(f"{what}") from error


def members_of(
    file: IO[bytes],
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the members of a tar archive, each with the archive."""
    with tarfile.open(
        fileobj=file, mode="r:", tarinfo=Member, ignore_zeros=True
    ) as archive:
        for member in archive:
            yield archive, member
            archive.members = []  # type: ignore[attr-defined]  # frees memory


class Readable(io.RawIOBase):
    """A read-only file without random access, made from an iterator of chunks of
    bytes.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._ahead = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._ahead or memoryview(next(self._chunks, b""))
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._ahead = data[size:]
        return size


def is_tar(head: bytes) -> bool:
    """Return whether a file with these first bytes is a tar archive."""
    return head[257:262] == b"ustar"


def hidden_part(path: str) -> str | None:
    """Return the part of a path up to the first hidden file or folder; None if there is
    none. The path is relative to the folder or archive that the user named.

    A file or folder is hidden if its name starts with a dot or an underscore. Examples
    are ``.git``, ``_SUCCESS`` and ``__MACOSX``, which macOS adds to archives.
    """
    parts = path.split("/")
    for position, name in enumerate(parts):
        if name.startswith((".", "_")) and name not in (".", ".."):
            return "/".join(parts[: position + 1])
    return None


def is_webdataset(names: list[str]) -> bool:
    """Return whether the members of an archive form samples: several members share a
    key, and some of them are texts.
    """
    shown = {name for name in names if hidden_part(name) is None}
    kinds = {os.path.basename(name).partition(".")[2] for name in shown}
    keys = {
        (folder, name.partition(".")[0]) for folder, name in map(os.path.split, shown)
    }
    return len(keys) < len(shown) and not kinds.isdisjoint(TEXT_MEMBERS)


# The zip archive that each thread opened last.
_last = threading.local()


def open_zip(path: str) -> zipfile.ZipFile:
    """Open an archive, unless it is the one that this thread opened last: reading the
    directory of an archive again for each of its files would take very long.
    """
    key = path, state_of(path)
    if getattr(_last, "key", None) != key:
        # An archive that is opened by its path also closes the file.
        _last.archive = zipfile.ZipFile(open_file(path) if is_remote(path) else path)
        _last.key = key
    archive: zipfile.ZipFile = _last.archive
    return archive
