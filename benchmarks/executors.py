"""What do processes and a Ray cluster cost on one machine, compared with threads?

    python benchmarks/executors.py [--corpus FOLDER] [--background FOLDER] [--tweets
    100000] [--gigabytes 1]
                                   [--workers 2] [--repeats 1] [--folder FOLDER]

One dataset with planted tweets, in files of some 16 MB that are repeated under other
names until it is as large as asked for, is scanned by each executor in a process of its
own, in turns; a small scan before compiles. The seconds are those of the whole command,
with its start, and for Ray with the start of a cluster and its end. Core seconds are
those of the command and of all processes that it started, which other work on the
machine changes less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import planted
from measure import console, machine, table

import provscan

SECONDS_BETWEEN_READINGS = 0.2
EXECUTORS = ("threads", "processes", "ray")


def command(
    dataset: Path, index: Path, out: Path, executor: str, workers: int
) -> tuple[float, float]:
    """Return the seconds of a command, and the core seconds of all its processes."""
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
        add_core_seconds(used)
        time.sleep(SECONDS_BETWEEN_READINGS)
    seconds = time.perf_counter() - begin
    if started.returncode:
        raise SystemExit(
            f"provscan match --executor={executor} ended with status "
            f"{started.returncode}"
        )
    return seconds, sum(used.values()) / os.sysconf("SC_CLK_TCK")


def add_core_seconds(used: dict[int, int]) -> None:
    """Add the ticks of the known processes, and of those that they have started
    since.
    """
    for path in sorted(
        Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)
    ):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold anything.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            process, parent = int(path.parent.name), int(fields[1])
            if process in used or parent in used:
                used[process] = int(fields[11]) + int(fields[12])


def write(folder: Path, texts: tuple[list[str], list[str]], size: float) -> Path:
    """Write a dataset of two kinds of files, as large as requested."""
    dataset = folder / "dataset"
    dataset.mkdir()
    units = [
        planted.write_jsonl(folder / f"unit{number}.jsonl", planted.numbered(part))
        for number, part in enumerate(texts)
    ]
    total = count = 0
    while total < size:
        unit = units[count % len(units)]
        shutil.copyfile(unit, dataset / f"{count:05}.jsonl")
        total, count = total + unit.stat().st_size, count + 1
    return dataset


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    planted.add_data_options(parser)
    parser.add_argument("--tweets", type=int, default=100_000, help="licensed tweets")
    parser.add_argument(
        "--gigabytes", type=float, default=1.0, help="size of the dataset"
    )
    parser.add_argument("--megabytes", type=float, default=16, help="size of one file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--executors", default=",".join(EXECUTORS))
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where the files go meanwhile",
    )
    arguments = parser.parse_args()
    executors = arguments.executors.split(",")
    console.print(machine())
    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    size = round(arguments.megabytes * 1e6)
    guests = planted.plantable(tweets, min(50, len(tweets) // 20))
    texts = (
        planted.in_documents(guests, planted.long_texts(arguments.background, size))[0],
        planted.in_records(
            guests, planted.short_texts(arguments.background, size // 100)
        )[0],
    )
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-executors-"
    ) as name:
        folder = Path(name)
        index = folder / "licensed.index"
        provscan.build_index(
            planted.write_jsonl(folder / "licensed.jsonl", tweets), index
        )
        dataset = write(folder, texts, arguments.gigabytes * 1e9)
        small = folder / "small"
        small.mkdir()
        shutil.copy(min(dataset.iterdir()), small)
        found: dict[str, list[tuple[float, float, float]]] = {
            executor: [] for executor in executors
        }
        results = set()
        # The first one compiles; the others say what a command costs that scans a
        # single file.
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
        total = sum(path.stat().st_size for path in dataset.iterdir())
    printed = table(
        f"\nOne dataset of {total / 1e9:.2f} GB, {arguments.workers} workers",
        "executor",
        "seconds",
        f"beside {executors[0]}",
        "core seconds",
        f"beside {executors[0]}",
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
        "Results are "
        f"{'the same, to the byte' if len(results) == 1 else 'NOT the same'}."
    )


if __name__ == "__main__":
    main()
