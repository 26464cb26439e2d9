"""Check that the files of an open segment fit together, and that its tweets can be
read.

The checks matter because kernels trust offsets. A segment that passes can be rebuilt
from its tweets, which finds all other errors (:mod:`provscan.index.rebuild`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from provscan.index.format import SEGMENTS, damage
from provscan.index.segment.packed import Numbers
from provscan.index.segment.postings import map_array
from provscan.index.segment.read import Segment
from provscan.index.segment.seeds import FILTERS
from provscan.index.segment.texts import Strings
from provscan.kernels.records import Postings

# The number of values that are checked at a time.
BLOCK = 1 << 20


def check_shape(segment: Segment, index: Path) -> None:
    """Check the lengths of all arrays, and other properties that can be checked
    quickly.
    """
    _require(_misshapen(segment), index / SEGMENTS / segment.info.name)


def check_content(segment: Segment, index: Path) -> None:
    """Check every offset and number that refers to a tweet."""
    _require(_damaged(segment), index / SEGMENTS / segment.info.name)


def check_shards(segments: Sequence[Segment], index: Path) -> None:
    """Check that the shards are those of the manifest and that the numbers of their
    texts are consistent.
    """
    total = sum(segment.info.texts for segment in segments)
    seen = np.zeros(total, np.bool_)
    for shard, segment in enumerate(segments):
        folder, numbers = index / SEGMENTS / segment.info.name, segment.numbers
        place = [shard, len(segments)]
        if map_array(folder / "texts.shard", np.uint32).tolist() != place:
            raise damage(
                folder / "texts.shard", f"it is not shard {shard} of {len(segments)}"
            )
        assert numbers is not None
        if (
            len(numbers) != segment.info.texts
            or numbers.max(initial=0) >= max(total, 1)
            or not _ascending(numbers)
        ):
            raise damage(
                folder / "texts.numbers", "its numbers are not those of its texts"
            )
        seen[numbers] = True
    if not seen.all():
        folder = index / SEGMENTS / segments[0].info.name
        raise damage(folder / "texts.numbers", "two shards have a number in common")


def _require(problems: Iterator[tuple[str, str]], folder: Path) -> None:
    for name, problem in problems:
        raise damage(folder / name, problem)


def _tables(segment: Segment) -> dict[str, Postings]:
    return {
        "exact": segment.exact,
        "bands": segment.bands,
        "seeds": segment.seeds.table,
    }


def _strings(segment: Segment) -> dict[str, tuple[Strings, int | None]]:
    """Return the columns of strings, each with its expected length."""
    tweets = segment.tweets
    return {
        "texts": (segment.texts, segment.info.texts), "ids": (tweets.ids.strings, None),
        "author": (tweets.author.values, None), "lang": (tweets.lang.values, None),
        "rt_of": (tweets.rt_of.values, None),
    }  # fmt: skip


def _columns(segment: Segment) -> dict[str, Numbers]:
    tweets, raw = segment.tweets, segment.tweets.raw_texts
    return {
        "tweets": segment.tweet_starts,
        "ids": tweets.ids.numbers,
        "times": tweets.times,
        "author": tweets.author.codes,
        "lang": tweets.lang.codes,
        "rt_of": tweets.rt_of.codes,
        "raw_texts": raw.offsets,
        "raw_texts_blocks": raw.blocks,
    }


def _misshapen(segment: Segment) -> Iterator[tuple[str, str]]:
    """Yield files with an inconsistent length, and the reason."""
    texts = segment.info.texts
    lengths = {
        "texts.sketches": (len(segment.sketches), texts),
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
            yield (
                f"{name}.starts",
                f"expected {(1 << table.bits) + 1:,} numbers, found "
                f"{len(table.starts):,}",
            )
        elif table.starts[0] != 0 or table.starts[-1] != len(table.entries):
            yield f"{name}.starts", "its buckets do not cover the entries"
    filters = dict(
        zip(FILTERS, (segment.seeds.filter, segment.seeds.frequent), strict=True)
    )
    for name, words in {"bands.filter": segment.band_filter, **filters}.items():
        if len(words) == 0 or len(words) & (len(words) - 1):
            yield name, f"{len(words):,} words are no power of two"


def _damaged(segment: Segment) -> Iterator[tuple[str, str]]:
    """Yield files of tweets that contain a number out of bounds or out of order, and
    the reason.
    """
    tweets, raw = segment.tweets, segment.tweets.raw_texts
    labels = {"author": tweets.author, "lang": tweets.lang, "rt_of": tweets.rt_of}
    for name, strings in {
        "ids": tweets.ids.strings,
        **{name: each.values for name, each in labels.items()},
    }.items():
        if not _ascending(strings.offsets):
            yield f"{name}.offsets", "its offsets do not ascend"
        try:
            strings.array().validate(full=True)
        except pa.ArrowInvalid:
            yield f"{name}.utf8", "its text is not valid UTF-8"
    for name, column, end in (
        ("raw_texts", raw.offsets, None),
        ("raw_texts_blocks", raw.blocks, len(raw.compressed)),
    ):
        numbers = column.all()
        if not _ascending(numbers) or numbers[0] != 0 or end not in (None, numbers[-1]):
            yield (
                f"{name}.blocks",
                "its offsets do not ascend from 0, or do not cover what they are for",
            )
    numbers = tweets.ids.numbers.all()
    numbers = numbers[numbers < 0]
    if not np.array_equal(numbers, -1 - np.arange(len(tweets.ids.strings))):
        yield "ids.blocks", "its rows of strings are not those that are there"
    for name, each in labels.items():
        codes = each.codes.all()
        if codes.min(initial=0) < 0 or codes.max(initial=0) >= max(1, len(each.values)):
            yield f"{name}.blocks", "a row is out of range"


def _ascending(array: np.ndarray) -> bool:
    """Return whether no number is less than its predecessor."""
    blocks = (array[low : low + BLOCK + 1] for low in range(0, len(array), BLOCK))
    return all(bool(np.all(block[:-1] <= block[1:])) for block in blocks)
