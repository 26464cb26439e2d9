"""Author, year and language of licensed texts, taken from their earliest tweets."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers, slices
from provscan.index import IndexReader


class Authorship(NamedTuple):
    """Columns with one entry for each text."""

    # Strings: author of the earliest tweet; null if unknown.
    author: pa.ChunkedArray
    # int32: year of the earliest tweet; null if unknown, or if the tweet is a retweet,
    # which may be younger than its text.
    year: pa.ChunkedArray
    # Strings: language of the earliest tweet; null if unknown.
    lang: pa.ChunkedArray


def authorship(reader: IndexReader, texts: Numbers) -> Authorship:
    known = []
    # Read in slices, to keep few tweets in memory at a time.
    for part in slices(max(1, len(texts))):
        tweets = reader.earliest_tweets(texts[part])
        year = pc.if_else(
            tweets["retweet"],
            pa.scalar(None, pa.int32()),
            pc.year(tweets["time"]).cast(pa.int32()),
        )
        known.append(tweets.select(["author", "lang"]).append_column("year", year))
    table = pa.concat_tables(known)
    return Authorship(table["author"], table["year"], table["lang"])
