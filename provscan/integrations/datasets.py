"""Find licensed tweets in a Hugging Face ``datasets.Dataset``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from provscan.integrations import Matcher


class MapFunction(Matcher):
    """A function for ``dataset.map``, which returns a dataset of matches.

    Call ``map`` with ``batched=True`` and ``remove_columns=dataset.column_names``.
    ``text`` and ``id`` are the names of columns.
    """

    def __call__(self, batch: Mapping[str, Any]) -> pa.Table:
        return self.rows(batch[self.text], None if self.id is None else batch[self.id])
