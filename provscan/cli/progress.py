"""Show progress as bars on stderr, if that is a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

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
    """Shows each stage as a progress bar (of rich)."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stage: Task | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self.finish()
        number = self._bars.add_task(stage, total=total, unit=unit)
        self._stage = next(task for task in self._bars.tasks if task.id == number)

    def advance(self, n: int) -> None:
        if self._stage is None:
            return
        self._bars.advance(self._stage.id, n)

    def finish(self) -> None:
        if self._stage is None:
            return
        # Fill the bar, even if the total was unknown or nothing was done.
        done = max(self._stage.completed, 1)
        self._bars.update(self._stage.id, total=done, completed=done)
        self._stage = None


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Provide a command with a display of its progress, if stderr is a terminal. The
    cursor is restored at the end, even after an error.
    """
    compile_kernels()
    if not sys.stderr.isatty():
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
    console = Console(stderr=True)
    with Bars(*columns, console=console, get_time=time.monotonic) as bars:
        shown = ShownProgress(bars)
        yield shown
        shown.finish()
