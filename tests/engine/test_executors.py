"""Test that both executors follow the same protocol."""

import json
import threading
import time
from contextlib import nullcontext
from functools import cache, partial

import executor_tasks as tasks
import pytest

from provscan.engine import LostTask, Progress, Ray, Threads, logged
from provscan.engine import threads as thread_executor
from provscan.errors import WorkerError


class Total(Progress):
    """Adds up the work that tasks report."""

    done = 0

    def advance(self, n):
        self.done += n


@pytest.fixture(scope="module")
def shared(cluster):
    """Return a function that returns a Ray executor. Executors are reused, since their
    processes start slowly.
    """
    made = cache(Ray)
    return lambda workers: nullcontext(made(workers))


@pytest.fixture(params=["threads", "ray"])
def executor(request):
    return request.getfixturevalue("shared") if request.param == "ray" else Threads


def test_a_thread_that_waits_for_ever_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(thread_executor, "PATIENCE", 0.01)
    begun, wait = threading.Event(), threading.Event()

    def task(number, advance):
        if number:
            begun.set()
            wait.wait(60)
        return number

    results = Threads(2).run(task, [0, 1], Progress())
    assert next(results) == 0
    assert begun.wait(60)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())
    assert any(each.name.startswith("provscan") for each in threading.enumerate())
    wait.set()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(executor, workers):
    with executor(workers) as pool:
        for count in (0, 1, 20):
            progress = Total()
            results = list(pool.run(tasks.square, range(count), progress))
            assert results == [number * number for number in range(count)]
            assert progress.done == sum(range(count))


def test_few_tasks_are_in_flight(executor):
    taken = 0

    def numbers():
        nonlocal taken
        while taken < 40:
            taken += 1
            yield taken

    with executor(2) as pool:
        results = pool.run(tasks.square, numbers(), Progress())
        for done in range(1, 20):
            assert next(results) == done * done
            assert taken <= done + pool.in_flight - 1


def test_the_first_error_is_raised_in_the_caller(executor):
    with executor(2) as pool:
        results = pool.run(tasks.fail_at_five, range(1000), Progress())
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="task 5"):
            list(results)


def test_running_tasks_are_abandoned(executor, tmp_path):
    with pytest.raises(ValueError, match="broken"), executor(2) as pool:
        list(
            pool.run(
                partial(tasks.write_until_abandoned, str(tmp_path)),
                range(2),
                Progress(),
            )
        )
    begun = tmp_path / "1.begun"

    def runs():
        """Return whether task 1 still touches its file."""
        try:
            return time.time() - begun.stat().st_mtime < 2
        except FileNotFoundError:
            return False

    # A cluster kills the worker of a task that does not react to the interruption in
    # time. Its file is then not renamed.
    deadline = time.monotonic() + 120
    while runs() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs()
    names = {path.name for path in tmp_path.iterdir()}
    assert {"0.begun"} < names <= {"0.begun", "1.begun", "1.abandoned"}


def test_a_task_is_repeated_when_its_worker_is_lost(cluster, tmp_path):
    progress = Total()
    with Ray(2) as pool:
        assert list(
            pool.run(
                partial(tasks.end_the_process_once, str(tmp_path)), range(6), progress
            )
        ) == [*range(6)]
        assert pool.describe()["failures"] == {"WorkerCrashedError": 1}
    assert progress.done == sum(range(6))


def test_a_task_that_is_lost_three_times_does_not_stop_the_others(shared):
    with shared(2) as pool:
        results = list(pool.run(tasks.end_the_process_at_two, range(5), Progress()))
    assert results == [0, 1, LostTask(2, ("WorkerCrashedError",) * 3), 3, 4]


def test_a_task_is_repeated_after_an_operating_system_error(shared):
    with shared(2) as pool:
        (lost,) = pool.run(tasks.unreachable, [7], Progress())
    assert lost == LostTask(7, ("ConnectionResetError: 503",) * 3)


def test_a_cluster_is_logged(shared, tmp_path):
    with logged(tmp_path / "log", None) as progress, shared(2) as pool:
        progress.start("Squaring", None, "units")
        assert list(pool.run(tasks.square, range(3), progress)) == [0, 1, 4]
        list(pool.run(tasks.unreachable, [7], progress))
        nodes = set(pool.describe()["nodes"])
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    ended = [line for line in lines if line["event"] == "ended"]
    assert {line["task"]: line["units"] for line in ended} == {"0": 0, "1": 1, "2": 2}
    assert {line["where"] for line in ended} <= nodes
    failed = [line for line in lines if line["event"] == "failed"]
    assert [(line["task"], line["reason"]) for line in failed] == [
        ("7", "ConnectionResetError: 503")
    ] * 3


def test_without_a_cluster_the_error_names_the_remedy(cluster, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)

    def unreachable(*args, **options):
        raise ConnectionError("refused")

    monkeypatch.setattr("ray.init", unreachable)
    with pytest.raises(WorkerError, match="Ray cluster could be reached at 'auto'"):
        Ray(address="auto")
    with pytest.raises(WorkerError, match=r"started on this machine \(refused\).*"):
        Ray()
