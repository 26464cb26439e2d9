"""What a long job tells about its progress, and to whom is not its business."""

from __future__ import annotations


class Progress:
    """Told what a job has done so far; this one keeps it to itself.

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
