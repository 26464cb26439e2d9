"""The names of the files in a ledger's folder, and :func:`read_ledger`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provscan.errors import InputError
from provscan.runs.folder import read_json, require_unchanged

LEDGER_FILE, TABLES_FOLDER = "ledger.json", "tables"
FORMAT, VERSION = "provscan-ledger", 1


def read_ledger(folder: Path, *, tables: bool = False) -> dict[str, Any]:
    """Read ``ledger.json`` of a ledger, and check that it is unchanged; with
    ``tables``, all tables too.

    Raises
    ------
    InputError
        The folder is not a ledger, or a file was changed.
    """
    found = read_json(folder / LEDGER_FILE)
    kind = (found.get("format"), found.get("version"))
    if kind != (FORMAT, VERSION):
        raise InputError(
            f"{folder / LEDGER_FILE}: expected {FORMAT!r} of version {VERSION}, found "
            f"{kind[0]!r} of version {kind[1]!r}; a newer provscan or another program "
            "wrote it"
        )
    names = tables_of(found) if tables else []
    require_unchanged(folder, found, names, LEDGER_FILE)
    return found


def tables_of(ledger: dict[str, Any]) -> list[str]:
    """Return the paths of the tables that ``ledger.json`` lists."""
    return [name for name in ledger["files"] if name.startswith(f"{TABLES_FOLDER}/")]
