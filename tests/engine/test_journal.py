"""Test the log of a job, which has the same JSON lines for every executor."""

import json
from pathlib import Path

import executor_tasks as tasks
import pytest

from provscan.engine import Journal, Progress, Ran, Threads, journal, logged
from provscan.errors import OutputError


def events(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_kind(path, event):
    return [line for line in events(path) if line["event"] == event]


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic():
            return now[0]

    monkeypatch.setattr(journal, "time", Clock)
    return now


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device that is full"
)
def test_a_full_disk():
    full = r"^can't write the log /dev/full: No space left on device\. Use another log$"
    with pytest.raises(OutputError, match=full), logged("/dev/full", None) as log:
        log.start("Scanning", 1000, "bytes")
    with pytest.raises(ZeroDivisionError), logged("/dev/full", None):
        raise ZeroDivisionError


def test_rates_and_the_time_left(tmp_path, clock):
    with logged(tmp_path / "log", None) as log:
        log.start("Scanning", 1000, "bytes")
        for number in range(5):
            clock[0] += 2
            log.ended(f"task {number}", Ran("a", 2.0, 100))
            log.advance(100)
    (progress,) = of_kind(tmp_path / "log", "progress")
    names = ("done", "total", "seconds", "rate", "seconds_left", "tasks")
    assert [progress[name] for name in names] == [500, 1000, 10, 50, 10, 5]
    assert [line["event"] for line in events(tmp_path / "log")][-1] == "finished"


def test_an_error_is_logged_and_lines_are_appended(tmp_path):
    def fail(error):
        with logged(tmp_path / "log", None) as progress:
            progress.start("Scanning", None, "records")
            raise error

    for error in (ValueError("broken"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail(error)
    found = [line["error"] for line in of_kind(tmp_path / "log", "interrupted")]
    assert found == ["ValueError: broken", "KeyboardInterrupt: "]
    with pytest.raises(OutputError, match="use another log"):
        Journal(str(tmp_path), Progress())
    data = tmp_path / "data.jsonl"
    data.write_text('{"text": "a"}\n')
    with pytest.raises(OutputError, match="is not a log of provscan, so nothing is"):
        Journal(str(data), Progress())


def test_every_task_is_logged(tmp_path):
    with logged(tmp_path / "log", None) as progress, Threads(2) as pool:
        progress.start("Squaring", 45, "units")
        assert list(pool.run(tasks.square, range(10), progress)) == [
            number**2 for number in range(10)
        ]
    ended = of_kind(tmp_path / "log", "ended")
    assert {line["task"]: line["units"] for line in ended} == {
        str(number): number for number in range(10)
    }
    (finished,) = of_kind(tmp_path / "log", "finished")
    assert (finished["done"], finished["tasks"]) == (45, 10)
