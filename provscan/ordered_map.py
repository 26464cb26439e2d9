"""Apply a function to items in threads, with results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Caller(Executor):
    """An executor that calls functions in the submitting thread."""

    def submit(
        self, function: Callable[..., R], /, *args: Any, **kwargs: Any
    ) -> Future[R]:
        future: Future[R] = Future()
        future.set_result(function(*args, **kwargs))
        return future


@contextmanager
def pool_of(threads: int) -> Iterator[Executor]:
    """Yield a pool of ``threads`` threads. With 0, calls run in the submitting thread,
    which is faster for a small amount of work.

    Calls that have not begun when the block ends are cancelled, so the caller must wait
    for all results inside the block.
    """
    pool = (
        ThreadPoolExecutor(threads, thread_name_prefix="provscan")
        if threads
        else _Caller()
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    submit: Callable[[T], Future[R]], items: Iterable[T], in_flight: int
) -> Iterator[Future[R]]:
    """Submit the items, and yield their futures in order. At most ``in_flight`` items
    are submitted and not yet yielded.
    """
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= in_flight:
            yield waiting.popleft()
    yield from waiting


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[R]:
    """Yield the same results as ``map``. Threads compute the next results while the
    caller uses the last one.

    At most ``workers + 2`` items are in flight, so a long stream needs no more memory
    than a short one. The first error, or Ctrl-C, ends the iteration and cancels calls
    that have not begun.
    """
    with pool_of(workers) as pool:
        for future in in_order(
            lambda item: pool.submit(function, item), items, workers + 2
        ):
            yield future.result()
