"""Compiling the kernels before the first run on a machine, and saying so."""

from __future__ import annotations

import click

from provscan.kernels import warmup


def compile_kernels(quiet: bool) -> None:
    """Compile the kernels before the first run, and say so once."""
    said = quiet

    def report(seconds: float) -> None:
        nonlocal said
        if not said:
            click.echo(
                "provscan: compiling for this processor (only once, about 20 seconds "
                "on two cores)",
                err=True,
            )
            said = True

    warmup.compile_all(report)
