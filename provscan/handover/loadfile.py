"""Write a load file for review platforms: Concordance DAT, with a line per exhibit.

The format encloses values in thorns (U+00FE), separates them by U+0014, and writes a
line break within a value as U+00AE. These characters can't be escaped, so they are
replaced in texts (:data:`REPLACED`); the tables of the bundle contain the exact texts.
The file is UTF-8 with a byte order mark, and lines end with CRLF.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

QUOTE, SEPARATOR, NEWLINE = "\u00fe", "\u0014", "\u00ae"
REPLACED = {QUOTE: "th", SEPARATOR: " ", NEWLINE: "(R)"}
_TABLE = str.maketrans(REPLACED)
# The fields of the load file, each with its column in the rows.
FIELDS = {
    "EXHIBIT": "exhibit",
    "LEVEL": "level",
    "SOURCE": "source",
    "RECORD": "record",
    "RECORDID": "record_id",
    "FIELD": "field",
    "SPANSTART": "start",
    "SPANEND": "end",
    "TWEETID": "tweet_id",
    "AUTHOR": "author",
    "DATE": "time",
    "LANG": "lang",
    "PERMALINK": "permalink",
    "SIMILARITY": "similarity",
    "CONTAINMENT": "containment",
    "BITS": "bits",
    "PASSAGE": "passage",
    "TWEET": "tweet",
}
NUMBERED = ("BEGBATES", "ENDBATES", "RUN")


def header() -> bytes:
    return b"\xef\xbb\xbf" + _line([*NUMBERED, *FIELDS])


def line(bates: str, run: str, row: Mapping[str, Any]) -> bytes:
    """Return the line of an exhibit, which has one page and therefore one Bates
    number.
    """
    return _line([bates, bates, run, *(row[column] for column in FIELDS.values())])


def _line(values: Iterable[Any]) -> bytes:
    quoted = (f"{QUOTE}{_value(value)}{QUOTE}" for value in values)
    return f"{SEPARATOR.join(quoted)}\r\n".encode()


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value).translate(_TABLE)
    return text.replace("\r\n", NEWLINE).replace("\n", NEWLINE).replace("\r", NEWLINE)
