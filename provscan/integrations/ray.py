"""Find licensed tweets in a ``ray.data.Dataset``."""

from __future__ import annotations

import pyarrow as pa

from provscan.integrations import Matcher


class MapBatches(Matcher):
    """A callable for ``dataset.map_batches``, which makes a dataset of matches.

    It needs ``batch_format="pyarrow"``, and nodes that see the index under the same
    path. The fields are named by ``text`` and ``id``.
    """

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self.rows(batch[self.text], None if self.id is None else batch[self.id])
