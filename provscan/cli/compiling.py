"""Compile the kernels before the first run on a machine, and tell the user.

A command that calls kernels imports this module first.
"""

from __future__ import annotations

import sys

import click

# Numba imports these packages if they are installed, though no kernel needs them.
hidden = {"coverage", "yaml"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
try:
    from provscan.kernels import warmup
finally:
    for name in hidden:
        del sys.modules[name]


def compile_kernels(quiet: bool) -> None:
    """Compile the kernels that are not compiled yet, and tell the user once that this
    takes a while.
    """
    reported = quiet

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
