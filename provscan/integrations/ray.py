"""Find licensed tweets in a ``ray.data.Dataset``."""

from __future__ import annotations

from provscan.integrations import Matcher


class MapBatches(Matcher):
    """A function for ``dataset.map_batches``, which returns a dataset of matches.

    Call ``map_batches`` with ``batch_format="pyarrow"``. Every node must have the index
    at the same path. ``text`` and ``id`` are the names of columns.
    """
