"""The progress of a long job, independent of how it is displayed or logged."""

from __future__ import annotations

from typing import NamedTuple


class Ran(NamedTuple):
    """How a task ran."""

    where: str  # The thread, process or node that ran it.
    seconds: float  # Wall-clock time.
    units: int  # The work done, in the unit of the stage.


class Progress:
    """Receives the progress of a job, and ignores it. Subclasses display it.

    Subclasses must be thread-safe, since jobs call the methods from several threads.
    """

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of the job, such as ``"Scanning"``.

        Parameters
        ----------
        stage
            What the job is doing.
        total
            The units of work in this stage; None if unknown.
        unit
            The unit of work, such as ``"records"``.
        """

    def advance(self, n: int) -> None:
        """Count ``n`` more units of the stage as done."""

    def finish(self) -> None:
        """End the stage."""

    def ended(self, task: str, ran: Ran) -> None:
        """Note that a task is done."""

    def failed(self, task: str, reason: str) -> None:
        """Note that an attempt at a task failed."""
