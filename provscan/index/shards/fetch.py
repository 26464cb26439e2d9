"""Copy shards of an index from a place that the nodes of a cluster can read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from provscan.index import format as index_format
from provscan.index.format import MANIFEST
from provscan.readers import FileStore
from provscan.urls import below


def fetch_shards(url: str, shards: Sequence[int], folder: Path) -> None:
    """Copy the manifest of an index, some of its shards, and the segments added to it,
    from ``url`` into a folder, and check them.
    """
    url = url.rstrip("/")
    FileStore(url).get(folder / MANIFEST)
    for info in index_format.read_manifest(folder).segments:
        if info.shard is not None and info.shard not in shards:
            continue
        for name in info.paths():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            FileStore(below(url, os.path.dirname(name))).get(place)
        index_format.check_sizes(folder, info.paths())
        index_format.check_sums(folder, info.paths())
