"""Whether an open segment can be used: every number in its files within its bounds.

A kernel trusts offsets and text numbers. An index may come from anywhere, and whatever its bytes, the answer must be
right or an error must name the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import IndexFormatError
from provscan.index.folder import THREADS
from provscan.index.format import SEGMENTS, TOMBSTONES
from provscan.index.segment import ROWS, Segment
from provscan.index.texts import Strings
from provscan.kernels import postings as kernels
from provscan.kernels.exact_lookup import find_texts
from provscan.kernels.records import Postings, frozen
from provscan.text import canonical_buffers

# Numbers that are checked at a time.
BLOCK = 1 << 20


def check_shape(segment: Segment, index: Path) -> None:
    """Check the lengths of all arrays, and what is cheap besides.

    Raises
    ------
    IndexFormatError
        A file does not fit the others: names it.
    """
    _require(_misshapen(segment), index / SEGMENTS / segment.info.name)


def check_content(segment: Segment, index: Path) -> None:
    """Check every offset, number and text, and all that is said of a tweet.

    Whether signatures and seeds are those of the texts is left to :func:`provscan.index.check_again`.

    Raises
    ------
    IndexFormatError
        One is out of its bounds, or contradicts another: names the file.
    """
    _require(_damaged(segment), index / SEGMENTS / segment.info.name)
    _require(_wrong_tombstones(segment), index / TOMBSTONES)


def _require(problems: Iterator[tuple[str, str]], folder: Path) -> None:
    for name, problem in problems:
        raise IndexFormatError(
            f"{folder / name} is damaged: {problem}. Restore it from a copy or build the index again"
        )


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
        values = column.values.array()
        if not pc.all(pc.less(values[:-1], values[1:]), min_count=0).as_py():
            yield f"{name}.offsets", "its values do not ascend"
    if len(segment.exact.entries) != segment.info.texts or not _each_text_found(segment):
        yield "exact.entries", "a text is not found by its key"
    if not _texts_are_those_of_tweets(segment):
        yield "raw_texts.utf8", "a tweet has another text than texts.utf8, by tweets.starts, says"
    if segment.digest(np.arange(segment.info.tweets)) != segment.info.digest:
        yield "times.ms", "the manifest has another digest of the tweets in this file, ids, author, lang and rt_of"


def _wrong_tombstones(segment: Segment) -> Iterator[tuple[str, str]]:
    """The tombstone file, if it holds rows that are not there or not those that were forgotten."""
    stones, rows = segment.info.tombstones, segment.forgotten
    if stones is None:
        return
    if len(rows) and (rows[0] < 0 or rows[-1] >= segment.info.tweets or np.diff(rows).min(initial=1) < 1):
        yield stones.name, "it names rows that are not there"
    if segment.digest(rows) != stones.digest:
        yield stones.name, "the manifest has another digest of the rows that it names"


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


def _each_text_found(segment: Segment) -> bool:
    """Whether each text is found by its key."""
    keys = np.empty((segment.info.texts, 2), np.uint64)
    kernels.text_keys(segment.texts.record, keys)
    numbers = np.empty(segment.info.texts, np.int64)
    find_texts(keys, segment.texts.record, frozen(segment.exact), segment.texts.record, numbers)
    return np.array_equal(numbers, np.arange(segment.info.texts))


def _texts_are_those_of_tweets(segment: Segment) -> bool:
    """Whether the canonical text of each tweet is that of its row."""

    def same(low: int) -> bool:
        rows = np.arange(low, min(low + ROWS, segment.info.tweets))
        found = canonical_buffers(*segment.tweets.raw_texts.take(rows))
        expected = segment.texts.take(np.searchsorted(segment.tweet_starts, rows, "right") - 1)
        size = expected.offsets[-1]
        return np.array_equal(found.offsets, expected.offsets) and np.array_equal(found.text[:size], expected.text)

    with ThreadPoolExecutor(THREADS) as pool:
        return all(pool.map(same, range(0, segment.info.tweets, ROWS)))


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    for low in range(0, len(array), BLOCK):
        yield array[low : low + BLOCK]
