"""What would a claim of 26 billion tweets and 45 TB of text take?

    python benchmarks/scale.py [--texts 300000,1000000,3000000] [--records 300000] [--megabytes 60]
                               [--claimed-tweets 26e9] [--distinct 0.85] [--claimed-terabytes 45]
                               [--cores 64] [--gigabytes 256] [--disk-terabytes 4] [--price 0.05]

Measures what a million texts cost to build and to keep, and what a gigabyte costs to scan against indexes of several
sizes, in seconds of one core, in one run, with made-up tweets. All these costs are taken to be linear in the number of
texts: the line through the smaller sizes is compared with what the largest one took, which says how far the model may
be trusted. Then the plan: shards, machines, hours and money for the full size. ``--price`` is that of one core hour.

A shard is an index of its own here, with limits of its own, and not one of ``provscan index --shards``. A scan
reads every text once against every shard, so a gigabyte costs
``shards * base + texts * growth``: few large shards are cheaper than many small ones, and what a machine can hold
decides.
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

# Of a shard: segments hold at most 16.8 million texts, and a look-up visits each.
TEXTS_A_SHARD = 200e6
# Of the memory of a machine: for the mapped index, the rest for the workers and the system.
MAPPED_SHARE = 0.5


class Cost(NamedTuple):
    """What was measured with one index.

    Attributes
    ----------
    texts
        Distinct texts.
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


def measured(tweets: int, sources: dict[str, Path], folder: Path) -> Cost:
    source, path, out = folder / "tweets.jsonl", folder / f"{tweets}.index", folder / "out.run"
    synthetic.write_jsonl(synthetic.tweets(tweets), source)
    begin = time.process_time()
    index = provscan.build_index(source, path)
    build = time.process_time() - begin
    source.unlink()
    seconds = {kind: min(scanned(source, path, out) for _ in range(2)) for kind, source in sources.items()}
    if min(seconds["long"], seconds["short"]) < 2 * seconds["single"]:
        raise SystemExit("what every run costs hides what the data costs: give more --megabytes and --records")
    long, short = (
        (seconds[kind] - seconds["single"]) / (sources[kind].stat().st_size / 1e9) for kind in ("long", "short")
    )
    memory = apart(match, sources["long"], path, out).own
    return Cost(len(index), build, index.info()["bytes"], seconds["single"], long, short, memory)


def line(costs: list[Cost], name: str) -> tuple[float, float]:
    """Intercept and slope by the number of texts; each size counts alike, whatever its magnitude."""
    texts, values = (np.array([getattr(cost, key) for cost in costs]) for key in ("texts", name))
    slope, base = np.polyfit(texts, values, 1, w=1 / values)
    return float(base), float(slope)


def show_model(costs: list[Cost]) -> None:
    shown = table("Costs", "cost", *(f"{cost.texts:,.0f} texts" for cost in costs), "predicted", "measured / predicted")
    for name, label in LABELS.items():
        base, slope = line(costs[:-1], name)
        predicted, value = base + slope * costs[-1].texts, getattr(costs[-1], name)
        cells = (f"{getattr(cost, name):,.3g}" if name != "bytes" else f"{cost.bytes:,.0f}" for cost in costs)
        shown.add_row(label, *cells, f"{predicted:,.3g}", f"{value / predicted:.2f}")
    console.print(shown)


def show_plan(costs: list[Cost], arguments: argparse.Namespace) -> None:
    texts = arguments.claimed_tweets * arguments.distinct
    fits = {name: line(costs, name) for name in LABELS}
    bytes_a_text = fits["bytes"][1]
    disk, memory = arguments.disk_terabytes * 1e12, arguments.gigabytes * 1e9 * MAPPED_SHARE
    shown = table(
        "\nPlan", "scan", "shards", "machines", "disk, TB", "build, hours", "scan, hours", "core hours", "money"
    )
    for label, share, a_shard in (
        ("exact, shards on disk", 1.0, min(TEXTS_A_SHARD, disk / bytes_a_text)),
        ("exact, shards in memory", 1.0, min(TEXTS_A_SHARD, memory / bytes_a_text)),
        ("1% sample of the data, shards on disk", 0.01, min(TEXTS_A_SHARD, disk / bytes_a_text)),
    ):
        shards = math.ceil(texts / a_shard)
        gigabytes = arguments.claimed_terabytes * 1e3 * share
        base, slope = fits["long"]
        build = texts * fits["build"][1] / 3600
        scan = gigabytes * (shards * base + texts * slope) / 3600
        machines = max(1, math.ceil(texts * bytes_a_text / (disk if "disk" in label else memory)))
        cores = machines * arguments.cores
        shown.add_row(
            label, f"{shards:,}", f"{machines:,}", f"{texts * bytes_a_text / 1e12:,.1f}", f"{build / cores:,.1f}",
            f"{scan / cores:,.0f}", f"{build + scan:,.0f}", f"{(build + scan) * arguments.price:,.0f}",
        )  # fmt: skip
    console.print(shown)
    base, slope = fits["long"]
    grown = slope * texts / (math.ceil(texts / TEXTS_A_SHARD) * base + slope * texts)
    console.print(
        f"\n{grown:.0%} of the scan is work that grows with the number of texts, chance meetings of seeds: that breaks "
        "first; disk and build are small beside it. More evidence before texts are compared would cut it.\n"
        f"Taken from the claim: {arguments.claimed_tweets:,.0f} tweets, {arguments.distinct:.0%} of them distinct, "
        f"{arguments.claimed_terabytes:,.0f} TB; machines of {arguments.cores} cores, {arguments.gigabytes:,.0f} GB of "
        f"memory and {arguments.disk_terabytes:,.0f} TB of disk; {arguments.price} a core hour. Extrapolated by a "
        f"factor of {texts / costs[-1].texts:,.0f} in texts, so an order of magnitude, not a quotation."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="300000,1000000,3000000", help="numbers of tweets to index")
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
    if len(sizes) < 3:
        parser.error("--texts needs three sizes: two for a line, the largest to check it")
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        folder = Path(name)
        data = {"long": planted.long_texts(None, round(arguments.megabytes * 1e6)),
                "short": planted.short_texts(None, arguments.records), "single": ["a record"]}  # fmt: skip
        sources = {
            kind: planted.write_jsonl(folder / f"{kind}.jsonl", planted.numbered(texts)) for kind, texts in data.items()
        }
        measured(1_000, sources, folder)  # compiles
        costs = [measured(size, sources, folder) for size in sizes]
    console.print(machine())
    show_model(costs)
    show_plan(costs, arguments)


if __name__ == "__main__":
    main()
