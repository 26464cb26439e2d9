"""The numbers of records that equal a licensed tweet in collections without licensed
tweets.

If chance was not measured, a reader can compare a run's number with these figures.
``benchmarks/comparison.py`` measured them. They are shown unscaled, and no bound or
estimate depends on them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Collection:
    """The result of scanning a collection that contains no licensed tweets."""

    name: str
    kind: str
    records: int
    megabytes: float
    index_tweets: int  # Licensed tweets in the index.
    # Whole records that equal, word for word, a licensed tweet of 100 bits or more.
    word_for_word: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


COLLECTIONS = (
    Collection("English novels", "long texts", 16, 11.1, 306_433, 0),
    Collection(
        "Technical manuals in several languages", "long texts", 750, 6.3, 306_433, 0
    ),
    Collection(
        "Answers of language models",
        "texts of some paragraphs",
        10_853,
        16.8,
        306_433,
        0,
    ),
    Collection(
        "Posts of a forum", "texts of some paragraphs", 40_704, 53.2, 306_433, 0
    ),
    Collection("Titles of posts of a forum", "short texts", 204_040, 15.1, 306_433, 2),
    Collection("Tweets about bitcoin", "tweets of others", 12_046, 1.1, 294_504, 2),
    Collection("Tweets to airlines", "tweets of others", 14_640, 1.5, 291_793, 0),
)
