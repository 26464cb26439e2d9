"""How a long job reports its progress, whoever displays it."""

from __future__ import annotations

from typing import NamedTuple


class Ran(NamedTuple):
    """What one task took.

    Attributes
    ----------
    where
        The worker or node that ran it.
    seconds
        Wall clock.
    units
        How much it did, in the unit of the stage.
    memory
        Bytes of the worker's process at the end, without mapped files.
    """

    where: str
    seconds: float
    units: int
    memory: int


class Progress:
    """Receives the progress of a job; this one displays nothing.

    A subclass shows it. Jobs call it from several threads, so a subclass must be thread-safe.
    """

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage of the job.

        Parameters
        ----------
        stage
            What is being done, for a person to read: ``"Scanning"``.
        total
            Size of the whole stage in ``unit``, or ``None`` if it isn't known.
        unit
            What is counted: ``"records"``, ``"tweets"``, ``"bytes"``.
        """

    def advance(self, n: int) -> None:
        """More of the stage is done.

        Parameters
        ----------
        n
            How many units.
        """

    def finish(self) -> None:
        """The stage is done."""

    def began(self, task: str, where: str) -> None:
        """A worker has begun a task.

        Parameters
        ----------
        task
            What the task is called.
        where
            The worker or node that runs it.
        """

    def ended(self, task: str, ran: Ran) -> None:
        """A task is done.

        Parameters
        ----------
        task
            What the task is called.
        ran
            What it took.
        """

    def failed(self, task: str, reason: str) -> None:
        """An attempt at a task failed.

        Parameters
        ----------
        task
            What the task is called.
        reason
            Why.
        """
