"""Licensed tweets in DuckDB: an SQL function."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from provscan.integrations import Matcher
from provscan.matching import Index

# The columns of a match, without the id of its record, which the query has.
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
    """Give a connection a function that takes a text and gives the list of its matches,
    as ``SELECT id, unnest(licensed_tweets(text), recursive := true) FROM records``.

    The ``options`` are those of :meth:`provscan.Index.match`.
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
