"""Queries about the licensed texts of several segments, and about their tweets.

A text's *row* is its index in one segment. Its *id* is its index in all open segments,
one after the other; all other code refers to texts by their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
from provscan.errors import IndexFormatError
from provscan.index.format import SEGMENTS, damage
from provscan.index.segment.read import Segment, retweets
from provscan.index.segment.strings import Strings, combined
from provscan.kernels.sketch.hashing import splitmix64

# The number of texts that :meth:`LicensedTexts.shuffled` yields at a time.
CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class LicensedTexts:
    """The texts of several segments.

    Their ids are below :attr:`size`. A text in several segments has an id in each; each
    of these ids stands for all tweets with the text.
    """

    path: Path  # The folder of the index, for messages.
    segments: tuple[Segment, ...]
    bases: Numbers  # The id of each segment's first text, and the end.

    # Conversions of ids and rows.

    @property
    def size(self) -> int:
        """One more than the highest text id."""
        return int(self.bases[-1])

    @cached_property
    def longest(self) -> int:
        """The number of bytes of the longest canonical text."""
        return max(
            (int(np.diff(s.texts.offsets).max(initial=0)) for s in self.segments),
            default=0,
        )

    def located(self, texts: Numbers) -> tuple[Numbers, Numbers]:
        """Return the segments of texts, and their rows in these segments.

        Raises
        ------
        IndexFormatError
            An id belongs to no text: an entry of the index is damaged.
        """
        if len(texts) and not (texts.min() >= 0 and texts.max() < self.size):
            raise IndexFormatError(
                "an entry of the index names a text that does not exist, so the index "
                "is damaged: build it again"
            )
        segment = np.searchsorted(self.bases, texts, "right") - 1
        return segment, texts - self.bases[segment]

    # The canonical texts, and the original texts and ids of their earliest tweets.

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
            text = distinct(pairs[author >= 0]) // max(1, len(names.dictionary))
            counts[some_texts] = np.bincount(text, minlength=len(texts[some_texts]))
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
        """Return whether each text is known to be no older than ``time``, in
        milliseconds: all its tweets have a time, none is earlier, and none is a
        retweet, whose text may be older.
        """
        young = [segment.posted_since(time) for segment in self.segments]
        for number, of_segment in enumerate(young):
            for place, (other, of_other) in enumerate(
                zip(self.segments, young, strict=True)
            ):
                if place == number:
                    continue
                young_rows = np.flatnonzero(of_segment)
                for part in slices(len(young_rows)):
                    rows = young_rows[part]
                    found = other.equal_texts(self.segments[number].texts.take(rows))
                    there = found >= 0
                    of_segment[rows[there]] &= of_other[found[there]]
        return np.concatenate(young)

    def count(self) -> tuple[int, int]:
        """Count distinct licensed tweets and texts by reading all of them."""
        numbers = np.arange(self.size)
        tweets = count_ids(s.tweets.ids.split(s.living_rows) for s in self.segments)
        return tweets, int(np.count_nonzero(self.same_text(numbers) == numbers))

    def same_text(self, texts: Numbers) -> Numbers:
        """Return, for each text, its id in the first segment where it has a tweet;
        -1 if it has none.
        """
        numbers = np.full(len(texts), -1)
        for number, _, places, rows in self._everywhere(texts):
            new = numbers[places] < 0
            numbers[places[new]] = self.bases[number] + rows[new]
        return numbers

    # Looking up and drawing texts.

    def texts_of_ids(self, ids: pa.Array) -> tuple[Numbers, Numbers]:
        """Return the texts of the tweets with the given ids, as pairs of an index into
        ``ids`` and the id of a text, ascending.

        A forgotten tweet has no texts.
        """
        coded = ids.dictionary_encode()
        known, parts = coded.dictionary.cast(pa.large_string()), []
        for number, segment in enumerate(self.segments):
            rows = segment.living_among(segment.tweets.ids.rows_of(known))
            id_rows = pc.index_in(
                segment.tweets.ids.take(rows).array(), value_set=known
            ).to_numpy()
            parts.append((id_rows, self.bases[number] + segment.texts_of(rows)))
        id_rows, texts = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((texts, id_rows))
        first, last = (
            np.searchsorted(id_rows[order], coded.indices.to_numpy(), side)
            for side in ("left", "right")
        )
        places, rows = numbers_in_ranges(first, last - first)
        return places, texts[order][rows]

    def tweet_rows(self, tweet_id: str) -> list[dict[str, Any]]:
        """Return ``id``, ``text``, ``author``, ``created_at`` and ``lang`` of each text
        of a tweet; none if the index lacks the tweet or has forgotten it.
        """
        ids, found = pa.array([tweet_id], pa.large_string()), []
        for segment in self.segments:
            rows = segment.living_among(segment.tweets.ids.rows_of(ids))
            found += segment.tweets.table(rows).drop_columns(["rt_of"]).to_pylist()
        return found

    def equal_texts(self, texts: Strings) -> tuple[Numbers, Numbers]:
        """Return the licensed texts that equal given canonical texts, as pairs of an
        index into ``texts`` and the id of a licensed text, ascending.
        """
        pairs = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for number, segment in enumerate(self.segments):
            found = segment.equal_texts(texts)
            rows = np.flatnonzero(found >= 0)
            pairs.append((rows, self.bases[number] + found[rows]))
        rows, numbers = (np.concatenate(part) for part in zip(*pairs, strict=True))
        order = np.lexsort((numbers, rows))
        return rows[order], numbers[order]

    def shuffled(self, seed: int, wanted: Flags | None = None) -> Iterator[Numbers]:
        """Yield all texts that have a tweet, in random order, several at a time. If
        ``wanted``, bool[size], is given, yield only the texts for which it is True.

        The order depends on the seed and the wording of the texts, not on their ids or
        their division into segments.
        """
        mask = int(splitmix64(seed, np.zeros(1, np.int64))[0])
        bits = (self.size // CHUNK).bit_length()
        for window in range(1 << bits):
            rows = [
                segment.texts_with_prefix(window ^ (mask >> (64 - bits)), bits)
                for segment in self.segments
            ]
            texts = np.concatenate(
                [base + row for base, row in zip(self.bases, rows, strict=False)]
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
        return self.canonical_texts(evenly_spaced(self.size, most))

    def _everywhere(
        self, texts: Numbers
    ) -> Iterator[tuple[int, Segment, Numbers, Numbers]]:
        """Find texts in all segments.

        For each slice of ``texts`` and each segment, yield the number of the segment,
        the segment, the indices of those ``texts`` that it has, and their rows.
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
        """Return the strings that ``take`` returns for segments and their rows, in the
        order of ``located``.
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
    """Return the number of distinct ids. Each part contains the ids that are whole
    numbers, and the others; see :meth:`provscan.index.segment.tweets.Ids.split`.
    """
    numbers, strings = [np.zeros(0, np.int64)], [pa.array([], pa.large_string())]
    for whole, others in parts:
        numbers.append(whole)
        strings.append(others)
    different = len(distinct(np.concatenate(numbers)))
    return different + int(pc.count_distinct(pa.chunked_array(strings)).as_py())
