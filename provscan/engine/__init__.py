"""The engine: runs building and matching over whole corpora and datasets.

:mod:`~provscan.engine.build` makes an index, :mod:`~provscan.engine.run` a run folder, out of
:mod:`~provscan.engine.split` (one split) and :mod:`~provscan.engine.totals` (all of them).
"""

from provscan.engine.build import build_index
from provscan.engine.progress import Progress
from provscan.engine.run import Run, match

__all__ = ["Progress", "Run", "build_index", "match"]
