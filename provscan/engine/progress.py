"""How a long job reports its progress, and the memory that it takes, whoever displays
it.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    """What one task took."""

    where: str  # The worker or node that ran it.
    seconds: float  # Wall clock.
    units: int  # How much it did, in the unit of the stage.
    memory: int  # Bytes of the worker's process at the end, without mapped files.


class Progress:
    """Receives the progress of a job; this one displays nothing.

    A subclass shows it. Jobs call it from several threads, so a subclass must be
    thread-safe.
    """

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of the job, such as ``"Scanning"``, of so many units (None if
        it isn't known), such as ``"records"``.
        """

    def advance(self, n: int) -> None:
        """So many more units of the stage are done."""

    def finish(self) -> None:
        """The stage is done."""

    def began(self, task: str, where: str) -> None:
        """The worker or node `where` has begun a task."""

    def ended(self, task: str, ran: Ran) -> None:
        """A task is done; `ran` says what it took."""

    def failed(self, task: str, reason: str) -> None:
        """An attempt at a task failed."""


def own_memory() -> int:
    """Bytes of this process without mapped files, which the system can take back; where
    it does not say, the peak.
    """
    try:
        for line in (
            Path("/proc/self/status")
            .read_text(encoding="ascii", errors="replace")
            .splitlines()
        ):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
