"""What collections without licensed tweets had of whole records that are word for word a licensed tweet.

Where chance was not measured, a reader still asks whether a number is much. ``benchmarks/comparison.py`` measured these
figures; they are shown as they are, never scaled, and no claim rests on them.
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
    word_for_word: int  # Whole records that were word for word a licensed tweet of 100 bits or more.

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


COLLECTIONS = (Collection("Titles of posts in a forum", "short texts", 204_040, 15.1, 300_000, 0),)
