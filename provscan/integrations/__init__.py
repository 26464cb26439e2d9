"""Find licensed tweets in the pipelines of other libraries.

Each library has a module: :mod:`~provscan.integrations.datasets` (a function for
``map``), :mod:`~provscan.integrations.ray` (a function for ``map_batches``),
:mod:`~provscan.integrations.duckdb` (an SQL function) and
:mod:`~provscan.integrations.datatrove` (a filter). Other processes open the index by
its path, so they must have access to its folder.
"""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from provscan.matching import Index, open_index
from provscan.text_buffers import Texts

# Columns that are left out: a pipeline does not know the source and position of a
# record, so only its id identifies it.
PLACES = ["source", "record", "field"]


class Matcher:
    """An index, or the path of one, with the names of the fields that contain texts and
    ids. ``options`` are those of :meth:`provscan.Index.match`.
    """

    def __init__(
        self,
        index: Index | str | os.PathLike[str],
        *,
        text: str = "text",
        id: str | None = None,
        **options: Any,
    ) -> None:
        self.index = index if isinstance(index, Index) else open_index(index)
        self.text, self.id, self.options = text, id, options

    def rows(self, texts: Texts, ids: Any = None) -> pa.Table:
        """Return one row per match, with the id of its record as ``record_id``."""
        found = self.index.match(texts, ids=ids, **self.options)
        return found.drop_columns(PLACES)

    def __call__(self, batch: Any) -> pa.Table:
        """Return one row per match in a batch, whose columns are read by name."""
        return self.rows(batch[self.text], None if self.id is None else batch[self.id])
