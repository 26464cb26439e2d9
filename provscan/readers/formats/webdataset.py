"""Read webdatasets: tar archives of samples, which are read from front to back.

Files with the same name up to the first dot are one sample, and a sample is a record.
The rest of a file's name is the name of the field: ``txt`` or ``en.txt``.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from provscan.readers.bytes.archives import (
    ARCHIVE_ERRORS,
    PART,
    TEXT_MEMBERS,
    Readable,
    hidden_part,
    members_of,
    sample_key,
)
from provscan.readers.bytes.encodings import as_utf8
from provscan.readers.bytes.streams import REPLACED, ByteStream
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.json_values import parsed
from provscan.readers.splits import WEBDATASET
from provscan.readers.strings import decoded


class WebDataset(Format):
    name = WEBDATASET
    extensions = ()

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        number = -1
        key = ""
        sample: dict[str, Any] = {}
        encoding = stream.split.layout.encoding
        limit = stream.context.limits.record_bytes
        try:
            for member, file in _files(stream):
                if (this := sample_key(member.name)) != key:
                    if number >= 0:
                        yield Rows([number], [sample])
                    key, number, sample = this, number + 1, {"__key__": this}
                kind = os.path.basename(member.name).partition(".")[2]
                extension = kind.rpartition(".")[2].lower()
                if extension not in TEXT_MEMBERS:
                    continue
                if member.size > limit:
                    stream.counts.note("record_too_long", number, member.name)
                    continue
                data = as_utf8(file.read(), encoding)
                if extension != "json":
                    sample[kind] = _text(data, number, member.name, stream)
                    continue
                try:
                    sample[kind] = parsed(data)
                except ValueError as error:
                    stream.counts.note("bad_json", number, f"{member.name}: {error}")
        except ARCHIVE_ERRORS as error:
            stream.break_off(f"damaged tar archive ({error})")
        if number >= 0:
            yield Rows([number], [sample])


def _text(data: bytes, number: int, name: str, stream: ByteStream) -> str:
    """Return the text of a file, and count the file if bytes of it were replaced."""
    text = decoded(data, number, stream.counts)
    if stream.split.layout.encoding is not None and REPLACED in text:
        stream.counts.note("not_in_encoding", number, name)
    return text


def _files(stream: ByteStream) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of an archive; each must be read before the next."""
    for archive, member in members_of(io.BufferedReader(Readable(stream), PART)):
        file = archive.extractfile(member) if member.isfile() else None
        if file is not None and hidden_part(member.name) is None:
            yield member, file


FORMATS = (WebDataset(),)
