"""Types of arrays that annotations name, and rows in parts."""

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
    """So many rows in parts, so that what is made of each part need not be held for all."""
    return (slice(low, min(low + PART, count)) for low in range(0, count, PART))
