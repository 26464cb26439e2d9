"""How long does the very first command take?

    python benchmarks/first_run.py [--repeats 3]

Kernels are compiled for the processor at hand when they are first used, and kept.
Printed are the seconds of the commands of the README's first example, with an empty
cache (``NUMBA_CACHE_DIR``) and again with what the first time left in it, each a
process of its own, and the seconds of processor time of all its processes: those hold
on a busy machine, too. Needs nothing but the tiny corpus.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import console, machine, table

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
    """Of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Of one command and of its processors, run in a folder that holds the cache as
    well.
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--only",
        choices=[words[0] for words in COMMANDS.values()],
        help="one command, by its name",
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
                for name, words in chosen.items():
                    taken[name][time_of].append(seconds(words, Path(folder)))

    console.print(machine())
    console.print(f"medians of {arguments.repeats}\n")
    result = table(
        "Seconds of a command",
        "command",
        "first time",
        "processors",
        "second time",
        "processors",
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
