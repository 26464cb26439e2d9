"""Memory that a thread uses again and again.

Fresh pages cost a scan more than much of the work that is done on them: the system
clears each, and takes it back when a large array goes. Arrays that live no longer than
one call of a scan come from here instead.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import DTypeLike

_kept = threading.local()


def scratch_array(name: str, size: int, dtype: DTypeLike) -> np.ndarray:
    """An array of ``size`` elements, not cleared; it lasts until the same thread asks
    for the same name again.
    """
    arrays: dict[str, np.ndarray] = _kept.__dict__
    array = arrays.get(name)
    if array is None or len(array) < size or array.dtype != dtype:
        arrays.pop(name, None)
        array = arrays[name] = np.empty(size + size // 4, dtype)
    return array[:size]
