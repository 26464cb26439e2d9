"""Writes all segments of a change: one after the other where they are many, or the
shards of an index.

Shards are written each by itself, and then what is decided over all of them
(docs/format.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import OutputError
from provscan.index.folder import Change
from provscan.index.format import SegmentInfo
from provscan.index.segment.postings import write_array_file
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.read import MAX_TEXTS, open_segment
from provscan.index.segment.seeds import write_seeds
from provscan.index.segment.texts import Strings
from provscan.index.segment.write import KeyTable, SegmentWriter, taken, tweet_order
from provscan.params import IndexParams
from provscan.text_buffers import buffers

MOST_SHARDS = 256


def write_segments(
    change: Change, batches: Iterable[Prepared], params: IndexParams, shards: int = 1
) -> tuple[tuple[SegmentInfo, ...], dict[str, int]]:
    """Write segments from prepared batches, or so many shards; count distinct tweets
    and what was left out.
    """
    ids, empty = KeyTable(), 0
    writer = (
        ShardsWriter(change, params, ids, shards)
        if shards > 1
        else _SegmentsWriter(change, params, ids)
    )
    try:
        for batch in batches:
            writer.add(batch)
            empty += batch.empty
        infos, repeated = writer.close()
    except BaseException:
        writer.discard()
        raise
    return tuple(infos), manifest_counts(infos, ids.count, empty, repeated)


def manifest_counts(
    infos: Iterable[SegmentInfo], tweets: int, empty: int, repeated: int
) -> dict[str, int]:
    """What the manifest says of all tweets, so many of them distinct, without text, and
    read again.
    """
    versions = sum(info.tweets for info in infos) - tweets
    return {
        "tweets": tweets,
        "tweets_without_text": empty,
        "repeated_tweets": repeated,
        "versions": versions,
    }


class _SegmentsWriter:
    """Writes segments, one after the other; see :class:`ShardsWriter`."""

    def __init__(self, change: Change, params: IndexParams, ids: KeyTable) -> None:
        self._change, self._params, self._ids = change, params, ids
        self._infos: list[SegmentInfo] = []
        self._repeated = 0
        self._begin()

    def _begin(self) -> None:
        self._folder = self._change.workspace()
        before = sum(info.texts for info in self._infos)
        self._writer = SegmentWriter(
            self._folder, self._params, self._ids, texts_before=before
        )

    def add(self, batch: Prepared) -> None:
        if not self._writer.has_room_for(len(batch.texts)):
            self.close()
            self._begin()
        self._writer.add(batch)

    def close(self) -> tuple[list[SegmentInfo], int]:
        written = self._writer.close()
        self._repeated += written.repeated
        self._infos.append(
            self._change.adopt(
                self._folder, written.texts, written.tweets, written.digest
            )
        )
        return self._infos, self._repeated

    def discard(self) -> None:
        self._writer.discard()


class Shard(NamedTuple):
    """A shard that was written by itself: its folder, and what
    :class:`~provscan.index.segment.write.Written` says.
    """

    folder: Path
    texts: int
    tweets: int
    repeated: int
    digest: str


class ShardsWriter:
    """Writes shards, a prepared batch at a time."""

    def __init__(
        self, change: Change, params: IndexParams, ids: KeyTable, count: int
    ) -> None:
        self._change = change
        self._params = params
        self._folders = [change.workspace() for _ in range(count)]
        self._writers = [
            SegmentWriter(folder, params, ids, shards=count) for folder in self._folders
        ]

    def add(self, batch: Prepared) -> None:
        for writer, part in zip(
            self._writers, parted(batch, len(self._writers)), strict=True
        ):
            add_to_shard(writer, part)

    def close(self) -> tuple[list[SegmentInfo], int]:
        """Write all files; the shards, and how many rows were left out because the same
        tweet was read before.
        """
        written = [writer.close() for writer in self._writers]
        shards = [
            Shard(folder, *each)
            for folder, each in zip(self._folders, written, strict=True)
        ]
        infos = joined_shards(self._change, self._params, shards)
        return infos, sum(each.repeated for each in written)

    def discard(self) -> None:
        for writer in self._writers:
            writer.discard()


def add_to_shard(writer: SegmentWriter, batch: Prepared) -> None:
    if not writer.has_room_for(len(batch.texts)):
        raise OutputError(
            f"a shard would have more than {MAX_TEXTS:,} texts, its limit: build the "
            "index with more shards"
        )
    writer.add(batch)


def joined_shards(
    change: Change, params: IndexParams, shards: Sequence[Shard]
) -> list[SegmentInfo]:
    """Write what is decided over all shards, and take them into an index."""
    write_seeds(
        [shard.folder for shard in shards],
        params.of_texts(sum(shard.texts for shard in shards)),
    )
    for number, (shard, numbers) in enumerate(
        zip(shards, _numbers(change, params, shards), strict=True)
    ):
        write_array_file(shard.folder / "texts.numbers", numbers)
        write_array_file(
            shard.folder / "texts.shard", np.array([number, len(shards)], np.uint32)
        )
    return [
        replace(
            change.adopt(shard.folder, shard.texts, shard.tweets, shard.digest),
            shard=number,
        )
        for number, shard in enumerate(shards)
    ]


def _numbers(
    change: Change, params: IndexParams, shards: Sequence[Shard]
) -> list[np.ndarray]:
    """Of each shard the numbers of its texts among those of all, uint32: ordered by
    their earliest tweet.
    """
    infos = [
        SegmentInfo(shard.folder.name, shard.texts, shard.tweets, shard.digest, {})
        for shard in shards
    ]
    segments = [open_segment(change.folder, info, params) for info in infos]
    rows = [segment.tweet_starts.all()[:-1] for segment in segments]
    tweets = [segment.tweets for segment in segments]
    times = np.concatenate(
        [each.times.take(row) for each, row in zip(tweets, rows, strict=True)]
    )
    ids = _concatenated(
        each.ids.take(row) for each, row in zip(tweets, rows, strict=True)
    )
    order = tweet_order(times, ids, pa.table({}))
    if _tied(times[order], ids.take(order)):
        raw = _concatenated(
            each.raw_texts.take(row) for each, row in zip(tweets, rows, strict=True)
        )
        order = tweet_order(times, ids, pa.table({"raw": raw.array()}))
    numbers = np.empty(len(order), np.uint32)
    numbers[order] = np.arange(len(order), dtype=np.uint32)
    return np.split(numbers, np.cumsum([info.texts for info in infos])[:-1])


def parted(batch: Prepared, shards: int) -> Iterator[Prepared]:
    """The rows of each shard."""
    of = batch.sketches.keys[:, 1] % np.uint64(shards)
    for shard in range(shards):
        yield taken(batch, np.flatnonzero(of == shard))


def _concatenated(parts: Iterable[Strings]) -> Strings:
    return Strings(*buffers(pa.concat_arrays([part.array() for part in parts])))


def _tied(times: np.ndarray, ids: Strings) -> bool:
    """Whether two neighbours of some tweets have time and id in common."""
    array = ids.array()
    equal = pc.equal(array[1:], array[:-1]).to_numpy(zero_copy_only=False)
    return bool(np.any((times[1:] == times[:-1]) & equal.astype(bool)))
