"""What building and matching share about their inputs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from provscan.errors import ParameterError


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
