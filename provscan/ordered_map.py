"""A function over a stream of items, results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(submit: Callable[[T], Future[R]], items: Iterable[T], in_flight: int) -> Iterator[Future[R]]:
    """Submit the items and yield their futures in order, with up to ``in_flight`` of them submitted and not yielded."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= in_flight:
            yield waiting.popleft()
    yield from waiting


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Like ``map``, with ``workers`` threads at work while the caller consumes.

    At most ``workers + 2`` items are in flight, so memory stays bounded whatever the length of the stream. The first
    error, or Ctrl-C, ends the iteration; what has not begun by then is not begun.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="provscan")
    try:
        for future in in_order(lambda item: pool.submit(function, item), items, workers + 2):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
