"""Licensed tweets in the pipelines of other libraries: the rows of ``provscan match``.

One module per library: :mod:`~provscan.integrations.datasets` (a function for ``map``),
:mod:`~provscan.integrations.ray` (a callable for ``map_batches``),
:mod:`~provscan.integrations.duckdb` (a function of SQL) and
:mod:`~provscan.integrations.datatrove` (a filter). The index goes to other processes as
its path, which they must see.
"""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from provscan.matching import Index, open_index
from provscan.text_buffers import Texts

# Columns that say where a record is, which a part of a dataset does not know: ids do.
PLACES = ["source", "record", "field"]


class Matcher:
    """An index, the names of the fields it is asked with, and options of
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
        """One row a match, with the id of its record as ``record_id``."""
        found = self.index.match(texts, ids=ids, **self.options)
        return found.drop_columns(PLACES)
