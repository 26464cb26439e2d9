"""The names of fields and files by which texts, tweets, chats and other records are
recognised, from ``names.toml``, which explains them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from provscan.names import snake_case

_FILE = tomllib.loads(
    Path(__file__).parents[1].joinpath("names.toml").read_text("utf-8")
)
NAMES: dict[str, list[str]] = _FILE["tweets"]
ROLES = tuple(NAMES)
RECORDS: dict[str, list[str]] = _FILE["records"]
DATASET: dict[str, list[str]] = _FILE["dataset"]
CHATS: dict[str, list[str]] = _FILE["chats"]
FILES: dict[str, Any] = _FILE["files"]
CODE = tuple(FILES["code"])
VERDICTS: dict[str, str] = _FILE["verdicts"]
MARKERS = frozenset(
    name
    for keys in ("retweeted", "quoted", "nested", "markers")
    for name in RECORDS[keys]
)


def in_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return distinct names in snake case, the form in which columns are compared."""
    return tuple(dict.fromkeys(map(snake_case, names)))
