"""Writes all segments of a change: one after the other where they are many, or the shards of an index."""

from __future__ import annotations

from collections.abc import Iterable

from provscan.index.folder import Change
from provscan.index.format import SegmentInfo
from provscan.index.known_tweets import KeyTable
from provscan.index.prepare import Prepared
from provscan.index.segment_writer import SegmentWriter
from provscan.index.shard_writer import ShardsWriter
from provscan.params import IndexParams


def write_segments(
    change: Change, batches: Iterable[Prepared], params: IndexParams, shards: int = 1
) -> tuple[tuple[SegmentInfo, ...], dict[str, int]]:
    """Write segments from prepared batches, or so many shards; count distinct tweets and what was left out."""
    ids, empty = KeyTable(), 0
    writer = ShardsWriter(change, params, ids, shards) if shards > 1 else _SegmentsWriter(change, params, ids)
    try:
        for batch in batches:
            writer.add(batch)
            empty += batch.empty
        infos, repeated = writer.close()
    except BaseException:
        writer.discard()
        raise
    return tuple(infos), manifest_counts(infos, ids.count, empty, repeated)


def manifest_counts(infos: Iterable[SegmentInfo], tweets: int, empty: int, repeated: int) -> dict[str, int]:
    """What the manifest says of all tweets, so many of them distinct, without text, and read again."""
    versions = sum(info.tweets for info in infos) - tweets
    return {"tweets": tweets, "tweets_without_text": empty, "repeated_tweets": repeated, "versions": versions}


class _SegmentsWriter:
    """Writes segments, one after the other; see :class:`~provscan.index.shard_writer.ShardsWriter`."""

    def __init__(self, change: Change, params: IndexParams, ids: KeyTable) -> None:
        self._change, self._params, self._ids = change, params, ids
        self._infos: list[SegmentInfo] = []
        self._repeated = 0
        self._begin()

    def _begin(self) -> None:
        self._folder = self._change.workspace()
        self._writer = SegmentWriter(self._folder, self._params, self._ids)

    def add(self, batch: Prepared) -> None:
        if not self._writer.has_room_for(len(batch.texts)):
            self.close()
            self._begin()
        self._writer.add(batch)

    def close(self) -> tuple[list[SegmentInfo], int]:
        written = self._writer.close()
        self._repeated += written.repeated
        self._infos.append(self._change.adopt(self._folder, written.texts, written.tweets, written.digest))
        return self._infos, self._repeated

    def discard(self) -> None:
        self._writer.discard()
