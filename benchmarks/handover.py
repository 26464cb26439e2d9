"""What do a bundle and its check cost, compared with the match whose results they are?

    python benchmarks/handover.py [--matches 200000]

Makes a dataset in which each record contains a made-up licensed tweet, matches it,
and writes, checks and replays its bundle, each in a process of its own. Seconds are
also given as ratios to those of the match.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from random import Random

from measure import Usage, apart, machine, table
from planted import made_up
from rich.console import Console

import provscan
from provscan import handover

TWEETS = 20_000


def prepare(folder: Path, matches: int) -> None:
    """Write an index, and a dataset with about this number of matches."""
    rng = Random(1)
    tweets = list(made_up(min(TWEETS, matches)))
    rows = [{"id": tweet.id, "text": tweet.text} for tweet in tweets]
    provscan.build_index(rows, folder / "licensed.index")
    with (folder / "data.jsonl").open("w", encoding="utf-8") as file:
        for number in range(matches):
            text = f"{number:x} {rng.choice(tweets).text} {rng.random()}"
            file.write(f"{json.dumps({'text': text})}\n")


def match(folder: Path) -> None:
    index, data = folder / "licensed.index", folder / "data.jsonl"
    provscan.match(data, str(index), folder / "data.run", spike_ins=0)


def bundle(folder: Path) -> None:
    handover.bundle(folder / "data.run", folder / "data.zip")


def check(folder: Path) -> None:
    problems = handover.check(folder / "data.zip")["problems"]
    assert not problems, problems


def replay(folder: Path) -> None:
    index, data = folder / "licensed.index", folder / "data.jsonl"
    problems = handover.replay(folder / "data.zip", data, index)["problems"]
    assert not problems, problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=200_000)
    matches = parser.parse_args().matches
    console = Console()
    console.print(machine(), highlight=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, matches)
        used: dict[str, Usage] = {
            step.__name__: apart(step, folder)
            for step in (match, bundle, check, replay)
        }
        rows = provscan.open_run(folder / "data.run").matches.num_rows
        title = f"A run with {rows:,} matches, its bundle {_mb(folder / 'data.zip')}"
    made = table(title, "step", "seconds", "to the match", "peak memory, MB")
    for name, usage in used.items():
        ratio = usage.seconds / used["match"].seconds
        made.add_row(
            name, f"{usage.seconds:.1f}", f"{ratio:.2f}", f"{usage.peak >> 20:,}"
        )
    console.print(made)


def _mb(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"


if __name__ == "__main__":
    main()
