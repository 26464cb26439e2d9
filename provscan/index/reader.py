"""An open index: the only way into it.

Whoever matches, scores or calibrates asks the :class:`IndexReader`. Its segments and their arrays are seen by this
room only, apart from the look-up tables that it hands to the kernels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import format as index_format
from provscan.index.format import SEGMENTS, Manifest
from provscan.index.join import can_join, joined
from provscan.index.prepare import NO_TIME
from provscan.index.segment import LookupTables, Segment, open_segment
from provscan.index.texts import Strings
from provscan.params import IndexParams
from provscan.text.arrow import buffers

# Note in the manifest: texts that stand in a segment before theirs as well.
REPEATED = "repeated_texts"
# Note in the manifest: rows that hold another text of a tweet that has a row already.
VERSIONS = "versions"
# Texts whose tweets are looked at together.
CHUNK = 1 << 16

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IndexReader:
    """An open index: one snapshot of its segments.

    Licensed texts have numbers from 0 to :attr:`size`. A text that stands in several segments has a number in each;
    whichever is asked for, its tweets are those of all of them.
    """

    path: Path
    manifest: Manifest
    segments: tuple[Segment, ...]
    bases: Numbers

    @property
    def params(self) -> IndexParams:
        """Parameters that the index was built with."""
        return self.manifest.params

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, equal for equal indexes."""
        return self.manifest.fingerprint()

    @property
    def fraction(self) -> float:
        """Share of the licensed tweets that the index holds."""
        return float(self.manifest.notes.get("fraction", 1.0))

    @property
    def size(self) -> int:
        """Text numbers are below this one."""
        return int(self.bases[-1])

    @property
    def texts(self) -> int:
        """Number of licensed texts; one that stands in several segments counts once."""
        return self.size - int(self.manifest.notes.get(REPEATED, 0))

    @property
    def tweets(self) -> int:
        """Number of licensed tweets; one with several texts counts once."""
        return sum(segment.info.tweets for segment in self.segments) - int(self.manifest.notes.get(VERSIONS, 0))

    @property
    def text_bytes(self) -> int:
        """Bytes of all canonical texts."""
        return sum(len(segment.texts.text) for segment in self.segments)

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest canonical text."""
        return max((int(np.diff(s.texts.offsets).max(initial=0)) for s in self.segments), default=0)

    @cached_property
    def tables(self) -> tuple[LookupTables, ...]:
        """What the kernels look things up in, one entry a segment."""
        return tuple(s.tables(int(first)) for s, first in zip(self.segments, self.bases, strict=False))

    def verify(self) -> None:
        """Compare every file with its checksum; raises :class:`~provscan.errors.IndexFormatError`."""
        index_format.verify(self.path, self.manifest)

    def canonical_texts(self, texts: Numbers) -> Strings:
        """Canonical texts."""
        of = self._segment_of(texts)
        return _gathered([segment.texts for segment in self.segments], of, texts - self.bases[of])

    def canonical_codes(self, texts: Numbers) -> tuple[npt.NDArray[np.uint32], Numbers]:
        """Canonical code points: uint32[m] and int64 offsets[n + 1]."""
        codes, offsets = self.canonical_texts(texts).codes(np.arange(len(texts)))
        return codes[: offsets[-1]], offsets

    def raw_texts(self, texts: Numbers) -> Strings:
        """The text of each one's earliest tweet, as it came."""
        return _gathered([segment.raw_texts for segment in self.segments], *self._earliest(texts))

    def tweet_ids(self, texts: Numbers) -> Strings:
        """The id of each text's earliest tweet."""
        return _gathered([segment.ids for segment in self.segments], *self._earliest(texts))

    def tweet_counts(self, texts: Numbers) -> Numbers:
        """How many tweets carry each text."""
        counts = np.zeros(len(texts), np.int64)
        for segment, places, rows in self._everywhere(texts):
            counts[places] += segment.tweet_counts(rows)
        return counts

    def earliest_tweets(self, texts: Numbers) -> pa.Table:
        """The earliest tweet of each text.

        Returns
        -------
        pyarrow.Table
            ``tweet_id``, ``tweet`` (the text as it came), ``author``, ``lang``, ``time`` (milliseconds, UTC): one row
            a text, null where not known.
        """
        of, rows = self._earliest(texts)
        places = [np.flatnonzero(of == number) for number in range(len(self.segments))]
        parts = [
            segment.tweets.select(["author", "lang", "time"]).take(pa.array(rows[place]))
            for segment, place in zip(self.segments, places, strict=True)
        ]
        about = pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(places))))
        return pa.table({
            "tweet_id": _gathered([segment.ids for segment in self.segments], of, rows).array().cast(pa.string()),
            "tweet": _gathered([segment.raw_texts for segment in self.segments], of, rows).array(),
            "author": about["author"],
            "lang": about["lang"],
            "time": about["time"].cast(pa.timestamp("ms", tz="UTC")),
        })  # fmt: skip

    def author_counts(self, texts: Numbers) -> Numbers:
        """How many authors have posted each text; retweets and tweets without an author do not count."""
        counts = np.zeros(len(texts), np.int64)
        for low in range(0, len(texts), CHUNK):
            parts = []
            for segment, places, rows in self._everywhere(texts[low : low + CHUNK]):
                text, row = segment.tweets_of(rows)
                kept = np.flatnonzero(~segment.retweets(row))
                author = segment.tweets["author"].take(pa.array(row[kept]))
                parts.append(pa.table({"text": pa.array(places[text[kept]]), "author": author}))
            each = pa.concat_tables(parts).group_by("text").aggregate([("author", "count_distinct")])
            counts[low + each["text"].to_numpy()] = each["author_count_distinct"].to_numpy()
        return counts

    def count_tweets(self, texts: Numbers) -> int:
        """How many different tweets carry any of some texts."""
        ids = [
            segment.ids.take(np.unique(segment.tweets_of(found)[1])).array()
            for segment, _, found in self._everywhere(np.unique(texts))
        ]
        return int(pc.count_distinct(pa.chunked_array(ids, pa.large_string())).as_py())

    def equal_texts(self, texts: Strings) -> tuple[Numbers, Numbers]:
        """Licensed texts that equal canonical texts: rows of `texts` and numbers of licensed texts, in pairs."""
        pairs = [
            (np.flatnonzero(found >= 0), found[found >= 0] + first)
            for first, found in zip(self.bases, (s.equal_texts(texts) for s in self.segments), strict=False)
        ]
        return np.concatenate([row for row, _ in pairs]), np.concatenate([number for _, number in pairs])

    def posted_since(self, time: int) -> npt.NDArray[np.bool_]:
        """Texts of which every tweet is known to be made at `time`, in milliseconds, or later, and none is a retweet.

        A retweet may be younger than its text.

        Returns
        -------
        bool[size]
        """
        young = [segment.posted_since(time) for segment in self.segments]
        for number, of_segment in enumerate(young):
            for other, of_other in zip(self.segments, young, strict=True):
                if other is self.segments[number]:
                    continue
                for rows in _chunks(np.flatnonzero(of_segment)):
                    found = other.equal_texts(self.segments[number].texts.take(rows))
                    of_segment[rows] &= (found < 0) | of_other[found]
        return np.concatenate(young)

    def with_control(self, extra: IndexReader) -> IndexReader:
        """A reader of the texts of this one and, numbered from :attr:`size` on, those of `extra`.

        No text may stand in both.
        """
        segments = (*self.segments, *extra.segments)
        bases = np.concatenate([self.bases, self.size + extra.bases[1:]])
        if len(segments) == 2 and can_join(*segments):
            segments, bases = (joined(*segments, self.params),), bases[[0, 2]]
        return replace(self, segments=segments, bases=bases)

    def _segment_of(self, texts: Numbers) -> Numbers:
        return np.searchsorted(self.bases, texts, "right") - 1

    def _everywhere(self, texts: Numbers) -> Iterator[tuple[Segment, Numbers, Numbers]]:
        """Of each segment the places in `texts` of those that stand in it, and their numbers there."""
        if len(self.segments) == 1:
            yield self.segments[0], np.arange(len(texts)), texts
            return
        strings = self.canonical_texts(texts)
        for segment in self.segments:
            numbers = segment.equal_texts(strings)
            places = np.flatnonzero(numbers >= 0)
            yield segment, places, numbers[places]

    def _earliest(self, texts: Numbers) -> tuple[Numbers, Numbers]:
        """Segment and row in it of the earliest tweet of each text; of equally early ones, the first that came."""
        if len(self.segments) == 1:
            return np.zeros(len(texts), np.int64), self.segments[0].earliest(texts)
        of, row, time = np.full(len(texts), -1), np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
        for number, (segment, places, found) in enumerate(self._everywhere(texts)):
            rows = segment.earliest(found)
            times = pc.fill_null(segment.tweets["time"].take(pa.array(rows)), int(NO_TIME)).to_numpy()
            better = (of[places] < 0) | (times < time[places])
            places = places[better]
            of[places], row[places], time[places] = number, rows[better], times[better]
        return of, row

    def info(self) -> dict[str, Any]:
        """What there is to know about the index, in types that JSON knows."""
        return {
            "path": str(self.path),
            "version": index_format.VERSION,
            "fingerprint": self.fingerprint,
            "params": self.params.as_dict(),
            "texts": self.texts,
            "tweets": self.tweets,
            "bytes": sum(size for s in self.segments for size, _ in s.info.files.values()),
            "segments": [{"name": s.info.name, "texts": s.info.texts, "tweets": s.info.tweets} for s in self.segments],
            **self.manifest.notes,
        }


def open_reader(path: str | os.PathLike[str], *, verify: bool = False) -> IndexReader:
    """Map an index.

    Parameters
    ----------
    path
        Its folder.
    verify
        Compare all files with their checksums, which reads them once.

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    if verify:
        index_format.verify(folder, manifest)
    segments = tuple(open_segment(folder / SEGMENTS / info.name, info) for info in manifest.segments)
    bases = np.cumsum([0, *(info.texts for info in manifest.segments)])
    return IndexReader(folder, manifest, segments, bases)


def _gathered(columns: list[Strings], of: np.ndarray, rows: np.ndarray) -> Strings:
    """String ``rows[i]`` of column ``of[i]``, for every i."""
    if len(columns) == 1:
        return columns[0].take(rows)
    places = [np.flatnonzero(of == number) for number in range(len(columns))]
    parts = [column.take(rows[place]).array() for column, place in zip(columns, places, strict=True)]
    back = np.argsort(np.concatenate(places))
    return Strings(*buffers(pa.concat_arrays(parts).take(pa.array(back))))


def _chunks(rows: Numbers) -> Iterator[Numbers]:
    for low in range(0, len(rows), CHUNK):
        yield rows[low : low + CHUNK]
