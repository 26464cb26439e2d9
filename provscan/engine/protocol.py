"""The interface of executors, which apply a function to tasks and yield the results in
the order of the tasks.

The results do not depend on the executor or on the number of workers.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from provscan.engine.progress import Progress, Ran
from provscan.ordered_map import R, T

Advance = Callable[[int], None]


class Abandoned(BaseException):
    """Raised in a task whose result is no longer wanted.

    It is not a subclass of Exception, so that the task does not handle it as an error.
    """


def timed(
    function: Callable[[T, Advance], R],
    task: T,
    where: str,
    on_advance: Advance = lambda n: None,
) -> tuple[R, Ran]:
    """Run a task. Return its result, and how it ran.

    ``on_advance`` is called when the task advances; if it raises an error, the task
    ends.
    """
    begin, units = time.monotonic(), 0

    def advance(n: int) -> None:
        nonlocal units
        on_advance(n)
        units += n

    result = function(task, advance)
    return result, Ran(where, time.monotonic() - begin, units)


class LostTask(NamedTuple):
    """The result of a task whose attempts all failed."""

    task: Any
    failures: tuple[str, ...]  # The reason for each failure.


class Executor(ABC):
    """Runs tasks. It is a context manager that ends its workers."""

    workers: int  # The number of tasks that run at the same time.
    # The number of tasks submitted before the first result is consumed.
    in_flight: int

    @abstractmethod
    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R | LostTask]:
        """Yield the results of ``function(task, advance)`` in the order of the tasks.

        Tasks are taken from the iterable as results are consumed. The first error, or
        Ctrl-C, ends the iteration: no further task begins, and running tasks are
        abandoned. An executor that survives the loss of a task yields a
        :class:`LostTask` in place of the result.

        The function must call ``advance`` often, with the units of work done since the
        last call. ``advance`` raises :class:`Abandoned` if the result is no longer
        wanted.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 - not every executor has its own workers
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers, if there are any."""
