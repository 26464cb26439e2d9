"""Memory that a thread reuses.

In a scan, new memory pages often cost more than the work done on them: the system
clears each page, and reclaims it when a large array is freed. Arrays that are needed
only during one call are therefore allocated here.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import DTypeLike

_kept = threading.local()


def scratch_array(name: str, size: int, dtype: DTypeLike) -> np.ndarray:
    """Return an uninitialised array of ``size`` elements; it is valid until the same
    thread requests the same name again.
    """
    arrays: dict[str, np.ndarray] = _kept.__dict__
    array = arrays.get(name)
    if array is None or len(array) < size or array.dtype != dtype:
        arrays.pop(name, None)
        array = arrays[name] = np.empty(size + size // 4, dtype)
    return array[:size]
