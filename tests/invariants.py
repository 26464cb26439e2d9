"""What holds whatever a command is given and however it ends: what was there before is there after, what was not read
is named, no secret stands in a file, and no process dies of a signal."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

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
    lost = [name for name, content in before.items() if name not in replaced and after.get(name, b"?") != content]
    assert not lost, f"lost or changed: {lost}"


def assert_named(unread: Iterable[str], summary: dict[str, Any]) -> None:
    """Every source that was not read, or not to its end, stands in the summary of a run."""
    named = {
        item.get("path") or item.get("source") for key in ("unread", "damaged", "ignored") for item in summary[key]
    }
    assert set(unread) <= named, f"not named: {set(unread) - named}"


def assert_no_secret(secrets: Iterable[str], folder: Path) -> None:
    """No name and no file in a folder holds one of the secrets."""
    for name, content in contents(folder).items():
        for secret in secrets:
            assert secret not in name
            assert secret.encode() not in (content or b""), f"{name} holds {secret!r}"


def assert_ended_well(status: int, errors: str) -> None:
    """A command ended by itself, and said in its last line what failed; a status below zero is a signal."""
    assert status in (0, 1, 2, 3, 130), f"status {status}: {errors}"
    assert "Traceback" not in errors
    assert status == 0 or errors.splitlines()[-1].startswith("provscan: "), errors
