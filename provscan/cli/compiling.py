"""Compile the kernels before the first run on a machine, and tell the user.

A command that calls kernels imports this module before any other that imports numba.
"""

from __future__ import annotations

import sys

import click

# Numba imports SciPy's linear algebra, which no kernel uses. Loading it takes a fifth
# of a second, so it is hidden while numba is imported.
if hidden := "scipy.linalg" not in sys.modules:
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment]
try:
    import numba.np.arraymath  # noqa: F401
finally:
    if hidden:
        del sys.modules["scipy.linalg"]

from provscan.kernels import warmup


def compile_kernels() -> None:
    """Compile the kernels that are not compiled yet, and tell the user once that this
    takes a while.
    """
    reported = False

    def report(seconds: float) -> None:
        nonlocal reported
        if not reported:
            click.echo(
                "provscan: compiling for this processor (only once, about 20 seconds "
                "on two cores)",
                err=True,
            )
            reported = True

    warmup.compile_all(report)
