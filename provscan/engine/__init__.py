"""The engine runs tasks of any kind in threads or on a Ray cluster.

:mod:`~provscan.engine.protocol` defines the interface of executors;
:mod:`~provscan.engine.threads` and :mod:`~provscan.engine.ray` implement it. They
report to a :class:`~provscan.engine.progress.Progress`, which
:mod:`~provscan.engine.journal` can write to a log.
"""

from provscan.engine.journal import Journal, logged
from provscan.engine.progress import Progress, Ran
from provscan.engine.protocol import Advance, Executor, LostTask
from provscan.engine.ray import Ray
from provscan.engine.threads import Threads

__all__ = [
    "Advance",
    "Executor",
    "Journal",
    "LostTask",
    "Progress",
    "Ran",
    "Ray",
    "Threads",
    "logged",
]
