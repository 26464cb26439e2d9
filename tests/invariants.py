"""Check what must be true after every command, whatever its input and its result.

Existing files are unchanged, data that was not read is reported, no file contains a
secret, and no process is ended by a signal. The tests of damage, hostile files, foreign
folders and secrets share these checks.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# The files of a folder with their contents, and its folders with None.
Contents = dict[str, bytes | None]


def contents(folder: Path) -> Contents:
    """Return the contents of a folder by path. The content of a link is its target."""
    found: Contents = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.fsencode(os.readlink(path))
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def assert_kept(before: Contents, folder: Path, replaced: Collection[str] = ()) -> None:
    """Check that the contents of a folder are unchanged, except those that may be
    replaced.
    """
    after = contents(folder)
    lost = [
        name
        for name, content in before.items()
        if name not in replaced and after.get(name, b"?") != content
    ]
    assert not lost, f"lost or changed: {lost}"


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    """Check that a folder is the same after the block, byte for byte."""
    before = contents(folder)
    yield
    assert_kept(before, folder)
    added = contents(folder).keys() - before.keys()
    assert not added, f"added: {sorted(added)}"


def losses_are_named(lost: int, stats: Any, unread: Iterable[Any]) -> bool:
    """Return whether a reader reported all records that it lost, by file or by number.

    One more may be lost without a report: a record of which only the text changed.
    """
    return bool(stats.damaged or list(unread)) or lost <= 1 + sum(
        stats.skipped.values()
    )


def no_secret_is_written(secrets: Iterable[str], folder: Path, *messages: str) -> None:
    """Check that no message, file name, file or decoded table contains a secret."""
    places = {"the messages": "\n".join(messages)}
    for path in folder.rglob("*"):
        places[f"the name of {path}"] = path.name
        if path.is_file():
            places[str(path)] = path.read_bytes().decode("latin-1") + _decoded(path)
    found = [
        (place, secret)
        for place, text in places.items()
        for secret in secrets
        if secret in text
    ]
    assert not found, f"written: {found}"


def _decoded(path: Path) -> str:
    """Return the values in a file with a table as a string, else an empty string."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    elif path.suffix == ".arrow":
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
    else:
        return ""
    return f"{table.schema} {table.to_pydict()}"


def assert_ended_well(status: int, errors: str) -> None:
    """Check that a command was not ended by a signal (a negative status) and, if it
    failed, that its last line is an error message.
    """
    assert status in (0, 1, 2, 3, 130), f"status {status}: {errors[-2000:]}"
    assert "Traceback" not in errors, errors[-2000:]
    assert status == 0 or errors.splitlines()[-1].startswith("provscan: "), errors[
        -2000:
    ]


def run_to_the_end(
    command: list[str], *, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command, and check that it ended well and in time."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, **options
    )
    assert_ended_well(done.returncode, done.stderr)
    return done
