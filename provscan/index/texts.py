"""The licensed texts of several segments: their numbers, and queries about them and
their tweets.

A *row* is the index of a text in one segment. A *place* is its index in the
concatenation of all open segments. All other code refers to the text by its *number*.
Without shards, number and place are the same. Texts in shards are numbered as in a
single segment, whichever shards are open: if the three texts of an index are in two
shards with the numbers 0 and 2, and 1, then text 2 is row 1 of the first shard and has
place 1, and text 1 is row 0 of the second shard and has place 2. A segment of two texts
that was added later has the places and numbers 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import (
    Flags,
    Numbers,
    distinct,
    evenly_spaced,
    numbers_in_ranges,
    slices,
)
from provscan.index.format import SEGMENTS, damage
from provscan.index.segment.read import Segment, retweets
from provscan.index.segment.strings import Strings, combined
from provscan.kernels.sketch.hashing import splitmix64

# The number of texts that :meth:`LicensedTexts.shuffled` yields at a time.
CHUNK = 1 << 16
_ABSENT = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class LicensedTexts:
    """The texts of several segments, possibly without some shards.

    They have numbers from 0 to :attr:`size`. A text in several segments has a number in
    each; each of these numbers refers to all tweets with the text. Texts in shards have
    the numbers that they would have in a single segment; other segments are numbered
    consecutively.
    """

    path: Path  # The folder of the index, for messages.
    segments: tuple[Segment, ...]  # Shards come first.
    # The number of texts before each segment, and of all.
    bases: Numbers

    # Numbers of texts, and the segments and rows to which they refer.

    @property
    def size(self) -> int:
        """The upper bound of the numbers of texts, exclusive."""
        return int(self.bases[-1])

    @cached_property
    def longest(self) -> int:
        """The number of bytes of the longest canonical text."""
        return max(
            (int(np.diff(s.texts.offsets).max(initial=0)) for s in self.segments),
            default=0,
        )

    @cached_property
    def shards(self) -> int:
        """The number of open shards."""
        return sum(segment.numbers is not None for segment in self.segments)

    @cached_property
    def _places(self) -> npt.NDArray[np.uint32]:
        """For the number of each text in the shards, its place in the concatenation of
        all shards.
        """
        places = np.full(self.bases[self.shards], _ABSENT)
        for first, segment in zip(
            self.bases, self.segments[: self.shards], strict=False
        ):
            places[segment.numbers] = np.arange(
                first, first + len(segment.texts), dtype=np.uint32
            )
        return places

    def places(self, texts: Numbers) -> Numbers:
        """Return the places of some texts in the concatenation of all segments."""
        if not self.shards:
            return texts
        places = texts.copy()
        inside = np.flatnonzero(texts < len(self._places))
        places[inside] = self._places[texts[inside]]
        return places

    def contains(self, texts: Numbers) -> Flags:
        """Return whether each text is in one of the open segments."""
        return self.places(texts) != _ABSENT

    def located(self, texts: Numbers) -> tuple[Numbers, Numbers]:
        """Return the segments of some texts, and their rows in these segments."""
        places = self.places(texts)
        segment = np.searchsorted(self.bases, places, "right") - 1
        return segment, places - self.bases[segment]

    def numbers(self, segment: int, rows: Numbers) -> Numbers:
        """Return the numbers of some rows of a segment."""
        numbers = self.segments[segment].numbers
        return (
            rows + self.bases[segment]
            if numbers is None
            else numbers[rows].astype(np.int64)
        )

    # Texts, and the original texts and ids of their earliest tweets.

    def canonical_texts(self, texts: Numbers) -> Strings:
        return self._taken(
            self.located(texts),
            lambda segment, rows: segment.texts.take(rows),
        )

    def canonical_codes(self, texts: Numbers) -> tuple[npt.NDArray[np.uint32], Numbers]:
        codes, offsets = self.canonical_texts(texts).codes(np.arange(len(texts)))
        return codes[: offsets[-1]], offsets

    def raw_texts(self, texts: Numbers) -> Strings:
        """Return the original text of each text's earliest tweet."""
        return self._taken(
            self._earliest(texts),
            lambda segment, rows: segment.tweets.raw_texts.take(rows),
        )

    def tweet_ids(self, texts: Numbers) -> Strings:
        """Return the id of each text's earliest tweet."""
        return self._taken(
            self._earliest(texts), lambda segment, rows: segment.tweets.ids.take(rows)
        )

    # Tweets.

    def tweet_counts(self, texts: Numbers) -> Numbers:
        counts = np.zeros(len(texts), np.int64)
        for _, segment, places, rows in self._everywhere(texts):
            counts[places] += segment.tweet_counts(rows)
        return counts

    def author_counts(self, texts: Numbers) -> Numbers:
        """Return the number of authors who posted each text, not counting retweets and
        tweets without an author.
        """
        counts = np.zeros(len(texts), np.int64)
        for some_texts in slices(len(texts)):
            found, authors = [], []
            for _, segment, places, rows in self._everywhere(texts[some_texts]):
                text, row = segment.tweets_of(rows)
                kept = np.flatnonzero(~segment.retweets(row))
                found.append(places[text[kept]])
                authors.append(segment.tweets.author.take(row[kept]))
            # pa.Table.group_by is avoided: for few texts, its import takes longer than
            # this code.
            names = pa.concat_arrays(authors).dictionary_encode()
            author = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            pairs = np.concatenate(found) * len(names.dictionary) + author
            each = distinct(pairs[author >= 0]) // max(1, len(names.dictionary))
            counts[some_texts] = np.bincount(each, minlength=len(texts[some_texts]))
        return counts

    def count_tweets(self, texts: Numbers) -> int:
        """Return the number of distinct tweets that have any of some texts."""
        return count_ids(
            segment.tweets.ids.split(distinct(segment.tweets_of(rows)[1]))
            for _, segment, _, rows in self._everywhere(distinct(texts))
        )

    def earliest_tweets(self, texts: Numbers) -> pa.Table:
        """Return the earliest tweet of each text, with null for unknown values.

        The columns are ``tweet_id``, ``tweet`` (the original text), ``author``,
        ``lang``, ``time`` (milliseconds, UTC) and ``retweet`` (whether the tweet is a
        retweet).
        """
        owner, rows = self._earliest(texts)
        places = [
            np.flatnonzero(owner == number) for number in range(len(self.segments))
        ]
        parts = [
            s.tweets.table(rows[place])
            for s, place in zip(self.segments, places, strict=True)
        ]
        table = pa.concat_tables(parts).take(
            pa.array(np.argsort(np.concatenate(places)))
        )
        table = table.append_column(
            "retweet", retweets(pc.is_valid(table["rt_of"]), table["text"])
        )
        names = ["tweet_id", "tweet", "author", "time", "lang", "retweet"]
        return table.select(
            ["id", "text", "author", "created_at", "lang", "retweet"]
        ).rename_columns(names)

    def posted_since(self, time: int) -> Flags:
        """Return whether every tweet of each text is known to have been posted at
        ``time``, in milliseconds, or later, and none is a retweet.

        A retweet may be younger than its text.
        """
        young = [segment.posted_since(time) for segment in self.segments]
        for number, of_segment in enumerate(young):
            for place, (other, of_other) in enumerate(
                zip(self.segments, young, strict=True)
            ):
                if place == number or max(place, number) < self.shards:
                    continue
                young_rows = np.flatnonzero(of_segment)
                for part in slices(len(young_rows)):
                    rows = young_rows[part]
                    found = other.equal_texts(self.segments[number].texts.take(rows))
                    there = found >= 0
                    of_segment[rows[there]] &= of_other[found[there]]
        return np.concatenate(young)[self.places(np.arange(self.size))]

    def count(self) -> tuple[int, int]:
        """Count distinct licensed tweets and texts by reading all of them."""
        numbers = np.arange(self.size)
        tweets = count_ids(s.tweets.ids.split(s.living_rows) for s in self.segments)
        return tweets, int(np.count_nonzero(self.same_text(numbers) == numbers))

    def same_text(self, texts: Numbers) -> Numbers:
        """Return the lowest number of each text among the segments where it has
        tweets; -1 if it has none.
        """
        numbers = np.full(len(texts), -1)
        for number, _, places, rows in self._everywhere(texts):
            new = numbers[places] < 0
            numbers[places[new]] = self.numbers(number, rows[new])
        return numbers

    # Texts that are looked up or drawn.

    def texts_of_ids(self, ids: pa.Array) -> tuple[Numbers, Numbers]:
        """Return all texts of tweets with one of some ids, as pairs of a place in
        ``ids`` and the number of a text, ascending.

        A forgotten tweet has no texts.
        """
        coded = ids.dictionary_encode()
        known, parts = coded.dictionary.cast(pa.large_string()), []
        for number, segment in enumerate(self.segments):
            rows = segment.living_among(segment.tweets.ids.among(known))
            id_rows = pc.index_in(
                segment.tweets.ids.take(rows).array(), value_set=known
            ).to_numpy()
            parts.append((id_rows, self.numbers(number, segment.texts_of(rows))))
        id_rows, texts = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((texts, id_rows))
        first, last = (
            np.searchsorted(id_rows[order], coded.indices.to_numpy(), side)
            for side in ("left", "right")
        )
        places, rows = numbers_in_ranges(first, last - first)
        return places, texts[order][rows]

    def equal_texts(self, texts: Strings) -> tuple[Numbers, Numbers]:
        """Return the licensed texts that equal some canonical texts, as pairs of a row
        of ``texts`` and the number of a licensed text, ascending.
        """
        pairs = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for number, segment in enumerate(self.segments):
            found = segment.equal_texts(texts)
            rows = np.flatnonzero(found >= 0)
            pairs.append((rows, self.numbers(number, found[rows])))
        rows, numbers = (np.concatenate(part) for part in zip(*pairs, strict=True))
        order = np.lexsort((numbers, rows))
        return rows[order], numbers[order]

    def shuffled(self, seed: int, wanted: Flags | None = None) -> Iterator[Numbers]:
        """Yield all texts that have a tweet, or only those that are also ``wanted``,
        bool[size], in random order, several at a time.

        The order depends on the seed and the wording of the texts, not on their
        numbers or on the division into segments.
        """
        mask = int(splitmix64(seed, np.zeros(1, np.int64))[0])
        bits = (self.size // CHUNK).bit_length()
        for window in range(1 << bits):
            rows = [
                segment.of_keys(window ^ (mask >> (64 - bits)), bits)
                for segment in self.segments
            ]
            texts = np.concatenate(
                [self.numbers(number, row) for number, row in enumerate(rows)]
            )
            texts = distinct(
                self.same_text(texts if wanted is None else texts[wanted[texts]])
            )
            texts = texts[texts >= 0]
            yield texts[
                np.argsort(self.canonical_texts(texts).keys()[:, 0] ^ np.uint64(mask))
            ]

    def evenly_spaced_texts(self, most: int) -> Strings:
        """Return at most ``most`` canonical texts whose numbers are evenly spaced."""
        texts = evenly_spaced(self.size, most)
        return self.canonical_texts(texts[self.contains(texts)])

    def _everywhere(
        self, texts: Numbers
    ) -> Iterator[tuple[int, Segment, Numbers, Numbers]]:
        """Find some texts in all segments.

        Yield the number of a segment, the segment, which of ``texts`` it has, as
        indices, and the rows of these in it. Since ``texts`` are handled in slices, a
        segment is yielded once per slice.
        """
        if len(self.segments) == 1 and self.segments[0].living is None:
            rows = self.located(texts)[1]
            yield 0, self.segments[0], np.arange(len(texts)), rows
            return
        for part in slices(len(texts)):
            strings = self.canonical_texts(texts[part])
            for number, segment in enumerate(self.segments):
                rows = segment.equal_texts(strings)
                there = np.flatnonzero(rows >= 0)
                yield number, segment, part.start + there, rows[there]

    def _taken(
        self,
        located: tuple[Numbers, Numbers],
        take: Callable[[Segment, Numbers], Strings],
    ) -> Strings:
        """Return the strings that ``take`` returns for rows of segments, in the order
        of the rows.
        """
        numbers, rows = located
        return combined(
            [
                take(segment, rows[numbers == number])
                for number, segment in enumerate(self.segments)
            ],
            numbers,
        )

    def _earliest(self, texts: Numbers) -> tuple[Numbers, Numbers]:
        """Return the segment and row of the earliest tweet of each text."""
        if len(self.segments) == 1:
            return np.zeros(len(texts), np.int64), self.segments[0].earliest(
                self.located(texts)[1]
            )
        owner = np.full(len(texts), -1)
        row = np.zeros(len(texts), np.int64)
        time = np.zeros(len(texts), np.int64)
        for number, segment, places, found in self._everywhere(texts):
            rows = segment.earliest(found)
            times = segment.tweets.times.take(rows)
            better = (owner[places] < 0) | (times < time[places])
            for tie in np.flatnonzero(~better & (times == time[places])).tolist():
                place = places[tie]
                better[tie] = segment.tweets.rank(rows[tie]) < self.segments[
                    owner[place]
                ].tweets.rank(row[place])
            places = places[better]
            owner[places], row[places], time[places] = (
                number,
                rows[better],
                times[better],
            )
        if len(lost := np.flatnonzero(owner < 0)):
            segment = self.segments[self.located(texts[lost[:1]])[0][0]]
            raise damage(
                self.path / SEGMENTS / segment.info.name / "exact.entries",
                "a text is not found by its key",
            )
        return owner, row


def count_ids(parts: Iterable[tuple[Numbers, pa.LargeStringArray]]) -> int:
    """Return the number of distinct ids of tweets. Whole numbers are given separately
    from other ids, as by :meth:`provscan.index.segment.tweets.Ids.split`.
    """
    numbers, strings = [np.zeros(0, np.int64)], [pa.array([], pa.large_string())]
    for whole, others in parts:
        numbers.append(whole)
        strings.append(others)
    different = len(distinct(np.concatenate(numbers)))
    return different + int(pc.count_distinct(pa.chunked_array(strings)).as_py())
