"""How do the speed of building and matching, memory and recall change when the index
grows?

    python benchmarks/growth.py [--texts 100000,1000000,10000000] [--records 300000]
        [--megabytes 60] [--folder FOLDER]

Indexes of different numbers of synthetic tweets are built, and matched in turns with
the same datasets: records of a tweet's length, and long documents. Both contain planted
tweets, which are in every index. All cores are used.

The first table shows, for each index, the tweets built per second, bytes, and the
seconds to open it and to check its checksums. The second one shows the medians of two
rates: of whole runs without that check, and of the scan alone, between the opening of
the index and the estimate. It also shows recall, and the memory of the matching process
without the mapped index, which is in the page cache. Numbers in brackets are ratios
to the smallest index. Takes about 20 minutes and 11 GB of disk.
"""

from __future__ import annotations

import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import planted
import pyarrow as pa
import pyarrow.compute as pc
import synthetic
from measure import (
    add_folder_option,
    apart,
    command_line,
    console,
    fresh_match,
    machine,
    table,
)
from rich.console import Console

import provscan

DATASETS = ("records", "documents")
# Disk space for each tweet: the index and its source.
BYTES_A_TWEET = 1_150


@dataclass
class Grown:
    """An index of a number of tweets, and the measurements with it."""

    tweets: int
    path: Path
    seed_length: int | None = None
    texts: int = 0
    bytes: int = 0
    build: float = 0.0
    open: float = 0.0
    own: int = 0
    check: list[float] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    scans: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    matches: dict[str, pa.Table] = field(default_factory=dict)

    def make(self) -> None:
        source = self.path.with_suffix(".jsonl")
        synthetic.write_jsonl(synthetic.tweets(self.tweets), source)
        begin = time.perf_counter()
        index = provscan.build_index(source, self.path, seed_length=self.seed_length)
        self.build = time.perf_counter() - begin
        source.unlink()
        self.texts, self.bytes = len(index), index.info()["bytes"]
        opened = []
        for _ in range(5):
            begin = time.perf_counter()
            provscan.open_index(self.path)
            opened.append(time.perf_counter() - begin)
        self.open = statistics.median(opened)

    def match(self, name: str, source: Path) -> None:
        """Match a dataset, and keep the times of the stages that the run recorded."""
        run = fresh_match(source, self.path, self.path.with_suffix(".run"))
        self.check.append(run.info["seconds"]["open"])
        self.seconds[name].append(sum(run.info["seconds"].values()) - self.check[-1])
        self.scans[name].append(run.info["seconds"]["scan"])
        self.matches[name] = run.matches

    def cell(
        self, name: str, amount: float, smallest: Grown, digits: int, *, scan: bool
    ) -> str:
        """Return the amount of a dataset processed per second, and its ratio to that
        with the smallest index.
        """
        own, other = (
            amount / statistics.median((entry.scans if scan else entry.seconds)[name])
            for entry in (self, smallest)
        )
        return f"{own:,.{digits}f} ({own / other:.2f})"


def match(source: Path, index: Path, out: Path) -> None:
    fresh_match(source, index, out)


def texts_of(ids: set[str], tweets: int) -> dict[str, str]:
    """Return the texts of some of the synthetic tweets by their ids."""
    wanted = pa.array(sorted(ids), pa.string())
    found: dict[str, str] = {}
    for batch in synthetic.tweets(tweets):
        part = batch.filter(pc.is_in(batch.column("id"), wanted))
        found.update(
            zip(
                part.column("id").to_pylist(),
                part.column("text").to_pylist(),
                strict=True,
            )
        )
    return found


def require_room(folder: Path, tweets: int) -> None:
    needed, free = tweets * BYTES_A_TWEET, shutil.disk_usage(folder).free
    if free < needed:
        sys.exit(
            f"{folder} has {free / 1e9:.1f} GB of free space, but {needed / 1e9:.1f} "
            "GB are needed. Choose another --folder."
        )


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--texts", default="100000,1000000,10000000", help="numbers of tweets to index"
    )
    parser.add_argument(
        "--records", type=int, default=300_000, help="number of records"
    )
    parser.add_argument(
        "--megabytes", type=float, default=60, help="megabytes of documents"
    )
    parser.add_argument(
        "--planted",
        type=int,
        default=5_000,
        help="tweets planted in the records, and others in the documents",
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each index")
    parser.add_argument(
        "--seed-length",
        type=int,
        help="letters of the seeds; by default chosen by the size of the index",
    )
    add_folder_option(parser)
    arguments = parser.parse_args()
    # SIGTERM ends the command like Ctrl-C, so that the temporary folder is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sizes = sorted(int(number) for number in arguments.texts.split(","))
    require_room(arguments.folder, sum(sizes))

    guests = planted.plantable(
        list(planted.synthetic_tweets(sizes[0])), 2 * arguments.planted
    )
    half = len(guests) // 2
    short = planted.short_texts(None, max(0, arguments.records - half))
    planting = {
        "records": planted.in_records(guests[:half], short),
        "documents": planted.in_documents(
            guests[half:], planted.long_texts(None, round(arguments.megabytes * 1e6))
        ),
    }
    count = len(planting["records"][0])
    megabytes = sum(len(text.encode()) for text in planting["documents"][0]) / 1e6
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-growth-"
    ) as name:
        folder = Path(name)
        sources = {
            kind: planted.write_jsonl(
                folder / f"{kind}.jsonl", planted.numbered(planting[kind][0])
            )
            for kind in DATASETS
        }
        # The first build and the first run compile the kernels.
        warm = Grown(1_000, folder / "warm.index")
        warm.make()
        warm.match("records", sources["records"])
        indexes = [
            Grown(
                size,
                folder / f"{size}.index",
                arguments.seed_length,
            )
            for size in sizes
        ]
        for entry in indexes:
            progress.print(f"building an index of {entry.tweets:,} tweets")
            entry.make()
        for turn in range(arguments.repeats):
            for entry in indexes:
                progress.print(
                    f"turn {turn + 1}: matching against {entry.tweets:,} tweets"
                )
                for kind, source in sources.items():
                    entry.match(kind, source)
        for entry in indexes:
            entry.own = max(
                apart(match, source, entry.path, folder / "apart.run").own
                for source in sources.values()
            )

    progress.print("scoring")
    ids = {
        id
        for entry in indexes
        for found in entry.matches.values()
        for id in found.column("tweet_id").to_pylist()
    }
    texts = texts_of(ids, sizes[-1])
    console.print(machine())
    console.print(
        f"{count:,} records; {len(planting['documents'][0]):,} documents of "
        f"{megabytes:,.0f} MB; {half:,} tweets planted in each; medians of "
        f"{arguments.repeats}; in brackets, ratios to the smallest index\n"
    )
    first = indexes[0]
    made = table(
        "Index",
        "distinct texts",
        "tweets/s built",
        "bytes a text",
        "GB",
        "opened in ms",
        "checked in s",
    )
    used = table(
        "\nMatching",
        "distinct texts",
        "records/s",
        "scan alone",
        "MB/s",
        "scan alone",
        "own memory, MB",
        "records found",
        "passages found",
    )
    for entry in indexes:
        build = entry.tweets / entry.build
        made.add_row(
            f"{entry.texts:,}",
            f"{build:,.0f} ({build * first.build / first.tweets:.2f})",
            f"{entry.bytes / entry.texts:,.0f}",
            f"{entry.bytes / 1e9:.2f}",
            f"{entry.open * 1e3:.1f}",
            f"{statistics.median(entry.check):.2f}",
        )
        cells = [
            entry.cell(kind, amount, first, digits, scan=scan)
            for kind, amount, digits in (
                ("records", count, 0),
                ("documents", megabytes, 1),
            )
            for scan in (False, True)
        ]
        found = [
            f"{planted.score(entry.matches[kind], planting[kind][1], texts).recall():.4f}"  # noqa: E501
            for kind in DATASETS
        ]
        used.add_row(f"{entry.texts:,}", *cells, f"{entry.own / 1e6:,.0f}", *found)
    console.print(made)
    console.print(used)


if __name__ == "__main__":
    main()
