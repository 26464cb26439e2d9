"""Measure access: logs to parts, parts to tables.

:func:`measure` is the only entry point.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Called with the name of the stage, and what is done of how much in it."""


def measure(
    logs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    key: str | None = None,
    windows: Sequence[int] = (900, 86_400),
    zone: str = "UTC",
    memory: str = "4GB",
    on_progress: Progress | None = None,
) -> Path:
    """Read access logs and write the tables of ``tables.TABLES`` to `out`/tables.

    `out`/parts keeps one normalised file per log, so that an interrupted measurement
    goes on where it stopped, and a log that is added later is the only one to be read.

    Parameters
    ----------
    logs
        Files, folders and archives; formats are recognised.
    out
        The folder of the result. It is created; what this function did not write in it
        stays untouched.
    mapping
        A TOML file that says which columns hold what (see ``columns``).
    key
        The secret with which names of tokens and users are hashed. By default a new
        one is drawn and kept in `out`/key.txt; hashes compare between two results only
        if their keys are equal.
    windows
        Lengths of the windows of ``peaks``, in seconds, at most 86,400.
    zone
        A local time zone, such as "America/New_York", for ``peaks``, besides UTC.
    memory
        The memory that DuckDB may use.
    on_progress
        Called as the work proceeds.

    Returns
    -------
    pathlib.Path
        The folder of the tables.

    Raises
    ------
    InputError
        A file named does not exist, no file can be read, or no column holds the time.
    ParameterError
        A window, the zone, or an entry of the mapping is wrong.
    """
    raise NotImplementedError
