"""Read tar archives from front to back: compressed archives and webdatasets.

Nothing is written to disk. Records are numbered consecutively across all members.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

import orjson

from provscan.errors import InputError
from provscan.names import printable
from provscan.readers.bytes.archives import (
    BROKEN,
    PART,
    TEXTS,
    Member,
    Readable,
    is_hidden,
)
from provscan.readers.bytes.encodings import as_utf8
from provscan.readers.bytes.files import readable, why_unread
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.protocol import Format, Piece, Rows, Undivided, Wanted
from provscan.readers.splits import UNKNOWN, Context, NotReadable, Split
from provscan.readers.stats import Damage

Identify = Callable[[ByteStream, str], Split]


class MemberStream(ByteStream):
    """The bytes of one member of an archive; they count as bytes read from the
    archive.
    """

    def __init__(self, split: Split, context: Context, file: IO[bytes]) -> None:
        super().__init__(split, context)
        self._open = file

    def _raw(self, file: IO[bytes]) -> Iterator[bytes]:
        while data := file.read(PART):
            yield data

    def _file(self, opened: object) -> IO[bytes]:
        return self._open


@dataclass(frozen=True)
class Tar(Undivided):
    """A compressed tar archive, which can be read only from front to back."""

    formats: Mapping[str, Format]
    identify: Identify
    name: str = "tar"
    extensions: tuple[str, ...] = ()

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        number = 0
        with _damage_counted(stream.context):
            for member, file in _files(stream):
                for rows in self._member(member, file, stream, number, wanted):
                    numbers = [rows.number] if isinstance(rows, Piece) else rows.numbers
                    # Blank lines yield no rows.
                    number = numbers[-1] + 1 if len(numbers) else number
                    yield rows

    def _member(
        self,
        member: tarfile.TarInfo,
        file: IO[bytes],
        stream: ByteStream,
        number: int,
        wanted: Wanted,
    ) -> Iterator[Rows | Piece]:
        source = f"{stream.split.source}/{printable(member.name)}"
        whole = replace(
            stream.split,
            source=source,
            format=UNKNOWN,
            compression=None,
            first_record=number,
            archive="tar",
            member=member.name,
            start=0,
            end=-1,
        )
        context = stream.context._replace(breaks=[], on_bytes=None)
        inner = MemberStream(whole, context, file)
        count = 0
        try:
            with readable(source):
                inner.split = self.identify(inner, os.path.basename(member.name))
                for rows in self.formats[inner.split.format].read(inner, wanted):
                    count += 1 if isinstance(rows, Piece) else len(rows.numbers)
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


@dataclass(frozen=True)
class WebDataset(Tar):
    """A tar archive of samples. Files with the same name up to the first dot are one
    record.
    """

    name: str = "webdataset"

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        number = -1
        key = ""
        sample: dict[str, Any] = {}
        with _damage_counted(stream.context):
            for member, file in _files(stream):
                stem, _, kind = os.path.basename(member.name).partition(".")
                this = os.path.join(os.path.dirname(member.name), stem)
                if this != key:
                    if number >= 0:
                        yield Rows([number], [sample])
                    key, number, sample = this, number + 1, {"__key__": this}
                if (
                    kind not in TEXTS
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
                    stream.context.stats.note(
                        "bad_json",
                        stream.split.source,
                        number,
                        f"{member.name}: {error}",
                    )
        if number >= 0:
            yield Rows([number], [sample])


@contextlib.contextmanager
def _damage_counted(context: Context) -> Iterator[None]:
    """End the reading of an archive where it is damaged, and note the damage."""
    try:
        yield
    except BROKEN as error:
        if not context.breaks:
            context.breaks.append(f"damaged tar archive ({error})")


def _files(stream: ByteStream) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of an archive; each must be read before the next."""
    context = stream.context
    chunks = io.BufferedReader(Readable(stream), PART)
    with tarfile.open(
        fileobj=chunks, mode="r|", bufsize=PART, tarinfo=Member, ignore_zeros=True
    ) as archive:
        for count, member in enumerate(archive):
            if count >= context.limits.members:
                context.breaks.append(
                    f"an archive of more than {context.limits.members:,} files"
                )
                return
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and not is_hidden(member.name):
                yield member, file
            archive.members = []  # type: ignore[attr-defined]  # frees memory
