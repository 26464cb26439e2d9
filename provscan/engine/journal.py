"""A log of a job as JSON lines, for programs: what ran where, how far it is, which
tasks are slow, what failed.

===========
==========================================================================================
``event``    what else the line has, beside ``time`` ===========
==========================================================================================
stage        ``stage``, ``total``, ``unit`` began        ``task``, ``where`` ended
``task``, ``where``, ``seconds``, ``units``, ``memory`` (bytes, without mapped files)
failed       ``task``, ``reason``: of one attempt straggler    ``task``, ``where``,
``seconds`` so far, ``median`` of those that ended progress     ``done``, ``total``,
``seconds``, ``rate`` (units a second), ``seconds_left``, ``tasks`` that ended,
             ``running``, ``nodes`` (units a second of the tasks that ended, by worker
             or node)
finished     the same, of the whole stage interrupted  ``error`` ===========
==========================================================================================
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from provscan.engine.progress import Progress, Ran
from provscan.errors import OutputError, ParameterError
from provscan.params import require_path
from provscan.urls import without_secrets

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_CHECKS = 1.0
# A task is a straggler after so many times the median of those that ended, of which
# there must be so many.
SLOW, FEWEST = 3.0, 5


class Journal(Progress):
    """Writes the log of a job, and passes its progress on to `shown`; a context
    manager, which closes the file.

    Lines are added to a log that is there; to another file nothing is added.
    """

    def __init__(self, path: str | os.PathLike[str], shown: Progress) -> None:
        require_path("log", path)
        self._path = os.fspath(path)
        try:
            if os.path.isfile(path) and not _is_log(self._path):
                raise OutputError(
                    f"{self._path} is no log of provscan, so nothing is added to it: "
                    "name another --log"
                )
            self._file: TextIO = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - closed with the journal
        except OSError as error:
            raise self._unwritable(error) from error
        self._shown = shown
        # Advancing may write a line.
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._stage: str | None = None
        self._watcher = threading.Thread(
            target=self._watch, daemon=True, name="provscan-log"
        )

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._watcher.join()
        with self._lock:
            try:
                if error is not None:
                    self._write(
                        "interrupted",
                        error=without_secrets(f"{type(error).__name__}: {error}"),
                    )
                self._finish()
            except OutputError:
                if error is None:
                    raise
            finally:
                with contextlib.suppress(OSError):
                    self._file.close()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self._shown.start(stage, total, unit)
        with self._lock:
            self._finish()
            self._stage, self._total, self._done = stage, total, 0
            self._began = self._said = time.monotonic()
            self._running: dict[str, tuple[str, float]] = {}
            self._seconds: list[float] = []
            self._slow: set[str] = set()
            self._nodes: Counter[str] = Counter()
            self._write("stage", stage=stage, total=total, unit=unit)

    def advance(self, n: int) -> None:
        self._shown.advance(n)
        with self._lock:
            if self._stage is not None:
                self._done += n

    def finish(self) -> None:
        self._shown.finish()
        with self._lock:
            self._finish()

    def began(self, task: str, where: str) -> None:
        with self._lock:
            self._running[task] = where, time.monotonic()
            self._write("began", task=task, where=where)

    def ended(self, task: str, ran: Ran) -> None:
        with self._lock:
            self._running.pop(task, None)
            self._seconds.append(ran.seconds)
            self._nodes[ran.where] += ran.units
            self._write(
                "ended",
                task=task,
                **(ran._asdict() | {"seconds": round(ran.seconds, 3)}),
            )

    def failed(self, task: str, reason: str) -> None:
        with self._lock:
            self._running.pop(task, None)
            self._slow.discard(task)
            self._write("failed", task=task, reason=without_secrets(reason))

    def check(self) -> None:
        """Name the tasks that have become stragglers, and say now and then how far the
        stage is.
        """
        with self._lock:
            if self._stage is None:
                return
            now = time.monotonic()
            median = (
                float(np.median(self._seconds))
                if len(self._seconds) >= FEWEST
                else None
            )
            for task, (where, began) in self._running.items():
                if (
                    median is not None
                    and now - began > SLOW * median
                    and task not in self._slow
                ):
                    self._slow.add(task)
                    self._write(
                        "straggler",
                        task=task,
                        where=where,
                        seconds=round(now - began, 3),
                        median=round(median, 3),
                    )
            if now - self._said >= SECONDS_BETWEEN_LINES:
                self._said = now
                self._say("progress")

    def _watch(self) -> None:
        # What can't be written is an error of whoever reports next.
        with contextlib.suppress(OutputError):
            while not self._over.wait(SECONDS_BETWEEN_CHECKS):
                self.check()

    def _finish(self) -> None:
        if self._stage is not None:
            self._say("finished")
            self._stage = None

    def _say(self, event: str) -> None:
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = self._done / seconds
        left = None
        if self._total is not None and rate > 0:
            left = round(max(self._total - self._done, 0) / rate, 1)
        nodes = {
            where: round(units / seconds, 1)
            for where, units in sorted(self._nodes.items())
        }
        self._write(
            event,
            stage=self._stage,
            done=self._done,
            total=self._total,
            seconds=round(seconds, 3),
            rate=round(rate, 1),
            seconds_left=left,
            tasks=len(self._seconds),
            running=len(self._running),
            nodes=nodes,
        )

    def _write(self, event: str, **values: Any) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **values,
        }
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"can't write the log {self._path}: {error.strerror}. Name another --log"
        )


def _is_log(path: str) -> bool:
    """Whether a file is empty, or begins with an event."""
    with open(path, "rb") as file:
        line = file.readline(1 << 16)
    try:
        event = json.loads(line or b'{"event": ""}')
    except ValueError:
        return False
    return isinstance(event, dict) and "event" in event


@contextlib.contextmanager
def logged(
    path: str | os.PathLike[str] | None, shown: Progress | None
) -> Iterator[Progress]:
    """A progress that is shown, if at all, and logged to a file, if one is named."""
    if not isinstance(shown, Progress | None):
        raise ParameterError(
            f"progress must be a provscan.engine.Progress, not {shown!r}"
        )
    if path is None:
        yield shown or Progress()
        return
    with Journal(path, shown or Progress()) as journal:
        yield journal
