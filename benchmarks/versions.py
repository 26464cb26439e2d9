"""Is this version of provscan faster than another one?

    python benchmarks/versions.py --other PYTHON [--corpus FOLDER] [--background FOLDER]
        [--tweets 2000000] [--records 2000000] [--megabytes 1000] [--pairs 3]

PYTHON is the interpreter of a virtual environment in which the other version is
installed. Both versions run ``provscan index`` on tweets, and ``provscan match`` on
records of a tweet's length and on long texts, in alternating pairs on the same data,
after they have compiled their kernels. The table shows median seconds, and the median
ratio of the elapsed time and of the processor time in all processes; above 1, this
version is faster. Takes about ten minutes and 4 GB of disk.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import planted
import synthetic
from first_run import processor_time
from measure import command_line, console, machine, table


class Seconds(NamedTuple):
    """Elapsed seconds of a command, and processor seconds of all its processes."""

    elapsed: float
    processor: float


def run(python: str, arguments: Sequence[str]) -> Seconds:
    """Run a command with the version of an interpreter."""
    begin, before = time.perf_counter(), processor_time()
    # Without -P, the package would be imported from the working directory.
    done = subprocess.run(
        [python, "-P", "-m", "provscan", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise SystemExit(f"{python} -m provscan {' '.join(arguments)}: {done.stderr}")
    return Seconds(time.perf_counter() - begin, processor_time() - before)


def main() -> None:
    parser = command_line(__doc__)
    planted.add_data_options(parser)
    parser.add_argument(
        "--other",
        required=True,
        metavar="PYTHON",
        help="interpreter of the other version",
    )
    parser.add_argument(
        "--tweets", type=int, default=2_000_000, help="number of indexed tweets"
    )
    parser.add_argument(
        "--records", type=int, default=2_000_000, help="number of records"
    )
    parser.add_argument(
        "--megabytes", type=float, default=1_000, help="megabytes of long texts"
    )
    parser.add_argument("--pairs", type=int, default=3, help="runs of each command")
    arguments = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="provscan-versions-") as name:
        folder = Path(name)
        tweets = folder / "tweets.jsonl"
        if arguments.corpus:
            planted.write_jsonl(
                tweets, planted.licensed(arguments.corpus, arguments.tweets)[0]
            )
        else:
            synthetic.write_jsonl(synthetic.tweets(arguments.tweets), tweets)
        size = round(arguments.megabytes * 1e6)
        short = planted.short_texts(arguments.background, arguments.records)
        long = planted.enough(planted.long_texts(arguments.background, size), size)
        sources = {
            kind: str(
                planted.write_jsonl(folder / f"{kind}.jsonl", planted.numbered(texts))
            )
            for kind, texts in (("records", short), ("long", long))
        }
        pythons = {"this": sys.executable, "other": arguments.other}
        jobs = {
            f"index of {arguments.tweets:,} tweets": ["index", str(tweets), "--out"],
            f"match of {len(short):,} records": [
                "match",
                sources["records"],
                "--index",
            ],
            f"match of {size / 1e6:,.0f} MB of long text": [
                "match",
                sources["long"],
                "--index",
            ],
        }
        shown = table(
            "Whole commands",
            "command",
            "this, s",
            "other, s",
            "ratio",
            "this, CPU s",
            "other, CPU s",
            "ratio",
        )
        for version, python in pythons.items():
            where = [python, "-P", "-c", "import provscan; print(provscan.__file__)"]
            console.print(
                f"{version}: "
                f"{subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()}"  # noqa: E501
            )
        few = str(
            planted.write_jsonl(folder / "few.jsonl", planted.numbered(short[:2_000]))
        )
        for version, python in pythons.items():
            run(
                python,
                [
                    "index",
                    few,
                    "--out",
                    str(folder / f"few-{version}.index"),
                ],
            )
            index, out = folder / f"few-{version}.index", folder / f"few-{version}.run"
            run(
                python,
                ["match", few, "--index", str(index), "--out", str(out)],
            )
        for job, command in jobs.items():
            taken: dict[str, list[Seconds]] = {version: [] for version in pythons}
            for _ in range(arguments.pairs):
                for version, python in pythons.items():
                    index, out = folder / f"{version}.index", folder / f"{version}.run"
                    rest = [] if command[0] == "index" else ["--out", str(out)]
                    # A run that replaced another one would reuse its scan.
                    shutil.rmtree(out, ignore_errors=True)
                    taken[version].append(
                        run(
                            python,
                            [*command, str(index), *rest, "--overwrite"],
                        )
                    )
            cells = []
            for clock in range(2):
                this, other = (
                    [each[clock] for each in taken[version]] for version in pythons
                )
                ratio = statistics.median(
                    theirs / ours for ours, theirs in zip(this, other, strict=True)
                )
                cells += [
                    f"{statistics.median(this):.2f}",
                    f"{statistics.median(other):.2f}",
                    f"{ratio:.2f}",
                ]
            shown.add_row(job, *cells)
        console.print(shown)


if __name__ == "__main__":
    main()
