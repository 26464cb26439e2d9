"""The executor that runs tasks in processes. Each process is spawned once and runs many
tasks.

The function, the tasks and their results are pickled. The function must therefore be
defined in a module, or be a ``partial`` of such a function.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from provscan.engine.progress import Progress, Ran
from provscan.engine.protocol import Abandoned, Advance, Executor, timed
from provscan.errors import WorkerError
from provscan.names import printable
from provscan.ordered_map import R, T, in_order


class Processes(Executor):
    """Runs tasks in other processes; see :class:`provscan.engine.protocol.Executor`.

    Progress advances when a task ends.
    """

    def __init__(self, workers: int) -> None:
        self.workers, self.in_flight = workers, workers + 2
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._pool = ProcessPoolExecutor(
            workers, context, initializer=_begin, initargs=(self._stop,)
        )

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R]:
        finished = False
        try:
            for future in in_order(
                lambda task: self._pool.submit(_call, function, task),
                tasks,
                self.in_flight,
            ):
                name, result, ran = future.result()
                progress.advance(ran.units)
                progress.ended(name, ran)
                yield result
            finished = True
        except BrokenProcessPool as error:
            raise WorkerError(
                "the system ended a worker process, probably because memory ran out: "
                "reduce --workers, or use --executor threads"
            ) from error
        finally:
            if not finished:
                self._stop.set()


# The event that tells a worker to abandon its task, set once in each worker.
_stop: Any = None


def _begin(stop: Any) -> None:
    global _stop
    _stop = stop
    warnings.formatwarning = _formatted
    # A terminal sends Ctrl-C to all processes; only the parent reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _formatted(message: Warning | str, *where: Any, **more: Any) -> str:
    """Format a warning as in the commands: one line, without the path of a module."""
    return f"provscan: {printable(' '.join(str(message).split()))}\n"


def _end_with_parent() -> None:
    """End this worker if the parent process is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _call(function: Callable[[T, Advance], R], task: T) -> tuple[str, R, Ran]:
    result, ran = timed(function, task, f"process {os.getpid()}", _require_wanted)
    return str(task), result, ran


def _require_wanted(n: int) -> None:
    """Abandon the task if its result is no longer wanted."""
    if _stop.is_set():
        raise Abandoned
