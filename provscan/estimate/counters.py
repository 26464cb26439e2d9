"""Counts of matches by group. Arrays have one entry per match, in the order of the
records.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Floats, Numbers, distinct


def count_records(group: Numbers, record: Numbers, groups: int) -> Numbers:
    """Count the distinct records of each group, int64[groups]."""
    width = int(record.max(initial=0)) + 1
    pairs = distinct(group * width + record)
    return np.bincount(pairs // width, minlength=groups).astype(np.int64)


def covered(field: Numbers, start: Numbers, end: Numbers) -> tuple[int, int]:
    """Count the code points that at least one match covers: their total, and the sum of
    the squared counts of the fields.
    """
    order = np.lexsort((start, field))
    number = field[order]
    base = number * int(end.max(initial=0))
    low, high = start[order] + base, end[order] + base
    reached = np.maximum.accumulate(np.append(0, high))[:-1]
    sizes = np.bincount(number, np.maximum(0, high - np.maximum(low, reached)))
    sizes = sizes.astype(np.int64)
    return int(sizes.sum()), int(sizes @ sizes)


def count_best(
    record: Numbers, similarity: Floats, classes: Numbers, size: int
) -> Floats:
    """Count records by the class of their most similar match, float64[size]; the last
    of equally similar matches wins.
    """
    order = np.lexsort((similarity, record))
    last = np.diff(record[order], append=-1) != 0
    return np.bincount(classes[order[last]], minlength=size).astype(np.float64)
