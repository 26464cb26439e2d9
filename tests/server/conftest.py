"""Make a small index, and a server for it."""

from pathlib import Path

import pytest

import provscan
from provscan.server import Limits

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from live_server import TWEETS, running


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return provscan.build_index(TWEETS, tmp_path_factory.mktemp("serve") / "a.index")


@pytest.fixture(scope="module")
def client(index):
    """Return a client of a server without a token, whose limits no test reaches."""
    with running(Path(index.path), limits=Limits(rate=10_000)) as started:
        yield started
