"""What a long job reports while it runs, whoever displays or logs it."""

from __future__ import annotations

from typing import NamedTuple


class Ran(NamedTuple):
    """Where one task ran, and what it took."""

    where: str  # The thread, process or node that ran it.
    seconds: float  # Wall clock.
    units: int  # Work done, in the unit of the stage.


class Progress:
    """Receives the progress of a job; this class ignores it.

    A subclass displays it. Jobs call it from several threads, so a subclass must be
    thread-safe.
    """

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of the job, such as ``"Scanning"``.

        Parameters
        ----------
        stage
            What the job does now.
        total
            Units of work in this stage, None if unknown.
        unit
            What is counted, such as ``"records"``.
        """

    def advance(self, n: int) -> None:
        """Count `n` more units of the stage as done."""

    def finish(self) -> None:
        """The stage is done."""

    def ended(self, task: str, ran: Ran) -> None:
        """A task is done."""

    def failed(self, task: str, reason: str) -> None:
        """An attempt at a task failed."""
