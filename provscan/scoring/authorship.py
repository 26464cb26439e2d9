"""Who holds a licensed text: the earliest tweet's author, year and language, and how many authors there are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import IndexReader, Segment
from provscan.index.prepare import NO_TIME

TEXTS = 1 << 16


class Holders(NamedTuple):
    """Of some texts, one entry each.

    Attributes
    ----------
    author, lang
        string, of the earliest tweet; null where not known.
    year
        int32, of the earliest tweet's time; null where not known.
    authors
        int64[n], different authors who posted the text, retweets not counted.
    """

    author: pa.ChunkedArray
    year: pa.ChunkedArray
    lang: pa.ChunkedArray
    authors: npt.NDArray[np.int64]


def holders(reader: IndexReader, texts: npt.NDArray[np.int64]) -> Holders:
    """Look up the holders of texts of a reader, each in the segment that it was numbered in."""
    of = np.searchsorted(reader.bases, texts, "right") - 1
    places: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    tables = [_EMPTY]
    authors = np.zeros(len(texts), np.int64)
    for number, segment in enumerate(reader.segments):
        here = np.flatnonzero(of == number)
        if len(here) == 0:
            continue
        tweets = segment.tweets()
        rows = (texts[here] - reader.bases[number]).astype(np.int64)
        first = tweets.select(["author", "lang", "time"]).take(pa.array(segment.earliest(rows)))
        time = pc.if_else(pc.equal(first["time"], int(NO_TIME)), None, first["time"]).cast(pa.timestamp("ms"))
        year = pc.year(time).cast(pa.int32())
        tables.append(pa.table([first["author"], year, first["lang"]], _EMPTY.schema))
        places.append(here)
        for low in range(0, len(rows), TEXTS):
            authors[here[low : low + TEXTS]] = _authors(segment, tweets, rows[low : low + TEXTS])
    back = np.argsort(np.concatenate(places))
    table = pa.concat_tables(tables).take(pa.array(back))
    return Holders(table["author"], table["year"], table["lang"], authors)


_EMPTY = pa.schema([("author", pa.string()), ("year", pa.int32()), ("lang", pa.string())]).empty_table()


def _authors(segment: Segment, tweets: pa.Table, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Different authors of each text that are no retweeters."""
    count = segment.tweet_counts(rows)
    text = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(text)) - np.repeat(np.cumsum(count) - count, count)
    owner = pa.array(segment.owner_rows[segment.owner_starts[rows][text] + within].astype(np.int64))
    own = tweets.select(["author", "rt_of"]).take(owner)
    own = own.append_column("text", pa.array(text))
    original = pc.invert(pc.match_substring_regex(segment.originals.take(owner.to_numpy()).array(), "(?i)^\\s*RT @"))
    own = own.filter(pc.and_(pc.and_(own["author"].is_valid(), own["rt_of"].is_null()), original))
    each = own.group_by("text").aggregate([("author", "count_distinct")])
    result = np.zeros(len(rows), np.int64)
    result[each["text"].to_numpy()] = each["author_count_distinct"].to_numpy()
    return result
