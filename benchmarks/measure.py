"""Helpers of all benchmarks that parse options, measure and print.

:func:`command_line` makes the parser of a benchmark. :func:`take_turns` measures
several ways to do a job in turns, :func:`timed` one call, and :func:`apart` the memory
of a call in a process of its own. :func:`machine` and :func:`table` print, and
``figures.py`` records what they print.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import multiprocessing
import os
import platform
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

import provscan

_PACKAGES = ("numpy", "numba", "pyarrow", "datasketch", "rensa", "pylance")
_SAMPLING_SECONDS = 0.01
# The variable that names the file for the printed tables.
FIGURES = "PROVSCAN_FIGURES"


class _Recorder(Console):
    """A console that writes the tables it printed to the file that ``FIGURES`` names,
    as JSON.
    """

    def print(self, *printed: Any, **options: Any) -> None:
        super().print(*printed, **options)
        if FIGURES not in os.environ:
            return
        file = Path(os.environ[FIGURES])
        tables = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        for made in printed:
            if isinstance(made, Table):
                columns = [str(column.header) for column in made.columns]
                cells = [map(str, column.cells) for column in made.columns]
                rows = [list(row) for row in zip(*cells, strict=True)]
                title = str(made.title or "").strip()
                tables.append({"title": title, "columns": columns, "rows": rows})
        file.write_text(json.dumps(tables), encoding="utf-8")


console = _Recorder(width=240, highlight=False)


class _Help(
    argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter
):
    """Shows the docstring as it is, and the default value of every option."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, ""):
            return action.help
        return super()._get_help_string(action)


def command_line(
    docstring: str | None, **numbers: tuple[float, str]
) -> argparse.ArgumentParser:
    """Return a parser whose help begins with a docstring.

    It has an option for each of the ``numbers``, with its default and its help. The
    option takes whole numbers if the default is an int.
    """
    parser = argparse.ArgumentParser(description=docstring, formatter_class=_Help)
    for name, (default, text) in numbers.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(default),
            default=default,
            help=text,
        )
    return parser


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--folder``, the folder for large temporary files."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="folder for temporary files, which are removed at the end",
    )


@dataclass
class Way:
    """One way to do a job.

    Attributes
    ----------
    name
        Name in the table.
    amount
        Number of tweets, records or bytes that one turn processes.
    run
        Function that performs one turn.
    seconds
        Seconds of each turn.
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
        """Return the amount processed per second."""
        return self.amount / self.median


def take_turns(
    ways: Sequence[Way], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> None:
    """Run all methods in turns, ``repeats`` times, so that a machine that slows down
    affects all of them.

    ``clock`` may be :func:`time.process_time` if other work shares the machine and each
    method uses one thread. The first turn compiles and warms up, and is not counted.
    Objects that exist at the start are excluded from garbage collection; otherwise each
    way would pay for the objects that the other ways have prepared.
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
    """The time and memory of a call in a process of its own.

    Attributes
    ----------
    seconds
        Elapsed time, without the start of the process.
    peak
        Maximum memory of the process, including mapped files, in bytes.
    own
        The same without mapped files, whose memory the system can reclaim. On systems
        other than Linux, which do not report this, it is ``peak``.
    processor
        Processor time of all threads, in seconds: comparable on a shared machine, too.
    """

    seconds: float
    peak: int
    own: int
    processor: float


def timed(
    function: Callable[..., Any], *arguments: Any, **options: Any
) -> tuple[Any, float]:
    """Return the result of a call, and its processor seconds in all threads."""
    begin = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - begin


def fresh_match(source: Path, index: Path, out: Path, **options: Any) -> provscan.Run:
    """Return a run in a folder that is removed first: a run that replaces another one
    scans only what has changed since.
    """
    shutil.rmtree(out, ignore_errors=True)
    return provscan.match(source, index, out, **options)


def apart(function: Callable[..., object], *arguments: object) -> Usage:
    """Call a function of a module in a new process, whose memory contains nothing but
    Python, the compiled kernels and the data of the call.
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
    # getrusage would include the memory of the parent process, which the process had
    # before exec.
    peak = _status("VmHWM") or _rusage_peak()
    return Usage(seconds, peak, most or peak, busy)


def own_memory() -> int:
    """Return the memory of this process without mapped files, in bytes; 0 on systems
    other than Linux.
    """
    return _status("RssAnon")


def _status(name: str) -> int:
    """Return a field of ``/proc/self/status`` in bytes; 0 on systems other than
    Linux.
    """
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
    """Return the number of processors that this process may use."""
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


def machine() -> str:
    """Return the processor, the number of cores, and versions, in two lines."""
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
    """Return an empty table with one column of words and further columns of numbers."""
    made = Table(
        first, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for heading in headings:
        made.add_column(heading, justify="right")
    return made
