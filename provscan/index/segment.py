"""Segments: the immutable parts of an index.

A segment holds up to 2**24 licensed texts, numbered from 0 in the order of their first tweet, in these files (flat,
little-endian, mapped when opened):

``texts.utf8``, ``texts.offsets``
    Canonical texts.
``texts.sizes``
    uint8[n], their lengths in units (:mod:`provscan.kernels.minimizers`), in steps of ``SIZE_STEP``, rounded up,
    255 at most. Chains ask for them at random: in the cache, where the offsets would not be.
``texts.sketches``
    uint64[n, 2], one-bit MinHash sketches.
``exact.*``, ``bands.*``, ``seeds.*``
    Postings of whole texts, of LSH bands and of seeds (:mod:`provscan.index.seeds`).
``owners.starts``, ``owners.rows``
    int64[n + 1] and uint32: the tweets of each text, the earliest first.
``originals.*``, ``ids.*``
    Texts and ids of the tweets, in the order in which they came.
``tweets.arrow``
    Arrow IPC file, row by row the same tweets: ``author``, ``created_at``, ``lang``, ``rt_of``, and ``time`` in
    milliseconds, taken from the id where ``created_at`` is missing.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index.format import SegmentInfo, file_checksum
from provscan.index.known_tweets import KeyTable
from provscan.index.postings import PostingsWriter, map_array, open_postings, write_array
from provscan.index.prepare import NO_TIME, Prepared
from provscan.index.seeds import SIZE_STEP, Seeds, SeedsWriter, open_seeds
from provscan.index.texts import Strings, StringsWriter, open_strings
from provscan.kernels import postings as kernels
from provscan.kernels.exact_lookup import find_texts
from provscan.kernels.minimizers import text_sizes
from provscan.kernels.records import Postings, SeedTable, TextTable, frozen

# Text numbers have 24 bits in an entry.
MAX_TEXTS = 1 << 24
# A retweet written by hand, or by the first clients.
RETWEET = "(?i)^\\s*RT @"
# Texts whose tweets are looked at together.
CHUNK = 1 << 18
# Tables that are finished at a time.
_CLOSERS = 2

_SCHEMA = pa.schema(
    [
        ("author", pa.string()),
        ("created_at", pa.timestamp("ms", tz="UTC")),
        ("lang", pa.string()),
        ("rt_of", pa.string()),
        ("time", pa.int64()),
    ]
)
_LOW24 = np.uint64(0xFFFFFF)


class LookupTables(NamedTuple):
    """A segment as the kernels take it.

    Attributes
    ----------
    first
        The reader's number of its first text.
    texts, text_sizes, whole, seeds
        See the module's docstring; ``whole`` is what whole texts are looked up in.
    """

    first: int
    texts: Strings
    text_sizes: np.ndarray
    whole: TextTable
    seeds: SeedTable


@dataclass(frozen=True)
class Segment:
    """An open segment; every array is a read-only view of its file.

    ``others`` are the folders of segments that were joined to this one (:mod:`provscan.index.join`).
    """

    path: Path
    info: SegmentInfo
    texts: Strings
    text_sizes: np.ndarray
    sketches: np.ndarray
    exact: Postings
    bands: Postings
    seeds: Seeds
    tweet_starts: np.ndarray
    tweet_rows: np.ndarray
    raw_texts: Strings
    ids: Strings
    others: tuple[Path, ...] = ()

    def earliest(self, texts: np.ndarray) -> np.ndarray:
        """The row of the earliest tweet of each of some texts."""
        return self.tweet_rows[self.tweet_starts[texts]].astype(np.int64)

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        """How many tweets carry each of some texts."""
        return self.tweet_starts[texts + 1] - self.tweet_starts[texts]

    def equal_texts(self, texts: Strings) -> np.ndarray:
        """int64[n]: number of the licensed text that equals each canonical text, -1 where there is none."""
        keys = np.empty((len(texts), 2), np.uint64)
        kernels.text_keys(texts.record, keys)
        numbers = np.empty(len(texts), np.int64)
        find_texts(keys, texts.record, frozen(self.exact), self.texts.record, numbers)
        return numbers

    def tweets_of(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All tweets of some texts: places in `texts`, and rows."""
        count = self.tweet_counts(texts)
        text = np.repeat(np.arange(len(texts)), count)
        within = np.arange(len(text)) - np.repeat(np.cumsum(count) - count, count)
        return text, self.tweet_rows[self.tweet_starts[texts][text] + within].astype(np.int64)

    def retweets(self, rows: np.ndarray) -> np.ndarray:
        """bool[n]: the tweet says that it repeats another one."""
        marked = self.tweets["rt_of"].take(pa.array(rows)).is_valid()
        written = pc.match_substring_regex(self.raw_texts.take(rows).array(), RETWEET)
        return pc.or_(marked, written).to_numpy()

    def posted_since(self, time: int) -> np.ndarray:
        """bool[texts], see :meth:`provscan.index.IndexReader.posted_since`, of this segment alone."""
        times = self.tweets["time"].fill_null(int(NO_TIME)).to_numpy()
        # Tweets of a text are ordered by time, the unknown ones last.
        first, last = self.tweet_rows[self.tweet_starts[:-1]], self.tweet_rows[self.tweet_starts[1:] - 1]
        young = (times[first] >= time) & (times[last] != NO_TIME)
        candidates = np.flatnonzero(young)
        for low in range(0, len(candidates), CHUNK):
            texts = candidates[low : low + CHUNK]
            text, rows = self.tweets_of(texts)
            young[texts[text[self.retweets(rows)]]] = False
        return young

    @cached_property
    def tweets(self) -> pa.Table:
        """Author, created_at, lang, rt_of and time of all tweets, mapped."""
        tables = []
        for folder in (self.path, *self.others):
            with pa.memory_map(str(folder / "tweets.arrow")) as source:
                tables.append(pa.ipc.open_file(source).read_all())
        return pa.concat_tables(tables)

    def tables(self, first: int) -> LookupTables:
        """What the kernels look things up in; `first` is the reader's number of the first text."""
        whole = TextTable(self.exact, self.bands, self.sketches)
        return frozen(LookupTables(first, self.texts, self.text_sizes, whole, self.seeds.record))


def open_segment(folder: Path, info: SegmentInfo) -> Segment:
    """Map a segment."""
    return Segment(
        folder,
        info,
        open_strings(folder, "texts"),
        map_array(folder / "texts.sizes", np.uint8),
        map_array(folder / "texts.sketches", np.uint64, 2),
        open_postings(folder, "exact"),
        open_postings(folder, "bands"),
        open_seeds(folder),
        map_array(folder / "owners.starts", np.int64),
        map_array(folder / "owners.rows", np.uint32),
        open_strings(folder, "originals"),
        open_strings(folder, "ids"),
    )


class SegmentWriter:
    """Writes one segment, a prepared batch at a time, in bounded memory.

    Beyond what a batch takes, a licensed text costs some 60 bytes while its segment is being written; postings go
    to disk when they grow large.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._texts = StringsWriter(folder, "texts")
        self._raw_texts = StringsWriter(folder, "originals")
        self._ids = StringsWriter(folder, "ids")
        self._sketches = (folder / "texts.sketches").open("wb")
        self._tweets = pa.ipc.new_file(str(folder / "tweets.arrow"), _SCHEMA)
        self._exact = PostingsWriter(folder, "exact")
        self._bands = PostingsWriter(folder, "bands")
        self._seeds = SeedsWriter(folder)
        self._keys = KeyTable()
        self._text_of: list[np.ndarray] = []
        self._times: list[np.ndarray] = []
        self.texts = 0
        self.tweets = 0

    def has_room_for(self, tweets: int) -> bool:
        """Whether so many more tweets fit, even if each has a text of its own."""
        return self.texts + tweets <= MAX_TEXTS and self.tweets + tweets < 1 << 32

    def add(self, batch: Prepared) -> None:
        """Add a batch; equal canonical texts become one licensed text."""
        count = len(batch.texts)
        if count == 0:
            return
        known = self.texts
        numbers = self._keys.number(batch.sketches.keys)
        self.texts = self._keys.count
        # The first row of each text that is new here, in the order of the numbers.
        new, first = np.unique(numbers, return_index=True)
        first = first[new >= known]
        number = numbers[first].astype(np.uint64)
        self._texts.add(batch.texts if len(first) == count else batch.texts.take(first))
        write_array(self._sketches, batch.sketches.bits[first])
        self._exact.add((batch.sketches.keys[first, 0] & ~_LOW24) | number)
        self._bands.add(((batch.sketches.bands[first] & ~_LOW24) | number[:, None]).ravel())
        self._seeds.add(_renumbered(batch.seeds, first, number, count))
        self._raw_texts.add(batch.raw_texts)
        self._ids.add(batch.ids)
        times = pa.array(batch.times, mask=batch.times == NO_TIME)
        self._tweets.write_batch(pa.RecordBatch.from_arrays([*batch.about.columns, times], schema=_SCHEMA))
        self._text_of.append(numbers.astype(np.uint32))
        self._times.append(batch.times)
        self.tweets += count

    def close(self, name: str) -> SegmentInfo:
        """Finish all files and take their checksums."""
        del self._keys
        names = [*self._texts.close(), *self._raw_texts.close(), *self._ids.close()]
        self._sketches.close()
        self._tweets.close()
        names += ["texts.sketches", "tweets.arrow"]
        # Sorting and hashing hold no lock, and the tables have nothing to do with each other.
        with ThreadPoolExecutor(_CLOSERS) as pool:
            closing = (self._bands.close, self._close_seeds, self._exact.close, self._write_text_tweets)
            for written in pool.map(lambda close: close(), closing):
                names += written
            names.sort()
            digests = pool.map(lambda name: file_checksum(self._folder / name), names)
            files = {
                name: ((self._folder / name).stat().st_size, digest)
                for name, digest in zip(names, digests, strict=True)
            }
        return SegmentInfo(name, self.texts, self.tweets, files)

    def _close_seeds(self) -> list[str]:
        texts = open_strings(self._folder, "texts")
        sizes = np.empty(self.texts, np.uint8)
        room = np.empty(int(np.diff(texts.offsets).max(initial=0)), np.uint32)
        text_sizes(texts.record, SIZE_STEP, room, sizes)
        with (self._folder / "texts.sizes").open("wb") as file:
            write_array(file, sizes)
        return [*self._seeds.close(sizes), "texts.sizes"]

    def discard(self) -> None:
        """Close the files as they are; the folder is about to go."""
        self._seeds.discard()
        for file in (self._texts, self._raw_texts, self._ids, self._sketches, self._tweets):
            with contextlib.suppress(OSError):
                file.close()

    def _write_text_tweets(self) -> list[str]:
        text_of = np.concatenate(self._text_of) if self._text_of else np.zeros(0, np.uint32)
        times = np.concatenate(self._times) if self._times else np.zeros(0, np.int64)
        rows = np.lexsort((times, text_of)).astype(np.uint32)
        starts = np.zeros(self.texts + 1, np.int64)
        np.cumsum(np.bincount(text_of, minlength=self.texts), out=starts[1:])
        for name, array in (("owners.starts", starts), ("owners.rows", rows)):
            with (self._folder / name).open("wb") as file:
                write_array(file, array)
        return ["owners.starts", "owners.rows"]


def _renumbered(seeds: np.ndarray, rows: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Seed entries of some rows only, with the texts' numbers in place of the rows."""
    number_of = np.full(count, MAX_TEXTS, np.uint64)
    number_of[rows] = numbers
    number = number_of[(seeds >> np.uint64(8)) & _LOW24]
    kept = number < MAX_TEXTS
    return (seeds[kept] & ~(_LOW24 << np.uint64(8))) | number[kept] << np.uint64(8)
