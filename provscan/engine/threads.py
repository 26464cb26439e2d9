"""The executor of threads: tasks share what is in memory, and may read what is only in
memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from provscan.engine.progress import Progress, Ran, own_memory
from provscan.engine.protocol import Abandoned, Advance, Executor
from provscan.ordered_map import R, T, in_order


class Threads(Executor):
    """Runs tasks in threads of this process; see
    :class:`provscan.engine.protocol.Executor`.
    """

    def __init__(self, workers: int) -> None:
        self.workers, self.in_flight = workers, workers + 2

    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R]:
        stop = threading.Event()

        def call(task: T) -> R:
            name, where, begin, units = (
                str(task),
                threading.current_thread().name,
                time.monotonic(),
                0,
            )

            def advance(n: int) -> None:
                nonlocal units
                if stop.is_set():
                    raise Abandoned
                units += n
                progress.advance(n)

            progress.began(name, where)
            result = function(task, advance)
            progress.ended(
                name, Ran(where, time.monotonic() - begin, units, own_memory())
            )
            return result

        def submit(task: T) -> Future[R]:
            return pool.submit(call, task)

        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="provscan")
        try:
            for future in in_order(submit, tasks, self.in_flight):
                yield future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
