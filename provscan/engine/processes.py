"""The executor of processes: workers are spawned once, so that each loads the kernels and opens the index once.

Tasks, results and the function travel between processes, so the function is one of a module (or a ``partial`` of it)
and the others are plain values.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import SpawnContext
from typing import Any, TypeVar

from provscan.engine.ordered_map import in_order
from provscan.engine.progress import Progress
from provscan.engine.protocol import Abandoned, Advance, Executor
from provscan.errors import WorkerError
from provscan.readers.names import printable

T = TypeVar("T")
R = TypeVar("R")

SECONDS_BETWEEN_REPORTS = 0.2
# Units of work that a worker adds up before it reports them.
UNREPORTED = 4 << 20


class Processes(Executor):
    """Runs tasks in other processes; see :class:`provscan.engine.protocol.Executor`."""

    def __init__(self, workers: int) -> None:
        self.workers, self.in_flight = workers, workers + 2
        context: SpawnContext = multiprocessing.get_context("spawn")
        self._stop, self._done = context.Event(), context.Value("q", 0)
        self._pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(self._stop, self._done)
        )

    def close(self) -> None:
        """See :meth:`provscan.engine.protocol.Executor.close`."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

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
        WorkerError
            A worker process ended on its own.
        """
        reported = self._done.value

        def submit(task: T) -> Future[R]:
            return self._pool.submit(partial(_call, function), task)

        finished = False
        try:
            for future in in_order(submit, tasks, self.in_flight):
                waiting = True
                while waiting:
                    waiting = bool(wait([future], SECONDS_BETWEEN_REPORTS).not_done)
                    # Read once: workers go on counting.
                    done = self._done.value
                    progress.advance(done - reported)
                    reported = done
                yield future.result()
            finished = True
        except BrokenProcessPool as error:
            raise WorkerError(
                "a worker process was ended by the system, most often for want of memory: "
                "use fewer --workers, or --executor threads"
            ) from error
        finally:
            if not finished:
                self._stop.set()


_worker: tuple[Any, Any] | None = None


def _begin(stop: Any, done: Any) -> None:
    """What a worker process does first."""
    global _worker
    _worker = (stop, done)
    warnings.formatwarning = _formatted
    # Ctrl-C goes to all processes of a terminal: the first one decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _formatted(message: Warning | str, *where: Any, **more: Any) -> str:
    """A warning as the commands print it: one line, without the path of a module."""
    return f"provscan: {printable(' '.join(str(message).split()))}\n"


def _end_with_parent() -> None:
    """A worker whose parent was killed has nobody to work for."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _call(function: Callable[[T, Advance], R], task: T) -> R:
    assert _worker is not None
    stop, done = _worker
    unreported = 0

    def report() -> None:
        nonlocal unreported
        with done.get_lock():
            done.value += unreported
        unreported = 0

    def advance(n: int) -> None:
        nonlocal unreported
        if stop.is_set():
            raise Abandoned
        unreported += n
        if unreported >= UNREPORTED:
            report()

    result = function(task, advance)
    report()
    return result
