"""Who posted a licensed text: the earliest tweet's author, year and language."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers, slices
from provscan.index import IndexReader


class Authorship(NamedTuple):
    """Of texts, one entry each."""

    # string, of the earliest tweet; null where not known.
    author: pa.ChunkedArray
    # int32, of the earliest tweet's time; null where not known or a retweet, which may
    # be younger than its text.
    year: pa.ChunkedArray
    lang: pa.ChunkedArray


def authorship(reader: IndexReader, texts: Numbers) -> Authorship:
    known = []
    # A part at a time: the texts of tweets are looked at, and not kept.
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
