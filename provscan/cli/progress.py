"""Progress on stderr: bars on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

import click
from rich.filesize import decimal

from provscan.engine.progress import Progress

SECONDS_BETWEEN_LINES = 30.0


def _count(n: float, unit: str) -> str:
    return decimal(round(n)) if unit == "bytes" else f"{n:,.0f} {unit}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Lines(Progress):
    """One line when a stage ends, and one every half minute while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stage: str | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self.finish()
        with self._lock:
            self._stage, self._total, self._unit, self._done = stage, total, unit, 0
            self._began = self._said = time.monotonic()

    def advance(self, n: int) -> None:
        with self._lock:
            if self._stage is None:
                return
            self._done += n
            now = time.monotonic()
            if now - self._said >= SECONDS_BETWEEN_LINES:
                self._said = now
                self._say(now - self._began)

    def finish(self) -> None:
        with self._lock:
            if self._stage is not None:
                self._say(time.monotonic() - self._began, done=True)
                self._stage = None

    def _say(self, seconds: float, done: bool = False) -> None:
        rate = self._done / max(seconds, 1e-9)
        line = f"{self._stage}: {_count(self._done, self._unit)}"
        if not done and self._total:
            line += f" of {_count(self._total, self._unit)}"
            if self._done:
                line += (
                    f", about {_duration(max(self._total - self._done, 0) / rate)} left"
                )
        click.echo(
            f"{line}, {_duration(seconds)}, {_count(rate, self._unit)}/s", err=True
        )


class Bars(Progress):
    """A bar a stage, with its rate and the time left; one that has ended stays on the
    screen.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Display

        self._display = Display(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[done]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._lock = threading.Lock()
        self._done = 0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self.finish()
        with self._lock:
            self._unit, self._total, self._done, self._began = (
                unit,
                total,
                0,
                time.monotonic(),
            )
            self._task = self._display.add_task(stage, total=total, done="", rate="")
            self._display.start()

    def advance(self, n: int) -> None:
        with self._lock:
            if self._display.live.is_started:
                self._done += n
                rate = self._done / max(time.monotonic() - self._began, 1e-9)
                self._display.update(
                    self._task,
                    advance=n,
                    done=_count(self._done, self._unit),
                    rate=f"{_count(rate, self._unit)}/s",
                )

    def finish(self) -> None:
        with self._lock:
            if self._display.live.is_started:
                self._display.update(
                    self._task, total=max(self._done, 1), completed=max(self._done, 1)
                )
                self._stop()

    def abandon(self) -> None:
        """The job failed in the middle of a stage: leave the terminal as it was found,
        claim nothing.
        """
        with self._lock:
            if self._display.live.is_started:
                self._stop()

    def _stop(self) -> None:
        self._display.stop()
        self._display.remove_task(self._task)


def _compile(quiet: bool) -> None:
    """Compile the kernels before the first run, and say so."""
    from provscan.kernels.warmup import compile_all

    said = -1

    def report(seconds: float) -> None:
        nonlocal said
        if quiet or (int(seconds) == said or (said >= 0 and not sys.stderr.isatty())):
            return
        line = (
            "provscan: compiling for this processor (only once, about 15 seconds on "
            "two cores)"
        )
        click.echo(
            f"\r{line} ({seconds:.0f} s)" if sys.stderr.isatty() else line,
            err=True,
            nl=not sys.stderr.isatty(),
        )
        said = int(seconds)

    compile_all(report)
    if said >= 0 and sys.stderr.isatty():
        click.echo(err=True)


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """The progress that fits stderr, put away whatever happens, so that the cursor
    comes back.
    """
    _compile(quiet)
    if quiet:
        yield Progress()
        return
    shown = Bars() if sys.stderr.isatty() else Lines()
    try:
        yield shown
    except BaseException:
        if isinstance(shown, Bars):
            shown.abandon()
        raise
    shown.finish()
