"""The executor of a Ray cluster: tasks run on any of its nodes, and are repeated when a
worker or a node is lost.

Every node needs this package, and sees the files that the tasks name under the same
paths. The package ``ray`` is an extra, ``provscan[ray]``, and is imported when an
executor is made.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Generic, NamedTuple

from provscan.engine.progress import Progress, Ran, own_memory
from provscan.engine.protocol import Advance, Executor, LostTask
from provscan.errors import ParameterError, ProvscanError, WorkerError
from provscan.ordered_map import R, T

ATTEMPTS = 3
# Calls that one holder answers at a time.
CALLS = 8
# A task that has reported nothing for so long is ended and repeated.
PATIENCE_SECONDS = 900.0
SECONDS_BETWEEN_REPORTS = 0.5
SECONDS_TO_ABANDON, SECONDS_BETWEEN_CANCELS = 5.0, 1.0

# Settings of Ray that are switched off: a warning about graphics processors, and
# reports of its use to Ray's makers.
QUIET = ("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_USAGE_STATS_ENABLED")

# The number of the run of an executor, a task's place in its order, and the number of
# the attempt.
Key = tuple[int, int, int]

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Running(Generic[T]):
    """A task on the cluster: its place in the order, and what became of its
    attempts.
    """

    run: int
    place: int
    task: T
    reference: Any = None
    failures: list[str] = field(default_factory=list)
    ended_because: str | None = None
    begun: bool = False

    @property
    def key(self) -> Key:
        return self.run, self.place, len(self.failures)


class _Abandoned(Exception):
    """Nobody waits for a task any more."""


class _Raised(NamedTuple):
    """The error that a task raised; it is raised when its turn comes."""

    error: BaseException


class _Monitor:
    """An actor that tasks report to: what each attempt has done, where, and when it
    last reported by its own clock.
    """

    def __init__(self) -> None:
        self.done: dict[Key, int] = {}
        self.heard: dict[Key, tuple[str, float]] = {}
        self.nodes: dict[str, int] = {}
        self.ended: dict[Key, str] = {}
        self.abandoned: set[Key] = set()

    def report(self, key: Key, node: str, units: int) -> bool:
        """Take what an attempt has done; whether to go on."""
        self.done[key] = self.done.get(key, 0) + units
        self.heard[key] = node, time.monotonic()
        self.nodes[node] = self.nodes.get(node, 0) + units
        return key not in self.abandoned

    def abandon(self, keys: Sequence[Key]) -> None:
        """Nobody waits for some attempts any more."""
        self.abandoned.update(keys)

    def end_worker(self, key: Key, reason: str) -> None:
        """A worker ends itself, and says why."""
        self.ended[key] = reason

    def state(self) -> tuple[int, dict[Key, tuple[str, float]]]:
        """Units in all, and of each attempt its node and the seconds since it last
        reported.
        """
        now = time.monotonic()
        return sum(self.done.values()), {
            key: (node, now - then) for key, (node, then) in self.heard.items()
        }

    def by_node(self) -> dict[str, int]:
        """Units that each node has done, in vain or not."""
        return self.nodes

    def end(self, key: Key, failed: bool) -> str | None:
        """An attempt is over; what a failed one has done is done again. Gives why its
        worker ended, if it said so.
        """
        self.heard.pop(key, None)
        if failed:
            self.done.pop(key, None)
        return self.ended.pop(key, None)


@dataclass(frozen=True)
class Held:
    """What another process of the cluster holds; see :meth:`Ray.hold`. It can be sent
    with a task.
    """

    actor: Any
    constant: str  # A method that is called once, whoever calls it.
    known: Any  # Its result.

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        """Call a method of what is held. What is returned waits for the result.

        It raises ConnectionError if the process is lost and no other one took its
        place.
        """
        reference = (
            self.known
            if method == self.constant
            else self.actor.call.remote(method, *arguments)
        )
        return partial(_answer, reference)


def _answer(reference: Any) -> Any:
    import ray

    try:
        # A task that waits by ray.get gives its processor to the next one, which then
        # stands beside it in memory.
        return reference.future().result()
    except ray.exceptions.RayTaskError as error:
        raise (
            error.cause if isinstance(error.cause, ProvscanError | OSError) else error
        ) from None
    except ray.exceptions.RayError as error:
        raise ConnectionError(
            f"a process that serves shards has ended ({type(error).__name__})"
        ) from error


class _Holder:
    """An actor that holds something, made at the first call, and calls its methods."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock = make, threading.Lock()

    @cached_property
    def _made(self) -> Any:
        return self._make()

    def call(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            made = self._made
        return getattr(made, method)(*arguments)


class Ray(Executor):
    """Runs tasks on a Ray cluster; see :class:`provscan.engine.protocol.Executor`.

    A task whose worker or node is lost, that reports nothing for `patience` seconds, or
    that can't reach a file, is tried again elsewhere, three times in all; what fails
    then becomes a :class:`~provscan.engine.protocol.LostTask`, and the others go on.

    `address` is that of the cluster's head, ``"auto"`` for the one that this machine
    belongs to; None starts one on this machine, which ends with the executor. `memory`
    is the bytes that a worker may have, without mapped files: each node runs as many
    workers as it has memory for, and a worker that takes more is ended, and a new one
    runs its task again.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        memory: int | None = None,
    ) -> None:
        for name in QUIET:
            os.environ.setdefault(name, "0")
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise ParameterError(
                "executor='ray' needs Ray: pip install 'provscan[ray]'"
            ) from error
        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            cpus = workers if address is None else None
            try:
                ray.init(
                    address or "local",
                    num_cpus=cpus,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                raise WorkerError(
                    f"no Ray cluster could be reached at {address or 'this machine'!r} "
                    f"({error}): start one with "
                    "`ray start --head`, or leave out --address"
                ) from error
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.in_flight = 4 * self.workers
        self.patience, self.memory = patience, memory
        self.failures: list[str] = []
        # The monitor must outlive every node but the one of this process.
        driver = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._monitor: Any = (
            ray.remote(_Monitor)
            .options(num_cpus=0, scheduling_strategy=driver)
            .remote()
        )
        self._remote: Any = ray.remote(_call).options(
            num_cpus=1, max_retries=0, memory=memory
        )
        self._reported = self._runs = 0
        self._actors: list[Any] = []

    def close(self) -> None:
        # Workers that stay for other tasks may remember those whom they asked.
        for actor in self._actors:
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()

    def hold(
        self, makers: Sequence[Callable[[], Any]], constant: str
    ) -> tuple[Held, ...]:
        """Start a process for each of some things, on nodes in turn, in which it is
        made; all end with the executor.

        One that is lost is started again. `constant` is a method of theirs whose result
        never changes: it is called once, and the result kept.
        """
        holder = self._ray.remote(_Holder).options(
            scheduling_strategy="SPREAD",
            max_concurrency=CALLS,
            max_restarts=-1,
            max_task_retries=ATTEMPTS - 1,
        )
        actors = [holder.remote(make) for make in makers]
        self._actors += actors
        held = tuple(
            Held(actor, constant, actor.call.remote(constant)) for actor in actors
        )
        for each in held:
            each.begin(constant)()
        return held

    def run(
        self,
        function: Callable[[T, Advance], R],
        tasks: Iterable[T],
        progress: Progress,
    ) -> Iterator[R | LostTask]:
        shared = self._ray.put(function)
        todo = enumerate(tasks)
        running: deque[_Running[T]] = deque()
        done: dict[int, R | LostTask | _Raised] = {}
        next_place = 0
        self._runs += 1
        try:
            while True:
                # What waits for an earlier task counts, so that results do not pile up
                # behind a straggler.
                while (
                    len(running) + len(done) < self.in_flight
                    and (item := next(todo, None)) is not None
                ):
                    running.append(self._start(_Running(self._runs, *item), shared))
                if not running and not done:
                    return
                for attempt in self._ended(running):
                    running.remove(attempt)
                    result = self._result(attempt, progress)
                    if (
                        isinstance(result, LostTask)
                        and len(attempt.failures) < ATTEMPTS
                    ):
                        running.append(self._start(attempt, shared))
                    else:
                        done[attempt.place] = result
                self._report(running, progress)
                while next_place in done:
                    result = done.pop(next_place)
                    if isinstance(result, _Raised):
                        raise result.error
                    yield result
                    next_place += 1
        finally:
            # A worker hears of it when it reports. An interrupt comes sooner, but one
            # that talks to the cluster misses it, and one that a job in the background
            # of a shell has started ignores it.
            self._monitor.abandon.remote([attempt.key for attempt in running])
            references, begin = (
                [attempt.reference for attempt in running],
                time.monotonic(),
            )
            while references and time.monotonic() - begin < SECONDS_TO_ABANDON:
                for reference in references:
                    self._ray.cancel(reference, force=False)
                _, references = self._ray.wait(
                    references,
                    num_returns=len(references),
                    timeout=SECONDS_BETWEEN_CANCELS,
                )

    def describe(self) -> dict[str, Any]:
        """What the cluster did: ``nodes``: units of work by node; ``failures``: the
        attempts that failed, by reason.
        """
        nodes = self._ray.get(self._monitor.by_node.remote())
        return {
            "workers": self.workers,
            "nodes": nodes,
            "failures": dict(Counter(self.failures)),
        }

    def _start(self, attempt: _Running[T], shared: Any) -> _Running[T]:
        attempt.begun = False
        # Ray runs a task where most of its arguments are.
        near = getattr(attempt.task, "near", ())
        attempt.reference = self._remote.remote(
            shared, attempt.task, attempt.key, self._monitor, self.memory, *near
        )
        return attempt

    def _ended(self, running: deque[_Running[T]]) -> list[_Running[T]]:
        references = {attempt.reference: attempt for attempt in running}
        if not references:
            return []
        ready, _ = self._ray.wait(
            list(references),
            num_returns=len(references),
            timeout=SECONDS_BETWEEN_REPORTS,
        )
        return [references[reference] for reference in ready]

    def _result(self, attempt: _Running[T], progress: Progress) -> Any:
        """The result of an attempt that ended; a LostTask if another may succeed."""
        exceptions = self._ray.exceptions
        try:
            result, ran = self._ray.get(attempt.reference)
            self._monitor.end.remote(attempt.key, False)
            progress.ended(str(attempt.task), ran)
            return result
        except exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, BaseException) else error
            if isinstance(cause, ProvscanError) or not isinstance(cause, OSError):
                return _Raised(cause)
            reason = f"{type(cause).__name__}: {cause}"
        except exceptions.RayError as error:
            reason = attempt.ended_because or type(error).__name__
        reason = self._ray.get(self._monitor.end.remote(attempt.key, True)) or reason
        progress.failed(str(attempt.task), reason)
        attempt.ended_because = None
        attempt.failures.append(reason)
        self.failures.append(reason)
        log.warning(
            "task %d failed (attempt %d of %d): %s",
            attempt.place,
            len(attempt.failures),
            ATTEMPTS,
            reason,
        )
        return LostTask(attempt.task, tuple(attempt.failures))

    def _report(self, running: Iterable[_Running[T]], progress: Progress) -> None:
        """Tell the progress of all tasks, and end those that hang."""
        total, heard = self._ray.get(self._monitor.state.remote())
        progress.advance(total - self._reported)
        self._reported = total
        for attempt in running:
            if attempt.key not in heard:
                continue
            node, silent = heard[attempt.key]
            if not attempt.begun:
                attempt.begun = True
                progress.began(str(attempt.task), node)
            if silent > self.patience and attempt.ended_because is None:
                attempt.ended_because = f"it reported nothing for {self.patience:.0f} s"
                self._ray.cancel(attempt.reference, force=True)


def _call(
    function: Callable[[T, Advance], R],
    task: T,
    key: Key,
    monitor: Any,
    memory: int | None,
    *near: Any,
) -> tuple[R, Ran]:
    import ray

    node = ray.get_runtime_context().get_node_id()
    begin = last = time.monotonic()
    units, reported = 0, 0
    # Whether to go on is read at the next report, so that nothing waits for it.
    answer = monitor.report.remote(key, node, 0)

    def advance(n: int) -> None:
        nonlocal units, reported, last, answer
        units += n
        if time.monotonic() - last > SECONDS_BETWEEN_REPORTS:
            if not answer.future().result():
                raise _Abandoned
            answer = monitor.report.remote(key, node, units - reported)
            reported, last = units, time.monotonic()
            if memory is not None and (own := own_memory()) > memory:
                reason = (
                    f"its worker took {own / 1e9:.2f} GB of memory, more than the "
                    f"{memory / 1e9:.2f} GB asked for"
                )
                ray.get(monitor.end_worker.remote(key, reason))
                os.kill(os.getpid(), signal.SIGKILL)

    result = function(task, advance)
    # Waited for, so that the last report is counted before the task is done.
    ray.get(monitor.report.remote(key, node, units - reported))
    return result, Ran(node, time.monotonic() - begin, units, own_memory())
