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
    since starting threads takes longer than a small amount of work.

    The caller must consume all results: calls that have not begun when the block ends,
    by an error or Ctrl-C, are cancelled.
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
    """Submit the items and yield their futures in order, with at most ``in_flight`` of
    them submitted but not yet yielded.
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
    """Yield the results like ``map``, computed by ``workers`` threads while the caller
    consumes them.

    At most ``workers + 2`` items are in flight, so memory is bounded regardless of the
    length of the stream. The first error, or Ctrl-C, ends the iteration; calls that
    have not begun by then are cancelled.
    """
    with pool_of(workers) as pool:
        for future in in_order(
            lambda item: pool.submit(function, item), items, workers + 2
        ):
            yield future.result()
