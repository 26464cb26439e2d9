"""What would it cost to check a claim of 26 billion tweets and 45 TB of text?

    python benchmarks/scale.py [--texts 300000,1000000,3000000] [--shards 0,1,4,16]
        [--measurements FILE] [--records 300000] [--megabytes 60] [--repeats 2]
        [--claimed-tweets 26e9] [--distinct 0.85] [--claimed-terabytes 45]
        [--cores 64] [--gigabytes 256] [--disk-terabytes 4] [--price 0.05]
        [--tables] [--write SCALE.md]

The command measures the cost of building and storing an index of made-up tweets, and of
scanning a gigabyte against it, in seconds of one core, for several sizes and numbers of
shards; 0 shards means a blind index. The model is::

    build = texts * (a + b if there are shards + c * shards)
            + g * shards * min(texts / shards, 16,384)
    bytes = d * texts + e * shards
    scan  = f * seed keys
            + if there are shards:
              h * entries + shards * (t * seed keys + u * band keys)

Up to 16,384 texts of each shard train the dictionary that compresses its texts. The
time of a scan grows with the number of scanned keys that the index has. Each shard is
asked for every key; the entries of all shards are sorted into one small table. Keys and
entries are counted. The number of keys is a power of the number of texts; the number of
entries of a shard is a function of its own texts, since a limited number is taken of a
frequent key from each. The time of a scan with a blind index is a power of its texts.
Each measurement is predicted by a model of all others: the ratio of both says how far
the model may be trusted. The plan for the full size, which SCALE.md explains, follows.

``--price`` is the price of one core hour. ``--measurements FILE`` combines the
measurements of several runs; with ``--tables`` nothing more is measured. Tables are
printed in Markdown; ``--write`` replaces those in SCALE.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import planted
import synthetic
from measure import apart, console, machine
from scipy.optimize import nnls

import provscan
from provscan import blind, readers
from provscan.index import GroupReader, open_reader, open_shards
from provscan.index.segment.packed import SAMPLE
from provscan.index.shards.groups import OpenShards
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.text_buffers import buffers

Floats = npt.NDArray[np.float64]
Row = tuple[str, ...]
KINDS = ("long", "short")

# The limit of a segment is 16.8 million.
TEXTS_A_SEGMENT = 16e6
# Of the memory of a machine: for the mapped index, the rest for the workers and the
# system.
MAPPED_SHARE = 0.5
# Of the files, in the plan.
SHARE = 0.01
# Within which costs should be predicted.
BAR = 0.2


class Scan(NamedTuple):
    """What a gigabyte of one kind of data costs to scan.

    Attributes
    ----------
    seconds
        Of one core, beyond what every run costs.
    seeds, bands, hits
        Different keys that each shard is asked for, of passages and of whole records,
        and entries that all shards have of them; 0 where there are no shards.
    sent, received
        Bytes that travel to each group of shards, and from all of them together, if
        these are held by others.
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
        Distinct texts, and shards of the index; 0 if it is a blind one.
    build
        Seconds of one core for the whole build.
    bytes
        Of the index.
    fixed
        Seconds of one core of a run over one record: what every run costs, whatever its
        data.
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
    """A group of shards that counts what it is asked for, what it finds, and the bytes
    of both.
    """

    def __init__(self, held: OpenShards) -> None:
        self._held = held
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


def scan_with(reader: GroupReader, source: Path) -> None:
    """Scan a file of JSON lines, and do nothing with what is found."""
    for split in readers.plan([str(source)], readers.Fields(), workers=1):
        for batch in readers.read(split, readers.Fields(), readers.ReadStats()):
            scan_texts(*buffers(batch.column("text")), reader, MatchParams())


def scan_cost(source: Path, index: Path, shards: int, seconds: float) -> Scan:
    """The costs of a scan whose seconds are known."""
    gigabytes = source.stat().st_size / 1e9
    if shards <= 1:
        return Scan(seconds / gigabytes)
    group = Counted(
        open_shards(
            str(index),
            range(shards),
            snapshot=open_reader(index, check="lengths").snapshot,
        )
    )
    scan_with(GroupReader((group,)), source)
    counts = (seconds, group.seeds, group.bands, group.hits, group.sent, group.received)
    return Scan(*(count / gigabytes for count in counts))


def cost_of(values: list[Any]) -> Cost:
    """A cost from its values."""
    return Cost._make([*values[:-3], Scan(*values[-3]), Scan(*values[-2]), values[-1]])


def timed(
    function: Callable[..., Any], *arguments: Any, **options: Any
) -> tuple[Any, float]:
    """Return the result of a call and its core seconds."""
    begin = time.process_time()
    return function(*arguments, **options), time.process_time() - begin


def match(source: Path, index: Path, out: Path, key: Path | None) -> None:
    if key is None:
        provscan.match(source, index, out, overwrite=True, spike_ins=0)
    else:
        blind.match(source, index, out, overwrite=True, key=key)


def measured(
    tweets: Path, shards: int, sources: dict[str, Path], folder: Path, repeats: int = 1
) -> Cost:
    path, out, key = (
        folder / "licensed.index",
        folder / "out.run",
        None if shards else folder / "key",
    )
    make = (
        partial(provscan.build_index, shards=shards)
        if key is None
        else partial(blind.build_index, key=key)
    )
    index, build = timed(make, tweets, path, overwrite=True)
    seconds = {
        kind: min(timed(match, source, path, out, key)[1] for _ in range(repeats))
        for kind, source in sources.items()
    }
    if min(seconds["long"], seconds["short"]) < 2 * seconds["single"]:
        raise SystemExit(
            f"what every run costs hides what the data costs, {seconds}: give more "
            "--megabytes and --records"
        )
    long, short = (
        scan_cost(sources[kind], path, shards, seconds[kind] - seconds["single"])
        for kind in ("long", "short")
    )
    memory, info = apart(match, sources["single"], path, out, key).own, index.info()
    return Cost(
        info["texts"],
        shards,
        build,
        info["bytes"],
        seconds["single"],
        long,
        short,
        memory,
    )


class Model(NamedTuple):
    """What an index costs, by its texts and shards; see the module's docstring.

    Attributes
    ----------
    build
        Seconds a text, more seconds a text where there are shards, more for each shard,
        since each batch is parted, and for each text that a dictionary is trained with.
    bytes
        A text, and a shard.
    seeds, bands, hits
        Of each kind of data a polynomial in logarithms: keys a gigabyte by the texts,
        entries of a shard by its texts.
    scan
        Seconds for a key that the index has of long texts, and of records, for an
        entry, and for asking a shard for a key of a passage, and of a whole record.
    blind
        Of blind indexes seconds to build a text, and bytes, and of each kind of data
        the polynomial of a scan's seconds; None if none was measured.
    """

    build: Floats
    bytes: Floats
    seeds: dict[str, Floats]
    bands: dict[str, Floats]
    hits: dict[str, Floats]
    scan: Floats
    blind: tuple[float, float, dict[str, Floats]] | None

    def units(self, kind: str, texts: float, shards: int) -> list[float]:
        """How many units of each kind of work a scan of a gigabyte is."""
        seeds = power(self.seeds[kind], texts)
        whole = [seeds * (kind == other) for other in KINDS]
        if shards == 1:
            return [*whole, 0.0, 0.0, 0.0]
        hits = shards * power(self.hits[kind], texts / shards)
        return [*whole, hits, shards * seeds, shards * power(self.bands[kind], texts)]

    def costs(self, texts: float, shards: int) -> dict[str, float]:
        """Return all predictions by name."""
        if shards == 0:
            assert self.blind is not None
            build, size, scans = self.blind
            return {
                "build": build * texts,
                "bytes": size * texts,
                **{kind: power(scans[kind], texts) for kind in KINDS},
            }
        return {
            "build": float(self.build @ build_units(texts, shards)),
            "bytes": float(self.bytes @ [texts, shards]),
            **{
                kind: float(self.scan @ self.units(kind, texts, shards))
                for kind in KINDS
            },
        }


def build_units(texts: float, shards: int) -> list[float]:
    return [
        texts,
        texts * (shards > 1),
        texts * shards,
        shards * min(texts / shards, SAMPLE),
    ]


def power(polynomial: Floats, texts: float) -> float:
    return float(np.exp(np.polyval(polynomial, np.log(texts))))


def relative(units: Sequence[Sequence[float]], values: Sequence[float]) -> Floats:
    """What a unit costs, so that each value counts alike, by its relative error;
    nothing costs less than nothing.
    """
    measured = np.array(values)
    return nnls(np.array(units) / measured[:, None], np.ones(len(measured)))[0]


def model(costs: list[Cost]) -> Model:
    """Fit a model to measurements."""
    of_blind, costs = (
        [cost for cost in costs if cost.shards == 0],
        [cost for cost in costs if cost.shards],
    )
    parted = [cost for cost in costs if cost.shards > 1]

    def fitted(
        chosen: list[Cost], name: str, degree: int, *, a_shard: bool = False
    ) -> dict[str, Floats]:
        parts = [cost.shards if a_shard else 1 for cost in chosen]
        texts = np.log(
            [cost.texts / part for cost, part in zip(chosen, parts, strict=True)]
        )
        return {
            kind: np.polyfit(
                texts,
                np.log(
                    [
                        getattr(getattr(cost, kind), name) / part
                        for cost, part in zip(chosen, parts, strict=True)
                    ]
                ),
                degree,
            )
            for kind in KINDS
        }

    found = Model(
        relative(
            [build_units(cost.texts, cost.shards) for cost in costs],
            [cost.build for cost in costs],
        ),
        relative(
            [(cost.texts, cost.shards) for cost in costs],
            [cost.bytes for cost in costs],
        ),
        fitted(parted, "seeds", 1),
        fitted(parted, "bands", 0),
        fitted(parted, "hits", 2, a_shard=True),
        np.zeros(5),
        (
            float(np.mean([cost.build / cost.texts for cost in of_blind])),
            float(np.mean([cost.bytes / cost.texts for cost in of_blind])),
            fitted(of_blind, "seconds", 1),
        )
        if of_blind
        else None,
    )
    scans = [(cost, kind) for cost in costs for kind in KINDS]
    return found._replace(scan=relative(
        [found.units(kind, cost.texts, cost.shards) for cost, kind in scans],
        [getattr(cost, kind).seconds for cost, kind in scans],
    ))  # fmt: skip


def measured_costs(cost: Cost) -> dict[str, float]:
    """What was measured, by the names of :meth:`Model.costs`."""
    return {
        "build": cost.build,
        "bytes": cost.bytes,
        **{kind: getattr(cost, kind).seconds for kind in KINDS},
    }


def markdown(*rows: Sequence[str]) -> str:
    """A table; the first row is its header."""
    header, *others = rows
    return "\n".join(
        "| " + " | ".join(row) + " |"
        for row in (header, ["---"] * len(header), *others)
    )


def costs_table(costs: list[Cost]) -> str:
    """All costs, each beside what is predicted from all others, and how far they are
    apart.
    """
    rows: list[Row] = [
        (
            "texts",
            "shards",
            "build, core s",
            "ratio",
            "MB on disk",
            "ratio",
            "1 GB of long text, core s",
            "ratio",
            "1 GB of tweet-sized records, core s",
            "ratio",
            "a run, core s",
            "memory of a run, MB",
        )
    ]
    ratios = []
    for cost in sorted(costs):
        predicted = model([other for other in costs if other is not cost]).costs(
            cost.texts, cost.shards
        )
        values = measured_costs(cost)
        found = [value / predicted[label] for label, value in values.items()]
        ratios.append(found)
        shown = (
            f"{values['build']:,.1f}",
            f"{values['bytes'] / 1e6:,.0f}",
            *(f"{values[kind]:,.0f}" for kind in KINDS),
        )
        cells = [
            cell
            for pair in zip(shown, (f"{ratio:.2f}" for ratio in found), strict=True)
            for cell in pair
        ]
        kept = "blind" if cost.shards == 0 else f"{cost.shards}"
        rows.append(
            (
                f"{cost.texts:,.0f}",
                kept,
                *cells,
                f"{cost.fixed:.2f}",
                f"{cost.memory / 1e6:,.0f}",
            )
        )
    build, size, *scans = np.array(ratios).T
    said = ", ".join(
        f"{name}: {np.count_nonzero(np.abs(each - 1) <= BAR)} of {each.size} within "
        f"{BAR:.0%}, all from {each.min():.2f} to {each.max():.2f}"
        for name, each in (
            ("builds", build),
            ("disk", size),
            ("scans", np.concatenate(scans)),
        )
    )
    return f"{markdown(*rows)}\n\nMeasured over predicted: {said}."


def units_table(costs: list[Cost]) -> str:
    found = model(costs)
    rows = [
        ("a: microseconds to build a text", found.build[0] * 1e6),
        ("b: more where there are shards", found.build[1] * 1e6),
        ("c: more for each shard", found.build[2] * 1e6),
        (
            "g: microseconds for a text that a dictionary is trained with",
            found.build[3] * 1e6,
        ),
        ("d: bytes on disk a text", found.bytes[0]),
        ("e: kilobytes a shard", found.bytes[1] / 1e3),
        (
            "f: nanoseconds for a key of long text that the index has",
            found.scan[0] * 1e9,
        ),
        ("f: the same, tweet-sized records", found.scan[1] * 1e9),
        ("h: nanoseconds for an entry", found.scan[2] * 1e9),
        ("t: nanoseconds to ask a shard for a key of a passage", found.scan[3] * 1e9),
        (
            "u: the same for one of a whole record, which a filter answers first",
            found.scan[4] * 1e9,
        ),
    ]
    if found.blind is not None:
        rows += [
            ("blind index: microseconds to build a text", found.blind[0] * 1e6),
            ("blind index: bytes on disk a text", found.blind[1]),
            ("blind index: exponent of a scan, long texts", found.blind[2]["long"][0]),
            ("blind index: the same, tweet-sized records", found.blind[2]["short"][0]),
        ]
    return markdown(
        ("of", "value"), *((label, f"{value:,.3g}") for label, value in rows)
    )


def groups_table(costs: list[Cost]) -> str:
    rows: list[Row] = [
        (
            "texts",
            "shards",
            "data",
            "keys asked, million",
            "entries found, million",
            "GB to each group",
            "GB from all of them",
        )
    ]
    rows += [
        (
            f"{cost.texts:,.0f}",
            f"{cost.shards}",
            data,
            f"{(scan.seeds + scan.bands) / 1e6:,.0f}",
            f"{scan.hits / 1e6:,.0f}",
            f"{scan.sent / 1e9:.2f}",
            f"{scan.received / 1e9:.1f}",
        )
        for cost in sorted(costs)
        if cost.shards > 1
        for data, scan in (("long text", cost.long), ("records", cost.short))
    ]
    return markdown(*rows)


def plan(costs: list[Cost], arguments: argparse.Namespace) -> str:
    texts, found = arguments.claimed_tweets * arguments.distinct, model(costs)
    units = math.ceil(texts / TEXTS_A_SEGMENT)
    rows = [
        (
            "scan",
            "machines that hold the index",
            "disk, TB",
            "build, hours",
            "scan, days",
            "core hours",
            "machines for a scan in 30 days",
            "money",
        )
    ]
    disk, memory = (
        arguments.disk_terabytes * 1e12,
        arguments.gigabytes * 1e9 * MAPPED_SHARE,
    )
    said = [
        f"Taken from the claim: {arguments.claimed_tweets:,.0f} tweets, "
        f"{arguments.distinct:.0%} of them with a text of their own, and "
        f"{arguments.claimed_terabytes:,.0f} TB of long text. Machines have "
        f"{arguments.cores} cores, {arguments.gigabytes:,.0f} GB of memory, of which "
        f"{MAPPED_SHARE:.0%} hold the index, and {arguments.disk_terabytes:,.0f} TB of "
        f"disk; a core hour costs {arguments.price}. All data is scanned against "
        f"{units:,} indexes of {TEXTS_A_SEGMENT:,.0f} texts each."
    ]
    if not found.blind:
        said.append("No blind index was measured.")
    for name, shards in (
        (("exact", 1), ("blind", 0)) if found.blind else (("exact", 1),)
    ):
        build, size, scan, _ = found.costs(TEXTS_A_SEGMENT, shards).values()
        largest = max(cost.texts for cost in costs if cost.shards == shards)
        said.append(
            f"A GB of long text and an {name} index cost {scan:,.0f} core seconds, at "
            f"{TEXTS_A_SEGMENT / largest:.1f} times the texts that were measured."
        )
        for share in (1.0, SHARE):
            for where, room in (("on disk", disk), ("in memory", memory)):
                machines = math.ceil(units * size / room)
                cores = machines * arguments.cores
                building = units * build / 3600
                scanning = (
                    arguments.claimed_terabytes * 1e3 * share * units * scan / 3600
                )
                rows.append(
                    (
                        f"{name}{f', {SHARE:.0%} sample of files' if share < 1 else ''}, index {where}",  # noqa: E501
                        f"{machines:,}",
                        f"{units * size / 1e12:,.1f}",
                        f"{building / cores:,.2f}",
                        f"{scanning / cores / 24:,.2f}",
                        f"{building + scanning:,.0f}",
                        f"{math.ceil(scanning / arguments.cores / 720):,}",
                        f"{(building + scanning) * arguments.price:,.0f}",
                    )
                )
    return f"{' '.join(said)}\n\n{markdown(*rows)}"


def write_into(text: str, sections: dict[str, str]) -> str:
    """A text with some sections in place of those that stand between their marks."""
    for name, section in sections.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if not end:
            raise SystemExit(
                f"there is no place for the table of {name}: write <!-- {name} --> and "
                "<!-- end --> there"
            )
        text = f"{before}{mark}\n{section}\n\n{end}{after}"
    return text


def measure_all(arguments: argparse.Namespace, folder: Path, known: Path) -> None:
    """Add the measurements that were asked for to those known."""
    sizes = sorted(int(number) for number in arguments.texts.split(","))
    numbers = [int(number) for number in arguments.shards.split(",")]
    (folder / "key").write_bytes(os.urandom(32))
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
    # The first one compiles.
    for number, size in enumerate([1_000, *sizes]):
        synthetic.write_jsonl(synthetic.tweets(size), tweets)
        for shards in numbers:
            cost = measured(tweets, shards, sources, folder, arguments.repeats)
            console.print(f"{time.process_time():.0f} core s: {cost}")
            if number:
                with known.open("a") as file:
                    file.write(json.dumps(cost) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--texts", default="300000,1000000,3000000", help="numbers of tweets to index"
    )
    parser.add_argument(
        "--shards", default="0,1,4,16", help="numbers of shards; 0: blind"
    )
    parser.add_argument(
        "--measurements",
        type=Path,
        help="file that measurements are added to; all in it are used",
    )
    parser.add_argument(
        "--tables",
        action="store_true",
        help="measure nothing: print the tables of --measurements",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="put the tables between the marks in a file, too",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=2,
        help="scans of each kind, of which the fastest counts",
    )
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--megabytes", type=float, default=60)
    parser.add_argument("--claimed-tweets", type=float, default=26e9)
    parser.add_argument(
        "--distinct",
        type=float,
        default=0.85,
        help="share of them with a text of their own",
    )
    parser.add_argument("--claimed-terabytes", type=float, default=45)
    parser.add_argument("--cores", type=int, default=64, help="of a machine")
    parser.add_argument(
        "--gigabytes", type=float, default=256, help="memory of a machine"
    )
    parser.add_argument("--disk-terabytes", type=float, default=4, help="of a machine")
    parser.add_argument(
        "--price", type=float, default=0.05, help="of a core for an hour"
    )
    arguments = parser.parse_args()
    console.print(machine())
    if arguments.tables and not arguments.measurements:
        parser.error("--tables are those of --measurements: name the file")
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        known = arguments.measurements or Path(name) / "measurements.jsonl"
        if not arguments.tables:
            measure_all(arguments, Path(name), known)
        costs = [cost_of(json.loads(line)) for line in known.read_text().splitlines()]
    sizes = {
        shards: len({cost.texts for cost in costs if cost.shards == shards})
        for _, shards, *_ in costs
    }
    if sizes.get(1, 0) < 3 or sizes.get(0, 3) < 3 or len(sizes.keys() - {0}) < 3:
        raise SystemExit(
            "each cost is predicted from the others: measure three sizes with 1 shard, "
            "with two more, and, if at all, of blind indexes"
        )
    sections = {
        "costs": costs_table(costs),
        "units": units_table(costs),
        "groups": groups_table(costs),
        "plan": plan(costs, arguments),
    }
    for section in sections.values():
        print(f"\n{section}")
    if arguments.write:
        arguments.write.write_text(write_into(arguments.write.read_text(), sections))


if __name__ == "__main__":
    main()
