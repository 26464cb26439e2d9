"""A small index, and datasets to match with it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset import TWEETS
from tweets import sentence

import provscan


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> provscan.Index:
    return provscan.build_index(
        TWEETS, tmp_path_factory.mktemp("any_script") / "licensed.index"
    )


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> provscan.Index:
    """Build an index of Latin tweets of at least 60 letters, two by each author; some
    have the same text.
    """
    rng = random.Random(4)
    rows: list[dict[str, Any]] = [
        {
            "id": str(n),
            "text": sentence(rng, "latin", 60 + n % 60),
            "author": f"a{n // 2}",
            "lang": "en",
            "created_at": f"{2018 + n % 3}-02-03",
        }
        for n in range(600)
    ]
    rows += [{**rows[n], "id": f"again{n}", "author": "another"} for n in range(20)]
    return provscan.build_index(
        rows, tmp_path_factory.mktemp("latin") / "licensed.index"
    )


@pytest.fixture(scope="session")
def other() -> list[dict[str, Any]]:
    """Return tweets of the same kind that no dataset contains."""
    rng = random.Random(5)
    return [
        {"id": f"o{n}", "text": sentence(rng, "latin", 60 + n % 60)} for n in range(600)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes records as JSON lines and returns the path."""

    def write(name: str, records: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return write
