"""How many of the bytes on the network does ``scale.py`` count, if the shards of an
index are on other nodes?

    pip install 'provscan[ray]'
    python benchmarks/network.py [--texts 300000] [--shards 4] [--groups 2]
        [--megabytes 10] [--records 30000]

A cluster of node processes on this machine has the shards of an index of synthetic
tweets, one group of shards per node. This process, on a node of its own without shards,
scans long texts and records of a tweet's length. The table compares the traffic of the
loopback interface during the scan, less its idle traffic, with the arguments and
results that ``scale.py`` counts for ``SCALE.md``. Needs Linux, and a machine on which
nothing else uses that interface. Takes about two minutes.
"""

from __future__ import annotations

import logging
import tempfile
import time
from functools import partial
from pathlib import Path

import planted
import ray
import synthetic
from measure import command_line, console, machine, table
from ray.cluster_utils import Cluster
from scale import Counted, scan_with

import provscan
from provscan.engine import Ray
from provscan.index import CONSTANT_METHOD, GroupReader, open_reader, open_shards

# Seconds for which the idle traffic of the cluster is measured.
IDLE_SECONDS = 5.0


def carried() -> int:
    """Return the number of bytes that the loopback interface has carried."""
    (line,) = (
        line
        for line in Path("/proc/net/dev").read_text().splitlines()
        if line.strip().startswith("lo:")
    )
    return int(line.partition(":")[2].split()[0])


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--texts", type=int, default=300_000, help="number of indexed tweets"
    )
    parser.add_argument("--shards", type=int, default=4, help="shards of the index")
    parser.add_argument("--groups", type=int, default=2, help="nodes that have shards")
    parser.add_argument(
        "--megabytes", type=float, default=10, help="megabytes of long texts"
    )
    parser.add_argument("--records", type=int, default=30_000, help="number of records")
    arguments = parser.parse_args()
    console.print(machine())
    shown = table(
        "Bytes between nodes, for 1 GB of data",
        "data",
        "arguments, GB",
        "results, GB",
        "on the wire, GB",
        "ratio to the count",
        "idle, MB per second",
    )
    with tempfile.TemporaryDirectory(prefix="provscan-network-") as name:
        folder = Path(name)
        synthetic.write_jsonl(
            synthetic.tweets(arguments.texts), folder / "tweets.jsonl"
        )
        index = folder / "licensed.index"
        provscan.build_index(folder / "tweets.jsonl", index, shards=arguments.shards)
        open_group = partial(
            open_shards,
            str(index),
            snapshot=open_reader(index, check="lengths").snapshot,
        )
        makers = [
            partial(open_group, shards=range(group, arguments.shards, arguments.groups))
            for group in range(arguments.groups)
        ]
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        try:
            for _ in makers:
                cluster.add_node(num_cpus=1)
            ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            with Ray(1) as executor:
                reader = GroupReader(executor.start_services(makers, CONSTANT_METHOD))
                for data, texts in (
                    (
                        "long text",
                        planted.long_texts(None, round(arguments.megabytes * 1e6)),
                    ),
                    ("records", planted.short_texts(None, arguments.records)),
                ):
                    source = planted.write_jsonl(
                        folder / "data.jsonl", planted.numbered(texts)
                    )
                    time.sleep(1)
                    before, begin = carried(), time.monotonic()
                    time.sleep(IDLE_SECONDS)
                    idle = (carried() - before) / (time.monotonic() - begin)
                    before, begin = carried(), time.monotonic()
                    scan_with(reader, source)
                    wire = carried() - before - idle * (time.monotonic() - begin)
                    counted = [Counted(maker()) for maker in makers]
                    scan_with(GroupReader(tuple(counted)), source)
                    sent, received = (
                        sum(getattr(each, way) for each in counted)
                        for way in ("sent", "received")
                    )
                    size = source.stat().st_size
                    shown.add_row(
                        data,
                        f"{sent / size:.2f}",
                        f"{received / size:.2f}",
                        f"{wire / size:.2f}",
                        f"{wire / (sent + received):.2f}",
                        f"{idle / 1e6:.2f}",
                    )
        finally:
            ray.shutdown()
            cluster.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
    console.print(shown)


if __name__ == "__main__":
    main()
