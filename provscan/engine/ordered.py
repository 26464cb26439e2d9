"""A function over a stream of items, in threads, results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Like ``map``, with ``workers`` threads at work while the caller consumes.

    At most ``workers + 2`` items are in flight, so memory stays bounded whatever the length of the stream. The first
    error ends the iteration; what has not begun by then is not begun.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="provscan")
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
