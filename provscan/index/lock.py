"""The file ``lock`` of an index folder, which is locked by the only process that
writes to the index.

A writer notes in the file what it is about to write or remove. If it is killed, the
operating system releases the lock, and the notes remain for the next writer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from provscan.errors import OutputError
from provscan.index.format import (
    FILE_NAMES,
    PURGES,
    SEGMENT_NAME,
    SEGMENTS,
    TOMBSTONES,
)
from provscan.urls import without_secrets
from provscan.writing import TEMPORARY

LOCK = "lock"
# The first line of the file is this, followed by the name of the process that locked
# it. Each further line is the path of a file or folder.
HEAD = "provscan index, written by "
# The path of an unfinished segment. It contains a random number, so all paths that
# begin with it were created by the writer that noted it.
UNFINISHED = re.compile(rf"{SEGMENTS}/\.new-[0-9a-f]{{16}}")
# Paths that a writer may note.
NOTED = re.compile(
    rf"{UNFINISHED.pattern}|{TEMPORARY.pattern}"
    rf"|{SEGMENTS}(/{SEGMENT_NAME.pattern}(/{FILE_NAMES[SEGMENTS].pattern})?)?"
    rf"|{TOMBSTONES}(/{FILE_NAMES[TOMBSTONES].pattern})?"
    rf"|{PURGES}(/{FILE_NAMES[PURGES].pattern})?"
)


class Lock:
    """The lock file, locked by this process."""

    def __init__(self, descriptor: int, noted: set[str]) -> None:
        self._descriptor = descriptor
        self.noted = noted  # All noted paths, including those of killed writers.
        words = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:2]])
        command = without_secrets(" ".join(words.split()))
        holder = f"process {os.getpid()} on {socket.gethostname()} ({command})"
        self._rewrite(f"{HEAD}{holder} since {datetime.now(UTC):%F %T} UTC")

    def note(self, *names: str) -> None:
        """Append paths to the notes."""
        self._write("".join(f"{name}\n" for name in names).encode())
        self.noted.update(names)

    def release(self, left: set[str]) -> None:
        """Unlock the file. Leave notes of ``left``, the paths that were not removed."""
        self.noted = left
        with contextlib.suppress(OSError):
            self._rewrite(HEAD if left else "")
        os.close(self._descriptor)

    def _rewrite(self, head: str) -> None:
        """Write the first line and all notes over the old content, in one call."""
        lines = "".join(f"{line}\n" for line in [head, *sorted(self.noted)])
        text = lines.encode(errors="backslashreplace") if head else b""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._write(text)
        os.ftruncate(self._descriptor, len(text))

    def _write(self, text: bytes) -> None:
        # A full disk may take only a part of the text. The next call then raises an
        # error that gives the reason.
        while text:
            text = text[os.write(self._descriptor, text) :]


def locked(target: Path, folder: Path) -> Lock:
    """Lock an index folder. Messages name ``target``, which may be a link to it."""
    while True:
        descriptor = os.open(
            folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
        )
        try:
            _lock(descriptor, target)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(folder / LOCK)):
                    noted = noted_in(folder)
                    if noted is None:
                        raise OutputError(
                            f"{target} contains a file {LOCK} that provscan did not "
                            "write, so nothing is written there: move it away"
                        )
                    return Lock(descriptor, noted)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the previous holder removed the folder
        folder.mkdir(parents=True, exist_ok=True)


def _lock(descriptor: int, target: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        notes = os.read(descriptor, 4096).decode(errors="replace")
        holder = notes.partition("\n")[0].removeprefix(HEAD).strip()
        raise OutputError(
            f"{target} is being written by {holder or 'another process'}: wait until "
            "that ends, then try again"
        ) from None


def noted_in(folder: Path) -> set[str] | None:
    """Return the paths that a killed writer noted in the lock file; None if provscan
    did not write the file.
    """
    path = folder / LOCK
    if not os.path.lexists(path):
        return set()
    if path.is_symlink() or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    if text and not text.startswith(HEAD):
        return None
    # The last line may be cut off.
    return {name for name in text.split("\n")[1:-1] if NOTED.fullmatch(name)}
