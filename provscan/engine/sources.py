"""What building and matching share about their inputs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from provscan.errors import InputError, ParameterError
from provscan.readers import Tally


def source_list(sources: object) -> list[str] | None:
    """Paths as a list of strings; None if ``sources`` is data in memory. Strings are taken for paths."""
    if isinstance(sources, str | os.PathLike):
        return [os.fspath(sources)]
    if isinstance(sources, Sequence) and sources and isinstance(sources[0], str | os.PathLike):
        return [os.fspath(source) for source in sources]
    return None


def default_workers(workers: int | None) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1:
        raise ParameterError(f"workers must be at least 1, not {workers}")
    return workers


def require_undamaged(tally: Tally) -> None:
    """A corpus that ends early is no basis for an index.

    Raises
    ------
    InputError
        Names the file and how far it could be read.
    """
    if tally.damaged:
        damage = tally.damaged[0]
        raise InputError(
            f"{damage.source} is damaged after {damage.records:,} records ({damage.reason}): get a whole copy, "
            "or leave it out. No index was written"
        )
