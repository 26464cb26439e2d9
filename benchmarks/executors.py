"""What do processes and a Ray cluster cost on one machine, compared with threads?

    pip install 'provscan[ray]'
    python benchmarks/executors.py [--tweets 100000] [--gigabytes 1] [--workers 2]
        [--executors threads,processes,ray] [--repeats 1] [--folder FOLDER]

The executors take turns to scan one synthetic dataset with planted tweets, in JSON
lines of about 16 MB each that are repeated under other names. The table shows the
seconds of the whole command, which include the start and end of the processes or of the
Ray cluster; the processor seconds of all its processes; and those of a command that
scans a single file. The last line says whether all executors wrote the same bytes.
Needs Linux. Takes about two minutes per gigabyte.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large import prepared, repeated
from measure import add_folder_option, command_line, console, machine, table

import provscan

SECONDS_BETWEEN_READINGS = 0.2
EXECUTORS = ("threads", "processes", "ray")


def command(
    dataset: Path, index: Path, out: Path, executor: str, workers: int
) -> tuple[float, float]:
    """Return the seconds of a command, and the processor seconds of all its
    processes.
    """
    words = [
        "match",
        dataset,
        "-i",
        index,
        "-o",
        out,
        "-q",
        "--overwrite",
        f"--executor={executor}",
    ]
    begin = time.perf_counter()
    started = subprocess.Popen(
        [sys.executable, "-m", "provscan", *map(str, words), f"--workers={workers}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    used: dict[int, int] = {started.pid: 0}
    while started.poll() is None:
        update_ticks(used)
        time.sleep(SECONDS_BETWEEN_READINGS)
    seconds = time.perf_counter() - begin
    if started.returncode:
        raise SystemExit(
            f"provscan match --executor={executor} ended with status "
            f"{started.returncode}"
        )
    return seconds, sum(used.values()) / os.sysconf("SC_CLK_TCK")


def update_ticks(used: dict[int, int]) -> None:
    """Update the clock ticks of the known processes, and add the processes that they
    have started.
    """
    for path in sorted(
        Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)
    ):
        with contextlib.suppress(OSError):
            # The process name in parentheses may contain any characters.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            process, parent = int(path.parent.name), int(fields[1])
            if process in used or parent in used:
                used[process] = int(fields[11]) + int(fields[12])


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(100_000, "number of licensed tweets"),
        gigabytes=(1.0, "gigabytes of the dataset"),
        megabytes=(16.0, "megabytes of text of one file"),
        workers=(2, "workers of a scan"),
        repeats=(1, "turns of each executor"),
    )
    parser.add_argument(
        "--executors", default=",".join(EXECUTORS), help="executors to compare"
    )
    add_folder_option(parser)
    arguments = parser.parse_args()
    executors = arguments.executors.split(",")
    console.print(machine())
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-executors-"
    ) as name:
        folder = Path(name)
        index, units, _ = prepared(
            folder, arguments.tweets, arguments.megabytes, ("jsonl", "jsonl")
        )
        dataset = folder / "dataset"
        dataset.mkdir()
        total = count = 0
        while total < arguments.gigabytes * 1e9:
            total += repeated(units, dataset, count)
            count += 1
        small = folder / "small"
        small.mkdir()
        shutil.copy(min(dataset.iterdir()), small)
        found: dict[str, list[tuple[float, float, float]]] = {
            executor: [] for executor in executors
        }
        results = set()
        # The first command compiles the kernels; the others measure the cost of
        # scanning a single file.
        command(small, index, folder / "small.run", executors[0], arguments.workers)
        single = {
            name: command(small, index, folder / "small.run", name, arguments.workers)[
                1
            ]
            for name in executors
        }
        for _ in range(arguments.repeats):
            for executor in executors:
                out = folder / f"{executor}.run"
                seconds, cores = command(
                    dataset, index, out, executor, arguments.workers
                )
                found[executor].append(
                    (seconds, cores, provscan.open_run(out).info["seconds"]["scan"])
                )
                results.add(
                    (out / "matches.parquet").read_bytes()
                    + (out / "summary.json").read_bytes()
                )
                console.print(
                    f"{executor}: {seconds:.1f} s, {cores:.1f} core s, load "
                    f"{os.getloadavg()[0]:.1f}"
                )
    printed = table(
        f"\nOne dataset of {total / 1e9:.2f} GB, {arguments.workers} workers",
        "executor",
        "seconds",
        f"ratio to {executors[0]}",
        "core seconds",
        f"ratio to {executors[0]}",
        "scan, seconds",
        "core seconds of a single file",
    )
    medians = {
        executor: [
            statistics.median(column) for column in zip(*found[executor], strict=True)
        ]
        for executor in executors
    }
    first = medians[executors[0]]
    for executor, (seconds, cores, scan) in medians.items():
        printed.add_row(
            executor,
            f"{seconds:.1f}",
            f"{seconds / first[0]:.2f}",
            f"{cores:.1f}",
            f"{cores / first[1]:.2f}",
            f"{scan:.1f}",
            f"{single[executor]:.1f}",
        )
    console.print(printed)
    console.print(
        "The results are "
        f"{'identical' if len(results) == 1 else 'NOT identical'}, byte for byte."
    )


if __name__ == "__main__":
    main()
