"""Which tweets are new: an id counts once, however often it is read.

A tweet that comes again with the same canonical text changes nothing. One that comes again in the same build with
another text is a *version* of the same tweet (an edit, or a copy that was cut short elsewhere): its text can be found,
but it is no further tweet.
"""

from __future__ import annotations

import numpy as np

from provscan.kernels import postings as kernels


class KeyTable:
    """128-bit keys, numbered in the order of their first appearance; grows."""

    def __init__(self) -> None:
        self._keys = np.zeros((1 << 16, 2), np.uint64)
        self._numbers = np.zeros(1 << 16, np.uint32)
        self.count = 0

    def number(self, keys: np.ndarray) -> np.ndarray:
        """int64[n]: the number of each of some keys, uint64[n, 2]."""
        size = len(self._numbers)
        while self.count + len(keys) > size * 3 // 4:
            size *= 2
        if size > len(self._numbers):
            larger, numbers = np.zeros((size, 2), np.uint64), np.zeros(size, np.uint32)
            kernels.move_texts(self._keys, self._numbers, larger, numbers)
            self._keys, self._numbers = larger, numbers
        found = np.empty(len(keys), np.int64)
        self.count = int(kernels.number_texts(keys, self._keys, self._numbers, self.count, found))
        return found
