"""A Ray cluster of several node processes on this machine, which all tests of a process
share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
# Attempts to start a node: on a busy machine, it may need more than Ray's 30 seconds.
ATTEMPTS = 3
# Tests need neither the pages nor the log monitor of a cluster.
QUIET = {"include_dashboard": False, "include_log_monitor": False}
SYSTEM = {
    # Workers are started when there are tasks, and stay for the tasks of the next test.
    "prestart_worker_first_driver": False,
    "num_workers_soft_limit": 8,
    "health_check_period_ms": 500,
    "health_check_initial_delay_ms": 500,
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Start a head node, which this process joins, and a second node. Each runs one
    task at a time, and can import the modules of the tests.
    """
    import ray
    from ray.cluster_utils import Cluster

    folders = [TESTS, *(TESTS / name for name in ("engine", "index", "runs"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(map(str, folders)), prepend=os.pathsep
        )
        head = {"num_cpus": 1, "no_monitor": True, "_system_config": SYSTEM, **QUIET}
        nodes = Cluster(initialize_head=True, head_node_args=head)
        try:
            add_node(nodes, 1)
            ray.init(nodes.address, log_to_driver=False, logging_level="ERROR")
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


def add_node(cluster: Any, cpus: int) -> Any:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return cluster.add_node(num_cpus=cpus, **QUIET)
        except Exception:
            if attempt == ATTEMPTS:
                raise
    return None
