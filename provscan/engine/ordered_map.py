"""A function over a stream of items, in threads, results in the order of the items."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Abandoned(Exception):
    """Nobody waits for the result any more."""


def until(stop: threading.Event, items: Iterable[T]) -> Iterator[T]:
    """The items, as long as ``stop`` is not set; :class:`Abandoned` is raised when it is."""
    for item in items:
        if stop.is_set():
            raise Abandoned
        yield item


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int, stop: threading.Event | None = None
) -> Iterator[R]:
    """Like ``map``, with ``workers`` threads at work while the caller consumes.

    At most ``workers + 2`` items are in flight, so memory stays bounded whatever the length of the stream. The first
    error, or Ctrl-C, ends the iteration; what has not begun by then is not begun, and ``stop`` is set, so that a
    function that takes long can end early (:func:`until`).
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
        if stop is not None:
            stop.set()
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
