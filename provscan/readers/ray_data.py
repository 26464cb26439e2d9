"""Datasets of Ray: blocks that lie on the nodes of a cluster, taken one after the other.

The blocks come in the dataset's order, as they are made; none is kept by whoever lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from provscan.readers.limits import Limits


def is_ray_dataset(obj: object) -> bool:
    return any(f"{kind.__module__}.{kind.__name__}" == "ray.data.dataset.Dataset" for kind in type(obj).__mro__)


def block_batches(dataset: Any, limits: Limits) -> Iterator[pa.RecordBatch]:
    """The records of a dataset, a block at a time."""
    for reference, _, _ in references_of(dataset):
        yield from table_of(reference).to_batches(limits.batch_records)


def references_of(dataset: Any) -> Iterator[tuple[Any, int, int]]:
    """Of each block, in the dataset's order, a reference, the records in it and their bytes."""
    options = dataset.context.execution_options
    before = options.preserve_order
    options.preserve_order = True
    try:
        for bundle in dataset.iter_internal_ref_bundles():
            for reference, about in zip(bundle.block_refs, bundle.metadata, strict=True):
                yield reference, about.num_rows, about.size_bytes or 0
    finally:
        options.preserve_order = before


def table_of(reference: Any) -> pa.Table:
    import ray
    from ray.data.block import BlockAccessor

    return BlockAccessor.for_block(ray.get(reference)).to_arrow()


def head_of(reference: Any, count: int) -> pa.RecordBatch:
    """The first records of a block, which stays where it is."""
    import ray

    table = ray.get(ray.remote(_first_rows).remote(reference, count))
    return table.combine_chunks().to_batches()[0]


def _first_rows(block: Any, count: int) -> pa.Table:
    from ray.data.block import BlockAccessor

    head = BlockAccessor.for_block(block).to_arrow().slice(0, count)
    # Copied, or all of the block would travel.
    return head.take(list(range(len(head))))
