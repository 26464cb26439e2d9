"""Find licensed tweets in a Hugging Face ``datasets.Dataset``."""

from __future__ import annotations

from provscan.integrations import Matcher


class MapFunction(Matcher):
    """A function for ``dataset.map``, which returns a dataset of matches.

    Call ``map`` with ``batched=True`` and ``remove_columns=dataset.column_names``.
    ``text`` and ``id`` are the names of columns.
    """
