"""Check what is true for every command, whatever its input and however it ends.

Existing files remain, data that was not read is named, no file contains a secret, and
no process is ended by a signal. The tests of damage, hostile files, foreign folders and
secrets share these checks.
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

# Of a folder: its files with what is in them, and its folders.
Contents = dict[str, bytes | None]


def contents(folder: Path) -> Contents:
    """What is in a folder, by path; a link is what it says."""
    found: Contents = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.fsencode(os.readlink(path))
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def assert_kept(before: Contents, folder: Path, replaced: Collection[str] = ()) -> None:
    """What was there before is there after, but for what may be replaced."""
    after = contents(folder)
    lost = [
        name
        for name, content in before.items()
        if name not in replaced and after.get(name, b"?") != content
    ]
    assert not lost, f"lost or changed: {lost}"


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    """What was there before is there after, to the byte, and nothing else is."""
    before = contents(folder)
    yield
    assert_kept(before, folder)
    added = contents(folder).keys() - before.keys()
    assert not added, f"added: {sorted(added)}"


def losses_are_named(lost: int, stats: Any, unread: Iterable[Any]) -> bool:
    """What was not read is named: a file by itself, or each record in a count.

    One text may differ, where a byte of its own was lost.
    """
    return bool(stats.damaged or list(unread)) or lost <= 1 + sum(
        stats.skipped.values()
    )


def no_secret_is_written(secrets: Iterable[str], folder: Path, *said: str) -> None:
    """None of these words is in what was said, in the name of a file, or in a file,
    tables decoded.
    """
    places = {"what was said": "\n".join(said)}
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
    """The values in a table, whose file may be compressed."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    elif path.suffix == ".arrow":
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
    else:
        return ""
    return f"{table.schema} {table.to_pydict()}"


def assert_ended_well(status: int, errors: str) -> None:
    """A command ended by itself, and said in its last line what failed; a status below
    zero is a signal.
    """
    assert status in (0, 1, 2, 3, 130), f"status {status}: {errors[-2000:]}"
    assert "Traceback" not in errors, errors[-2000:]
    assert status == 0 or errors.splitlines()[-1].startswith("provscan: "), errors[
        -2000:
    ]


def ends_in_words(
    command: list[str], *, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command, which ends well and in time."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, **options
    )
    assert_ended_well(done.returncode, done.stderr)
    return done
