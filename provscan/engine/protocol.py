"""What an executor is: something that runs a function over tasks and gives the results
in the order of the tasks.

The results, and their order, do not depend on the executor or the number of its
workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from provscan.engine.progress import Progress
from provscan.ordered_map import R, T

Advance = Callable[[int], None]


class Abandoned(BaseException):
    """Nobody waits for the result of the task any more. Not an error of the task, so no
    handler of these catches it.
    """


class LostTask(NamedTuple):
    """In place of a result: a task that no worker could finish, and why each attempt
    failed.
    """

    task: Any
    failures: tuple[str, ...]


class Executor(ABC):
    """Runs tasks, until its ``with`` block ends."""

    workers: int  # How many tasks run at once.
    in_flight: int  # How many are begun, or done, before the first of them is consumed.

    @abstractmethod
    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R | LostTask]:
        """The results of ``function(task, advance)``, in the order of the tasks, which
        are consumed as results are.

        The first error, or Ctrl-C, ends the iteration: what has not begun is not begun,
        and what runs is abandoned. Where an executor can go on, a :class:`LostTask`
        stands for a task that failed for want of workers.

        The function calls ``advance`` with the units of work that it has done since the
        last call, often: ``advance`` raises :class:`Abandoned` when the task is no
        longer wanted.
        """

    def close(self) -> None:  # noqa: B027 - not every executor holds something
        """End the workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
