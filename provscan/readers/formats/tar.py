"""Read tar archives from front to back: compressed archives and webdatasets.

Nothing is written to disk. Records are numbered consecutively across all members.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

import orjson

from provscan.errors import InputError
from provscan.names import printable
from provscan.readers.bytes.archives import (
    ARCHIVE_ERRORS,
    PART,
    SPOOLED,
    TEXT_MEMBERS,
    Member,
    Readable,
    copy_tar,
    is_hidden,
)
from provscan.readers.bytes.encodings import as_utf8
from provscan.readers.bytes.files import readable, why_unread
from provscan.readers.bytes.streams import ByteStream, OpenStream
from provscan.readers.formats.protocol import (
    Format,
    Raw,
    Rows,
    Wanted,
    too_long,
)
from provscan.readers.splits import UNKNOWN, NotReadable, Split
from provscan.readers.stats import Damage

Identify = Callable[[ByteStream, str], Split]


@dataclass(frozen=True)
class Tar(Format):
    """A compressed tar archive, which can be read only from front to back."""

    formats: Mapping[str, Format]
    identify: Identify
    name: str = "tar"
    extensions: tuple[str, ...] = ()

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        number = 0
        with _damage_counted(stream):
            for member, file in _files(stream):
                for rows in self._member(member, file, stream, number, wanted):
                    # Blank lines yield no rows.
                    number = rows.numbers[-1] + 1 if len(rows.numbers) else number
                    yield rows

    def _member(
        self,
        member: tarfile.TarInfo,
        file: IO[bytes],
        stream: ByteStream,
        number: int,
        wanted: Wanted,
    ) -> Iterator[Rows]:
        source = f"{stream.split.source}/{printable(member.name)}"
        inner = _inner(member, file, stream, number)
        context, count = inner.context, 0
        try:
            with readable(source):
                inner.split = self.identify(inner, os.path.basename(member.name))
                for rows in self.formats[inner.split.format].read(inner, wanted):
                    count += len(rows.numbers)
                    yield rows
        except NotReadable as reason:
            stream.context.stats.note("unread_member", source, number, str(reason))
        except InputError as error:
            # Unless the archive itself is damaged, reading continues after a member
            # that can't be read.
            if isinstance(error.__cause__, tarfile.TarError):
                raise error.__cause__ from None
            context.breaks.append(why_unread(error, source))
        if context.breaks and not stream.context.breaks:
            stream.context.stats.damaged.append(
                Damage(source, count, context.breaks[0])
            )

    def rewrite(
        self,
        stream: ByteStream,
        out: IO[bytes],
        written: Callable[[ByteStream, IO[bytes], int], bool],
    ) -> None:
        """Write an archive again, without hidden files and links.

        `written` writes a file, given the first number of the records after it, and
        returns whether the file stays.
        """
        number, binding = 0, stream.split.binding
        wanted = None if binding is None else binding.wanted

        def member(info: tarfile.TarInfo, file: IO[bytes], after: IO[bytes]) -> bool:
            nonlocal number
            if is_hidden(info.name):
                return False
            with tempfile.SpooledTemporaryFile(SPOOLED) as before:
                shutil.copyfileobj(file, before)
                before.seek(0)
                inner = _inner(info, before, stream, number)
                try:
                    found = self.identify(inner, os.path.basename(info.name))
                except NotReadable:
                    return False  # It was listed as unread when it was scanned.
                inner.split = replace(found, binding=binding)
                # Only reading tells which numbers the records of this file have.
                for rows in self.formats[found.format].read(inner, wanted):
                    number = rows.numbers[-1] + 1 if len(rows.numbers) else number
                before.seek(0)
                again = _inner(info, before, stream, 0, inner.split)
                return written(again, after, number)

        copy_tar(io.BufferedReader(Readable(stream), PART), out, member)


@dataclass(frozen=True)
class WebDataset(Tar):
    """A tar archive of samples. Files with the same name up to the first dot are one
    record.
    """

    name: str = "webdataset"

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        number = -1
        key = ""
        sample: dict[str, Any] = {}
        with _damage_counted(stream):
            for member, file in _files(stream):
                this = _key(member)
                kind = os.path.basename(member.name).partition(".")[2]
                if this != key:
                    if number >= 0:
                        yield Rows([number], [sample])
                    key, number, sample = this, number + 1, {"__key__": this}
                if (
                    kind not in TEXT_MEMBERS
                    or member.size > stream.context.limits.record_bytes
                ):
                    continue
                data = as_utf8(file.read(), stream.split.layout.encoding)
                try:
                    sample[kind] = (
                        orjson.loads(data)
                        if kind == "json"
                        else data.decode(errors="replace")
                    )
                except orjson.JSONDecodeError as error:
                    stream.counts.note("bad_json", number, f"{member.name}: {error}")
        if number >= 0:
            yield Rows([number], [sample])

    def raw(self, stream: ByteStream) -> Iterator[list[Raw]]:
        """Yield samples as the blocks of their files. Hidden files and links are left
        out.
        """
        passed = _Passed(stream)
        chunks = io.BufferedReader(passed, PART)
        key, number, sample, stays, end = "", None, list[bytes](), True, 0
        with tarfile.open(
            fileobj=chunks, mode="r|", bufsize=PART, tarinfo=Member, ignore_zeros=True
        ) as archive:
            for member in archive:
                # What comes before this file's header belongs to the file before it.
                data = passed.up_to(member.offset)
                sample += [data] if stays else []
                archived = member.isfile() and not is_hidden(member.name)
                stays = archived or member.isdir()
                if archived and (this := _key(member)) != key:
                    yield [Raw(number, b"".join(sample))]
                    key, number, sample = this, 0 if number is None else number + 1, []
                blocks = -(-member.size // tarfile.BLOCKSIZE) * member.isfile()
                end = member.offset_data + blocks * tarfile.BLOCKSIZE
                archive.members = []  # type: ignore[attr-defined]  # frees memory
        data = passed.up_to(end)
        sample += [data] if stays else []
        yield [Raw(number, b"".join(sample))]
        while chunks.read(PART):
            pass
        yield [Raw(None, passed.up_to(None))]


def _key(member: tarfile.TarInfo) -> str:
    """Return the key of the sample of a file: its name up to the first dot."""
    folder, name = os.path.split(member.name)
    return os.path.join(folder, name.partition(".")[0])


class _Passed(Readable):
    """A file that keeps what was read from it, up to a limit."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream)
        self._stream = stream
        self._kept, self._start = bytearray(), 0

    def readinto(self, buffer: Any) -> int:
        size = super().readinto(buffer)
        self._kept += memoryview(buffer)[:size]
        if len(self._kept) > self._stream.context.limits.record_bytes + PART:
            raise too_long(self._stream)
        return size

    def up_to(self, end: int | None) -> bytes:
        """Return what was read and not returned yet, up to an offset in the file."""
        size = len(self._kept) if end is None else end - self._start
        data = bytes(self._kept[:size])
        del self._kept[:size]
        self._start += size
        return data


def _inner(
    member: tarfile.TarInfo,
    file: IO[bytes],
    stream: ByteStream,
    number: int,
    known: Split | None = None,
) -> OpenStream:
    """Return the bytes of a file in an archive, whose format may be `known`."""
    whole = known or replace(
        stream.split,
        source=f"{stream.split.source}/{printable(member.name)}",
        format=UNKNOWN,
        compression=None,
        first_record=number,
        archive="tar",
        member=member.name,
        start=0,
        end=-1,
    )
    context = stream.context._replace(breaks=[], on_bytes=None)
    return OpenStream(whole, context, file)


@contextlib.contextmanager
def _damage_counted(stream: ByteStream) -> Iterator[None]:
    """End the reading of an archive where it is damaged, and note the damage."""
    try:
        yield
    except ARCHIVE_ERRORS as error:
        stream.break_off(f"damaged tar archive ({error})")


def _files(stream: ByteStream) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of an archive; each must be read before the next."""
    chunks = io.BufferedReader(Readable(stream), PART)
    with tarfile.open(
        fileobj=chunks, mode="r|", bufsize=PART, tarinfo=Member, ignore_zeros=True
    ) as archive:
        for count, member in enumerate(archive):
            if count >= stream.context.limits.members:
                stream.break_off(
                    f"an archive of more than {stream.context.limits.members:,} files"
                )
                return
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and not is_hidden(member.name):
                yield member, file
            archive.members = []  # type: ignore[attr-defined]  # frees memory
