"""Check that the tweets of an open segment can be read.

Kernels trust offsets, so a forged offset could crash the process. If a segment passes
:func:`check_content`, its tweets can be read. A rebuild from them finds all other
errors (:mod:`provscan.index.rebuild`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from provscan.index.format import SEGMENTS, damage
from provscan.index.segment.read import Segment
from provscan.index.segment.strings import Strings
from provscan.index.segment.tweets import Ids

# The number of values that are checked at a time.
BLOCK = 1 << 20


def check_content(segment: Segment, index: Path) -> None:
    """Check every offset and number by which tweets are read."""
    for name, problem in _damaged(segment):
        raise damage(index / SEGMENTS / segment.info.name / name, problem)


def _damaged(segment: Segment) -> Iterator[tuple[str, str]]:
    """Yield the name of each damaged file of tweets, and what is wrong with it."""
    tweets, raw = segment.tweets, segment.tweets.raw_texts
    labels = {"author": tweets.author, "lang": tweets.lang, "rt_of": tweets.rt_of}
    for name, column, end in (
        ("raw_texts", raw.offsets, None),
        ("raw_texts_blocks", raw.blocks, len(raw.compressed)),
    ):
        numbers = column.all()
        if not _ascending(numbers) or numbers[0] != 0 or end not in (None, numbers[-1]):
            yield (
                f"{name}.blocks",
                "its offsets do not ascend from 0, or do not cover the data",
            )
    yield from damaged_ids(tweets.ids)
    for name, label in labels.items():
        yield from _damaged_strings(name, label.values)
        codes = label.codes.all()
        if codes.min(initial=0) < 0 or codes.max(initial=0) >= max(
            1, len(label.values)
        ):
            yield f"{name}.blocks", "a row is out of range"


def damaged_ids(ids: Ids) -> Iterator[tuple[str, str]]:
    """Yield the name of each damaged file of a column of ids, and what is wrong."""
    yield from _damaged_strings("ids", ids.strings)
    numbers = ids.numbers.all()
    numbers = numbers[numbers < 0]
    if not np.array_equal(numbers, -1 - np.arange(len(ids.strings))):
        yield "ids.blocks", "its negative numbers do not refer to each string once"


def _damaged_strings(name: str, strings: Strings) -> Iterator[tuple[str, str]]:
    if not _ascending(strings.offsets):
        yield f"{name}.offsets", "its offsets do not ascend"
    try:
        strings.array().validate(full=True)
    except pa.ArrowInvalid:
        yield f"{name}.utf8", "its text is not valid UTF-8"


def _ascending(array: np.ndarray) -> bool:
    """Return whether no number is less than its predecessor."""
    blocks = (array[low : low + BLOCK + 1] for low in range(0, len(array), BLOCK))
    return all(bool(np.all(block[:-1] <= block[1:])) for block in blocks)
