"""Sums over matches that arrive in batches. The memory needed grows with the number of
groups, not with the number of matches.

Matches arrive in the order of their records and, within a record, of their fields and
positions. Therefore only the last record or field of a batch can continue in the next
batch.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Floats, Numbers, distinct


class RecordCounter:
    """Counts the distinct records of each group: ``count``, int64[groups]."""

    def __init__(self, groups: int) -> None:
        self.count = np.zeros(groups, np.int64)
        # The last record, repeated for each of its groups.
        self._group = self._record = np.zeros(0, np.int64)

    def add(self, group: Numbers, record: Numbers) -> None:
        """Add matches by group and record; record numbers never decrease."""
        if len(record) == 0:
            return
        # Count the last record of the previous batch again, since it may continue.
        np.subtract.at(self.count, self._group, 1)
        group, record = np.append(self._group, group), np.append(self._record, record)
        width = int(record[-1] - record[0]) + 1
        pairs = distinct(group * width + (record - record[0]))
        np.add.at(self.count, pairs // width, 1)
        self._group = pairs[pairs % width == width - 1] // width
        self._record = np.full(len(self._group), record[-1])


class CoveredCounter:
    """Counts the code points that at least one match covers: their total, and the sum
    of the squared counts of the fields.
    """

    def __init__(self) -> None:
        self._total = self._squares = 0
        self._field, self._reached, self._size = -1, 0, 0

    @property
    def total(self) -> int:
        return self._total + self._size

    @property
    def squares(self) -> int:
        return self._squares + self._size**2

    def add(self, field: Numbers, start: Numbers, end: Numbers) -> None:
        """Add matches by field and range; field numbers never decrease."""
        if len(field) == 0:
            return
        if int(field[0]) != self._field:
            self._close(int(field[0]))
        order = np.lexsort((start, field))
        number = field[order] - self._field
        base = number * max(int(end.max()), self._reached)
        low, high = start[order] + base, end[order] + base
        reached = np.maximum.accumulate(np.append(self._reached, high))
        sizes = np.bincount(
            number, np.maximum(0, high - np.maximum(low, reached[:-1]))
        ).astype(np.int64)
        sizes[0] += self._size
        self._reached = int(reached[-1] - base[-1])
        self._total += int(sizes[:-1].sum())
        self._squares += int(sizes[:-1] @ sizes[:-1])
        self._field, self._size = int(field[-1]), int(sizes[-1])

    def _close(self, field: int) -> None:
        self._total, self._squares = self.total, self.squares
        self._field, self._reached, self._size = field, 0, 0


class BestOfRecords:
    """Counts records by the class of their most similar match: ``count``,
    float64[classes].
    """

    def __init__(self, classes: int) -> None:
        self._count = np.zeros(classes)
        # Record, similarity and class of the best match of the last record; empty
        # arrays before the first match.
        self._last = [np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)]

    @property
    def count(self) -> Floats:
        result = self._count.copy()
        result[self._last[2]] += 1.0
        return result

    def add(self, record: Numbers, similarity: Floats, classes: Numbers) -> None:
        """Add matches; the last of equally similar matches wins."""
        if len(record) == 0:
            return
        columns = [
            np.append(*pair)
            for pair in zip(self._last, (record, similarity, classes), strict=True)
        ]
        order = np.lexsort((columns[1], columns[0]))
        best = order[np.append(np.diff(columns[0][order]) != 0, True)]
        np.add.at(self._count, columns[2][best[:-1]], 1.0)
        self._last = [column[best[-1:]] for column in columns]


class Strongest:
    """Keeps the first ``limit`` rows in ascending order of their keys. Rows with equal
    keys are in the order of their numbers.
    """

    def __init__(self, limit: int, keys: int) -> None:
        self.limit = limit
        self._rows = np.zeros(0, np.int64)
        self._keys = [np.zeros(0)] * keys

    def add(self, rows: Numbers, *keys: Floats) -> None:
        """Add rows with their keys, the primary key first."""
        self._rows = np.concatenate([self._rows, rows])
        self._keys = [
            np.concatenate([kept, key])
            for kept, key in zip(self._keys, keys, strict=True)
        ]
        if len(self._rows) > 2 * self.limit:
            self._cut()

    def _cut(self) -> None:
        order = np.lexsort((self._rows, *reversed(self._keys)))[: self.limit]
        self._rows, self._keys = self._rows[order], [key[order] for key in self._keys]

    @property
    def rows(self) -> Numbers:
        """The numbers of the kept rows in their order, int64."""
        self._cut()
        return self._rows
