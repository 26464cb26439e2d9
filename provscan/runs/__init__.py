"""Runs: one execution of ``index`` or ``match`` from beginning to end.

:mod:`~provscan.runs.build` makes an index, :mod:`~provscan.runs.match` a run folder.
"""

from provscan.runs.build import build_index
from provscan.runs.match import Run, match

__all__ = ["Run", "build_index", "match"]
