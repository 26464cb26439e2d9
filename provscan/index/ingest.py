"""Turn tweets into a segment, when tweets are added or segments are rewritten.

Batches of tweets are prepared in threads (:mod:`provscan.index.segment.prepare`) and
written. The finished segment is then adopted into the folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from provscan.index.folder import Change
from provscan.index.format import SegmentInfo
from provscan.index.segment.prepare import prepare
from provscan.index.segment.write import SegmentWriter
from provscan.ordered_map import ordered_map
from provscan.params import IndexParams


class Written(NamedTuple):
    """The segment written from batches of tweets, and counts."""

    info: SegmentInfo
    tweets: int  # The number of distinct ids.
    without_text: int  # Tweets left out because their canonical text is empty.
    repeated: int  # Rows left out because they repeat a tweet.

    def counts(self) -> dict[str, int]:
        """Return the counts, for the manifest, of rows that are not new tweets."""
        return {
            "tweets_without_text": self.without_text,
            "repeated_tweets": self.repeated,
            # Additional texts of the same tweets.
            "versions": self.info.tweets - self.tweets,
        }


def write_segment(
    change: Change,
    batches: Iterable[pa.RecordBatch],
    params: IndexParams,
    workers: int,
) -> Written:
    """Write batches of tweets as a segment."""
    without_text = 0
    with SegmentWriter(change.workspace(), params) as writer:
        for batch in ordered_map(lambda each: prepare(each, params), batches, workers):
            without_text += batch.empty
            writer.add(batch)
        segment = writer.finish()
    info = change.adopt(segment.folder, segment.info)
    return Written(info, segment.tweets, without_text, segment.repeated)
