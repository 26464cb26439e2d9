"""What holds whatever happens to a command: invariants that tests of different rooms assert."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def content(path: Path) -> bytes | str | None:
    """What tells whether an entry of a folder was changed; a folder has nothing of its own."""
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else None


def tree(folder: Path) -> dict[Path, bytes | str | None]:
    return {path: content(path) for path in sorted(folder.rglob("*"))}


@contextmanager
def what_was_there_stays(folder: Path) -> Iterator[None]:
    """What was there before is there after, byte for byte."""
    before = tree(folder)
    try:
        yield
    finally:
        after = tree(folder)
        lost = [str(path) for path, found in before.items() if path not in after or after[path] != found]
        assert not lost, f"removed or changed: {lost}"


def what_was_not_read_is_named(summary: dict[str, Any], files: Iterable[Path | str], status: int) -> None:
    """Each of these files is named in the summary of a run, whose status says that something is missing."""
    named = {entry["path"] for entry in summary["unread"]} | {entry["source"] for entry in summary["damaged"]}
    missing = sorted({str(file) for file in files} - named)
    assert not missing, f"not read, and not named: {missing}"
    assert status == 3


def no_process_dies_of_a_signal(done: subprocess.CompletedProcess[Any]) -> None:
    assert done.returncode >= 0, f"{done.args} ended by signal {-done.returncode}"


def no_secret_is_written(secrets: Iterable[str], folder: Path, *said: str) -> None:
    """None of these words is in what was said, in the name of a file, or in a file, tables decoded."""
    places = {"what was said": "\n".join(said)}
    for path in folder.rglob("*"):
        places[f"the name of {path}"] = path.name
        if path.is_file():
            places[str(path)] = path.read_bytes().decode("latin-1") + _decoded(path)
    found = [(place, secret) for place, text in places.items() for secret in secrets if secret in text]
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
