"""What does it cost to build an index, and to scan a gigabyte with it, and what would
it cost to check a claim of 26 billion tweets and 45 TB of text?

    python benchmarks/scale.py FILE [--texts 300000,1000000,3000000]
        [--records 300000] [--megabytes 60] [--repeats 2]
    python benchmarks/scale.py FILE --texts none [--write SCALE.md]
        [--claimed-tweets 26e9] [--distinct 0.85] [--claimed-terabytes 45] [--cores 64]
        [--gigabytes 256] [--price 0.05]

For several numbers of synthetic tweets, the command measures the processor seconds of
building an index and of scanning a gigabyte, and the bytes of the index. Each
measurement is printed, and added as a line of JSON to the file. The default sizes take
about half an hour and 3 GB of disk.

If the file has at least three sizes, the command then fits this model to all lines::

    build = a * texts
    bytes = d * texts
    scan  = f * texts ** g

Two tables are printed in Markdown: the measurements, each with its ratio to the
prediction of a model of all others; and the plan for the claimed size. ``SCALE.md``
explains them, and ``--write`` replaces them there.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import planted
import synthetic
from measure import apart, command_line, console, fresh_match, machine, timed

import provscan

Floats = npt.NDArray[np.float64]
SCANS = ("long", "short")
# Share of a machine's memory for the mapped index; workers and system use the rest.
MAPPED_SHARE = 0.5
# Shares of the tweets and of the files in the samples of the plan.
SAMPLES = ((1.0, 1.0), (1.0, 0.01), (0.01, 0.05), (0.01, 0.01))
# Maximum relative error of a good prediction.
GOOD = 0.15


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
    fresh_match(source, index, out, spike_ins=0)


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


class Model(NamedTuple):
    """The costs of an index by its number of texts; see the module's docstring.

    Attributes
    ----------
    linear
        Build seconds and bytes per text.
    scans
        For each kind of data, a line in logarithms.
    """

    linear: dict[str, float]
    scans: dict[str, Floats]

    def costs(self, texts: float) -> dict[str, float]:
        """Return the predicted costs by name."""
        return {name: unit * texts for name, unit in self.linear.items()} | {
            kind: float(np.exp(np.polyval(line, np.log(texts))))
            for kind, line in self.scans.items()
        }


def model(costs: list[Cost]) -> Model:
    """Fit a model to measurements, so that relative errors are small."""
    texts = np.log([cost.texts for cost in costs])
    values = {name: np.log([getattr(cost, name) for cost in costs]) for name in NAMES}
    return Model(
        {name: float(np.exp(np.mean(values[name] - texts))) for name in LINEAR},
        {kind: np.polyfit(texts, values[kind], 1) for kind in SCANS},
    )


LINEAR = ("build", "bytes")
NAMES = (*LINEAR, *SCANS)


def markdown(*rows: Sequence[str]) -> str:
    """Return a table in Markdown, whose first row is the header."""
    header, *others = rows
    return "\n".join(
        "| " + " | ".join(row) + " |"
        for row in (header, ["---"] * len(header), *others)
    )


def costs_table(costs: list[Cost]) -> str:
    """Return a table of all measurements, each with its ratio to the prediction from
    all others, and a summary of the ratios.
    """
    header = ["texts"]
    for name in (
        "build, core s",
        "MB on disk",
        "1 GB of long text, core s",
        "1 GB of tweet-sized records, core s",
    ):
        header += [name, "ratio"]
    rows = [[*header, "a run, fixed core s", "memory of a run, MB"]]
    ratios = []
    for cost in sorted(costs):
        others = model([other for other in costs if other is not cost])
        predicted = others.costs(cost.texts)
        found = [getattr(cost, name) / predicted[name] for name in NAMES]
        ratios.append(found)
        shown = (
            f"{cost.build:,.1f}",
            f"{cost.bytes / 1e6:,.0f}",
            f"{cost.long:,.0f}",
            f"{cost.short:,.0f}",
        )
        row = [f"{cost.texts:,.0f}"]
        for cell, ratio in zip(shown, found, strict=True):
            row += [cell, f"{ratio:.2f}"]
        rows.append([*row, f"{cost.fixed:.2f}", f"{cost.memory / 1e6:,.0f}"])
    build, size, *scans = np.array(ratios).T
    summary = ", ".join(
        f"{np.count_nonzero(np.abs(each - 1) <= GOOD)} of {each.size} for {name} "
        f"({each.min():.2f} to {each.max():.2f})"
        for name, each in (
            ("builds", build),
            ("disk space", size),
            ("scans", np.concatenate(scans)),
        )
    )
    return f"{markdown(*rows)}\n\nRatios within {GOOD:.0%}: {summary}."


def plan(costs: list[Cost], arguments: argparse.Namespace) -> str:
    """Return the plan for the claim: as few indexes as fit in the memory of a machine,
    and every file is scanned with each of them; and the plans for samples.
    """
    found = model(costs)
    distinct = arguments.claimed_tweets * arguments.distinct
    memory = arguments.gigabytes * 1e9 * MAPPED_SHARE
    indexes = math.ceil(distinct * found.linear["bytes"] / memory)
    texts = distinct / indexes
    build, size, scan, _ = found.costs(texts).values()
    largest = max(cost.texts for cost in costs)
    text = (
        f"Claim: {arguments.claimed_tweets:,.0f} tweets, {arguments.distinct:.0%} of "
        f"them with distinct texts, and {arguments.claimed_terabytes:,.0f} TB of long "
        f"text. Machines have {arguments.cores} cores and {arguments.gigabytes:,.0f} "
        f"GB of memory, {MAPPED_SHARE:.0%} of which is for the index; a core hour "
        f"costs {arguments.price}. There are {indexes:,} indexes of {texts:,.0f} texts "
        f"and {size / 1e9:,.0f} GB each. Scanning a GB of long text with one takes "
        f"{scan:,.0f} core seconds, extrapolated to {texts / largest:.1f} times the "
        "largest number of texts measured."
    )
    rows = [["tweets", "files", "machines", "build", "scan", "scan, days", "price"]]
    for of_tweets, of_files in SAMPLES:
        indexes = math.ceil(distinct * of_tweets * found.linear["bytes"] / memory)
        build, _, scan, _ = found.costs(distinct * of_tweets / indexes).values()
        building = indexes * build / 3600
        scanning = arguments.claimed_terabytes * 1e3 * of_files * indexes * scan / 3600
        rows.append(
            [
                f"{of_tweets:.0%}",
                f"{of_files:.0%}",
                f"{indexes:,}",
                f"{building:,.1f}",
                f"{scanning:,.0f}",
                f"{scanning / arguments.cores / indexes / 24:,.2f}",
                f"{(building + scanning) * arguments.price:,.0f}",
            ]
        )
    return f"{text}\n\n{markdown(*rows)}"


def write_into(text: str, sections: dict[str, str]) -> str:
    """Return a text in which the sections between marks are replaced."""
    for name, section in sections.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if not end:
            raise SystemExit(
                f"The file has no marks for the table {name}. Add the lines "
                f"<!-- {name} --> and <!-- end -->."
            )
        text = f"{before}{mark}\n{section}\n\n{end}{after}"
    return text


def main() -> None:
    parser = command_line(
        __doc__,
        repeats=(2, "repeated scans; the fastest counts"),
        records=(300_000, "records of a tweet's length"),
        megabytes=(60.0, "megabytes of long texts"),
        claimed_tweets=(26e9, "claimed tweets"),
        distinct=(0.85, "share with distinct texts"),
        claimed_terabytes=(45.0, "claimed terabytes of text"),
        cores=(64, "cores of a machine"),
        gigabytes=(256.0, "memory of a machine"),
        price=(0.05, "price of a core for an hour"),
    )
    add = parser.add_argument
    add("measurements", type=Path, metavar="FILE", help="file to add to")
    add(
        "--texts",
        default="300000,1000000,3000000",
        help="numbers of indexed tweets, or none",
    )
    add("--write", type=Path, metavar="FILE", help="replace the tables in this file")
    arguments = parser.parse_args()
    if arguments.texts != "none":
        console.print(machine())
        with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
            measure_all(arguments, Path(name), arguments.measurements)
    lines = arguments.measurements.read_text().splitlines()
    costs = [Cost._make(json.loads(line)) for line in lines]
    if len({cost.texts for cost in costs}) < 3:
        if arguments.texts != "none":
            return
        raise SystemExit(
            "Each measurement is predicted from the others. Measure at least three "
            "sizes."
        )
    sections = {"costs": costs_table(costs), "plan": plan(costs, arguments)}
    for section in sections.values():
        print(f"\n{section}")
    if arguments.write:
        arguments.write.write_text(write_into(arguments.write.read_text(), sections))


if __name__ == "__main__":
    main()
