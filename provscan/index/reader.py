"""An open index, through which all other code reads it.

Matching, scoring and calibration use the :class:`IndexReader`. Its segments and their
arrays are private to this package, except for the look-up tables that it passes to the
kernels.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from provscan.arrays import Flags, Numbers, distinct, evenly_spaced, slices
from provscan.errors import IndexFormatError, ParameterError
from provscan.index.checks import check_content
from provscan.index.format import SEGMENTS, VERSION, Manifest, damage
from provscan.index.numbering import Numbering
from provscan.index.segment.join import can_join, joined, joined_all, with_seeds_after
from provscan.index.segment.read import Segment, retweets
from provscan.index.segment.strings import Strings, combined
from provscan.index.segment.tables import Tables
from provscan.index.shards.lookup import shard_tables
from provscan.kernels.sketch.hashing import splitmix64
from provscan.params import IndexParams
from provscan.text.hooks import Hook, hook_name, require_prepared

# The number of texts that :meth:`IndexReader.shuffled` yields at a time.
CHUNK = 1 << 16
# The number of texts that a hook is checked with when an index is opened.
HOOK_CHECKS = 1000
Stamp: TypeAlias = tuple[int, int, int]  # A file's inode, size and modification time.


class LeftOut(NamedTuple):
    """The segments that a reader leaves out, and the numbers of tweets and texts that
    only these have.
    """

    segments: tuple[str, ...]
    tweets: int
    texts: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "segments": list(self.segments),
            "tweets": self.tweets,
            "texts": self.texts,
        }


NOTHING = LeftOut((), 0, 0)


@dataclass(frozen=True, eq=False)
class IndexReader:
    """An open index: one snapshot of its segments, possibly without some of its
    shards.

    Licensed texts have numbers from 0 to :attr:`size`. A text in several segments has a
    number in each; each of these numbers refers to all tweets with the text. Texts in
    shards have the numbers that they would have in a single segment.
    """

    path: Path
    manifest: Manifest
    segments: tuple[Segment, ...]
    bases: Numbers
    states: dict[str, Stamp] = field(default_factory=dict)
    verified: bool = False  # All files were compared with their checksums.
    left_out: LeftOut = NOTHING
    # The hook that prepared the texts of the index, and prepares those to scan.
    hook: Hook | None = None

    @property
    def params(self) -> IndexParams:
        return self.manifest.index_params

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, equal for equal indexes."""
        return self.manifest.fingerprint()

    @property
    def snapshot(self) -> str:
        """A name that is equal for readers whose texts have the same numbers. Merging
        changes it, but not the fingerprint.
        """
        parts = [
            f"{s.name}/{s.tombstones.name if s.tombstones else ''}"
            for s in self.manifest.segments
        ]
        return xxhash.xxh3_128_hexdigest(" ".join([self.fingerprint, *parts]).encode())

    @property
    def fraction(self) -> float:
        """The share of the licensed tweets that this reader has."""
        return float(self.manifest.notes.get("fraction", 1.0))

    @property
    def hook_name(self) -> str | None:
        """The name of the hook that prepared the texts of the index, if any."""
        return self.manifest.notes.get("canonical")

    def with_hook(self, hook: Hook | None) -> IndexReader:
        """Return this reader with the hook that the index was built with.

        Raises
        ------
        ParameterError
            The index was built without a hook or with another one.
        """
        if hook is None:
            return self
        if hook_name(hook) != self.hook_name:
            raise ParameterError(
                f"canonical is {hook_name(hook)}, but {self.path} was built with "
                f"{self.hook_name or 'none'}: give that one, or build another index"
            )
        some = next(self.shuffled(seed=0))[:HOOK_CHECKS]
        require_prepared(self.raw_texts(some).array(), hook)
        return replace(self, hook=hook)

    def require_hook(self) -> None:
        """Raise :class:`~provscan.errors.ParameterError` if texts can't be compared
        with this index, since its hook is missing.
        """
        if self.hook_name is not None and self.hook is None:
            raise ParameterError(
                f"{self.path} was built with the hook {self.hook_name}, without which "
                "no text can be compared with it: open it in Python with "
                "open_index(path, canonical=...)"
            )

    @property
    def size(self) -> int:
        """The upper bound of the numbers of texts, exclusive."""
        return int(self.bases[-1])

    @property
    def texts(self) -> int:
        """The number of licensed texts; a text in several segments counts once."""
        return self.manifest.texts

    @property
    def tweets(self) -> int:
        """The number of licensed tweets; a tweet with several texts counts once."""
        return self.manifest.tweets

    @cached_property
    def longest(self) -> int:
        """The number of bytes of the longest canonical text."""
        return max(
            (int(np.diff(s.texts.offsets).max(initial=0)) for s in self.segments),
            default=0,
        )

    @cached_property
    def tables(self) -> tuple[Tables, ...]:
        """The tables that a scan uses: all segments joined into one if memory allows
        it, else into a few.
        """
        if self.numbering.shards:
            return shard_tables(self.numbering, self.params, self.canonical_texts)
        # The manifest lists the largest segment first.
        large, *small = (segment.tables for segment in self.segments)
        rest = joined_all(small, self.params)
        if len(rest) == 1 and can_join(large, rest[0]):
            parts = [joined(large, rest[0], self.params)]
        elif len(rest) == 1:
            before = len(large.texts)
            parts = [large, with_seeds_after(large, rest[0], before, self.params)]
        else:
            parts = [large, *rest]
        firsts = np.cumsum([0, *(len(part.texts) for part in parts)])
        return tuple(
            part._replace(first=int(first))
            for part, first in zip(parts, firsts, strict=False)
        )

    def require_unchanged(self) -> None:
        """Check that the size and the modification time of no file have changed since
        it was opened.

        A writer of provscan replaces files and never modifies them, so a reader keeps
        its generation while it is open. Other programs may modify files.
        """
        for path, before in self.states.items():
            now = _stamp(path)
            # A file that was removed or replaced is still mapped unchanged.
            if now is not None and now[0] == before[0] and now != before:
                raise IndexFormatError(
                    f"{path} was changed while the index was in use, so the results "
                    "can't be trusted: restore the index and run again"
                )

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Run a block of code that reads the index, and then :meth:`require_unchanged`,
        even if the block fails.
        """
        try:
            yield
        except Exception:
            self.require_unchanged()
            raise
        self.require_unchanged()

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
            numbers[places[new]] = self.numbering.numbers(number, rows[new])
        return numbers

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
                [self.numbering.numbers(number, row) for number, row in enumerate(rows)]
            )
            texts = distinct(
                self.same_text(texts if wanted is None else texts[wanted[texts]])
            )
            texts = texts[texts >= 0]
            yield texts[
                np.argsort(self.canonical_texts(texts).keys()[:, 0] ^ np.uint64(mask))
            ]

    def evenly_spaced_texts(self, most: int) -> Strings:
        """Return at most ``most`` canonical texts, at equal distances by number."""
        texts = evenly_spaced(self.size, most)
        return self.canonical_texts(texts[self.numbering.contains(texts)])

    def canonical_texts(self, texts: Numbers) -> Strings:
        return self._taken(
            self.numbering.located(texts),
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

    def tweet_counts(self, texts: Numbers) -> Numbers:
        counts = np.zeros(len(texts), np.int64)
        for _, segment, places, rows in self._everywhere(texts):
            counts[places] += segment.tweet_counts(rows)
        return counts

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
            parts.append(
                (id_rows, self.numbering.numbers(number, segment.texts_of(rows)))
            )
        id_rows, texts = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((texts, id_rows))
        first, last = (
            np.searchsorted(id_rows[order], coded.indices.to_numpy(), side)
            for side in ("left", "right")
        )
        count = last - first
        places = np.repeat(np.arange(len(ids)), count)
        within = np.arange(len(places)) - np.repeat(np.cumsum(count) - count, count)
        return places, texts[order][np.repeat(first, count) + within]

    def equal_texts(self, texts: Strings) -> tuple[Numbers, Numbers]:
        """Return the licensed texts that equal some canonical texts, as pairs of a row
        of ``texts`` and the number of a licensed text.
        """
        pairs = [
            (
                np.flatnonzero(found >= 0),
                self.numbering.numbers(number, found[found >= 0]),
            )
            for number, found in enumerate(
                segment.equal_texts(texts) for segment in self.segments
            )
        ]
        rows, numbers = (np.concatenate(part) for part in zip(*pairs, strict=True))
        in_shards = sum(len(row) for row, _ in pairs[: self.numbering.shards])
        order = np.argsort(rows[:in_shards], kind="stable")
        rows[:in_shards], numbers[:in_shards] = rows[order], numbers[order]
        return rows, numbers

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
                if place == number or max(place, number) < self.numbering.shards:
                    continue
                young_rows = np.flatnonzero(of_segment)
                for part in slices(len(young_rows)):
                    rows = young_rows[part]
                    found = other.equal_texts(self.segments[number].texts.take(rows))
                    there = found >= 0
                    of_segment[rows[there]] &= of_other[found[there]]
        found = np.concatenate(young)
        return (
            found
            if not self.numbering.shards
            else found[self.numbering.places(np.arange(self.size))]
        )

    def with_control(self, extra: IndexReader) -> IndexReader:
        """Return a reader of the texts of this reader and of ``extra``, whose texts are
        numbered from :attr:`size` on.

        No text may be in both.
        """
        return replace(
            self,
            segments=(*self.segments, *extra.segments),
            bases=np.concatenate([self.bases, self.size + extra.bases[1:]]),
            states={**self.states, **extra.states},
        )

    @cached_property
    def numbering(self) -> Numbering:
        """The numbering of the texts in the segments."""
        return Numbering(
            self.segments,
            self.bases,
            sum(segment.numbers is not None for segment in self.segments),
        )

    def _everywhere(
        self, texts: Numbers
    ) -> Iterator[tuple[int, Segment, Numbers, Numbers]]:
        """Yield each segment with its number, the places of its texts in ``texts``, and
        their rows in it; several texts at a time.
        """
        if len(self.segments) == 1 and self.segments[0].living is None:
            rows = self.numbering.located(texts)[1]
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
                self.numbering.located(texts)[1]
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
            segment = self.segments[self.numbering.located(texts[lost[:1]])[0][0]]
            raise damage(
                self.path / SEGMENTS / segment.info.name / "exact.entries",
                "a text is not found by its key",
            )
        return owner, row

    def info(self) -> dict[str, Any]:
        files = [item for s in self.manifest.segments for item in s.files.items()]
        structures: dict[str, int] = {}
        for name, info in files:
            part = name.split(".")[0]
            structures[part] = structures.get(part, 0) + info.bytes
        forgotten = []
        for segment in self.segments:
            if len(segment.forgotten):
                # The index may have been opened without a check.
                check_content(segment, self.path)
            forgotten.append(segment.tweets.ids.take(segment.forgotten).array())
        return {
            "path": str(self.path),
            "version": VERSION,
            "generation": self.manifest.generation,
            "fingerprint": self.fingerprint,
            "params": self.params.as_dict(),
            "texts": self.texts,
            "tweets": self.tweets,
            "forgotten": pc.count_distinct(
                pa.chunked_array(forgotten, pa.large_string())
            ).as_py(),
            "bytes": sum(structures.values()),
            "bytes_a_text": {
                name: round(size / max(1, self.texts), 1)
                for name, size in sorted(structures.items())
            },
            "segments": [
                {
                    "name": s.name,
                    "texts": s.texts,
                    "tweets": s.tweets,
                    "forgotten": s.tweets - s.living,
                }
                for s in self.manifest.segments
            ],
            "shards": self.numbering.shards,
            "purged": sum(purge.tweets for purge in self.manifest.purges.values()),
            "last_purge": max(
                (purge.purged for purge in self.manifest.purges.values()), default=None
            ),
            "segments_left_out": self.left_out.as_dict(),
            **self.manifest.notes,
        }


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


def stamps(folder: Path, names: Iterable[str]) -> dict[str, Stamp]:
    """Return the stamps of existing files, by path. A stamp changes if its file
    changes.
    """
    found = ((path, _stamp(path)) for path in (str(folder / name) for name in names))
    return {path: stamp for path, stamp in found if stamp is not None}


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
