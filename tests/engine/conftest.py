"""A cluster for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster
from ray_cluster import running


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(1, 2, Path(__file__).parent) as nodes:
        yield nodes
