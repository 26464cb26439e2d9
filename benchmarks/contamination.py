"""What does a run say if a part of the control is in the dataset?

    python benchmarks/contamination.py [--corpus FOLDER --background FOLDER]
        [--scans 8] [--splits 2] [--tweets 20000] [--control 10000] [--records 10000]

The cells are fixed: they were written before the method that they judge. In each scan,
records are short texts that are no tweets, and in one half of the scans 300 of them are
replaced by lightly edited copies of licensed tweets. A share of the control's tweets,
from 0 to 10%, is in the dataset too, lightly edited: part of the control was collected
with it, or somebody put it there. The table shows

- how many scans have an estimate of the number of records, and how many of these
  estimates are right: the truth is 300 or 0 copies, and those that are too common or
  too short to be findings don't count;
- how many lower bounds are right;
- how many scans warn that the control may be in the dataset;
- how many say "no copies shown" although 100 records or more have findings that are
  nearly verbatim.

All texts are scanned once per division of the tweets into licensed ones and a control
(``--splits``), and the scans are drawn from the result (``simulated.py``). With real
texts, a scan takes about a second. Without folders, the texts are generated, and only
show that the command runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from attacks import World, detectable, light, made
from measure import command_line, console, machine, table
from planted import add_data_options
from simulated import Controlled, Corpus, Pool, answered, control

import provscan
from provscan.runs.counting.matches import score_matches
from provscan.runs.measures.analysis import ScoredScan

SHARES = (0.0, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.05, 0.1)
COPIES = (0, 300)
# The codes of a warning about a part of the control that is in the dataset.
WARNED = {"control_in_dataset", "control_partly_in_dataset"}
VERBATIM = 100


class Outcome(NamedTuple):
    answer: dict[str, Any]
    truth: int

    @property
    def given(self) -> bool:
        return self.answer["records"]["estimate"] is not None

    @property
    def right(self) -> bool:
        estimate = self.answer["records"]["estimate"]
        return bool(
            self.given and estimate["low"] - 1e-9 <= self.truth <= estimate["high"]
        )

    @property
    def bound_right(self) -> bool:
        return (self.answer["records"]["at_least"] or 0.0) <= self.truth

    @property
    def warned(self) -> bool:
        return bool(WARNED & {item["code"] for item in self.answer["warnings"]})

    @property
    def acquitted(self) -> bool:
        """Whether "no copies shown" stands over many verbatim findings."""
        nearly = self.answer["records"]["nearly_verbatim"]
        return self.answer["status"] == "no_copies_shown" and nearly >= VERBATIM


class Split:
    """A division of the tweets, with all texts scanned for both sides."""

    def __init__(self, world: World, number: int, size: int, folder: Path) -> None:
        rng = Random(f"split {number}")
        licensed_size = min(world.sizes[0], 2 * len(world.tweets) // 3)
        drawn = rng.sample(world.tweets, min(licensed_size + size, len(world.tweets)))
        licensed, other = drawn[:licensed_size], drawn[licensed_size:]
        index = provscan.build_index(licensed, folder / "licensed.index")
        base = Corpus(licensed, index, world.titles, [], [], {}, number)
        self.controlled = Controlled(control(index, other, folder / "control"), base)
        self.size = len(other)
        copied = rng.sample(detectable(licensed), min(2_000, len(licensed) // 2))
        inside = rng.sample(other, min(self.size, self.size // 5))
        self.records = Pool(world.titles, self.controlled.controls)
        self.copies, self.inside = (
            Pool([light(row["text"], rng) for row in rows], self.controlled.controls)
            for rows in (copied, inside)
        )
        self.spiked = self.controlled.spike_ins(world.titles, 2)

    def scan(
        self, share: float, copies: int, rng: Random, records: int, folder: Path
    ) -> Outcome:
        """Return the answer of a scan, and the number of copies that it has."""

        def drawn(pool: Pool, count: int) -> np.ndarray:
            every = range(len(pool.lengths))
            return np.array(rng.sample(every, min(count, len(every))), np.int64)

        scorer = self.controlled.scorer
        rows = self.records.drawn(drawn(self.records, records))
        copied = drawn(self.copies, copies)
        sample = rows
        if len(copied):
            sample = sample.with_more(self.copies.drawn(copied))
        if inside := round(share * self.size):
            sample = sample.with_more(self.inside.drawn(drawn(self.inside, inside)))
        scan = sample.scan(0, "data", folder)
        matches = score_matches(scan, scorer, self.controlled.controls)
        spiked = self.spiked[rng.randrange(2)]
        scores = ScoredScan(scorer, matches, self.controlled.samples, *spiked)
        answer = answered(scores, self.controlled.controls)[1]
        return Outcome(answer, len(copied))


def outcomes(
    split: Split, share: float, copies: int, scans: int, number: int, records: int
) -> Iterator[Outcome]:
    for scan in range(scans):
        rng = Random(f"{share} {copies} {number} {scan}")
        with tempfile.TemporaryDirectory() as name:
            yield split.scan(share, copies, rng, records, Path(name))


def main() -> None:
    parser = command_line(
        __doc__,
        scans=(8, "scans per cell and division"),
        splits=(2, "divisions of the tweets"),
        tweets=(20_000, "licensed tweets"),
        control=(10_000, "tweets of the control"),
        records=(10_000, "records without the copies"),
    )
    add_data_options(parser)
    args = parser.parse_args()
    console.print(machine())
    world = made(args.corpus, args.background, (args.tweets, args.records))
    results: dict[tuple[float, int], list[Outcome]] = {}
    for number in range(args.splits):
        with tempfile.TemporaryDirectory() as name:
            split = Split(world, number, args.control, Path(name))
            for share, copies in product(SHARES, COPIES):
                results.setdefault((share, copies), []).extend(
                    outcomes(split, share, copies, args.scans, number, args.records)
                )
    found = table(
        f"Part of a control of {args.control:,} tweets in the dataset",
        "in the dataset",
        "copies",
        "scans",
        "estimates",
        "right",
        "at least right",
        "at least, median",
        "warned",
        "not shown, verbatim",
        "statuses",
    )
    for (share, copies), scans in results.items():
        statuses = [each.answer["status"] for each in scans]
        least = [each.answer["records"]["at_least"] or 0.0 for each in scans]
        found.add_row(
            f"{100 * share:g}%",
            str(copies),
            str(len(scans)),
            str(sum(each.given for each in scans)),
            str(sum(each.right for each in scans)),
            str(sum(each.bound_right for each in scans)),
            f"{np.median(least):,.0f}",
            str(sum(each.warned for each in scans)),
            str(sum(each.acquitted for each in scans)),
            " ".join(f"{name} {statuses.count(name)}" for name in sorted({*statuses})),
        )
    console.print(found)


if __name__ == "__main__":
    main()
