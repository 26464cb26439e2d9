"""Whether an open segment can be used: every number in its files within its bounds.

A kernel trusts offsets and text numbers. An index may come from anywhere, and whatever its bytes, the answer must be
right or an error must name the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import IndexFormatError
from provscan.index.folder import THREADS
from provscan.index.format import SEGMENTS, TOMBSTONES
from provscan.index.packed import Chained, Numbers
from provscan.index.postings import map_array
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


def check_shards(segments: Sequence[Segment], index: Path) -> None:
    """Check that shards belong together.

    Raises
    ------
    IndexFormatError
        One is another one than the manifest says, or numbers its texts otherwise than the others: names the file.
    """
    total = sum(segment.info.texts for segment in segments)
    seen = np.zeros(total, np.bool_)
    for shard, segment in enumerate(segments):
        folder, numbers = index / SEGMENTS / segment.info.name, segment.numbers
        if map_array(folder / "texts.shard", np.uint32).tolist() != [shard, len(segments)]:
            _require(iter([("texts.shard", f"it is not shard {shard} of {len(segments)}")]), folder)
        assert numbers is not None
        if len(numbers) != segment.info.texts or numbers.max(initial=0) >= max(total, 1) or not _ascending(numbers):
            _require(iter([("texts.numbers", "its numbers are not those of its texts")]), folder)
        seen[numbers] = True
    if not seen.all():
        folder = index / SEGMENTS / segments[0].info.name
        _require(iter([("texts.numbers", "two shards have a number in common")]), folder)


def _require(problems: Iterator[tuple[str, str]], folder: Path) -> None:
    for name, problem in problems:
        raise IndexFormatError(
            f"{folder / name} is damaged: {problem}. Restore it from a copy or build the index again"
        )


def _tables(segment: Segment) -> dict[str, Postings]:
    return {"exact": segment.exact, "bands": segment.bands, "seeds": segment.seeds.table}


def _strings(segment: Segment) -> dict[str, tuple[Strings, int | None]]:
    """Strings, and how many there must be."""
    tweets = segment.tweets
    return {
        "texts": (segment.texts, segment.info.texts), "ids": (tweets.ids.strings, None),
        "author": (tweets.author.values, None), "lang": (tweets.lang.values, None),
        "rt_of": (tweets.rt_of.values, None),
    }  # fmt: skip


def _columns(segment: Segment) -> dict[str, Numbers]:
    tweets = segment.tweets
    return {
        "tweets": segment.tweet_starts, "ids": tweets.ids.numbers, "times": tweets.times,
        "author": tweets.author.codes, "lang": tweets.lang.codes, "rt_of": tweets.rt_of.codes,
    } | {name: column for name, (column, _) in _offsets(segment).items()}  # fmt: skip


def _offsets(segment: Segment) -> dict[str, tuple[Numbers, int | None]]:
    """Columns of offsets, and what their last one must be."""
    raw = segment.tweets.raw_texts
    if isinstance(raw, Chained):
        return {}
    return {
        "tweets": (segment.tweet_starts, segment.info.tweets),
        "raw_texts": (raw.offsets, None),
        "raw_texts_blocks": (raw.blocks, len(raw.compressed)),
    }


def _misshapen(segment: Segment) -> Iterator[tuple[str, str]]:
    """Files whose length does not fit, with the reason."""
    texts = segment.info.texts
    lengths = {
        "texts.sizes": (len(segment.text_sizes), texts), "texts.sketches": (len(segment.sketches), texts),
        "exact.entries": (len(segment.exact.entries), texts),
        "seeds.places": (len(segment.seeds.places), len(segment.seeds.table.entries)),
    }  # fmt: skip
    for name, (found, expected) in lengths.items():
        if found != expected:
            yield name, f"expected {expected:,} numbers, found {found:,}"
    for name, column in _columns(segment).items():
        if not column.is_whole():
            yield f"{name}.blocks", "its blocks do not fit its words"
    for name, (strings, count) in _strings(segment).items():
        found = len(strings.offsets) - 1
        if found < 0 or (count is not None and found != count):
            yield f"{name}.offsets", f"expected {count or 0:,} strings, found {found:,}"
        elif strings.offsets[0] != 0 or strings.offsets[-1] != len(strings.text):
            yield f"{name}.offsets", "its offsets do not cover the text"
    for name, table in _tables(segment).items():
        if len(table.starts) != (1 << table.bits) + 1:
            yield f"{name}.starts", f"expected {(1 << table.bits) + 1:,} numbers, found {len(table.starts):,}"
        elif table.starts[0] != 0 or table.starts[-1] != len(table.entries):
            yield f"{name}.starts", "its buckets do not cover the entries"
    filters = {f"seeds.{name}": getattr(segment.seeds, name) for name in ("kminmers", "rare", "high_frequency")}
    for name, words in {"bands.filter": segment.band_filter, **filters}.items():
        if len(words) == 0 or len(words) & (len(words) - 1):
            yield name, f"{len(words):,} words are no power of two"


def _damaged(segment: Segment) -> Iterator[tuple[str, str]]:
    """Files that hold a number out of its bounds, or in the wrong order, with the reason."""
    for name, (strings, _) in _strings(segment).items():
        if not _ascending(strings.offsets):
            yield f"{name}.offsets", "its offsets do not ascend"
        try:
            strings.array().validate(full=True)
        except pa.ArrowInvalid:
            yield f"{name}.utf8", "its text is not valid UTF-8"
    for name, column in _columns(segment).items():
        if not column.is_minimal():
            yield f"{name}.words", "its numbers are not packed as they should be"
    for name, (column, end) in _offsets(segment).items():
        numbers = column.all()
        if not _ascending(numbers) or numbers[0] != 0:
            yield f"{name}.blocks", "its offsets do not ascend"
        if end is not None and numbers[-1] != end:
            yield f"{name}.blocks", "its offsets do not cover what they are for"
    if np.diff(segment.tweet_starts.all()).min(initial=1) < 1:
        yield "tweets.blocks", "a text has no tweet"
    numbers = segment.tweets.ids.numbers.all()
    numbers = numbers[numbers < 0]
    if not np.array_equal(numbers, -1 - np.arange(len(segment.tweets.ids.strings))):
        yield "ids.blocks", "its rows of strings are not those that are there"
    for name, table in _tables(segment).items():
        if not _ascending(table.starts):
            yield f"{name}.starts", "its buckets do not ascend"
        elif not _ascending_in_buckets(table):
            yield f"{name}.entries", "the entries of a bucket do not ascend"
        number = np.uint32((1 << table.text_bits) - 1)
        if any((block & number).max(initial=0) >= segment.info.texts for block in _blocks(table.entries)):
            yield f"{name}.entries", "an entry names a text that is not there"
    for name in ("author", "lang", "rt_of"):
        column = getattr(segment.tweets, name)
        codes = column.codes.all()
        if codes.min(initial=0) < 0 or codes.max(initial=0) >= max(1, len(column.values)):
            yield f"{name}.blocks", "a row is out of range"
        values = column.values.array()
        if not pc.all(pc.less(values[:-1], values[1:]), min_count=0).as_py():
            yield f"{name}.offsets", "its values do not ascend"
    if not _each_text_found(segment):
        yield "exact.entries", "a text is not found by its key"
    if not _texts_are_those_of_tweets(segment):
        yield "raw_texts.words", "a tweet has another text than texts.utf8, by tweets.blocks, says"
    if segment.digest(np.arange(segment.info.tweets)) != segment.info.digest:
        yield "times.blocks", "the manifest has another digest of the tweets in this file, ids, author, lang and rt_of"


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


def _ascending_in_buckets(table: Postings) -> bool:
    """Whether no entry is below the one before it in the same bucket."""
    for low in range(0, len(table.entries) - 1, BLOCK):
        block = table.entries[low : low + BLOCK + 1]
        drops = low + 1 + np.flatnonzero(block[1:] < block[:-1])
        if np.any(table.starts[np.searchsorted(table.starts, drops)] != drops):
            return False
    return True


def _each_text_found(segment: Segment) -> bool:
    """Whether each text is found by its key."""
    keys = np.empty((segment.info.texts, 2), np.uint64)
    kernels.text_keys(segment.texts.record, keys)
    numbers = np.empty(segment.info.texts, np.int64)
    find_texts(keys, segment.texts.record, frozen(segment.exact), segment.texts.record, numbers)
    return np.array_equal(numbers, np.arange(segment.info.texts))


def _texts_are_those_of_tweets(segment: Segment) -> bool:
    """Whether the canonical text of each tweet is that of its row."""
    texts = segment.texts_of(np.arange(segment.info.tweets))

    def same(low: int) -> bool:
        rows = np.arange(low, min(low + ROWS, segment.info.tweets))
        found = canonical_buffers(*segment.tweets.raw_texts.take(rows))
        expected = segment.texts.take(texts[rows])
        size = expected.offsets[-1]
        return np.array_equal(found.offsets, expected.offsets) and np.array_equal(found.text[:size], expected.text)

    with ThreadPoolExecutor(THREADS) as pool:
        return all(pool.map(same, range(0, segment.info.tweets, ROWS)))


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    for low in range(0, len(array), BLOCK):
        yield array[low : low + BLOCK]
