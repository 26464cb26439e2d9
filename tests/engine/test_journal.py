"""The log of a job: lines of JSON, whatever runs its tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import executor_tasks as tasks
import pytest

from provscan.engine import EXECUTORS, Journal, Progress, Ran, journal, logged
from provscan.errors import OutputError


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_kind(path: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in events(path) if line["event"] == event]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(journal, "time", Clock)
    monkeypatch.setattr(journal, "SECONDS_BETWEEN_CHECKS", 1e6)
    return now


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device that is full"
)
def test_a_disk_that_is_full() -> None:
    full = (
        r"^can't write the log /dev/full: No space left on device\. Name another --log$"
    )
    with pytest.raises(OutputError, match=full), logged("/dev/full", None) as log:
        log.start("Scanning", 1000, "bytes")
    with pytest.raises(ZeroDivisionError), logged("/dev/full", None):
        raise ZeroDivisionError


def test_stragglers_rates_and_the_time_left(tmp_path: Path, clock: list[float]) -> None:
    with Journal(tmp_path / "log", Progress()) as log:
        log.start("Scanning", 1000, "bytes")
        log.began("slow", "b")
        for number in range(5):
            log.began(f"task {number}", "a")
            clock[0] += 2
            log.advance(100)
            log.ended(f"task {number}", Ran("a", 2.0, 100, 7))
            log.check()
        log.failed("slow", "its node was lost")
        log.began("slow", "c")
        clock[0] += 5.5
        log.check()
        assert len(of_kind(tmp_path / "log", "straggler")) == 1
        clock[0] += 1
        log.check()
        log.check()
    first, second = of_kind(tmp_path / "log", "straggler")
    assert (first["task"], first["where"], first["seconds"], first["median"]) == (
        "slow",
        "b",
        10,
        2,
    )
    assert (second["where"], second["seconds"]) == ("c", 6.5)
    progress = of_kind(tmp_path / "log", "progress")[0]
    assert {
        name: progress[name]
        for name in ("done", "total", "seconds", "rate", "seconds_left", "nodes")
    } == {
        "done": 500,
        "total": 1000,
        "seconds": 10,
        "rate": 50,
        "seconds_left": 10,
        "nodes": {"a": 50},
    }
    assert (progress["tasks"], progress["running"]) == (5, 1)
    assert [line["event"] for line in events(tmp_path / "log")][-1] == "finished"


def test_an_error_is_logged_and_lines_are_added(tmp_path: Path) -> None:
    def fail(error: BaseException) -> None:
        with logged(tmp_path / "log", None) as progress:
            progress.start("Scanning", None, "records")
            raise error

    for error in (ValueError("broken"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail(error)
    found = [line["error"] for line in of_kind(tmp_path / "log", "interrupted")]
    assert found == ["ValueError: broken", "KeyboardInterrupt: "]
    with pytest.raises(OutputError, match=r"can't write the log .*Name another --log"):
        Journal(tmp_path, Progress())


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_every_task_is_logged(executor: str, tmp_path: Path) -> None:
    with logged(tmp_path / "log", None) as progress, EXECUTORS[executor](2) as pool:
        progress.start("Squaring", 45, "units")
        assert list(pool.run(tasks.square, range(10), progress)) == [
            number**2 for number in range(10)
        ]
    ended = of_kind(tmp_path / "log", "ended")
    assert {line["task"]: line["units"] for line in ended} == {
        str(number): number for number in range(10)
    }
    assert all(line["memory"] > 1 << 20 for line in ended)
    begun = {line["task"] for line in of_kind(tmp_path / "log", "began")}
    assert begun <= {str(number) for number in range(10)}
    assert begun or executor == "processes"
    (finished,) = of_kind(tmp_path / "log", "finished")
    assert (finished["done"], finished["tasks"]) == (45, 10)
    assert set(finished["nodes"]) == {line["where"] for line in ended}


def test_a_process_says_what_it_runs(tmp_path: Path) -> None:
    with logged(tmp_path / "log", None) as progress, EXECUTORS["processes"](1) as pool:
        progress.start("Waiting", None, "tasks")
        list(pool.run(tasks.wait_long, range(2), progress))
    begun, ended = (
        of_kind(tmp_path / "log", "began"),
        of_kind(tmp_path / "log", "ended"),
    )
    assert {line["task"]: line["where"] for line in begun} == {
        line["task"]: line["where"] for line in ended
    }
