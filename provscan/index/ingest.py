"""Turn tweets into segments, when tweets are added or segments are rewritten.

Batches of tweets are prepared in threads (:mod:`provscan.index.segment.prepare`) and
written to one segment after another. The finished segments are then adopted into the
folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from provscan.index.folder import Change
from provscan.index.format import SegmentInfo
from provscan.index.segment.prepare import prepare
from provscan.index.segment.read import open_segment
from provscan.index.segment.write import KeyTable, SegmentWriter
from provscan.ordered_map import ordered_map
from provscan.params import IndexParams


class Written(NamedTuple):
    """The segments written from batches of tweets, and counts."""

    infos: list[SegmentInfo]
    tweets: int  # The number of distinct ids.
    without_text: int  # Tweets left out because their canonical text is empty.
    repeated: int  # Rows left out because they repeat a tweet.

    def counts(self) -> dict[str, int]:
        """Return the counts, for the manifest, of rows that are not new tweets."""
        return {
            "tweets_without_text": self.without_text,
            "repeated_tweets": self.repeated,
            # Additional texts of the same tweets.
            "versions": sum(info.tweets for info in self.infos) - self.tweets,
        }


def write_segments(
    change: Change,
    batches: Iterable[pa.RecordBatch],
    params: IndexParams,
    workers: int,
) -> Written:
    """Write batches of tweets to as many segments as they need."""
    ids = KeyTable()
    infos: list[SegmentInfo] = []
    without_text = repeated = 0
    prepared = ordered_map(lambda batch: prepare(batch, params), batches, workers)

    def opened(stack: contextlib.ExitStack) -> SegmentWriter:
        before = [open_segment(change.folder, info, params) for info in infos]
        writer = SegmentWriter(change.workspace(), params, ids, before=before)
        return stack.enter_context(writer)

    def finish(writer: SegmentWriter) -> None:
        nonlocal repeated
        segment = writer.finish()
        repeated += segment.repeated
        infos.append(change.adopt(segment.folder, segment.info))

    with contextlib.ExitStack() as stack:
        writer = opened(stack)
        for batch in prepared:
            without_text += batch.empty
            if not writer.has_room_for(len(batch.texts)):
                finish(writer)
                writer = opened(stack)
            writer.add(batch)
        finish(writer)
    return Written(infos, ids.count, without_text, repeated)
