"""The engine: runs any task, in order, in threads; it knows nothing of tweets.

:mod:`~provscan.engine.ordered_map` maps a function over a stream, :mod:`~provscan.engine.progress` is told how far a
job is.
"""

from provscan.engine.progress import Progress

__all__ = ["Progress"]
