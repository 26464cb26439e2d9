"""Assign tweets to the shards of an index, and write the data that depends on all
shards.

The key of a canonical text determines its shard. Seeds are chosen for all shards
together, and texts have the numbers that they would have in a single segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index.folder import Change
from provscan.index.format import SegmentInfo
from provscan.index.segment.arrays import write_array_file
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.read import open_segment
from provscan.index.segment.seeds import write_seeds
from provscan.index.segment.strings import Strings
from provscan.index.segment.write import WrittenSegment, tweet_order
from provscan.params import IndexParams
from provscan.text_buffers import buffers

MOST_SHARDS = 256


def shards_of(keys: np.ndarray, shards: int) -> np.ndarray:
    """Return the shard of each canonical text, from its key, uint64[n, 2]."""
    return keys[:, 1] % np.uint64(shards)


def by_shard(batch: Prepared, shards: int) -> Iterator[Prepared]:
    """Yield the rows of each shard."""
    numbers = shards_of(batch.sketches.keys, shards)
    for shard in range(shards):
        yield batch.take(np.flatnonzero(numbers == shard))


def finished_shards(
    change: Change, params: IndexParams, shards: Sequence[WrittenSegment]
) -> list[SegmentInfo]:
    """Write the data that depends on all shards, and adopt the shards into the
    index.
    """
    write_seeds(
        [shard.folder for shard in shards],
        params.of_texts(sum(shard.info.texts for shard in shards)),
    )
    all_numbers = _numbers(change, params, shards)
    infos = []
    for number, (shard, numbers) in enumerate(zip(shards, all_numbers, strict=True)):
        write_array_file(shard.folder / "texts.numbers", numbers)
        # A segment is named after its files, so those of two empty shards must differ.
        write_array_file(
            shard.folder / "texts.shard", np.array([number, len(shards)], np.uint32)
        )
        infos.append(change.adopt(shard.folder, replace(shard.info, shard=number)))
    return infos


def _numbers(
    change: Change, params: IndexParams, shards: Sequence[WrittenSegment]
) -> list[np.ndarray]:
    """Return, for each shard, the numbers of its texts among those of all shards,
    uint32. Texts are numbered in the order of their earliest tweets.
    """
    segments = [open_segment(change.folder, shard.info, params) for shard in shards]
    rows = [segment.tweet_starts.all()[:-1] for segment in segments]
    tweets = [segment.tweets for segment in segments]
    times = np.concatenate(
        [shard.times.take(row) for shard, row in zip(tweets, rows, strict=True)]
    )
    ids = _concatenated(
        shard.ids.take(row) for shard, row in zip(tweets, rows, strict=True)
    )
    order = tweet_order(times, ids, pa.table({}))
    if _tied(times[order], ids.take(order)):
        raw = _concatenated(
            shard.raw_texts.take(row) for shard, row in zip(tweets, rows, strict=True)
        )
        order = tweet_order(times, ids, pa.table({"raw": raw.array()}))
    numbers = np.empty(len(order), np.uint32)
    numbers[order] = np.arange(len(order), dtype=np.uint32)
    return np.split(numbers, np.cumsum([len(row) for row in rows])[:-1])


def _concatenated(parts: Iterable[Strings]) -> Strings:
    return Strings(*buffers(pa.concat_arrays([part.array() for part in parts])))


def _tied(times: np.ndarray, ids: Strings) -> bool:
    """Return whether two neighbouring tweets have equal times and ids."""
    array = ids.array()
    equal = pc.equal(array[1:], array[:-1]).to_numpy(zero_copy_only=False)
    return bool(np.any((times[1:] == times[:-1]) & equal.astype(bool)))
