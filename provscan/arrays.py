"""Types of arrays that annotations name, rows in parts, and different numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# Rows that are looked at together.
PART = 1 << 16


def slices(count: int) -> Iterator[slice]:
    """So many rows in parts, so that what is made of each part need not be held for
    all.
    """
    return (slice(low, min(low + PART, count)) for low in range(0, count, PART))


def distinct(numbers: Numbers) -> Numbers:
    """The different ones of some numbers, ascending.

    `np.unique` puts them into a hash table first, which takes ten times as long where
    many are different.
    """
    ordered = np.sort(numbers)
    new = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]
