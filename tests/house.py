"""The source as the house tests read it, and what is still owed to the rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "provscan"
FILES = sorted(PACKAGE.rglob("*.py"))

DEBTS = json.loads((ROOT / "tests" / "debts.json").read_text(encoding="utf-8"))
"""Rule -> room -> how many offenders are left. Numbers only go down; a rule without debts is an empty object."""


def module_of(path: Path) -> str:
    """``provscan/index/__init__.py`` -> ``provscan.index``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """``provscan.index.format`` -> ``index``; ``provscan`` itself -> ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def room_of(path: Path) -> str:
    """The room of a file: for the package as above, else the top-level folder or ``documents``."""
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "provscan" and path.suffix == ".py":
        return room(module_of(path))
    if relative.parts[0] == "provscan" and len(relative.parts) > 2:
        return relative.parts[1]
    return relative.parts[0] if len(relative.parts) > 1 else "documents"


def check(rule: str, offenders: Iterable[tuple[Path, str]]) -> None:
    """Fail if a room has more offenders than ``debts.json`` still allows it."""
    rooms: dict[str, list[str]] = {}
    for path, what in offenders:
        rooms.setdefault(room_of(path), []).append(f"{path.relative_to(ROOT)}{what}")
    counts = Counter({name: len(found) for name, found in rooms.items()})
    for name, allowed in DEBTS[rule].items():
        counts[name] -= allowed
    over = {name: rooms[name] for name, count in counts.items() if count > 0}
    message = "\n".join(line for found in over.values() for line in found)
    assert not over, f"{rule}: mend these, or some of the older ones among them (tests/debts.json):\n{message}"
