"""Copy zip and tar archives while their members are changed."""

from __future__ import annotations

import copy
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from typing import IO, Any

from provscan.readers.bytes.archives import members_of

# Bytes of a member that are kept in memory while it is copied.
SPOOLED = 16 << 20
# A function that takes a member's entry, its old content, and the file for its new
# content. It writes the new content and returns whether the member is kept.
CopyMember = Callable[[Any, IO[bytes], IO[bytes]], bool]


def copy_zip(source: IO[bytes], out: IO[bytes], written: CopyMember) -> None:
    """Write a zip archive again; ``written`` writes the new contents of its files."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        new.comment = old.comment
        for info in old.infolist():
            again = copy.copy(info)
            again.extra = b""  # This field may state the sizes of a large member.
            if old.getinfo(info.filename) is not info:
                continue  # Of several files with the same name, the last one is read.
            with (
                tempfile.SpooledTemporaryFile(SPOOLED) as member,
                old.open(info) as file,
            ):
                if info.is_dir() or written(info, file, member):
                    again.file_size = member.tell()
                    member.seek(0)
                    with new.open(again, "w") as to:
                        shutil.copyfileobj(member, to)


def copy_tar(source: IO[bytes], out: IO[bytes], written: CopyMember) -> None:
    """Write a tar archive again, without links; ``written`` writes the new contents of
    its files. Both archives are processed from front to back.
    """
    with tarfile.open(fileobj=out, mode="w|") as new:
        for old, info in members_of(source):
            again = copy.copy(info)
            # The size of a large file is written anew.
            again.pax_headers = {
                name: value
                for name, value in info.pax_headers.items()
                if name != "size"
            }
            if info.isdir():
                new.addfile(again)
            elif (file := old.extractfile(info) if info.isfile() else None) is not None:
                with tempfile.SpooledTemporaryFile(SPOOLED) as member, file:
                    if written(info, file, member):
                        again.size = member.tell()
                        member.seek(0)
                        new.addfile(again, member)
            new.members = []  # type: ignore[attr-defined]  # frees memory
