"""What does it cost to build an index, and to scan a gigabyte with it?

    python benchmarks/scale.py FILE [--texts 300000,1000000,3000000]
        [--records 300000] [--megabytes 60] [--repeats 2]

For several numbers of synthetic tweets, the command measures the processor seconds of
building an index and of scanning a gigabyte, and the bytes of the index. Each
measurement is printed, and added as a line of JSON to the file. ``scale_model.py`` fits
a model to all lines. The default sizes take about half an hour and 3 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import planted
import synthetic
from measure import apart, command_line, console, machine, timed

import provscan


class Cost(NamedTuple):
    """The measurements with one index.

    Attributes
    ----------
    texts
        Distinct texts of the index.
    build
        Processor seconds of the build.
    bytes
        Bytes of the index.
    fixed
        Fixed costs of a run: the processor seconds of a run over one record.
    long, short
        Processor seconds for a gigabyte of long texts, and of records of a tweet's
        length, beyond the fixed costs of a run.
    memory
        Bytes of a matching process without the mapped index.
    """

    texts: float
    build: float
    bytes: float
    fixed: float
    long: float
    short: float
    memory: float


def match(source: Path, index: Path, out: Path) -> None:
    provscan.match(source, index, out, overwrite=True, spike_ins=0)


def measured(
    tweets: Path, sources: dict[str, Path], folder: Path, repeats: int = 1
) -> Cost:
    """Measure the costs of an index, and of scanning the sources with it."""
    path, out = folder / "licensed.index", folder / "out.run"
    index, build = timed(provscan.build_index, tweets, path, overwrite=True)
    seconds = {
        kind: min(timed(match, source, path, out)[1] for _ in range(repeats))
        for kind, source in sources.items()
    }
    if min(seconds["long"], seconds["short"]) < 2 * seconds["single"]:
        raise SystemExit(
            f"The scans are too short, compared with the fixed costs of a run: "
            f"{seconds}. Increase --megabytes and --records."
        )
    long, short = (
        (seconds[kind] - seconds["single"]) / (sources[kind].stat().st_size / 1e9)
        for kind in ("long", "short")
    )
    memory, info = apart(match, sources["single"], path, out).own, index.info()
    return Cost(
        info["texts"],
        build,
        info["bytes"],
        seconds["single"],
        long,
        short,
        memory,
    )


def measure_all(arguments: argparse.Namespace, folder: Path, known: Path) -> None:
    """Append the requested measurements to the file of known ones."""
    sizes = sorted(int(number) for number in arguments.texts.split(","))
    data = {
        "long": planted.long_texts(None, round(arguments.megabytes * 1e6)),
        "short": planted.short_texts(None, arguments.records),
        "single": ["a record"],
    }
    sources = {
        kind: planted.write_jsonl(folder / f"{kind}.jsonl", planted.numbered(texts))
        for kind, texts in data.items()
    }
    tweets = folder / "tweets.jsonl"
    # The first index compiles the kernels, and is not measured.
    for number, size in enumerate([1_000, *sizes]):
        synthetic.write_jsonl(synthetic.tweets(size), tweets)
        cost = measured(tweets, sources, folder, arguments.repeats)
        console.print(f"{time.process_time():.0f} core s: {cost}")
        if number:
            with known.open("a") as file:
                file.write(json.dumps(cost) + "\n")


def main() -> None:
    parser = command_line(
        __doc__,
        repeats=(2, "repeated scans; the fastest counts"),
        records=(300_000, "records of a tweet's length"),
        megabytes=(60.0, "megabytes of long texts"),
    )
    add = parser.add_argument
    add("measurements", type=Path, metavar="FILE", help="file to add to")
    add("--texts", default="300000,1000000,3000000", help="numbers of indexed tweets")
    arguments = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        measure_all(arguments, Path(name), arguments.measurements)


if __name__ == "__main__":
    main()
