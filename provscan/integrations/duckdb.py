"""An SQL function that finds licensed tweets in DuckDB."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from provscan.integrations import Matcher
from provscan.matching import Index

# The SQL type of the matches in a text.
TYPE = (
    'STRUCT("start" BIGINT, "end" BIGINT, tweet_id VARCHAR, tweets INTEGER, '
    "level VARCHAR, similarity FLOAT, containment FLOAT, bits FLOAT, common BOOLEAN, "
    "known BOOLEAN, counted BOOLEAN)[]"
)


def register(
    connection: Any,
    index: Index | str | os.PathLike[str],
    name: str = "licensed_tweets",
    **options: Any,
) -> None:
    """Register an SQL function that returns the list of matches in a text.

    For example, ``SELECT id, unnest(licensed_tweets(text), recursive := true) FROM
    records`` gives one row per match. ``options`` are those of
    :meth:`provscan.Index.match`.
    """
    matcher = Matcher(index, **options)

    def licensed_tweets(texts: pa.Array) -> pa.Array:
        places = pa.array(range(len(texts)), pa.int64())
        rows = matcher.rows(texts, places).combine_chunks()
        firsts = (
            rows["record_id"]
            .cast(pa.int64())
            .to_numpy()
            .searchsorted(range(len(texts) + 1))
        )
        matches = rows.drop_columns(["record_id"]).to_struct_array()
        if isinstance(matches, pa.ChunkedArray):
            matches = matches.combine_chunks()
        return pa.ListArray.from_arrays(pa.array(firsts, pa.int32()), matches)

    connection.create_function(
        name, licensed_tweets, ["VARCHAR"], TYPE, type="arrow", null_handling="special"
    )
