"""Who posted a licensed text: the earliest tweet's author, year and language."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import IndexReader


class Authorship(NamedTuple):
    """Of texts, one entry each."""

    # string, of the earliest tweet; null where not known.
    author: pa.ChunkedArray
    # int32, of the earliest tweet's time; null where not known or a retweet, which may be younger than its text.
    year: pa.ChunkedArray
    lang: pa.ChunkedArray


def authorship(reader: IndexReader, texts: npt.NDArray[np.int64]) -> Authorship:
    """Look up the authorship of texts."""
    tweets = reader.earliest_tweets(texts)
    year = pc.if_else(tweets["retweet"], pa.scalar(None, pa.int32()), pc.year(tweets["time"]).cast(pa.int32()))
    return Authorship(tweets["author"], year, tweets["lang"])
