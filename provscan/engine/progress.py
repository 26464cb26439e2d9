"""How a long job reports its progress, whoever displays it."""

from __future__ import annotations


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
