"""One protocol, two executors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import executor_tasks as tasks
import pytest

from provscan.engine import EXECUTORS, Processes, Progress
from provscan.errors import WorkerError


class Total(Progress):
    """Adds up what the tasks report."""

    done = 0

    def advance(self, n: int) -> None:
        self.done += n


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_tasks(executor: str, workers: int) -> None:
    with EXECUTORS[executor](workers) as pool:
        for count in (0, 1, 20):
            progress = Total()
            results = list(pool.run(tasks.square, range(count), progress))
            assert results == [number * number for number in range(count)]
            assert progress.done == sum(range(count))


def test_few_tasks_are_in_flight(executor: str) -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        while taken < 40:
            taken += 1
            yield taken

    with EXECUTORS[executor](2) as pool:
        results = pool.run(tasks.square, numbers(), Progress())
        for done in range(1, 20):
            assert next(results) == done * done
            assert taken <= done + 3


def test_the_first_error_is_the_callers(executor: str) -> None:
    with EXECUTORS[executor](2) as pool:
        results = pool.run(tasks.fail_at_five, range(1000), Progress())
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="task 5"):
            list(results)


def test_what_still_runs_is_abandoned(executor: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="broken"),
        EXECUTORS[executor](2) as pool,
    ):
        list(pool.run(partial(tasks.write_until_abandoned, str(tmp_path)), range(2), Progress()))
    assert {path.name for path in tmp_path.iterdir()} >= {"0.begun", "1.abandoned"}


def test_processes_are_spawned_once_and_are_not_this_one() -> None:
    with Processes(2) as pool:
        seen = {number for _ in range(2) for number in pool.run(tasks.process, range(20), Progress())}
    assert os.getpid() not in seen
    assert len(seen) <= 2


def test_a_process_that_ends_is_an_error_with_a_remedy() -> None:
    with pytest.raises(WorkerError, match=r"ended by the system.*fewer --workers"), Processes(1) as pool:
        list(pool.run(tasks.end_the_process, [1], Progress()))
