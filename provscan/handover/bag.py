"""A BagIt bag (RFC 8493) in a zip archive that has the same bytes on every machine.

:func:`write_bag` writes a bag. :class:`Archive` reads a bag that another party may have
made or changed, without extracting it.

The entries of the archive are stored without compression, in the order of their names,
and all header fields are derived from names, sizes and CRCs. Compressed entries would
depend on the version of the compressor, and could be bombs. An archive is refused
unless every byte outside its files is the one that ``zipfile`` would write. Therefore,
each byte of an accepted archive either was compared here or belongs to a file whose
checksum is in the bag.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from provscan.errors import InputError
from provscan.opening import open_regular

FOLDER, PAYLOAD = "bundle/", "data/"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
BAGIT, BAG_INFO = "bagit.txt", "bag-info.txt"
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
# Accepted names: no "..", no hidden files, and no characters that file systems treat
# differently.
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,3}")
LONGEST_NAME, MOST_ENTRIES = 200, 10_000
# Maximum size of a file that is read into memory.
MOST_BYTES = 1 << 28
CHUNK = 1 << 20

_ENCRYPTED, _MODE = 1, 0o100644 << 16

# The content of a file: bytes, a path, or a function that opens it.
Content = bytes | Path | Callable[[], IO[bytes]]


class Digest(NamedTuple):
    size: int
    crc: int
    sha256: str


class Entry(NamedTuple):
    """An entry of an archive."""

    name: str
    size: int
    crc: int
    header: int  # Offset of the entry's header in the archive.

    @property
    def start(self) -> int:
        """The offset of the entry's content in the archive."""
        return self.header + len(self.info().FileHeader())

    def info(self) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(f"{FOLDER}{self.name}")
        # Other systems would have other values.
        info.create_system, info.external_attr = 3, _MODE
        info.CRC, info.header_offset = self.crc, self.header
        info.file_size = info.compress_size = self.size
        return info


def digest_of(content: Content) -> Digest:
    """Return the size, CRC-32 and SHA-256 of a content."""
    size, crc, sha256 = 0, 0, hashlib.sha256()
    for chunk in _chunks(content):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        sha256.update(chunk)
    return Digest(size, crc, sha256.hexdigest())


def write_bag(
    file: IO[bytes],
    payload: Mapping[str, Content],
    seal: Callable[[Mapping[str, str]], Mapping[str, bytes]],
) -> None:
    """Write a bag with the files of ``payload``, whose names begin with ``data/``.

    ``seal`` receives the SHA-256 of each file in the payload and of
    :func:`bagit_files`, and returns further files for the bag, such as a signature.
    """
    digests = {name: digest_of(content) for name, content in payload.items()}
    tags = bagit_files(digests)
    hashes = {name: digest.sha256 for name, digest in digests.items()}
    tags |= seal(hashes | {name: digest_of(tags[name]).sha256 for name in tags})
    tag_digests = {name: digest_of(content) for name, content in tags.items()}
    tags[TAG_MANIFEST] = manifest(tag_digests)
    digests |= tag_digests | {TAG_MANIFEST: digest_of(tags[TAG_MANIFEST])}
    contents: dict[str, Content] = {**payload, **tags}
    entries, offset = [], 0
    for name in sorted(contents):
        entry = Entry(name, digests[name].size, digests[name].crc, offset)
        file.write(entry.info().FileHeader())
        size, crc = 0, 0
        for chunk in _chunks(contents[name]):
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            file.write(chunk)
        if (size, crc) != (entry.size, entry.crc):
            raise InputError(f"{name} changed while it was bundled: repeat the command")
        entries.append(entry)
        offset = entry.start + entry.size
    file.write(_directory(entries, offset))


def bagit_files(payload: Mapping[str, Digest]) -> dict[str, bytes]:
    """Return the files that BagIt requires for a payload, except the tag manifest."""
    size = sum(digest.size for digest in payload.values())
    return {
        BAGIT: DECLARATION,
        BAG_INFO: f"Payload-Oxum: {size}.{len(payload)}\n".encode(),
        MANIFEST: manifest(payload),
    }


def manifest(digests: Mapping[str, Digest]) -> bytes:
    """Return a BagIt manifest: one line with the SHA-256 and name of each file."""
    lines = (f"{digests[name].sha256}  {name}\n" for name in sorted(digests))
    return "".join(lines).encode()


class Archive:
    """A bag in an archive, opened for reading.

    Raises
    ------
    InputError
        The file does not have the layout of :func:`write_bag`. The message names the
        offset.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open_regular(path)
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}") from error
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self.entries = {entry.name: entry for entry in self._read_entries()}
        except BaseException:
            self.close()
            raise

    def open(self, name: str) -> io.BufferedReader:
        """Open a file of the bag for random access."""
        entry = self.entries[name]
        return io.BufferedReader(_Range(self._file, entry.start, entry.size), CHUNK)

    def read(self, name: str) -> bytes:
        if self.entries[name].size > MOST_BYTES:
            raise InputError(
                f"{self.path}: {name} has {self.entries[name].size:,} bytes, more than "
                f"the maximum of {MOST_BYTES:,}"
            )
        with self.open(name) as file:
            return file.read()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _read_entries(self) -> list[Entry]:
        try:
            infos = zipfile.ZipFile(self._file).infolist()
        except Exception as error:  # zipfile documents few of the errors of forgeries.
            raise InputError(
                f"{self.path} is not a bundle, or is damaged ({error}): expected an "
                "archive that provscan bundle wrote"
            ) from None
        if not infos or len(infos) > MOST_ENTRIES:
            raise self._refused(0, f"it has {len(infos):,} entries")
        at, entries = 0, list[Entry]()
        for info in infos:
            entry = self._entry(info, at)
            if entries and entry.name <= entries[-1].name:
                raise self._refused(at, f"{entry.name} is not in alphabetical order")
            entries.append(entry)
            at = entry.start + entry.size
        expected = _directory(entries, at)
        if self.size != at + len(expected) or self._bytes(at, self.size) != expected:
            raise self._refused(at, "its directory does not match its entries")
        return entries

    def _entry(self, info: zipfile.ZipInfo, at: int) -> Entry:
        """Return the entry that begins at an offset. Refuse others than provscan
        writes.
        """
        name = info.filename.removeprefix(FOLDER)
        if (
            name == info.filename
            or len(name) > LONGEST_NAME
            or not NAME.fullmatch(name)
        ):
            shown = info.filename[:LONGEST_NAME]
            what = "is a folder" if info.is_dir() else "has a name that no bundle has"
            raise self._refused(at, f"the entry {shown!r} {what}")
        if info.flag_bits & _ENCRYPTED:
            raise self._refused(at, f"{name} is encrypted")
        if info.compress_type != zipfile.ZIP_STORED:
            raise self._refused(at, f"{name} is compressed, but bundles store files")
        entry = Entry(name, info.file_size, info.CRC, at)
        header = entry.info().FileHeader()
        if self._bytes(at, len(header)) != header:
            raise self._refused(at, f"another program wrote the header of {name}")
        if entry.start + entry.size > self.size:
            raise self._refused(at, f"the archive ends within {name}")
        return entry

    def _bytes(self, at: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, at)

    def _refused(self, at: int, why: str) -> InputError:
        return InputError(
            f"{self.path} is not the file that provscan bundle wrote: {why} (byte "
            f"{at:,}). It was changed, damaged, or unpacked and packed again, so "
            "nothing in it can be checked: ask for the original file"
        )


class _Range(io.RawIOBase):
    """A file object for a range of bytes of an open file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = max(0, base[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(0, self._size - self._at))
        found = os.pread(self._file.fileno(), wanted, self._start + self._at)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _chunks(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") if isinstance(content, Path) else content() as file:
        while chunk := file.read(CHUNK):
            yield chunk


class _After(io.BytesIO):
    """A file of which only the bytes after ``start`` are kept."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._start + super().seek(offset - self._start, whence)

    def tell(self) -> int:
        return self._start + super().tell()


def _directory(entries: list[Entry], start: int) -> bytes:
    """Return the directory of an archive; ``start`` is the offset of the directory."""
    file = _After(start)
    with zipfile.ZipFile(file, "w") as archive:
        archive.filelist.extend(entry.info() for entry in entries)
        archive.comment = b""  # An archive without a change would not be written.
    return file.getvalue()
