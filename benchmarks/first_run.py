"""How long does the first command after an installation take?

    python benchmarks/first_run.py [--repeats 3] [--only index]

Kernels are compiled when they are first used, and cached. The commands of the README's
first example run with an empty cache (``NUMBA_CACHE_DIR``), and again with the filled
cache. The table shows the median elapsed seconds, and the processor seconds of all
processes of a command, which depend less on other work on the machine. Needs no data
but ``corpora/tiny``. Takes about a minute.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import command_line, console, machine, table

TINY = Path(__file__).parents[1] / "corpora" / "tiny"
COMMANDS = {
    "provscan --help": ["--help"],
    "provscan index corpora/tiny/corpus": [
        "index",
        str(TINY / "corpus"),
        "-o",
        "tiny.index",
        "--overwrite",
    ],
    "provscan match corpora/tiny/dataset.jsonl": [
        *(
            "match",
            str(TINY / "dataset.jsonl"),
            "-i",
            "tiny.index",
            "-o",
            "tiny.run",
            "--overwrite",
        ),
    ],
}


def processor_time() -> float:
    """Return the processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Run a command in a folder that also contains the kernel cache, and return its
    elapsed seconds and processor seconds.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begin, used = time.perf_counter(), processor_time()
    subprocess.run(
        [sys.executable, "-m", "provscan", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begin, processor_time() - used


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each command")
    parser.add_argument(
        "--only",
        choices=[words[0] for words in COMMANDS.values()],
        help="name of the only command to run",
    )
    arguments = parser.parse_args()
    chosen = {
        name: words
        for name, words in COMMANDS.items()
        if arguments.only in (None, words[0])
    }

    taken: dict[str, tuple[list[tuple[float, float]], ...]] = {
        name: ([], []) for name in chosen
    }
    for _ in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as folder:
            for time_of in (0, 1):
                # A run that replaced another one would reuse its scan.
                shutil.rmtree(Path(folder, "tiny.run"), ignore_errors=True)
                for name, words in chosen.items():
                    taken[name][time_of].append(seconds(words, Path(folder)))

    console.print(machine())
    console.print(f"medians of {arguments.repeats}\n")
    result = table(
        "Seconds of a command",
        "command",
        "first time",
        "processor",
        "second time",
        "processor again",
    )
    for name, times in taken.items():
        medians = (
            statistics.median(column)
            for both in times
            for column in zip(*both, strict=True)
        )
        result.add_row(name, *(f"{median:.2f}" for median in medians))
    console.print(result)


if __name__ == "__main__":
    main()
