"""What would a claim of 26 billion tweets and 45 TB of text take?

    python benchmarks/scale.py [--texts 300000,1000000,3000000] [--shards 1,4] [--records 300000] [--megabytes 60]
                               [--repeats 2] [--claimed-tweets 26e9] [--distinct 0.85] [--claimed-terabytes 45]
                               [--cores 64] [--gigabytes 256] [--disk-terabytes 4] [--price 0.05]

Measures what an index of made-up tweets costs to build and to keep, and what a gigabyte costs to scan against it, in
seconds of one core, for several sizes and numbers of shards, in one run. The model of each cost is

    cost = a * texts ** p * shards ** (q + r * log(texts))

and each measurement is predicted by the model of all others: measured over predicted says how far the model may be
trusted. Then the plan for the full size, which SCALE.md explains. ``--price`` is that of one core hour.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import planted
import synthetic
from measure import apart, console, machine, table

import provscan

Floats = npt.NDArray[np.float64]

# The limit of a segment is 16.8 million.
TEXTS_A_SEGMENT = 16e6
# Of the memory of a machine: for the mapped index, the rest for the workers and the system.
MAPPED_SHARE = 0.5


class Cost(NamedTuple):
    """What was measured with one index.

    Attributes
    ----------
    texts, shards
        Distinct texts, and shards of the index.
    build
        Seconds of one core for the whole build.
    bytes
        Of the index.
    fixed
        Seconds of one core of a run over one record: what every run costs, whatever its data.
    long, short
        Seconds of one core beyond that to scan a gigabyte of long text, and of records of a tweet's length.
    memory
        Bytes of a matching process without the mapped index.
    """

    texts: float
    shards: int
    build: float
    bytes: float
    fixed: float
    long: float
    short: float
    memory: float


LABELS = {
    "build": "build, core seconds",
    "bytes": "bytes on disk",
    "long": "scan of 1 GB of long text, core seconds",
    "short": "scan of 1 GB of short records, core seconds",
}


def scanned(source: Path, index: Path, out: Path) -> float:
    """Core seconds of a whole run."""
    begin = time.process_time()
    match(source, index, out)
    return time.process_time() - begin


def match(source: Path, index: Path, out: Path) -> None:
    provscan.match(source, index, out, overwrite=True, spike_ins=0)


def measured(tweets: Path, shards: int, sources: dict[str, Path], folder: Path, repeats: int = 1) -> Cost:
    path, out = folder / "licensed.index", folder / "out.run"
    begin = time.process_time()
    index = provscan.build_index(tweets, path, shards=shards, overwrite=True)
    build = time.process_time() - begin
    seconds = {kind: min(scanned(source, path, out) for _ in range(repeats)) for kind, source in sources.items()}
    if min(seconds["long"], seconds["short"]) < 2 * seconds["single"]:
        raise SystemExit("what every run costs hides what the data costs: give more --megabytes and --records")
    long, short = (
        (seconds[kind] - seconds["single"]) / (sources[kind].stat().st_size / 1e9) for kind in ("long", "short")
    )
    memory = apart(match, sources["single"], path, out).own
    return Cost(len(index), shards, build, index.info()["bytes"], seconds["single"], long, short, memory)


def model(costs: list[Cost], name: str) -> Floats:
    """Logarithm of a, and p, q, r; by least squares of logarithms, so that each measurement counts alike."""
    return np.linalg.lstsq(_terms(costs), np.log([getattr(cost, name) for cost in costs]))[0]


def _terms(costs: list[Cost]) -> Floats:
    texts, shards = (np.log([getattr(cost, name) for cost in costs]) for name in ("texts", "shards"))
    return np.stack([np.ones(len(costs)), texts, shards, texts * shards], axis=1)


def show_model(costs: list[Cost]) -> None:
    shown = table(
        "Costs, and measured / predicted from all others", "texts", "shards", *LABELS.values(), "a run, core seconds",
        "its memory, MB",
    )  # fmt: skip
    for cost in costs:
        others = [other for other in costs if other is not cost]
        cells = []
        for name in LABELS:
            predicted = float(np.exp(_terms([cost])[0] @ model(others, name)))
            cells.append(f"{getattr(cost, name):,.4g}  {getattr(cost, name) / predicted:.2f}")
        shown.add_row(f"{cost.texts:,.0f}", f"{cost.shards}", *cells, f"{cost.fixed:.2f}", f"{cost.memory / 1e6:,.0f}")
    fits = np.array([model(costs, name) for name in LABELS])
    for label, column in zip(("a", "p", "q", "r"), (np.exp(fits[:, 0]), *fits.T[1:]), strict=True):
        shown.add_row(label, "", *(f"{value:.4g}" for value in column), "", "")
    console.print(shown)


def show_plan(costs: list[Cost], arguments: argparse.Namespace) -> None:
    texts = arguments.claimed_tweets * arguments.distinct
    unit = costs[0]._replace(texts=TEXTS_A_SEGMENT, shards=1)
    build, size, scan = (float(np.exp(_terms([unit])[0] @ model(costs, name))) for name in ("build", "bytes", "long"))
    units = math.ceil(texts / TEXTS_A_SEGMENT)
    shown = table(
        "\nPlan", "scan", "machines", "disk, TB", "build, hours", "scan, days", "core hours", "machines for 30 days",
        "money",
    )  # fmt: skip
    for label, share, room in (
        ("exact, index on disk", 1.0, arguments.disk_terabytes * 1e12),
        ("exact, index in memory", 1.0, arguments.gigabytes * 1e9 * MAPPED_SHARE),
        ("1% sample of files, index on disk", 0.01, arguments.disk_terabytes * 1e12),
        ("1% sample of files, index in memory", 0.01, arguments.gigabytes * 1e9 * MAPPED_SHARE),
    ):
        machines = math.ceil(units * size / room)
        cores = machines * arguments.cores
        building, scanning = units * build / 3600, arguments.claimed_terabytes * 1e3 * share * units * scan / 3600
        shown.add_row(
            label, f"{machines:,}", f"{units * size / 1e12:,.1f}", f"{building / cores:,.1f}",
            f"{scanning / cores / 24:,.1f}", f"{building + scanning:,.0f}",
            f"{math.ceil(scanning / arguments.cores / 720):,}", f"{(building + scanning) * arguments.price:,.0f}",
        )  # fmt: skip
    console.print(shown)
    console.print(
        f"\nTaken from the claim: {arguments.claimed_tweets:,.0f} tweets, {arguments.distinct:.0%} of them distinct, "
        f"{arguments.claimed_terabytes:,.0f} TB; machines of {arguments.cores} cores, {arguments.gigabytes:,.0f} GB of "
        f"memory and {arguments.disk_terabytes:,.0f} TB of disk; {arguments.price} a core hour. All data is scanned "
        f"against {units:,} indexes of {TEXTS_A_SEGMENT:,.0f} texts each, {scan:,.0f} core seconds a GB and index: "
        f"extrapolated by a factor of {TEXTS_A_SEGMENT / max(cost.texts for cost in costs):.1f} in texts."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="300000,1000000,3000000", help="numbers of tweets to index")
    parser.add_argument("--shards", default="1,4", help="numbers of shards")
    parser.add_argument("--repeats", type=int, default=2, help="scans of each kind, of which the fastest counts")
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--megabytes", type=float, default=60)
    parser.add_argument("--claimed-tweets", type=float, default=26e9)
    parser.add_argument("--distinct", type=float, default=0.85, help="share of them with a text of their own")
    parser.add_argument("--claimed-terabytes", type=float, default=45)
    parser.add_argument("--cores", type=int, default=64, help="of a machine")
    parser.add_argument("--gigabytes", type=float, default=256, help="memory of a machine")
    parser.add_argument("--disk-terabytes", type=float, default=4, help="of a machine")
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    arguments = parser.parse_args()
    sizes = sorted(int(number) for number in arguments.texts.split(","))
    numbers = [int(number) for number in arguments.shards.split(",")]
    if len(sizes) < 3 or len(numbers) < 2:
        parser.error("--texts needs three sizes and --shards two numbers: each is predicted from the others")
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        folder = Path(name)
        data = {"long": planted.long_texts(None, round(arguments.megabytes * 1e6)),
                "short": planted.short_texts(None, arguments.records), "single": ["a record"]}  # fmt: skip
        sources = {
            kind: planted.write_jsonl(folder / f"{kind}.jsonl", planted.numbered(texts)) for kind, texts in data.items()
        }
        costs = []
        for size in [1_000, *sizes]:
            tweets = folder / "tweets.jsonl"
            synthetic.write_jsonl(synthetic.tweets(size), tweets)
            for shards in numbers:
                costs.append(measured(tweets, shards, sources, folder, arguments.repeats))
                console.print(f"{time.process_time():.0f} core s: {costs[-1]}")
        # The first ones compile.
        costs = costs[len(numbers) :]
    console.print(machine())
    show_model(costs)
    show_plan(costs, arguments)


if __name__ == "__main__":
    main()
