"""What would a claim of 26 billion tweets and 45 TB of text take?

    python benchmarks/scale.py [--texts 300000,1000000,3000000] [--shards 1,4] [--records 300000] [--megabytes 60]
                               [--repeats 2] [--claimed-tweets 26e9] [--distinct 0.85] [--claimed-terabytes 45]
                               [--cores 64] [--gigabytes 256] [--disk-terabytes 4] [--price 0.05]

Measures what an index of made-up tweets costs to build and to keep, and what a gigabyte costs to scan against it, in
seconds of one core, for several sizes and numbers of shards, in one run. The model of each cost is

    cost = base + per text * texts + per shard * (shards - 1)

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
import planted
import synthetic
from measure import apart, console, machine, table

import provscan
from provscan.index import MOST_SHARDS

# The limit of a shard is 16.8 million.
TEXTS_A_SHARD = 16e6
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
    "fixed": "a run over one record, core seconds",
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
        console.print("What every run costs hides what the data costs: give more --megabytes and --records.")
    long, short = (
        (seconds[kind] - seconds["single"]) / (sources[kind].stat().st_size / 1e9) for kind in ("long", "short")
    )
    memory = apart(match, sources["single"], path, out).own
    return Cost(len(index), shards, build, index.info()["bytes"], seconds["single"], long, short, memory)


def model(costs: list[Cost], name: str) -> tuple[float, float, float]:
    """Base, slope by texts and slope by shards; each measurement counts alike, whatever its magnitude."""
    values = np.array([getattr(cost, name) for cost in costs])
    terms = np.array([(1.0, cost.texts, cost.shards - 1.0) for cost in costs])
    base, by_text, by_shard = np.linalg.lstsq(terms / values[:, None], np.ones(len(costs)))[0]
    return float(base), float(by_text), float(by_shard)


def predicted(fit: tuple[float, float, float], texts: float, shards: float) -> float:
    return fit[0] + fit[1] * texts + fit[2] * (shards - 1)


def show_model(costs: list[Cost]) -> None:
    shown = table("Costs, and measured / predicted from all others", "texts", "shards", *LABELS.values(), "memory, MB")
    for cost in costs:
        others = [other for other in costs if other is not cost]
        cells = []
        for name in LABELS:
            ratio = getattr(cost, name) / predicted(model(others, name), cost.texts, cost.shards)
            cells.append(f"{getattr(cost, name):,.4g}  {ratio:.2f}")
        shown.add_row(f"{cost.texts:,.0f}", f"{cost.shards}", *cells, f"{cost.memory / 1e6:,.0f}")
    fits = {name: model(costs, name) for name in LABELS}
    for place, label in enumerate(("base", "a million texts", "a shard more")):
        shown.add_row(label, "", *(f"{fits[name][place] * (1e6 if place == 1 else 1):,.4g}" for name in LABELS), "")
    console.print(shown)


def show_plan(costs: list[Cost], arguments: argparse.Namespace) -> None:
    texts = arguments.claimed_tweets * arguments.distinct
    fits = {name: model(costs, name) for name in LABELS}
    bytes_a_text, scan = fits["bytes"][1], fits["long"]
    disk, memory = arguments.disk_terabytes * 1e12, arguments.gigabytes * 1e9 * MAPPED_SHARE
    shown = table(
        "\nPlan", "scan", "machines", "indexes", "disk, TB", "build, hours", "scan, hours", "core hours", "money"
    )
    build = texts * fits["build"][1] / 3600
    for label, share, room in (
        ("exact, index on disk", 1.0, disk),
        ("exact, index in memory", 1.0, memory),
        ("1% sample of files, index on disk", 0.01, disk),
        ("1% sample of files, index in memory", 0.01, memory),
    ):
        machines = math.ceil(max(texts * bytes_a_text / room, texts / TEXTS_A_SHARD / MOST_SHARDS))
        # Each machine holds one index, in as many shards as it needs, and sees all data.
        shards = math.ceil(texts / machines / TEXTS_A_SHARD)
        gigabytes = arguments.claimed_terabytes * 1e3 * share
        hours = gigabytes * machines * predicted(scan, texts / machines, shards) / 3600
        cores = machines * arguments.cores
        shown.add_row(
            label, f"{machines:,}", f"{machines:,} x {shards:,} shards", f"{texts * bytes_a_text / 1e12:,.1f}",
            f"{build / cores:,.1f}", f"{hours / cores:,.0f}", f"{build + hours:,.0f}",
            f"{(build + hours) * arguments.price:,.0f}",
        )  # fmt: skip
    console.print(shown)
    machines = math.ceil(max(texts * bytes_a_text / disk, texts / TEXTS_A_SHARD / MOST_SHARDS))
    grown = scan[1] * texts / machines / predicted(scan, texts / machines, texts / machines / TEXTS_A_SHARD)
    console.print(
        f"\n{grown:.0%} of an exact scan on disk is work that grows with the number of texts (chance meetings of "
        "seeds): that breaks first.\n"
        f"Taken from the claim: {arguments.claimed_tweets:,.0f} tweets, {arguments.distinct:.0%} of them distinct, "
        f"{arguments.claimed_terabytes:,.0f} TB; machines of {arguments.cores} cores, {arguments.gigabytes:,.0f} GB of "
        f"memory and {arguments.disk_terabytes:,.0f} TB of disk; {arguments.price} a core hour. Extrapolated by a "
        f"factor of {texts / machines / max(cost.texts for cost in costs):,.0f} in texts a machine, so an order of "
        "magnitude, not a quotation."
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
