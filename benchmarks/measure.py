"""Measures benchmarks: in turns, with medians, and memory in a separate process."""

from __future__ import annotations

import gc
import importlib.metadata
import multiprocessing
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

_PACKAGES = ("numpy", "numba", "pyarrow", "datasketch", "rensa", "pylance")
_SAMPLING_SECONDS = 0.01

console = Console(width=150, highlight=False)


@dataclass
class Way:
    """One way to do a job.

    Attributes
    ----------
    name
        What the table calls it.
    amount
        How much one turn gets done: tweets, records, bytes.
    run
        One turn.
    seconds
        What the turns took.
    """

    name: str
    amount: float
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """Amount a second."""
        return self.amount / self.median


def take_turns(
    ways: Sequence[Way], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> None:
    """Run all ways one after the other, ``repeats`` times: a machine that slows down
    slows all of them.

    ``clock`` may be :func:`time.process_time` where other work shares the machine and
    ways use one thread each. A turn before those, which isn't counted, compiles and
    warms up. What is there by then is left out of garbage collection: or each way would
    pay for the objects that the others have made ready.
    """
    gc.collect()
    gc.freeze()
    for turn in range(repeats + 1):
        for way in ways:
            begin = clock()
            way.run()
            if turn:
                way.seconds.append(clock() - begin)


class Usage(NamedTuple):
    """What a call took in a process of its own.

    Attributes
    ----------
    seconds
        Wall clock, without the process's start.
    peak
        Most memory that the process had, mapped files included; bytes.
    own
        The same without mapped files: what can't be given back to the system under
        pressure. Where the system doesn't tell (anywhere but Linux) it is ``peak``.
    processor
        Processor time of all threads, in seconds: comparable on a shared machine, too.
    """

    seconds: float
    peak: int
    own: int
    processor: float


def apart(function: Callable[..., object], *arguments: object) -> Usage:
    """Call a function of a module in a fresh process, which then holds Python, compiled
    kernels and the call only.
    """
    with ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        return pool.submit(_watched, function, arguments).result()


def _watched(function: Callable[..., object], arguments: tuple[object, ...]) -> Usage:
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while True:
            most = max(most, own_memory())
            if done.wait(_SAMPLING_SECONDS):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    begin, busy = time.perf_counter(), time.process_time()
    function(*arguments)
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    done.set()
    watcher.join()
    # Not getrusage: what it says of a process includes the one that started it, from
    # before exec.
    peak = _status("VmHWM") or _rusage_peak()
    return Usage(seconds, peak, most or peak, busy)


def own_memory() -> int:
    """Memory of this process without mapped files, in bytes; 0 where the system doesn't
    tell.
    """
    return _status("RssAnon")


def _status(name: str) -> int:
    """A figure of Linux's about this process in bytes; 0 elsewhere."""
    try:
        lines = (
            Path("/proc/self/status")
            .read_text(encoding="ascii", errors="replace")
            .splitlines()
        )
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), 0
    )


def _rusage_peak() -> int:
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def cores() -> int:
    """Processors that this process may use."""
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


def machine() -> str:
    """Processor, cores and versions, in two lines."""
    model = platform.processor() or platform.machine()
    flags = ""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                model = value.strip()
            elif name.strip() == "flags":
                flags = " with AVX-512" if "avx512f" in value.split() else ""
    except OSError:
        pass
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{model}{flags}, {cores()} cores, {sys.platform}\n{', '.join(versions)}"


def table(title: str, first: str, *headings: str) -> Table:
    """An empty table: one column of words, the others of numbers."""
    made = Table(
        first, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for heading in headings:
        made.add_column(heading, justify="right")
    return made
