"""Show progress on stderr: as bars on a terminal, and as occasional lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from provscan.cli.compiling import compile_kernels
from provscan.engine.progress import Progress

SECONDS_BETWEEN_LINES = 30.0


def _amount(number: float, unit: str) -> str:
    return decimal(round(number)) if unit == "bytes" else f"{number:,.0f} {unit}"


def _rate(task: Task) -> float:
    """Return the average number of units per second since the stage began."""
    return task.completed / max(task.elapsed or 0.0, 1e-9)


class _Amount(ProgressColumn):
    """A column with the completed amount of a stage and its rate."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        return Text(f"{_amount(task.completed, unit)}, {_amount(_rate(task), unit)}/s")


class ShownProgress(Progress):
    """Shows each stage as a progress bar (of rich). Without a terminal, it prints a
    line every half minute and at the end of the stage instead.
    """

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stage: Task | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self.finish()
        number = self._bars.add_task(stage, total=total, unit=unit)
        self._stage = next(task for task in self._bars.tasks if task.id == number)
        self._reported = time.monotonic()

    def advance(self, n: int) -> None:
        if self._stage is None:
            return
        self._bars.advance(self._stage.id, n)
        now = time.monotonic()
        if self._bars.disable and now - self._reported >= SECONDS_BETWEEN_LINES:
            self._reported = now
            self._print_line(self._stage, done=False)

    def finish(self) -> None:
        if self._stage is None:
            return
        if self._bars.disable:
            self._print_line(self._stage, done=True)
        # Fill the bar, even if the total was unknown or nothing was done.
        done = max(self._stage.completed, 1)
        self._bars.update(self._stage.id, total=done, completed=done)
        self._stage = None

    def _print_line(self, task: Task, *, done: bool) -> None:
        unit = task.fields["unit"]
        line = f"{task.description}: {_amount(task.completed, unit)}"
        if not done and task.total:
            line += f" of {_amount(task.total, unit)}"
            if task.completed:
                left = (task.total - task.completed) / _rate(task)
                line += f", about {_duration(max(left, 0))} left"
        elapsed = _duration(task.elapsed or 0.0)
        click.echo(f"{line}, {elapsed}, {_amount(_rate(task), unit)}/s", err=True)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=int(seconds)))


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Provide a command with a display of its progress. The cursor is restored at the
    end, even after an error.
    """
    compile_kernels(quiet)
    if quiet:
        yield Progress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Amount(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console, terminal = Console(stderr=True), sys.stderr.isatty()
    with Bars(
        *columns, console=console, disable=not terminal, get_time=time.monotonic
    ) as bars:
        shown = ShownProgress(bars)
        yield shown
        shown.finish()
