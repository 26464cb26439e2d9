"""What does it cost to build an index, and to scan a gigabyte with it?

    python benchmarks/scale.py FILE [--texts 300000,1000000,3000000]
        [--shards 1,4,16] [--records 300000] [--megabytes 60] [--repeats 2]

For several numbers of synthetic tweets and of shards, the command
measures the processor seconds of building an index and of scanning a gigabyte, and the
bytes of the index. It also counts the keys that shards are asked for, and the entries
that they return. Each measurement is printed, and added as a line of JSON to the file.
``scale_model.py`` fits a model to all lines. The default sizes take about an hour and
3 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import planted
import synthetic
from measure import apart, command_line, console, machine, timed

import provscan
from provscan import readers
from provscan.index import GroupReader, open_reader, open_shards
from provscan.index.shards.groups import OpenShards
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.text_buffers import buffers


class Scan(NamedTuple):
    """The costs of scanning a gigabyte of one kind of data.

    Attributes
    ----------
    seconds
        Processor seconds beyond the fixed costs of a run.
    seeds, bands, hits
        Different keys of passages and of whole records that each shard is asked for,
        and entries of all shards for these keys; 0 without shards.
    sent, received
        Bytes sent to each group of shards, and received from all groups together, if
        other processes have the shards.
    """

    seconds: float
    seeds: float = 0.0
    bands: float = 0.0
    hits: float = 0.0
    sent: float = 0.0
    received: float = 0.0


class Cost(NamedTuple):
    """The measurements with one index.

    Attributes
    ----------
    texts, shards
        Distinct texts and shards of the index.
    build
        Processor seconds of the build.
    bytes
        Bytes of the index.
    fixed
        Fixed costs of a run: the processor seconds of a run over one record.
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
    """A group of shards that counts the requested keys, the returned entries, and the
    bytes of both.
    """

    def __init__(self, shards: OpenShards) -> None:
        self._shards = shards
        self.seeds = self.bands = self.hits = self.sent = self.received = 0

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        result = getattr(self._shards, method)(*arguments)
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
    """Scan a file of JSON lines, and discard the matches."""
    for split in readers.plan([str(source)], readers.Fields(), workers=1):
        for batch in readers.read(split, readers.Fields(), readers.ReadStats()):
            scan_texts(*buffers(batch.column("text")), reader, MatchParams())


def scan_cost(source: Path, index: Path, shards: int, seconds: float) -> Scan:
    """Return the costs of a scan that took a known number of seconds."""
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


def match(source: Path, index: Path, out: Path) -> None:
    provscan.match(source, index, out, overwrite=True, spike_ins=0)


def measured(
    tweets: Path, shards: int, sources: dict[str, Path], folder: Path, repeats: int = 1
) -> Cost:
    """Measure the costs of an index, and of scanning the sources with it."""
    path, out = folder / "licensed.index", folder / "out.run"
    index, build = timed(
        provscan.build_index, tweets, path, shards=shards, overwrite=True
    )
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
        scan_cost(sources[kind], path, shards, seconds[kind] - seconds["single"])
        for kind in ("long", "short")
    )
    memory, info = apart(match, sources["single"], path, out).own, index.info()
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


def measure_all(arguments: argparse.Namespace, folder: Path, known: Path) -> None:
    """Append the requested measurements to the file of known ones."""
    sizes = sorted(int(number) for number in arguments.texts.split(","))
    numbers = [int(number) for number in arguments.shards.split(",")]
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
        for shards in numbers:
            cost = measured(tweets, shards, sources, folder, arguments.repeats)
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
    add("--shards", default="1,4,16", help="numbers of shards")
    arguments = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="provscan-scale-") as name:
        measure_all(arguments, Path(name), arguments.measurements)


if __name__ == "__main__":
    main()
