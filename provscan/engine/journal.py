"""Log a job as JSON lines: its progress, where each task ran, and what failed.

Each line has ``time``, ``event`` and, depending on the event:

stage
    ``stage``, ``total``, ``unit``
ended
    ``task``, ``where``, ``seconds``, ``units``
failed
    ``task``, ``reason``: one attempt at a task failed
progress, finished
    ``stage``, ``done``, ``total``, ``seconds``, ``rate`` (units per second),
    ``seconds_left``, ``tasks`` (the number of tasks that ended)
interrupted
    ``error``
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from provscan.engine.progress import Progress, Ran
from provscan.errors import OutputError, ParameterError
from provscan.params import require_path
from provscan.urls import without_secrets

SECONDS_BETWEEN_LINES = 10.0


class Journal(Progress):
    """Logs the progress of a job, and passes it on to ``shown``, which displays it.

    Lines are appended to an existing log. A file that is not a log is not touched.
    """

    def __init__(self, path: str, shown: Progress) -> None:
        self._path, self._shown = path, shown
        try:
            kind = os.stat(path).st_mode if os.path.exists(path) else stat.S_IFREG
            if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
                raise OutputError(f"{path} is not a file: use another --log")
            if os.path.isfile(path) and not _is_log(path):
                raise OutputError(
                    f"{path} is not a log of provscan, so nothing is added to it: "
                    "use another --log"
                )
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - ``logged`` closes it
        except OSError as error:
            raise self._unwritable(error) from error
        self._lock = threading.Lock()
        self._stage: str | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self._shown.start(stage, total, unit)
        with self._lock:
            self._finish()
            self._stage, self._total = stage, total
            self._done = self._tasks = 0
            self._began = self._reported = time.monotonic()
            self._write("stage", stage=stage, total=total, unit=unit)

    def advance(self, n: int) -> None:
        self._shown.advance(n)
        with self._lock:
            if self._stage is None:
                return
            self._done += n
            now = time.monotonic()
            if now - self._reported >= SECONDS_BETWEEN_LINES:
                self._reported = now
                self._report("progress")

    def finish(self) -> None:
        self._shown.finish()
        with self._lock:
            self._finish()

    def ended(self, task: str, ran: Ran) -> None:
        self._shown.ended(task, ran)
        with self._lock:
            self._tasks += 1
            self._write(
                "ended",
                task=task,
                where=ran.where,
                seconds=round(ran.seconds, 3),
                units=ran.units,
            )

    def failed(self, task: str, reason: str) -> None:
        self._shown.failed(task, reason)
        with self._lock:
            self._write("failed", task=task, reason=without_secrets(reason))

    def close(self, error: BaseException | None) -> None:
        """End the log; ``error`` is the error that ended the job, if any."""
        with self._lock, self._file:
            if error is None:
                self._finish()
                return
            message = without_secrets(f"{type(error).__name__}: {error}")
            with contextlib.suppress(OutputError):
                self._write("interrupted", error=message)

    def _finish(self) -> None:
        if self._stage is not None:
            self._report("finished")
            self._stage = None

    def _report(self, event: str) -> None:
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = self._done / seconds
        left = None
        if self._total is not None and rate > 0:
            left = round(max(self._total - self._done, 0) / rate, 1)
        self._write(
            event,
            stage=self._stage,
            done=self._done,
            total=self._total,
            seconds=round(seconds, 3),
            rate=round(rate, 1),
            seconds_left=left,
            tasks=self._tasks,
        )

    def _write(self, event: str, **values: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **values}) + "\n"
        try:
            self._file.write(line.encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"can't write the log {self._path}: {error.strerror}. Use another --log"
        )


def _is_log(path: str) -> bool:
    """Return whether a file is empty or begins with an event."""
    with open(path, "rb") as file:
        line = file.readline(1 << 16)
    try:
        return not line or "event" in json.loads(line)
    except (ValueError, TypeError):
        return False


@contextlib.contextmanager
def logged(
    path: str | os.PathLike[str] | None, shown: Progress | None
) -> Iterator[Progress]:
    """Yield a progress that ``shown`` displays and that is logged to ``path``, if these
    are given.
    """
    if not isinstance(shown, Progress | None):
        raise ParameterError(
            f"progress must be a provscan.engine.Progress, not {shown!r}"
        )
    if path is None:
        yield shown or Progress()
        return
    require_path("log", path)
    journal = Journal(os.fspath(path), shown or Progress())
    try:
        yield journal
    except BaseException as error:
        journal.close(error)
        raise
    journal.close(None)
