"""The executor of threads: tasks share what is in memory, and may read what is only in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from provscan.engine.ordered_map import in_order
from provscan.engine.progress import Progress
from provscan.engine.protocol import Abandoned, Advance, Executor

T = TypeVar("T")
R = TypeVar("R")


class Threads(Executor):
    """Runs tasks in threads of this process; see :class:`provscan.engine.protocol.Executor`."""

    def __init__(self, workers: int) -> None:
        self.workers, self.in_flight = workers, workers + 2

    def close(self) -> None:
        """See :meth:`provscan.engine.protocol.Executor.close`."""

    def run(self, function: Callable[[T, Advance], R], tasks: Iterable[T], progress: Progress) -> Iterator[R]:
        """See :meth:`provscan.engine.protocol.Executor.run`.

        Parameters
        ----------
        function, tasks, progress
            As there.

        Returns
        -------
        Iterator
            As there.

        Raises
        ------
        Abandoned
            In a task that nobody waits for.
        """
        stop = threading.Event()

        def advance(n: int) -> None:
            if stop.is_set():
                raise Abandoned
            progress.advance(n)

        def submit(task: T) -> Future[R]:
            return pool.submit(function, task, advance)

        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="provscan")
        try:
            for future in in_order(submit, tasks, self.in_flight):
                yield future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
