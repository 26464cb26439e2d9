"""Decide whether a call repeats an earlier run, whose folder it may then replace."""

from __future__ import annotations

import os
from contextlib import suppress

from provscan import readers
from provscan.errors import ProvscanError
from provscan.matching import Index
from provscan.options import MatchOptions, Source
from provscan.runs.folder import read_run
from provscan.runs.inputs.plan import Sources
from provscan.runs.target import run_path


def is_repeated(
    sources: Sources, index: Index | Source, out: Source | None, options: MatchOptions
) -> bool:
    """Return whether the folder of a run has a finished run of the same call, by
    ``repeat`` and ``folder`` of its ``run.json``. Data in memory can't
    be compared, so their runs never are.
    """
    with suppress(ProvscanError):
        path, named = run_path(sources, out), readers.source_list(sources)
        if named is None or not path.is_dir():
            return False
        _, info = read_run(path)
        given = None if out is None else os.fspath(out)
        place = str(index.path) if isinstance(index, Index) else os.fspath(index)
        command = options.command(named, place, given)
        return bool(info["repeat"] == command and info["folder"] == os.getcwd())
    return False
