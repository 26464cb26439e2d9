"""How long do writing, checking and replaying a bundle take, compared with the match?

    python benchmarks/handover.py [--matches 200000]

A dataset in which each record contains a synthetic licensed tweet is matched, and the
bundle of the run is written, checked and replayed, each in a process of its own. The
table shows seconds, their ratio to those of the match, and the peak memory. Takes about
five minutes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random

from measure import Usage, apart, command_line, console, machine, table
from planted import synthetic_tweets

import provscan
from provscan import handover

TWEETS = 20_000


def prepare(folder: Path, matches: int) -> None:
    """Write an index, and a dataset with about this number of matches."""
    rng = Random(1)
    tweets = list(synthetic_tweets(min(TWEETS, matches)))
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
    parser = command_line(__doc__)
    parser.add_argument(
        "--matches", type=int, default=200_000, help="approximate number of matches"
    )
    matches = parser.parse_args().matches
    console.print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, matches)
        used: dict[str, Usage] = {
            step.__name__: apart(step, folder)
            for step in (match, bundle, check, replay)
        }
        rows = provscan.open_run(folder / "data.run").matches.num_rows
        megabytes = (folder / "data.zip").stat().st_size / 1e6
    title = f"A run with {rows:,} matches and its bundle of {megabytes:.0f} MB"
    made = table(title, "step", "seconds", "ratio to the match", "peak memory, MB")
    for name, usage in used.items():
        ratio = usage.seconds / used["match"].seconds
        made.add_row(
            name, f"{usage.seconds:.1f}", f"{ratio:.2f}", f"{usage.peak >> 20:,}"
        )
    console.print(made)


if __name__ == "__main__":
    main()
