"""A fixture that builds indexes of invented tweets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import provscan

Build = Callable[..., provscan.Index]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that builds an index of texts, whose ids are their indices."""
    numbers = iter(range(1000))

    def built(texts: list[str], **options: Any) -> provscan.Index:
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        rows = [
            json.dumps({"id": str(number), "text": text})
            for number, text in enumerate(texts)
        ]
        (folder / "corpus.jsonl").write_text("\n".join(rows) + "\n")
        return provscan.build_index(
            folder / "corpus.jsonl", folder / "licensed.index", **options
        )

    return built
