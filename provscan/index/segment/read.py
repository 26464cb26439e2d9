"""Open and query a segment.

Its files are mapped; docs/format.md describes them:

``texts.*``
    Canonical texts, ordered by their earliest tweets, and their two-bit MinHash
    sketches.
``exact.*``, ``bands.*``, ``seeds.*``
    Postings of whole texts, of LSH bands and of seeds
    (:mod:`provscan.index.segment.seeds`). ``bands.filter``, ``seeds.filter`` and
    ``seeds.frequent`` are filters of the bands, of the seeds, and of frequent seeds.
``tweets.*``
    The first row of each text in the tables of
    :mod:`provscan.index.segment.tweets`.

A file outside the segment's folder lists the forgotten rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import numbers_in_ranges, slices
from provscan.index.format import (
    SEGMENTS,
    THREADS,
    TOMBSTONES,
    SegmentInfo,
    damage,
    digest_of,
)
from provscan.index.segment.arrays import map_array
from provscan.index.segment.filters import open_filter
from provscan.index.segment.packed import PackedNumbers, open_numbers
from provscan.index.segment.postings import (
    ENTRY_BITS,
    EXACT,
    bands_layout,
    open_postings,
)
from provscan.index.segment.prepare import NO_TIME, tweet_digests
from provscan.index.segment.seeds import FREQUENT, open_seeds
from provscan.index.segment.strings import Strings, open_strings
from provscan.index.segment.tables import LookupTables
from provscan.index.segment.tweets import TweetRows, open_tweets
from provscan.kernels.records import BloomFilter, SeedTable, TextTable, frozen
from provscan.kernels.storage.postings import find_texts
from provscan.ordered_map import pool_of
from provscan.params import IndexParams

# The beginning of a retweet that a user or an early client made.
RETWEET = "(?i)^\\s*RT @"
# The number of rows that are read at a time.
ROWS = 1 << 14


def retweets(has_original: pa.Array, texts: pa.Array) -> pa.Array:
    """Return whether each tweet is a retweet: it has the id of an original, or its own
    text says so.
    """
    return pc.or_(has_original, pc.match_substring_regex(texts, RETWEET))


@dataclass(frozen=True)
class Segment:
    """An open segment, whose arrays are mapped files."""

    info: SegmentInfo  # Its entry in the manifest.
    texts: Strings  # The canonical texts.
    whole: TextTable  # The tables for looking up whole texts.
    seeds: SeedTable
    frequent: BloomFilter  # A filter of the seeds that many places share.
    tweet_starts: PackedNumbers  # The first row of each text's tweets, and the end.
    tweets: TweetRows
    forgotten: np.ndarray  # int64, ascending: the forgotten rows of tweets.

    @cached_property
    def living(self) -> np.ndarray | None:
        """bool[texts]: whether the text has a tweet that is not forgotten; None if all
        texts have one.
        """
        return self._counts > 0 if len(self.forgotten) else None

    @cached_property
    def living_rows(self) -> np.ndarray:
        """int64, ascending: the rows of tweets that are not forgotten."""
        return np.delete(np.arange(self.info.tweets), self.forgotten)

    @cached_property
    def _counts(self) -> np.ndarray:
        """int64[texts]: how many tweets of each text are not forgotten."""
        starts = self.tweet_starts.all()
        return np.diff(starts) - np.diff(np.searchsorted(self.forgotten, starts))

    def earliest(self, texts: np.ndarray) -> np.ndarray:
        """Return the row of the earliest tweet of each text."""
        if len(self.forgotten) == 0:
            return self.tweet_starts.take(texts)
        place = np.searchsorted(self.living_rows, self.tweet_starts.take(texts))
        return self.living_rows[np.minimum(place, len(self.living_rows) - 1)]

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        if len(self.forgotten) == 0:
            return self.tweet_starts.take(texts + 1) - self.tweet_starts.take(texts)
        return self._counts[texts]

    def equal_texts(self, texts: Strings) -> np.ndarray:
        """Return int64[n]: the row of the licensed text that equals each canonical
        text; -1 if there is none, or if all its tweets are forgotten.
        """
        numbers = self.find(texts)
        if self.living is not None:
            numbers[~self.living[numbers]] = -1
        return numbers

    def find(self, texts: Strings) -> np.ndarray:
        """Return int64[n]: like :meth:`equal_texts`, but including texts whose tweets
        are all forgotten.
        """
        numbers = np.empty(len(texts), np.int64)
        exact = frozen(self.whole.exact)
        find_texts(texts.keys(), texts.record, exact, self.texts.record, numbers)
        return numbers

    def texts_with_prefix(self, prefix: int, bits: int) -> np.ndarray:
        """Return int64[n]: the texts, including forgotten ones, whose keys begin with
        the `bits` bits of `prefix`.
        """
        table = self.whole.exact
        # The first `table.bits` bits of a key select its bucket. If `prefix` has more
        # bits, the others are the first bits of the entries in the bucket. If it has
        # fewer, it selects several neighbouring buckets.
        in_entry, missing = max(0, bits - table.bits), max(0, table.bits - bits)
        first = (prefix >> in_entry) << missing
        entries = table.entries[
            table.starts[first] : table.starts[first + (1 << missing)]
        ].astype(np.int64)
        entries = entries[
            entries >> (ENTRY_BITS - in_entry) == prefix & ((1 << in_entry) - 1)
        ]
        return entries & ((1 << table.text_bits) - 1)

    def tweets_of(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return all tweets of some texts, as indices into `texts` and rows."""
        starts = self.tweet_starts.take(texts)
        count = self.tweet_starts.take(texts + 1) - starts
        text, rows = numbers_in_ranges(starts, count)
        if len(self.forgotten):
            kept = np.isin(rows, self.forgotten, invert=True)
            text, rows = text[kept], rows[kept]
        return text, rows

    def living_among(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows that are not forgotten; `rows` are ascending."""
        return np.setdiff1d(rows, self.forgotten, assume_unique=True)

    def texts_of(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.tweet_starts.all(), rows, "right") - 1

    def retweets(self, rows: np.ndarray) -> np.ndarray:
        """Return bool[n]: whether each tweet is a retweet."""
        has_original = pa.array(self.tweets.rt_of.known(rows))
        texts = self.tweets.raw_texts.take(rows).array()
        return retweets(has_original, texts).to_numpy(zero_copy_only=False)

    def posted_since(self, time: int) -> np.ndarray:
        """Return bool[texts] for this segment alone; see
        :meth:`provscan.index.IndexReader.posted_since`.
        """
        rows = self.living_rows
        text, times = self.texts_of(rows), self.tweets.times.take(rows)
        young = (
            np.ones(self.info.texts, np.bool_)
            if self.living is None
            else self.living.copy()
        )
        young[text[(times < time) | (times == NO_TIME)]] = False
        candidates = np.flatnonzero(young)
        for part in slices(len(candidates)):
            texts = candidates[part]
            text, rows = self.tweets_of(texts)
            young[texts[text[self.retweets(rows)]]] = False
        return young

    def batches(self, rows: np.ndarray) -> Iterator[pa.RecordBatch]:
        """Yield some rows of tweets in the readers' schema."""
        for low in range(0, len(rows), ROWS):
            yield from (
                self.tweets.table(rows[low : low + ROWS]).combine_chunks().to_batches()
            )

    def digest(self, rows: np.ndarray) -> str:
        """Return the sum of the digests of some rows, 32 hexadecimal digits."""

        def part(low: int) -> np.ndarray:
            total = np.zeros(2, np.uint64)
            for batch in self.batches(rows[low : low + ROWS]):
                times = (
                    batch["created_at"]
                    .cast(pa.int64())
                    .fill_null(int(NO_TIME))
                    .to_numpy(zero_copy_only=False)
                )
                about = batch.select(["author", "lang", "rt_of"])
                total += tweet_digests(batch["id"], batch["text"], times, about).sum(
                    axis=0, dtype=np.uint64
                )
            return total

        with pool_of(THREADS if len(rows) > ROWS else 0) as pool:
            total = sum(
                pool.map(part, range(0, len(rows), ROWS)), np.zeros(2, np.uint64)
            )
        return digest_of(total)

    @property
    def tables(self) -> LookupTables:
        """The tables that a scan uses."""
        return frozen(
            LookupTables(
                self.texts,
                self.whole,
                self.seeds,
                self.living,
                frequent=self.frequent,
                bytes=self.info.bytes,
            )
        )


def open_segment(index: Path, info: SegmentInfo, params: IndexParams) -> Segment:
    """Map the files of a segment. Raise an error if their sizes don't fit together,
    since kernels trust the sizes of arrays.
    """
    folder = index / SEGMENTS / info.name
    whole = TextTable(
        open_postings(folder, "exact", EXACT, info.texts, info.texts),
        open_postings(folder, "bands", bands_layout(params.bands), info.texts),
        open_filter(folder / "bands.filter"),
        map_array(folder / "texts.sketches", np.uint64, 2, info.texts),
    )
    return Segment(
        info,
        open_strings(folder, "texts", info.texts),
        whole,
        open_seeds(folder, info.texts),
        open_filter(folder / FREQUENT),
        open_numbers(folder, "tweets", info.texts + 1),
        open_tweets(folder, info.tweets),
        read_tombstones(index, info)[:, 0],
    )


def read_tombstones(index: Path, info: SegmentInfo) -> np.ndarray:
    """Return int64[n, 2]: the forgotten rows of a segment, ascending, and the time at
    which each was forgotten, in milliseconds since 1970.
    """
    if info.tombstones is None:
        return np.zeros((0, 2), np.int64)
    path = index / TOMBSTONES / info.tombstones.name
    stones = np.fromfile(path, "<i8")
    problem = None
    if len(stones) != 2 * info.tombstones.tweets:
        problem = f"expected {info.tombstones.tweets:,} rows, found {len(stones) / 2:,}"
    elif len(rows := stones[::2]) and (
        rows[0] < 0 or rows[-1] >= info.tweets or np.any(rows[:-1] >= rows[1:])
    ):
        problem = "it lists rows that do not exist"
    if problem is not None:
        raise damage(path, problem)
    return stones.reshape(-1, 2)
