"""Types of NumPy arrays for annotations, and functions on rows: :func:`slices`,
:func:`evenly_spaced`, :func:`numbers_in_ranges` and :func:`distinct`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# The number of rows in a slice.
PART = 1 << 16


def slices(count: int) -> Iterator[slice]:
    """Yield slices that together cover ``count`` rows, so that a caller needs memory
    for the intermediate results of only one slice.
    """
    return (slice(low, min(low + PART, count)) for low in range(0, count, PART))


def evenly_spaced(size: int, most: int) -> Numbers:
    """Return at most ``most`` equally spaced integers from 0 to ``size - 1``."""
    return np.arange(0, size, max(1, -(-size // most)))


def numbers_in_ranges(starts: Numbers, counts: Numbers) -> tuple[Numbers, Numbers]:
    """List the integers of several ranges, one range after the other. Return for each
    the index of its range, and the integer.
    """
    ranges = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return ranges, np.arange(len(ranges)) + (starts - before)[ranges]


def distinct(numbers: Numbers) -> Numbers:
    """Return the distinct values of some numbers in ascending order.

    ``np.unique`` builds a hash table first, which takes ten times as long if most
    values are distinct.
    """
    ordered = np.sort(numbers)
    new = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]
