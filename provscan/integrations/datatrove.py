"""A filter for datatrove that leaves out documents with licensed tweets."""

from __future__ import annotations

import os
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.writers.disk_base import DiskWriter

from provscan.integrations import Matcher
from provscan.matching import Index

NAME = "licensed_tweets"


class LicensedTweets(BaseFilter):  # type: ignore[misc]
    """Leaves out documents that have a finding or, if ``all`` is True, any match.

    The matches of each document are in its ``metadata["licensed_tweets"]``.
    ``options`` are those of :meth:`provscan.Index.match`.
    """

    name = "provscan"

    def __init__(
        self,
        index: Index | str | os.PathLike[str],
        *,
        all: bool = False,
        exclusion_writer: DiskWriter | None = None,
        batch_size: int = 1000,
        **options: Any,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        self.matcher, self.all = Matcher(index, **options), all

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        places = list(range(len(batch)))
        for document in batch:
            document.metadata[NAME] = []
        for row in self.matcher.rows([d.text for d in batch], places).to_pylist():
            batch[int(row.pop("record_id"))].metadata[NAME].append(row)
        return [self.filter(document) for document in batch]

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        if NAME not in doc.metadata:
            return self.filter_batch([doc])[0]
        if any(self.all or row["counted"] for row in doc.metadata[NAME]):
            return False, NAME
        return True
