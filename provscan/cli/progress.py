"""Compile the kernels, and provide the progress of a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from provscan.cli.compiling import compile_kernels
from provscan.engine.progress import Progress


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Provide the progress of a command, which is shown on stderr unless the command is
    quiet.
    """
    compile_kernels(quiet)
    if quiet:
        yield Progress()
        return
    from provscan.cli.bars import shown

    with shown() as stages:
        yield stages
