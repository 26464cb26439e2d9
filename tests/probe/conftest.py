"""An index of tweets with few and many copies, controls like them, and a plan."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sentences import sentence, write

import provscan
from provscan.probe import Plan, Settings, make_plan, open_plan


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probe")


@pytest.fixture(scope="session")
def index(folder: Path) -> provscan.Index:
    rows = [
        {"id": f"{n}-{copy}", "text": sentence(n), "author": f"a{n}", "created_at": "2020-01-02"}
        for n in range(400)
        for copy in range(64 if n < 60 else 4 if n < 120 else 1)
    ]
    return provscan.build_index(rows, folder / "licensed.index")


@pytest.fixture(scope="session")
def control(folder: Path) -> Path:
    return write(
        folder / "control.jsonl",
        [
            {"id": f"c{n}", "text": sentence(10_000 + n), "author": f"c{n}", "created_at": "2020-01-02"}
            for n in range(600)
        ],
    )


@pytest.fixture(scope="session")
def planned(folder: Path, index: provscan.Index, control: Path) -> Plan:
    settings = Settings(pairs=150, samples=2, free=6, prompts=("prefix", "masked"))
    return make_plan(index, folder / "planned", settings, control=[str(control)])


@pytest.fixture
def plan(planned: Plan, tmp_path: Path) -> Plan:
    """The same plan in a folder of its own."""
    shutil.copytree(planned.path, tmp_path / "probe")
    return open_plan(tmp_path / "probe")
