"""Which tweets are new: an id counts once, however often it is read.

A tweet that comes again with the same canonical text changes nothing. One that comes again with another text is a
*version* of the same tweet (an edit, or a copy that was cut short elsewhere): its text can be found, but it is no
further tweet.
"""

from __future__ import annotations

import numpy as np

from provscan.index.prepare import Prepared, seed_entries
from provscan.kernels import postings as kernels
from provscan.kernels.records import Sketches
from provscan.params import IndexParams


class KeyTable:
    """128-bit keys, numbered in the order of their first appearance; grows."""

    def __init__(self) -> None:
        self._keys = np.zeros((1 << 16, 2), np.uint64)
        self._numbers = np.zeros(1 << 16, np.uint32)
        self.count = 0

    def number(self, keys: np.ndarray) -> np.ndarray:
        """int64[n]: the number of each of some keys, uint64[n, 2]."""
        size = len(self._numbers)
        while self.count + len(keys) > size // 2:
            size *= 2
        if size > len(self._numbers):
            larger, numbers = np.zeros((size, 2), np.uint64), np.zeros(size, np.uint32)
            kernels.move_texts(self._keys, self._numbers, larger, numbers)
            self._keys, self._numbers = larger, numbers
        found = np.empty(len(keys), np.int64)
        self.count = int(kernels.number_texts(keys, self._keys, self._numbers, self.count, found))
        return found


class KnownTweets:
    """The tweets that an index has so far.

    Attributes
    ----------
    repeated
        Rows left out because the same tweet was read before.
    versions
        Rows that hold another text of a tweet that was read before.
    """

    def __init__(self) -> None:
        self._ids = KeyTable()
        self._first_text = np.zeros(1 << 16, np.uint64)
        self._further: set[tuple[int, int]] = set()
        self.repeated = 0
        self.versions = 0

    def new_rows(self, batch: Prepared, params: IndexParams) -> Prepared:
        """The rows of a batch that add a tweet, or a text to one; the batch itself where all do."""
        count = len(batch.ids)
        keys = np.empty((count, 2), np.uint64)
        kernels.text_keys(batch.ids.record, keys)
        known = self._ids.count
        numbers = self._ids.number(keys)
        if self._ids.count > len(self._first_text):
            self._first_text = np.concatenate([self._first_text, np.zeros(self._ids.count, np.uint64)])
        texts = batch.sketches.keys[:, 0]
        new, first = np.unique(numbers, return_index=True)
        first = first[new >= known]
        self._first_text[numbers[first]] = texts[first]
        if len(first) == count:
            return batch
        adds = np.zeros(count, np.bool_)
        adds[first] = True
        for row in np.flatnonzero(~adds & (self._first_text[numbers] != texts)).tolist():
            version = (int(numbers[row]), int(texts[row]))
            adds[row] = version not in self._further
            self._further.add(version)
        self.versions += int(np.count_nonzero(adds)) - len(first)
        self.repeated += count - int(np.count_nonzero(adds))
        return taken(batch, np.flatnonzero(adds), params)


def taken(batch: Prepared, rows: np.ndarray, params: IndexParams) -> Prepared:
    """Some rows of a prepared batch; their seeds are made anew, since seeds know the rows' numbers."""
    texts = batch.texts.take(rows)
    return Prepared(
        texts,
        batch.raw_texts.take(rows),
        batch.ids.take(rows),
        Sketches(*(array[rows] for array in batch.sketches)),
        seed_entries(texts, params),
        batch.times[rows],
        batch.about.take(rows),
        batch.empty,
    )
