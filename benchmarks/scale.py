"""What would a claim of 26 billion tweets and 45 TB of text take?

    python benchmarks/scale.py [--texts 300000,1000000,3000000] [--shards 1,4,16] [--measurements FILE]
                               [--records 300000] [--megabytes 60] [--repeats 2] [--claimed-tweets 26e9]
                               [--distinct 0.85] [--claimed-terabytes 45] [--cores 64] [--gigabytes 256]
                               [--disk-terabytes 4] [--price 0.05]

Measures what an index of made-up tweets costs to build and to keep, and what a gigabyte costs to scan against it, in
seconds of one core, for several sizes and numbers of shards. The model:

    build = texts * (a + b where there are shards + c * shards)
    bytes = d * texts + e * shards
    scan  = f * texts ** p
            + where there are shards: h * entries + shards * (texts / shards) ** r * (t * seed keys + u * band keys)

Each shard is asked for every key, which is not in the processor's cache, the less the larger its table is; what all of
them have is sorted into one small table. Keys and entries are counted, and are powers of the texts. Each measurement is
predicted by the model of all others: measured over predicted says how far the model may be trusted. Then the plan for
the full size, which SCALE.md explains. ``--price`` is that of one core hour. With ``--measurements FILE`` those of
several runs are used together.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import planted
import synthetic
from measure import apart, console, machine, table
from scipy.optimize import least_squares, nnls

import provscan
from provscan import readers
from provscan.index import GroupReader, hold_shards, open_reader
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.text.arrow import buffers

Floats = npt.NDArray[np.float64]
KINDS = ("long", "short")
# What is fitted of a scan of shards: seconds for an entry, and for a key of each kind.
UNITS = ("hit", "seed", "band")

# The limit of a segment is 16.8 million.
TEXTS_A_SEGMENT = 16e6
# Of the memory of a machine: for the mapped index, the rest for the workers and the system.
MAPPED_SHARE = 0.5


class Scan(NamedTuple):
    """What a gigabyte of one kind of data costs to scan.

    Attributes
    ----------
    seconds
        Of one core, beyond what every run costs.
    seeds, bands, hits
        Different keys that each shard is asked for, of passages and of whole records, and entries that all shards have
        of them; 0 where there are no shards.
    sent, received
        Bytes that travel to each group of shards, and from all of them together, if these are held by others.
    """

    seconds: float
    seeds: float = 0.0
    bands: float = 0.0
    hits: float = 0.0
    sent: float = 0.0
    received: float = 0.0


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
        Scans of long texts, and of records of a tweet's length.
    memory
        Bytes of a matching process without the mapped index.
    """

    texts: float
    shards: int
    build: float
    bytes: float
    fixed: float
    long: Scan
    short: Scan
    memory: float


class Counted:
    """A group of all shards that counts what it is asked for, what it finds, and the bytes of both."""

    def __init__(self, index: Path, shards: int) -> None:
        reader = open_reader(index, check="lengths")
        self._held = hold_shards(str(index), range(shards), snapshot=reader.snapshot)
        self.seeds = self.bands = self.hits = self.sent = self.received = 0

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        result = getattr(self._held, method)(*arguments)
        if method == "entries":
            asked = {each.kind: len(each.keys) for each in arguments[0]}
            self.seeds += asked["seeds"]
            self.bands += asked["bands"] + asked["exact"]
            self.hits += sum(len(hits.keys) for hits in result)
        if method != "about":
            self.sent += len(pickle.dumps(arguments, 5))
            self.received += len(pickle.dumps(result, 5))
        return lambda: result


def scan_cost(source: Path, index: Path, shards: int, seconds: float) -> Scan:
    """The costs of a scan whose seconds are known."""
    gigabytes = source.stat().st_size / 1e9
    if shards == 1:
        return Scan(seconds / gigabytes)
    group = Counted(index, shards)
    reader = GroupReader((group,))
    for split in readers.plan([str(source)], readers.Fields(), workers=1):
        for batch in readers.read(split, readers.Fields(), readers.ReadStats()):
            scan_texts(*buffers(batch.column("text")), reader, MatchParams())
    counts = (seconds, group.seeds, group.bands, group.hits, group.sent, group.received)
    return Scan(*(count / gigabytes for count in counts))


def cost_of(values: list[Any]) -> Cost:
    """A cost from its values."""
    *first, long, short, memory = values
    return Cost(*first, Scan(*long), Scan(*short), memory)


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
        scan_cost(sources[kind], path, shards, seconds[kind] - seconds["single"]) for kind in ("long", "short")
    )
    memory = apart(match, sources["single"], path, out).own
    return Cost(len(index), shards, build, index.info()["bytes"], seconds["single"], long, short, memory)


class Model(NamedTuple):
    """What an index costs, by its texts and shards; see the module's docstring.

    Attributes
    ----------
    build
        Seconds a text, more seconds a text where there are shards, and more for each shard, since each batch is parted.
    bytes
        A text, and a shard.
    seeds, bands, hits
        Of each kind of data, the factor and the exponent of counts a gigabyte.
    whole
        Of each kind of data, the factor and the exponent of a scan without shards.
    hit, seed, band, cache
        Seconds for an entry, for asking a shard for a key of each kind, and the exponent by which these grow with a
        shard's texts.
    """

    build: Floats
    bytes: Floats
    seeds: dict[str, Floats]
    bands: dict[str, Floats]
    hits: dict[str, Floats]
    whole: dict[str, Floats]
    hit: float
    seed: float
    band: float
    cache: float

    def scan(self, kind: str, texts: float, shards: int) -> float:
        """Core seconds to scan a gigabyte."""
        whole = power(self.whole[kind], texts)
        if shards == 1:
            return whole
        seeds, bands, hits = (power(counts[kind], texts) for counts in (self.seeds, self.bands, self.hits))
        grown = (texts / shards / 1e6) ** self.cache
        return whole + self.hit * hits + shards * grown * (self.seed * seeds + self.band * bands)

    def costs(self, texts: float, shards: int) -> dict[str, float]:
        """All that is predicted, by its label."""
        return {
            "build, core seconds": float(self.build @ [texts, texts * (shards > 1), texts * shards]),
            "bytes on disk": float(self.bytes @ [texts, shards]),
            **{f"scan of 1 GB of {kind} texts, core seconds": self.scan(kind, texts, shards) for kind in KINDS},
        }


def power(fit: Floats, texts: float) -> float:
    return float(np.exp(fit[0]) * texts ** fit[1])


def model(costs: list[Cost]) -> Model:
    """Fitted so that each measurement counts alike, by its relative error."""
    texts, shards = np.array([cost.texts for cost in costs]), np.array([cost.shards for cost in costs])
    parted = [cost for cost in costs if cost.shards > 1]

    def linear(name: str, *terms: Floats) -> Floats:
        values = np.array([getattr(cost, name) for cost in costs])
        return nnls(np.stack(terms, axis=1) / values[:, None], np.ones(len(values)))[0]

    def powers(chosen: list[Cost], name: str) -> dict[str, Floats]:
        matrix = np.stack([np.ones(len(chosen)), np.log([cost.texts for cost in chosen])], axis=1)
        values = {kind: np.log([getattr(getattr(cost, kind), name) + 1e-9 for cost in chosen]) for kind in KINDS}
        return {kind: np.linalg.lstsq(matrix, value)[0] for kind, value in values.items()}

    whole = [cost for cost in costs if cost.shards == 1]
    fixed = Model(
        linear("build", texts, texts * (shards > 1), texts * shards), linear("bytes", texts, shards),
        powers(parted, "seeds"), powers(parted, "bands"), powers(parted, "hits"), powers(whole, "seconds"),
        0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip

    def of(values: Floats) -> Model:
        unsharded = dict(zip(KINDS, values[:4].reshape(2, 2), strict=True))
        units = dict(zip(UNITS, np.exp(values[4:7]), strict=True))
        return fixed._replace(whole=unsharded, **units, cache=float(values[7]))

    def errors(values: Floats) -> list[float]:
        found = of(values)
        return [
            math.log(found.scan(kind, cost.texts, cost.shards) / getattr(cost, kind).seconds)
            for cost in costs
            for kind in KINDS
        ]

    begin = np.concatenate([*fixed.whole.values(), np.log([3e-7, 6e-8, 1e-8]), [0.3]])
    return of(least_squares(errors, begin, x_scale="jac").x)


def measured_costs(cost: Cost) -> dict[str, float]:
    """What was measured, by the labels of :meth:`Model.costs`."""
    scans = {f"scan of 1 GB of {kind} texts, core seconds": getattr(cost, kind).seconds for kind in KINDS}
    return {"build, core seconds": cost.build, "bytes on disk": cost.bytes, **scans}


def show_model(costs: list[Cost]) -> None:
    shown = table(
        "Costs, and measured / predicted from all others", "texts", "shards", *measured_costs(costs[0]),
        "a run, core seconds", "its memory, MB",
    )  # fmt: skip
    for cost in costs:
        predicted = model([other for other in costs if other is not cost]).costs(cost.texts, cost.shards)
        cells = [f"{value:,.4g}  {value / predicted[label]:.2f}" for label, value in measured_costs(cost).items()]
        shown.add_row(f"{cost.texts:,.0f}", f"{cost.shards}", *cells, f"{cost.fixed:.2f}", f"{cost.memory / 1e6:,.0f}")
    console.print(shown)
    found = model(costs)
    units = table("Unit costs", "of", "value")
    for label, value in (
        ("build, microseconds a text", found.build[0] * 1e6),
        ("  more in shards", found.build[1] * 1e6),
        ("  more for each shard", found.build[2] * 1e6),
        ("bytes a text", found.bytes[0]),
        *((f"exponent of a scan of {kind} texts", found.whole[kind][1]) for kind in KINDS),
        ("nanoseconds an entry found", found.hit * 1e9),
        ("  a key of a passage and shard of 1 million texts", found.seed * 1e9),
        ("  a key of a whole record and such a shard", found.band * 1e9),
        ("exponent by which these two grow with a shard", found.cache),
    ):
        units.add_row(label, f"{value:,.3g}")
    console.print(units)
    counts = table("A gigabyte, where shards are held by others", "texts", "of", "keys, million", "entries, million",
                   "GB to each group", "GB from all of them")  # fmt: skip
    for cost in costs:
        for kind in KINDS if cost.shards > 1 else ():
            scan = getattr(cost, kind)
            counts.add_row(
                f"{cost.texts:,.0f}", kind, f"{(scan.seeds + scan.bands) / 1e6:,.1f}", f"{scan.hits / 1e6:,.1f}",
                f"{scan.sent / 1e9:.2f}", f"{scan.received / 1e9:.2f}",
            )  # fmt: skip
    console.print(counts)


def show_plan(costs: list[Cost], arguments: argparse.Namespace) -> None:
    texts = arguments.claimed_tweets * arguments.distinct
    build, size, scan = list(model(costs).costs(TEXTS_A_SEGMENT, 1).values())[:3]
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
    parser.add_argument("--shards", default="1,4,16", help="numbers of shards")
    parser.add_argument("--measurements", type=Path, help="file that measurements are added to; all in it are used")
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
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        folder = Path(name)
        data = {"long": planted.long_texts(None, round(arguments.megabytes * 1e6)),
                "short": planted.short_texts(None, arguments.records), "single": ["a record"]}  # fmt: skip
        sources = {
            kind: planted.write_jsonl(folder / f"{kind}.jsonl", planted.numbered(texts)) for kind, texts in data.items()
        }
        known = arguments.measurements or folder / "measurements.jsonl"
        tweets = folder / "tweets.jsonl"
        # The first one compiles.
        for number, size in enumerate([1_000, *sizes]):
            synthetic.write_jsonl(synthetic.tweets(size), tweets)
            for shards in numbers:
                cost = measured(tweets, shards, sources, folder, arguments.repeats)
                console.print(f"{time.process_time():.0f} core s: {cost}")
                if number:
                    with known.open("a") as file:
                        file.write(json.dumps(cost) + "\n")
        costs = [cost_of(json.loads(line)) for line in known.read_text().splitlines()]
    if len({cost.texts for cost in costs if cost.shards == 1}) < 3 or len({cost.shards for cost in costs}) < 3:
        raise SystemExit("each cost is predicted from the others: measure three sizes with 1 shard, and with two more")
    show_model(costs)
    show_plan(costs, arguments)


if __name__ == "__main__":
    main()
