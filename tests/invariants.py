"""What holds whatever a command is given: the guards that tests of damage, hostile files and secrets share."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, and every folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    """What was there before is there after, to the byte, and nothing else is."""
    before = contents(folder)
    yield
    after = contents(folder)
    assert after.keys() == before.keys(), f"added or lost: {sorted(after.keys() ^ before.keys())}"
    assert after == before, f"changed: {[name for name in before if before[name] != after[name]]}"


def losses_are_named(lost: int, stats: Any, unread: Iterable[Any]) -> bool:
    """What was not read is named: a file by itself, or each record in a count.

    One text may differ, where a byte of its own was lost.
    """
    return bool(stats.damaged or list(unread)) or lost <= 1 + sum(stats.skipped.values())


def no_secret_in(folder: Path, secrets: Iterable[str]) -> None:
    """No file below a folder has one of some strings in its bytes or its name."""
    for name, data in contents(folder).items():
        found = [secret for secret in secrets if secret in name or secret.encode() in (data or b"")]
        assert not found, f"{name} holds {found}"


def ends_in_words(command: list[str], *, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command: it dies of no signal, ends in time and shows no traceback."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    assert 0 <= done.returncode < 128, f"status {done.returncode}: {done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return done
