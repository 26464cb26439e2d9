"""Name and read the files of ``OUT.unfinished``, so that a command can resume.

This folder (:mod:`provscan.unfinished`) contains the files of the result, the parts,
and the scan of the result. A part describes what was removed from one file, and is
written when that file is complete. A complete file is not written again. At the end,
the files become ``OUT``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from provscan.readers import file_checksum
from provscan.runs.folder import write_json
from provscan.unfinished import Work, unfinished_path
from provscan.writing import replacing_file


class Unpublished(NamedTuple):
    """The result while it is being written: its paths and its parts."""

    folder: Path  # OUT.unfinished.

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def parts(self) -> Path:
        return self.folder / "parts"

    @property
    def scan(self) -> Path:
        return self.folder / "scan.run"

    def lines(self, file: int) -> Path:
        """Return the path of the lines that describe a file's removed records."""
        return self.parts / f"{file:08}.jsonl"

    def removed(self) -> Iterator[bytes]:
        """Yield the lines that describe the records removed from all files."""
        for path in sorted(self.parts.glob("*.jsonl")):
            with path.open("rb") as lines:
                yield from lines

    def save(self, file: int, about: dict[str, Any]) -> None:
        """Write the part of a file, which is then complete."""
        checksum = file_checksum(self.lines(file))
        with replacing_file(self.parts / f"{file:08}.json") as temporary:
            write_json(temporary, about | {"lines": checksum})

    def load(self, file: int, written: Path) -> dict[str, Any] | None:
        """Return the part of a file; None if the file is not complete, or if it has
        changed since.
        """
        try:
            part = (self.parts / f"{file:08}.json").read_bytes()
            about: dict[str, Any] = json.loads(part)
            same = about.pop("lines") == file_checksum(self.lines(file))
            now = file_checksum(written) if written.exists() else None
            same &= not written.is_symlink()
        except (OSError, ValueError, KeyError):
            return None
        return about if same and about["xxh3_after"] == now else None


def _remove(folder: Path) -> None:
    work = Unpublished(folder)
    for path in (work.files, work.parts, work.scan, unfinished_path(work.scan)):
        if path.is_symlink():
            path.unlink()
        shutil.rmtree(path, ignore_errors=True)


WORK = Work(
    name="cleaning",
    parts=("parts/*.json",),
    unit="file",
    remove=_remove,
    request={"run": "matches", "datasets": "datasets", "options": "options"},
)
