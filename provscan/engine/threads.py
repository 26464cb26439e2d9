"""The executor that runs tasks in threads of this process. Unlike tasks in other
processes, they can read data that is only in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from provscan.engine.progress import Progress
from provscan.engine.protocol import Abandoned, Advance, Executor, timed
from provscan.ordered_map import R, T, in_order

# Seconds to wait for each thread if the tasks are given up: one may wait for a pipe to
# which nobody writes.
PATIENCE = 3.0


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
        stop, started = threading.Event(), set[threading.Thread]()
        patience: float | None = PATIENCE

        def advance(n: int) -> None:
            if stop.is_set():
                raise Abandoned
            progress.advance(n)

        def call(task: T) -> R:
            thread = threading.current_thread()
            started.add(thread)
            result, ran = timed(function, task, thread.name, advance)
            progress.ended(str(task), ran)
            return result

        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="provscan")
        try:
            for future in in_order(
                lambda task: pool.submit(call, task), tasks, self.in_flight
            ):
                yield future.result()
            patience = None
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for thread in started:
                thread.join(patience)
