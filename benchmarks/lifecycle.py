"""What does it cost to maintain an index for years: to append, forget, purge and merge?

    python benchmarks/lifecycle.py [--tweets 1300000] [--appends 50] [--forget 0.1]
        [--only forget] [--folder FOLDER]

Synthetic tweets are indexed in one call. A second index gets some of them later, by
many small appends. Records and documents with planted tweets are matched in turns with
both indexes, and with the second index after a merge. Then a share of its tweets is
forgotten and purged.

The first table shows the costs of each step, with the processor time in all threads as
a share of that of building. The second one shows the processor time and recall of
matching with each index. Takes about five minutes and 5 GB of disk.
"""

from __future__ import annotations

import argparse
import itertools
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import planted
import pyarrow as pa
import synthetic
from growth import texts_of
from measure import (
    Way,
    add_folder_option,
    command_line,
    console,
    machine,
    table,
    take_turns,
)

import provscan


@dataclass
class Costs:
    """The name, elapsed seconds and processor seconds of each step."""

    rows: list[tuple[str, float, float]] = field(default_factory=list)

    def take(self, name: str, function: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        value = function()
        self.rows.append((name, time.perf_counter() - wall, time.process_time() - cpu))
        return value


def portions(tweets: int, sizes: list[int], folder: Path) -> list[Path]:
    """Write the synthetic tweets to consecutive files of these sizes."""
    whole = pa.Table.from_batches(list(synthetic.tweets(tweets)))
    paths = []
    for number, size in enumerate(sizes):
        low = sum(sizes[:number])
        paths.append(folder / f"{number:03}.jsonl")
        synthetic.write_jsonl(iter(whole.slice(low, size).to_batches()), paths[-1])
    return paths


def ids_of(tweets: int, share: float) -> Iterator[str]:
    """Yield the ids of a share of the tweets, evenly spread over all of them."""
    step = round(1 / share)
    for batch in synthetic.tweets(tweets):
        yield from batch.column("id")[::step].to_pylist()


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--tweets", type=int, default=1_300_000, help="number of tweets"
    )
    parser.add_argument(
        "--appends",
        type=int,
        default=50,
        help="appends of 0.1%% of the tweets each, after one append of 1%%",
    )
    parser.add_argument(
        "--forget", type=float, default=0.1, help="share of the tweets to forget"
    )
    parser.add_argument(
        "--only", choices=["forget"], help="build, forget and purge, nothing else"
    )
    parser.add_argument("--records", type=int, default=60_000, help="number of records")
    parser.add_argument(
        "--megabytes", type=float, default=15, help="megabytes of documents"
    )
    parser.add_argument(
        "--planted",
        type=int,
        default=2_000,
        help="tweets planted in the records, and others in the documents",
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each index")
    add_folder_option(parser)
    arguments = parser.parse_args()
    # SIGTERM ends the command like Ctrl-C, so that the temporary folder is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    costs = Costs()
    headings = [
        name
        for kind in ("records", "documents")
        for name in (f"{kind}, CPU s", "times fresh", "found")
    ]
    scans = table("\nMatching", "index (segments)", "joined, CPU s", *headings)
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-lifecycle-"
    ) as name:
        folder = Path(name)
        provscan.build_index(
            [{"id": str(n), "text": f"tweet {n} to compile with"} for n in range(99)],
            folder / "warm",
        )
        small = max(1, arguments.tweets // 1000)
        sizes = [max(1, arguments.tweets // 100), *[small] * arguments.appends]
        files = portions(
            arguments.tweets, [arguments.tweets - sum(sizes), *sizes], folder
        )
        fresh = costs.take(
            "build", lambda: provscan.build_index(files, folder / "fresh")
        )
        path = fresh.path
        size = fresh.info()["bytes"] / 1e9
        if arguments.only is None:
            path = folder / "kept"
            provscan.build_index(files[0], path)
            costs.take(
                f"append {sizes[0]:,} tweets",
                partial(provscan.build_index, files[1], path, append=True),
            )
            for file in files[2:-1]:
                provscan.build_index(file, path, append=True)
            costs.take(
                f"append the last {small:,} tweets",
                partial(provscan.build_index, files[-1], path, append=True),
            )
            indexes = {"fresh": fresh, "after the appends": provscan.open_index(path)}
            costs.take("merge", lambda: provscan.merge(path))
            indexes["merged"] = provscan.open_index(path)
            compare(indexes, arguments, scans)
        ids = folder / "ids.txt"
        ids.write_text("\n".join(ids_of(arguments.tweets, arguments.forget)))
        count = sum(1 for _ in ids.open())
        costs.take(f"forget {count:,} ids", lambda: provscan.forget(path, ids))
        costs.take("purge them", lambda: provscan.forget(path, purge=True))
    console.print(machine())
    console.print(f"{arguments.tweets:,} tweets, {size:.2f} GB\n")
    steps = table("Steps", "step", "seconds", "CPU seconds", "share of building")
    for step, wall, cpu in costs.rows:
        steps.add_row(
            step, f"{wall:.1f}", f"{cpu:.1f}", f"{cpu / costs.rows[0][2]:.3f}"
        )
    console.print(steps)
    if arguments.only is None:
        console.print(scans)


def compare(
    indexes: dict[str, provscan.Index], arguments: argparse.Namespace, rows: Any
) -> None:
    """Match the same texts with each index, in turns."""
    # The planted tweets are spread over all tweets, since the last ones are appended.
    step = max(1, arguments.tweets // (8 * arguments.planted))
    tweets = itertools.islice(planted.synthetic_tweets(arguments.tweets), 0, None, step)
    guests = random.Random(1).sample(
        planted.plantable(list(tweets), 4 * arguments.planted), 2 * arguments.planted
    )
    half = len(guests) // 2
    made = [
        planted.in_records(guests[:half], planted.short_texts(None, arguments.records)),
        planted.in_documents(
            guests[half:], planted.long_texts(None, round(arguments.megabytes * 1e6))
        ),
    ]
    joined: dict[str, float] = {}
    for name, index in indexes.items():
        begin = time.process_time()
        _ = index.reader.tables
        joined[name] = time.process_time() - begin
    found: dict[tuple[str, int], pa.Table] = {}

    def match(name: str, kind: int, texts: pa.Array) -> None:
        found[name, kind] = indexes[name].match(texts)

    ways = [
        Way(
            name,
            len(texts),
            partial(match, name, kind, pa.array(texts, pa.large_string())),
        )
        for kind, (texts, _) in enumerate(made)
        for name in indexes
    ]
    take_turns(ways, arguments.repeats, time.process_time)
    seconds = [
        [way.median for way in ways[kind * len(indexes) :][: len(indexes)]]
        for kind in (0, 1)
    ]
    texts = texts_of(
        {id for each in found.values() for id in each["tweet_id"].to_pylist()},
        arguments.tweets,
    )
    for place, (name, index) in enumerate(indexes.items()):
        cells = [f"{joined[name]:.2f}"]
        for kind, (_, marks) in enumerate(made):
            recall = planted.score(found[name, kind], marks, texts).recall()
            taken = seconds[kind][place]
            cells += [
                f"{taken:.2f}",
                f"{taken / seconds[kind][0]:.2f}",
                f"{recall:.4f}",
            ]
        rows.add_row(f"{name} ({len(index.info()['segments'])})", *cells)


if __name__ == "__main__":
    main()
