"""The executor of processes: workers are spawned once, so that each loads the kernels
and opens the index once.

Tasks, results and the function travel between processes, so the function is one of a
module (or a ``partial`` of it) and the others are plain values.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import count
from multiprocessing.context import SpawnContext
from typing import Any

from provscan.engine.progress import Progress, Ran, own_memory
from provscan.engine.protocol import Abandoned, Advance, Executor
from provscan.errors import WorkerError
from provscan.ordered_map import R, T, in_order

SECONDS_BETWEEN_REPORTS = 0.2
# Units of work that a worker adds up before it reports them.
UNREPORTED = 4 << 20


class Processes(Executor):
    """Runs tasks in other processes; see :class:`provscan.engine.protocol.Executor`."""

    def __init__(self, workers: int) -> None:
        self.workers, self.in_flight = workers, workers + 2
        context: SpawnContext = multiprocessing.get_context("spawn")
        self._stop, self._done = context.Event(), context.Value("q", 0)
        # Of each worker its process, and the number of the task that it runs.
        self._busy, self._numbers = context.Array("q", 2 * workers), count(1)
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_begin,
            initargs=(self._stop, self._done, self._busy),
        )

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R]:
        reported = self._done.value
        # Tasks that are not done, and those of them that a worker was seen to run.
        names: dict[int, str] = {}
        begun: set[int] = set()

        def submit(task: T) -> Future[tuple[R, Ran]]:
            number = next(self._numbers)
            names[number] = str(task)
            future = self._pool.submit(partial(_call, function), task, number)
            future.add_done_callback(partial(ended, number))
            return future

        def ended(number: int, future: Future[tuple[R, Ran]]) -> None:
            name = names.pop(number)
            if not future.cancelled() and future.exception() is None:
                progress.ended(name, future.result()[1])

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
                    busy = self._busy[:]
                    for process, number in zip(busy[::2], busy[1::2], strict=True):
                        name = names.get(number)
                        if name is not None and number not in begun:
                            begun.add(number)
                            progress.began(name, _shown(process))
                yield future.result()[0]
            finished = True
        except BrokenProcessPool as error:
            raise WorkerError(
                "the system ended a worker process, most often because memory ran out: "
                "reduce --workers, or use --executor threads"
            ) from error
        finally:
            if not finished:
                self._stop.set()


_worker: tuple[Any, Any, Any, int] | None = None


def _begin(stop: Any, done: Any, busy: Any) -> None:
    global _worker
    with busy.get_lock():
        place = busy[::2].index(0)
        busy[2 * place] = os.getpid()
    _worker = stop, done, busy, place
    warnings.formatwarning = _formatted
    # Ctrl-C goes to all processes of a terminal: the first one decides what becomes of
    # it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _formatted(message: Warning | str, *where: Any, **more: Any) -> str:
    """A warning as the commands print it: one line, without the path of a module."""
    # The readers take long to import, and not every process of a cluster needs them.
    from provscan.readers.names import printable

    return f"provscan: {printable(' '.join(str(message).split()))}\n"


def _end_with_parent() -> None:
    """A worker whose parent was killed has nobody to work for."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _shown(process: int) -> str:
    return f"process {process}"


def _call(function: Callable[[T, Advance], R], task: T, number: int) -> tuple[R, Ran]:
    assert _worker is not None
    stop, done, busy, place = _worker
    busy[2 * place + 1] = number
    begin, unreported, reported = time.monotonic(), 0, 0

    def report() -> None:
        nonlocal unreported, reported
        with done.get_lock():
            done.value += unreported
        unreported, reported = 0, reported + unreported

    def advance(n: int) -> None:
        nonlocal unreported
        if stop.is_set():
            raise Abandoned
        unreported += n
        if unreported >= UNREPORTED:
            report()

    result = function(task, advance)
    report()
    return result, Ran(
        _shown(os.getpid()), time.monotonic() - begin, reported, own_memory()
    )
