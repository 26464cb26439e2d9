"""A Ray cluster of several node processes on this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

# Ray gives a node 30 seconds to start, which a busy machine may need.
ATTEMPTS = 3


@contextlib.contextmanager
def running(nodes: int, cpus: int, *modules: Path) -> Iterator[Cluster]:
    """A head without processors, which this process joins, and nodes that can import the modules of some folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, modules)))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        try:
            for _ in range(nodes):
                add_node(cluster, cpus)
            ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


def add_node(cluster: Cluster, cpus: int) -> Any:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return cluster.add_node(num_cpus=cpus)
        except Exception:
            if attempt == ATTEMPTS:
                raise
    return None
