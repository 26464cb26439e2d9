"""Find licensed tweets in the pipelines of other libraries, as rows of matches.

One module per library: :mod:`~provscan.integrations.datasets` (a function for ``map``),
:mod:`~provscan.integrations.ray` (a callable for ``map_batches``),
:mod:`~provscan.integrations.duckdb` (an SQL function) and
:mod:`~provscan.integrations.datatrove` (a filter). The index is sent to other processes
as its path, to which they must have access.
"""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from provscan.matching import Index, open_index
from provscan.text_buffers import Texts

# Columns with the place of a record, which is unknown in a part of a dataset; ids
# identify records instead.
PLACES = ["source", "record", "field"]


class Matcher:
    """An index, the names of the fields of texts and ids, and options of
    :meth:`provscan.Index.match`.
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
