"""How kernels are compiled."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit
from numba.core.options import DefaultOptions

# Numba counts who holds an array, by an atomic addition and subtraction at each slice and at each call of another
# kernel: in small ones most of the time. What a kernel does not make itself its caller holds meanwhile, so
# there is nothing to count. The switch has no public name: a numba without it counts, and is only slower.
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True}
_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a kernel that makes no arrays, nor calls one that does; views of those that it is given it may make."""
    if function is None:
        return partial(kernel, **options)
    return njit(**_OPTIONS, **_UNCOUNTED, **options)(function)


def allocating(function: Callable[..., Any]) -> Any:
    """Decorate a kernel that makes arrays, or copies one into another by a slice."""
    return njit(**_OPTIONS)(function)
