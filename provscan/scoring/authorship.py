"""Author, time, language and kind of licensed texts, taken from their earliest
tweets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers, slices
from provscan.index import IndexReader

KINDS = ("tweets without link", "tweets with link", "replies", "replies with link")
"""The kinds of tweets."""
_WEEK = 7 * 86_400_000


class Authorship(NamedTuple):
    """Columns with one entry for each text."""

    # Strings: author of the earliest tweet; null if unknown.
    author: pa.ChunkedArray
    # int32: year of the earliest tweet; null if unknown, or if the tweet is a retweet,
    # which may be younger than its text.
    year: pa.ChunkedArray
    # Strings: language of the earliest tweet; null if unknown.
    lang: pa.ChunkedArray
    # int64: milliseconds since 1970, UTC; null where the year is.
    time: pa.ChunkedArray
    kind: Numbers  # Kind of the earliest tweet, an index of :data:`KINDS`.


def weeks(times: pa.ChunkedArray) -> Numbers:
    """Return the week of each time, in weeks since 1970; -1 if it is unknown."""
    return pc.fill_null(pc.divide(times, _WEEK), -1).to_numpy()


def coded_authors(
    authors: pa.ChunkedArray, *samples: pa.ChunkedArray
) -> tuple[Numbers, ...]:
    """Return an integer code per author, for ``authors`` and each sample; -1 if the
    author is null or does not occur in ``authors``.
    """
    names = authors.cast(pa.string()).unique()
    return tuple(
        pc.fill_null(pc.index_in(each.cast(pa.string()), names, skip_nulls=True), -1)
        .to_numpy()
        .astype(np.int64)
        for each in (authors, *samples)
    )


def authorship(reader: IndexReader, texts: Numbers) -> Authorship:
    known = []
    # Read in slices, to keep few tweets in memory at a time.
    for part in slices(max(1, len(texts))):
        tweets = reader.earliest_tweets(texts[part])
        time = pc.if_else(
            tweets["retweet"], pa.scalar(None, tweets["time"].type), tweets["time"]
        )
        link = pc.match_substring(tweets["tweet"], "http").cast(pa.int64())
        reply = pc.starts_with(tweets["tweet"], "@").cast(pa.int64())
        columns = {
            "author": tweets["author"],
            "year": pc.year(time).cast(pa.int32()),
            "lang": tweets["lang"],
            "time": time.cast(pa.int64()),
            "kind": pc.add(link, pc.multiply(reply, 2)),
        }
        known.append(pa.table(columns))
    table = pa.concat_tables(known)
    return Authorship(
        author=table["author"],
        year=table["year"],
        lang=table["lang"],
        time=table["time"],
        kind=table["kind"].to_numpy(),
    )
