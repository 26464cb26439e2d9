"""A Ray cluster of several node processes on this machine, which all tests of a process
share.
"""

from __future__ import annotations

import os
import socket
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
def object_store() -> Iterator[str]:
    """Return the host and port at which a test may start an object store.

    Environment variables give the address and the keys to this process and to the nodes
    of the cluster.
    """
    with socket.socket() as free, pytest.MonkeyPatch.context() as patch:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        for name, value in (
            ("ACCESS_KEY_ID", "who"),
            ("SECRET_ACCESS_KEY", "hush"),
            ("DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{place}")
        yield place


@pytest.fixture(scope="session")
def cluster(object_store: str) -> Iterator[Any]:
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
