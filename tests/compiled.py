"""Compile helpers of kernels so that tests can call them."""

from functools import cache
from typing import Any

from provscan.kernels.jit import kernel


@cache
def compiled(helper: Any) -> Any:
    return kernel(getattr(helper, "py_func", helper))
