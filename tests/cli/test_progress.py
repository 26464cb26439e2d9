"""Test progress: bars on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from provscan.cli import progress as module
from provscan.cli.progress import ShownProgress, progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(module, "time", fake)
    return fake


def lines_of(clock: Clock) -> ShownProgress:
    """Return the progress that is shown without a terminal."""
    return ShownProgress(module.Bars(disable=True, get_time=clock.monotonic))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Replace stderr by a terminal. This can't be a fixture, since pytest restores its
    own stderr between a fixture and its test.
    """
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return screen


def test_no_time_left_is_shown_before_the_first_record(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(clock)
    lines.start("Scanning", 1_000, "records")
    clock.now += 40
    lines.advance(0)
    assert (
        capsys.readouterr().err
        == "Scanning: 0 records of 1,000 records, 40.0 s, 0 records/s\n"
    )


def test_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(clock)
    lines.start("Scanning", 1_000_000, "records")
    lines.advance(100_000)
    clock.now += 40
    lines.advance(100_000)
    clock.now += 10
    lines.advance(300_000)
    clock.now += 3950
    lines.finish()
    lines.finish()
    assert capsys.readouterr().err.splitlines() == [
        "Scanning: 200,000 records of 1,000,000 records, about 0:02:40 left, 40.0 s, "
        "5,000 records/s",
        "Scanning: 500,000 records, 1:06:40, 125 records/s",
    ]


def test_a_new_stage_ends_the_previous_one(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(clock)
    lines.advance(1)
    lines.start("Reading", None, "bytes")
    clock.now += 2
    lines.advance(4_600_000)
    lines.start("Writing", None, "tweets")
    assert capsys.readouterr().err == "Reading: 4.6 MB, 2.0 s, 2.3 MB/s\n"


def test_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress(quiet=False) as shown:
        shown.start("Scanning", 10, "records")
        shown.advance(4)
        shown.advance(6)
        shown.finish()
        shown.start("Writing", None, "bytes")
        shown.advance(1_500_000)
    shown_text = screen.getvalue()
    assert "Scanning" in shown_text
    assert "10 records" in shown_text
    assert "1.5 MB" in shown_text
    assert shown_text.count("\x1b[?25l") == shown_text.count("\x1b[?25h") == 1


def test_the_cursor_is_restored_when_a_command_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)

    def fail() -> None:
        with progress(quiet=False) as shown:
            shown.start("Scanning", 10, "records")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert screen.getvalue().count("\x1b[?25h") == 1
    assert "100%" not in screen.getvalue()


def test_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress(quiet=True) as shown:
        shown.start("Scanning", 10, "records")
        shown.advance(10)
        shown.finish()
    assert screen.getvalue() == ""
