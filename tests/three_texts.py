"""Six tweets with three texts, so few that the answers can be worked out by hand."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from provscan.index.segment.strings import Strings
from provscan.text_buffers import buffers

TEXTS = [
    "first of the three texts, with three tweets",
    "second of the three texts, said once",
    "third text, twice",
]


def tweet(key: str, text: int, day: int | None, **fields: Any) -> dict[str, Any]:
    made = None if day is None else f"2020-01-{day:02}T00:00:00Z"
    return {
        "id": key,
        "text": TEXTS[text],
        "created_at": made,
        "author": None,
        "lang": "en",
        **fields,
    }


# The tweets are in the order of rows in an index: texts are ordered by their earliest
# tweet, and the tweets of a text by time.
TWEETS = [
    tweet("7", 0, 1, author="ann"),
    tweet("x8", 0, 5, author="bob"),
    tweet("9", 0, None, author="ann"),
    tweet("4", 1, 3, rt_of="1", author="cleo"),
    tweet("5", 2, 4, author="bob"),
    {**tweet("6", 2, 6, author="dan"), "text": f"rt @bob: {TEXTS[2]}"},
]
DAY = 86_400_000
NEW_YEAR = 1_577_836_800_000


def strings(values: list[str]) -> Strings:
    return Strings(*buffers(pa.array(values, pa.large_string())))


def canonical(*numbers: int) -> Strings:
    return strings([TEXTS[n].replace(",", "") if n < 3 else "another" for n in numbers])
