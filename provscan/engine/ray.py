"""The executor that runs tasks on any node of a Ray cluster. If a worker or node is
lost, its tasks run again elsewhere.

Every node needs this package, and must have the files of the tasks at the same paths.
Ray belongs to the extra ``provscan[ray]``; it is imported when an executor is created.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from provscan.engine.progress import Progress, Ran
from provscan.engine.protocol import Advance, Executor, LostTask, timed
from provscan.errors import ParameterError, ProvscanError, WorkerError
from provscan.ordered_map import R, T

ATTEMPTS = 3
SECONDS_BETWEEN_CHECKS = 0.5
# Abandoned tasks have this number of seconds to clean up before their workers are
# killed.
SECONDS_TO_ABANDON = 5.0

# Settings that turn off Ray's warning about graphics processors and its usage reports.
QUIET = ("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_USAGE_STATS_ENABLED")


@dataclass(eq=False)
class _Submitted:
    """A task on the cluster."""

    place: int  # Its index among all tasks.
    task: Any
    failures: list[str] = field(default_factory=list)  # Reasons of failed attempts.


class Ray(Executor):
    """Runs tasks on a Ray cluster; see :class:`provscan.engine.protocol.Executor`.

    A task whose worker or node is lost, or that can't access a file, runs again. A task
    that fails three times becomes a :class:`~provscan.engine.protocol.LostTask`.
    Progress advances when a task ends.

    Parameters
    ----------
    workers
        The number of tasks that run at the same time; by default one per processor.
    address
        The address of the cluster's head; ``"auto"`` for the cluster to which this
        machine belongs; or ``"local"`` for a cluster that is started on this machine,
        and stopped at the end.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str = "local",
    ) -> None:
        for name in QUIET:
            os.environ.setdefault(name, "0")
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise ParameterError(
                "a Ray cluster needs the package ray: pip install 'provscan[ray]'"
            ) from error
        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            try:
                ray.init(
                    address,
                    num_cpus=workers if address == "local" else None,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                raise WorkerError(
                    f"no Ray cluster could be started on this machine ({error}): leave "
                    "out --ray, or give the address of a cluster"
                    if address == "local"
                    else f"no Ray cluster could be reached at {address!r} ({error}): "
                    "start one with `ray start --head`, or leave out --ray"
                ) from error
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.in_flight = 4 * self.workers
        self._remote: Any = ray.remote(_call).options(num_cpus=1, max_retries=0)
        self._nodes: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def __exit__(self, *raised: object) -> None:
        if self._own:
            self._ray.shutdown()

    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R | LostTask]:
        shared = self._ray.put(function)
        waiting = enumerate(tasks)
        running: dict[Any, _Submitted] = {}
        # Results and errors that must wait for the results of earlier tasks.
        done: dict[int, Any] = {}
        expected = 0

        def submit(submitted: _Submitted) -> None:
            running[self._remote.remote(shared, submitted.task)] = submitted

        try:
            while True:
                while (
                    len(running) + len(done) < self.in_flight
                    and (item := next(waiting, None)) is not None
                ):
                    submit(_Submitted(*item))
                if not running and not done:
                    return
                ended, _ = self._ray.wait(
                    list(running), num_returns=1, timeout=SECONDS_BETWEEN_CHECKS
                )
                for reference in ended:
                    submitted = running.pop(reference)
                    result = self._result(reference, submitted, progress)
                    if isinstance(result, LostTask) and len(result.failures) < ATTEMPTS:
                        submit(submitted)
                    else:
                        done[submitted.place] = result
                while expected in done:
                    result = done.pop(expected)
                    if isinstance(result, BaseException):
                        raise result
                    yield result
                    expected += 1
        finally:
            self._abandon(list(running))

    def describe(self) -> dict[str, Any]:
        """Describe the work of the cluster: ``nodes`` lists the units of work by node,
        ``failures`` the number of failed attempts by reason.
        """
        return {
            "workers": self.workers,
            "nodes": dict(self._nodes),
            "failures": dict(self._failures),
        }

    def _result(self, reference: Any, submitted: _Submitted, progress: Progress) -> Any:
        """Return the result of an attempt, or the error that the task raised, or a
        :class:`LostTask` if another attempt may succeed.
        """
        name = str(submitted.task)
        exceptions = self._ray.exceptions
        try:
            result, ran = self._ray.get(reference)
        except exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, BaseException) else error
            if isinstance(cause, ProvscanError) or not isinstance(cause, OSError):
                return cause
            reason = f"{type(cause).__name__}: {cause}"
        except exceptions.RayError as error:
            reason = type(error).__name__
        else:
            self._nodes[ran.where] += ran.units
            progress.advance(ran.units)
            progress.ended(name, ran)
            return result
        self._failures[reason] += 1
        submitted.failures.append(reason)
        progress.failed(name, reason)
        return LostTask(submitted.task, tuple(submitted.failures))

    def _abandon(self, references: list[Any]) -> None:
        """Interrupt tasks. Kill the workers of those that do not end within
        :data:`SECONDS_TO_ABANDON`: a worker may miss the interruption, or ignore it if
        the cluster was started in the background of a shell.
        """
        for force in (False, True):
            if references:
                for reference in references:
                    self._ray.cancel(reference, force=force)
                _, references = self._ray.wait(
                    references,
                    num_returns=len(references),
                    timeout=SECONDS_TO_ABANDON,
                )


def _call(function: Callable[[T, Advance], R], task: T) -> tuple[R, Ran]:
    import ray

    return timed(function, task, ray.get_runtime_context().get_node_id())
