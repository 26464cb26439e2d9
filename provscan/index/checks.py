"""Whether an open segment can be used: every number in its files within its bounds.

A kernel trusts offsets and text numbers. An index may come from anywhere, and whatever its bytes, the answer must be
right or an error must name the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from provscan.errors import IndexFormatError
from provscan.index.format import SEGMENTS
from provscan.index.segment import Segment
from provscan.index.texts import Strings
from provscan.kernels import postings as kernels
from provscan.kernels.records import Postings

# Numbers that are checked at a time.
BLOCK = 1 << 20


def check_shape(segment: Segment, index: Path) -> None:
    """Check the lengths of all arrays, and what is cheap besides.

    Raises
    ------
    IndexFormatError
        A file does not fit the others: names it.
    """
    _require(_misshapen(segment), index, segment)


def check_content(segment: Segment, index: Path) -> None:
    """Check every offset, number and text.

    Raises
    ------
    IndexFormatError
        One is out of its bounds: names the file.
    """
    _require(_damaged(segment), index, segment)


def _require(problems: Iterator[tuple[str, str]], index: Path, segment: Segment) -> None:
    for name, problem in problems:
        path = index / SEGMENTS / segment.info.name / name
        raise IndexFormatError(f"{path} is damaged: {problem}. Restore it from a copy or build the index again")


def _tables(segment: Segment) -> dict[str, tuple[Postings, int]]:
    """Postings, and the bits of an entry below the text's number."""
    return {"exact": (segment.exact, 0), "bands": (segment.bands, 0), "seeds": (segment.seeds.table, 8)}


def _strings(segment: Segment) -> dict[str, tuple[Strings, int | None]]:
    """Strings, and how many there must be."""
    tweets = segment.tweets
    found: dict[str, tuple[Strings, int | None]] = {
        "texts": (segment.texts, segment.info.texts), "raw_texts": (tweets.raw_texts, segment.info.tweets),
        "author": (tweets.author.values, None), "lang": (tweets.lang.values, None),
        "rt_of": (tweets.rt_of.values, None),
    }  # fmt: skip
    return found | ({"ids": (tweets.ids, segment.info.tweets)} if isinstance(tweets.ids, Strings) else {})


def _misshapen(segment: Segment) -> Iterator[tuple[str, str]]:
    """Files whose length does not fit, with the reason."""
    texts, rows, tweets = segment.info.texts, segment.info.tweets, segment.tweets
    lengths = {
        "texts.sizes": (len(segment.text_sizes), texts), "texts.sketches": (len(segment.sketches), texts),
        "tweets.starts": (len(segment.tweet_starts), texts + 1), "times.ms": (len(tweets.times), rows),
        "author.codes": (len(tweets.author.codes), rows), "lang.codes": (len(tweets.lang.codes), rows),
        "rt_of.codes": (len(tweets.rt_of.codes), rows),
    }  # fmt: skip
    if not isinstance(tweets.ids, Strings):
        lengths["ids.numbers"] = len(tweets.ids), rows
    for name, (found, expected) in lengths.items():
        if found != expected:
            yield name, f"expected {expected:,} numbers, found {found:,}"
    for name, (strings, count) in _strings(segment).items():
        found = len(strings.offsets) - 1
        if found < 0 or (count is not None and found != count):
            yield f"{name}.offsets", f"expected {count or 0:,} strings, found {found:,}"
        elif strings.offsets[0] != 0 or strings.offsets[-1] != len(strings.text):
            yield f"{name}.offsets", "its offsets do not cover the text"
    for name, (table, _) in _tables(segment).items():
        if table.bits < 0 or len(table.starts) != (1 << table.bits) + 1 or table.bits > 32:
            yield f"{name}.starts", f"{len(table.starts):,} is no number of buckets"
        elif table.starts[0] != 0 or table.starts[-1] != len(table.entries):
            yield f"{name}.starts", "its buckets do not cover the entries"
    for name in ("kminmers", "rare", "high_frequency"):
        words = getattr(segment.seeds, name)
        if len(words) == 0 or len(words) & (len(words) - 1):
            yield f"seeds.{name}", f"{len(words):,} words are no power of two"


def _damaged(segment: Segment) -> Iterator[tuple[str, str]]:
    """Files that hold a number out of its bounds, or in the wrong order, with the reason."""
    for name, (strings, _) in _strings(segment).items():
        if not _ascending(strings.offsets):
            yield f"{name}.offsets", "its offsets do not ascend"
        try:
            strings.array().validate(full=True)
        except pa.ArrowInvalid:
            yield f"{name}.utf8", "its text is not valid UTF-8"
    if not _ascending(segment.tweet_starts) or segment.tweet_starts[0] != 0:
        yield "tweets.starts", "its offsets do not ascend"
    if segment.tweet_starts[-1] != segment.info.tweets:
        yield "tweets.starts", "its offsets do not cover the tweets"
    if np.diff(segment.tweet_starts).min(initial=1) < 1:
        yield "tweets.starts", "a text has no tweet"
    for name, (table, shift) in _tables(segment).items():
        if not _ascending(table.entries):
            yield f"{name}.entries", "its entries do not ascend"
        if not _same_buckets(table):
            yield f"{name}.starts", "its buckets are not those of the entries"
        number = ((np.uint64(1 << 24) - np.uint64(1)) << np.uint64(shift), np.uint64(segment.info.texts << shift))
        if any((block & number[0]).max(initial=0) >= number[1] for block in _blocks(table.entries)):
            yield f"{name}.entries", "an entry names a text that is not there"
    for name in ("author", "lang", "rt_of"):
        column = getattr(segment.tweets, name)
        if column.codes.max(initial=0) >= max(1, len(column.values)):
            yield f"{name}.codes", "a code is out of range"
    forgotten, rows = segment.forgotten, segment.info.tweets
    if len(forgotten) and (forgotten[0] < 0 or forgotten[-1] >= rows or np.diff(forgotten).min(initial=1) < 1):
        yield "tweets.starts", "the tombstones name rows that are not there"


def _ascending(array: np.ndarray) -> bool:
    """Whether no number is below the one before it."""
    blocks = (array[low : low + BLOCK + 1] for low in range(0, len(array) - 1, BLOCK))
    return all(bool(np.all(block[:-1] <= block[1:])) for block in blocks)


def _same_buckets(table: Postings) -> bool:
    """Whether the buckets are those of the entries."""
    starts = np.full(len(table.starts), len(table.entries), np.uint32)
    kernels.bucket_offsets(table.entries, 0, table.bits, starts)
    kernels.close_bucket_offsets(starts)
    return np.array_equal(starts, table.starts)


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    for low in range(0, len(array), BLOCK):
        yield array[low : low + BLOCK]
