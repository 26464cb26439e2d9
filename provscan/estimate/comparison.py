"""What collections without licensed tweets had of whole records that are word for word
a licensed tweet.

Where chance was not measured, a reader still asks whether a number is much.
``benchmarks/comparison.py`` measured these figures; they are shown as they are, never
scaled, and no claim rests on them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Collection:
    """A collection without licensed tweets that was scanned, and what was found."""

    name: str
    kind: str
    records: int
    megabytes: float
    index_tweets: int  # Licensed tweets that it was scanned for.
    # Whole records that were word for word a licensed tweet of 100 bits or more.
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
