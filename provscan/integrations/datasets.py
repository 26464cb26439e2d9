"""Find licensed tweets in a ``datasets.Dataset`` of Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from provscan.integrations import Matcher


class MapFunction(Matcher):
    """A function for ``dataset.map``, which returns a dataset of matches.

    It needs ``batched=True`` and ``remove_columns=dataset.column_names``; ``num_proc``
    may be any number. The fields are named by ``text`` and ``id``.
    """

    def __call__(self, batch: Mapping[str, Any]) -> pa.Table:
        return self.rows(batch[self.text], None if self.id is None else batch[self.id])
