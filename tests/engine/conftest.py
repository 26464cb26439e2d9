"""A small index and datasets to match with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset import TWEETS

import provscan


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> provscan.Index:
    return provscan.build_index(TWEETS, tmp_path_factory.mktemp("engine") / "licensed.index")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes records as JSON lines and gives the path."""

    def write(name: str, records: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return write
