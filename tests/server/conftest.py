"""Make a small index, and a server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import provscan
from provscan.server import Limits

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from live_server import TWEETS, Client, running


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> provscan.Index:
    return provscan.build_index(TWEETS, tmp_path_factory.mktemp("serve") / "a.index")


@pytest.fixture(scope="module")
def client(index: provscan.Index) -> Iterator[Client]:
    """Return a client of a server without a token, whose limits no test reaches."""
    with running(Path(index.path), limits=Limits(rate=10_000)) as started:
        yield started
