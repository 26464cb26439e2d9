"""How long does it take to look up one text?

    python benchmarks/lookup.py [--tweets 300000] [--corpus FOLDER] [--repeats 300]

*Warm* look-ups are made one after the other in one process, with paragraphs of 500
characters, half of which contain a licensed tweet. *Cold* look-ups run the command
``provscan lookup`` in a new process each time, after the kernels were compiled and the
files were verified. The table shows milliseconds of elapsed time and of processor time;
the latter is reliable on a busy machine, too.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import synthetic
from first_run import processor_time
from measure import command_line, console, machine, table

import provscan
from provscan.lookup import look_up

CHARACTERS = 500


def add_index_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the index in which single texts are looked up."""
    parser.add_argument(
        "--tweets", type=int, default=300_000, help="number of synthetic tweets"
    )
    parser.add_argument("--corpus", type=Path, help="folder of tweets to use instead")


def indexed(arguments: argparse.Namespace, folder: Path) -> provscan.Index:
    """Build the index in which texts are looked up."""
    source = arguments.corpus
    if source is None:
        source = folder / "tweets.jsonl"
        synthetic.write_jsonl(synthetic.tweets(arguments.tweets), source)
    return provscan.build_index(source, folder / "licensed.index")


def paragraphs(index: provscan.Index, count: int) -> list[str]:
    """Return texts of 500 characters; every other one contains a licensed tweet."""
    rng = random.Random(1)
    words = " ".join(synthetic.documents(400_000)).split()
    numbers = np.array(rng.sample(range(index.reader.size), count))
    tweets = index.reader.raw_texts(numbers).array().to_pylist()
    made = []
    for number, tweet in enumerate(tweets):
        tweet = tweet[:CHARACTERS] if number % 2 else ""
        around = " ".join(rng.sample(words, 150))
        half = (CHARACTERS - len(tweet)) // 2
        made.append(f"{around[:half]} {tweet} {around[half:]}"[:CHARACTERS])
    return made


def percentiles(seconds: list[float]) -> list[str]:
    """Return the median, the 99th percentile and the maximum in milliseconds."""
    return [f"{1000 * np.percentile(seconds, share):.1f}" for share in (50, 99, 100)]


def main() -> None:
    parser = command_line(__doc__)
    add_index_options(parser)
    parser.add_argument(
        "--repeats", type=int, default=300, help="number of warm look-ups"
    )
    parser.add_argument("--cold", type=int, default=7, help="number of cold look-ups")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        index = indexed(arguments, folder)
        texts = paragraphs(index, arguments.repeats)
        # The first look-up also builds the background model, so it is not measured.
        look_up(texts[:2], index)
        walls, used, found = [], [], 0
        for text in texts:
            began, busy = time.perf_counter(), time.process_time()
            found += len(look_up([text], index)[0])
            walls.append(time.perf_counter() - began)
            used.append(time.process_time() - busy)
        console.print(machine())
        console.print(f"{index.reader.tweets:,} tweets indexed, {found:,} matches\n")
        made = table("Looking up one text, ms", "", "median", "p99", "longest")
        made.add_row("warm", *percentiles(walls))
        made.add_row("warm, processor", *percentiles(used))
        walls, used = [], []
        command = [sys.executable, "-m", "provscan", "lookup", "-i", str(index.path)]
        for text in (texts[:2] * arguments.cold)[: arguments.cold + 1]:
            began, busy = time.perf_counter(), processor_time()
            subprocess.run([*command, text], check=True, stdout=subprocess.DEVNULL)
            walls.append(time.perf_counter() - began)
            used.append(processor_time() - busy)
        made.add_row("cold", *percentiles(walls[1:]))
        made.add_row("cold, processors", *percentiles(used[1:]))
        console.print(made)


if __name__ == "__main__":
    main()
