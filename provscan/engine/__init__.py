"""The engine: runs any task, in threads or in processes; it knows nothing of tweets.

:mod:`~provscan.engine.protocol` says what an executor is, :mod:`~provscan.engine.threads` and
:mod:`~provscan.engine.processes` are two; :mod:`~provscan.engine.ordered_map` maps a function over a stream,
:mod:`~provscan.engine.progress` learns how far a job is.
"""

from provscan.engine.processes import Processes
from provscan.engine.progress import Progress
from provscan.engine.protocol import Abandoned, Advance, Executor
from provscan.engine.threads import Threads

EXECUTORS: dict[str, type[Threads] | type[Processes]] = {"threads": Threads, "processes": Processes}

__all__ = ["EXECUTORS", "Abandoned", "Advance", "Executor", "Processes", "Progress", "Threads"]
