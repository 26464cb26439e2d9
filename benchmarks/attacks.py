"""What does a run claim if the control does not measure the dataset's chance?

    python benchmarks/attacks.py [--corpus FOLDER --background FOLDER] [--seeds 10]
        [--tweets 20000] [--records 10000] [--only EXPRESSION]
        [--sections attacks copies bursts fair contamination]

The cells (``attack_cells.py``) were written before the method that they judge. In each
scan, tweets are divided into licensed tweets and a control, and a dataset is made of
short texts that are no tweets. A quotation is a tweet that contains one of these texts:
both sides have it from a third source, or the tweet has it from the dataset.

attacks
    Nothing was copied from the licensed tweets, and the control does not show it. Each
    claim is false; the table shows how many are made without their cause among the
    first three paragraphs of the answer.
copies
    Licensed tweets were copied. The control is a random part of the tweets, or one of
    other authors or of later tweets. The table shows "at least" as a share of the truth
    and how often its concentration on one author, week or thread is named.
bursts
    Twelve events of 30 quotations each, which a coin assigns to the licensed tweets or
    to the control. Each claim is false.
fair
    Nothing was copied, and the control is fair: random, of later tweets, of other
    months, or of other authors by a coin. Each claim is false. Each scan has a control
    of its own, and a random sample of the records.
contamination
    From 0 to 10% of the control's tweets are in the dataset, lightly edited, beside 300
    copies of licensed tweets or none: part of the control was collected with the
    dataset, or somebody put it there. The table shows how many scans have an estimate
    of the number of records, and how many estimates and lower bounds are right; how
    many scans warn that the control may be in the dataset; and how many say "no copies
    shown" although 100 records or more have findings that are nearly verbatim.

Without folders, the texts are generated, and only show that the command runs. With real
texts, a scan takes about five seconds, and one of the section ``contamination`` two.
"""

from __future__ import annotations

import json
import re
import tempfile
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import planted
import pyarrow as pa
from attack_cells import (
    ATTACKS,
    BURSTS,
    CONTROL,
    COPIES,
    FOUND,
    Case,
    Cell,
    detectable,
    divided,
    light,
)
from attack_world import Rows, World, long_enough, made, quotation
from measure import command_line, console, machine, table
from simulated import Controlled, Corpus, Pool, Sample, answered, control

import provscan
from provscan.names import counted
from provscan.report.answers import first_sentence
from provscan.runs.counting.matches import score_matches
from provscan.runs.measures.analysis import ScoredScan

SECTIONS = ("attacks", "copies", "bursts", "fair", "contamination")
# Paragraphs of an answer in which the cause of a false claim must be named.
FIRST = 3
# Shares of a control that are in the dataset, and numbers of copies beside them.
SHARES = (0.0, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.05, 0.1)
INSIDE = (0, 300)
VERBATIM = 100


def scanned(case: Case) -> dict[str, Any]:
    """Return the answer of a scan of a case."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("control", "records"):
            rows = getattr(case, part)
            lines = "".join(f"{json.dumps(row)}\n" for row in rows)
            (folder / f"{part}.jsonl").write_text(lines, encoding="utf-8")
        options: dict[str, Any] = dict(case.options)
        if case.control:
            options["control"] = str(folder / "control.jsonl")
        index = provscan.build_index(case.licensed, folder / "licensed.index")
        run = provscan.match(
            str(folder / "records.jsonl"),
            index,
            folder / "run",
            text_field="text",
            workers=1,
            **options,
        )
        answer: dict[str, Any] = run.summary["answer"]
        return answer


def named(answer: dict[str, Any]) -> list[str]:
    """Return the codes of the reasons, warnings and remarks among the first
    paragraphs.
    """
    lines = [answer["headline"], *answer["details"]]
    lines += [item["message"] for item in answer["warnings"]]
    first = {first_sentence(line) for line in lines[:FIRST]}
    parts = "remarks", "reasons", "warnings"
    said = [item for part in parts for item in answer.get(part, [])]
    return [item["code"] for item in said if first_sentence(item["message"]) in first]


class Outcome(NamedTuple):
    """The answer of a scan, and the number of records with a copy."""

    answer: dict[str, Any]
    truth: int

    @property
    def status(self) -> str:
        return str(self.answer["status"])

    @property
    def least(self) -> float:
        return float(self.answer["records"]["at_least"] or 0.0)

    @property
    def claimed(self) -> bool:
        return self.status == "copies_found"

    @property
    def estimated(self) -> bool:
        return self.answer["records"]["estimate"] is not None

    @property
    def estimate_right(self) -> bool:
        ends = self.answer["records"]["estimate"] or {"low": 1.0, "high": 0.0}
        return bool(ends["low"] - 1e-9 <= self.truth <= ends["high"])

    @property
    def warned(self) -> bool:
        """Whether the answer says that a part of the control is in the dataset."""
        warnings = self.answer["warnings"]
        return "control_in_dataset" in {each["code"] for each in warnings}

    @property
    def acquitted(self) -> bool:
        """Whether "no copies shown" stands over many verbatim findings."""
        nearly = self.answer["records"]["nearly_verbatim"]
        return self.status == "no_copies_shown" and nearly >= VERBATIM


def outcomes(world: World, cell: Cell, seeds: int) -> list[Outcome]:
    result = []
    for seed in range(seeds):
        case = cell.make(world, Random(f"{cell.name} {seed}"))
        result.append(Outcome(scanned(case), case.copies))
    return result


COLUMNS = ("scans", "claimed", "at least", "not measured", "cannot judge", "named")


def print_cells(title: str, world: World, cells: list[Cell], seeds: int) -> None:
    """Print a row for each cell."""
    last = "at least / truth" if title == "Copies" else "without cause"
    found = table(title, "cell", *COLUMNS, last)
    total, bare = 0, 0
    for cell in cells:
        results = outcomes(world, cell, seeds)
        claims = [each for each in results if each.claimed]
        unnamed = [
            each for each in claims if not {*named(each.answer)} & {*cell.causes}
        ]
        total, bare = total + len(results), bare + len(unnamed)
        codes = {code for each in results for code in named(each.answer)}
        statuses = [each.status for each in results]
        shares = [each.least / each.truth for each in results if each.truth]
        found.add_row(
            cell.name,
            str(len(results)),
            str(len(claims)),
            f"{np.median([each.least for each in results]):,.0f}",
            str(statuses.count("not_measured")),
            str(statuses.count("cannot_judge")),
            " ".join(sorted(codes)),
            f"{np.median(shares):.3f}" if shares else str(len(unnamed)),
        )
    if title != "Copies":
        found.add_row("all", str(total), "", "", "", "", "", str(bare))
    console.print(found)


def print_fair(world: World, scans: int, tweets: int) -> None:
    """Print the outcomes of scans, each with a fair control of its own."""
    found = table(
        f"Fair controls, {tweets:,} tweets",
        "control",
        "scans",
        "chance findings, median",
        "claimed",
        "not measured",
        "cannot judge",
        "warned",
        "named",
    )
    every = []
    for kind in ("random", "later", "months", "authors"):
        answers = [
            fair_answer(world, kind, Random(f"{kind} {number}"), tweets)
            for number in range(scans // 4)
        ]
        every += answers
        found.add_row(kind, *fair_columns(answers))
    found.add_row("all", *fair_columns(every))
    console.print(found)


def fair_columns(answers: list[dict[str, Any]]) -> list[str]:
    statuses = [answer["status"] for answer in answers]
    causes = {*CONTROL, *FOUND, "years_not_known"}
    warned = [{*named(answer)} & causes for answer in answers]
    chance = [answer["records"]["findings"] for answer in answers]
    return [
        str(len(answers)),
        f"{np.median(chance):,.0f}",
        str(statuses.count("copies_found")),
        str(statuses.count("not_measured")),
        str(statuses.count("cannot_judge")),
        str(sum(map(bool, warned))),
        " ".join(sorted(set().union(*warned))),
    ]


class Division:
    """Licensed tweets and a control, with texts that were scanned once for both."""

    def __init__(
        self, licensed: Rows, other: Rows, texts: list[str], folder: Path, sets: int = 1
    ) -> None:
        rows = pa.Table.from_pylist(licensed)
        index = provscan.build_index(rows, folder / "licensed.index")
        base = Corpus(licensed, index, texts, [], [], {})
        self.controlled = Controlled(control(index, other, folder / "control"), base)
        self.records = self.pool(texts)
        self._spiked = self.controlled.spike_ins(texts, sets)

    def pool(self, texts: list[str]) -> Pool:
        return Pool(texts, self.controlled.controls)

    def answer(self, sample: Sample, rng: Random) -> dict[str, Any]:
        """Return the answer of a scan of a sample of the texts."""
        scorer, controls = self.controlled.scorer, self.controlled.controls
        with tempfile.TemporaryDirectory() as name:
            matches = score_matches(
                sample.scan(0, "data", Path(name)), scorer, controls
            )
            spiked = rng.choice(self._spiked)
            scores = ScoredScan(scorer, matches, self.controlled.samples, *spiked)
            return answered(scores, controls)[1]


def drawn(pool: Pool, count: int, rng: Random) -> Sample:
    every = range(len(pool.lengths))
    return pool.drawn(np.array(rng.sample(every, min(count, len(every))), np.int64))


def fair_answer(world: World, kind: str, rng: Random, tweets: int) -> dict[str, Any]:
    """Return the answer of a scan with a fair control. Sixty of the texts are quoted by
    a tweet each, whoever wrote it and whenever: a text of three authors or of both
    sides would be common wording.
    """
    fair = World(world.tweets, world.titles, [], (tweets // 2, 0), world.ids)
    chosen = long_enough(world.titles, 60, rng)
    plain = list(world.tweets)
    quoting = [
        {**row, "text": quotation(text, rng)}
        for text, row in zip(chosen, rng.sample(plain, len(chosen)), strict=True)
    ]
    ids = {row["id"] for row in quoting}
    fair.tweets = [row for row in plain if row["id"] not in ids]
    fair.tweets = rng.sample(fair.tweets, min(tweets, len(fair.tweets)))
    fair.tweets += {row["id"]: row for row in quoting}.values()
    fair.sizes = (len(fair.tweets) // 2, 0)
    licensed, other = divided(fair, rng, kind)
    with tempfile.TemporaryDirectory() as name:
        division = Division(licensed, other, world.titles, Path(name))
        size = len(world.titles) * 9 // 10
        return division.answer(drawn(division.records, size, rng), rng)


def print_contamination(
    world: World, scans: int, divisions: int, size: int, records: int
) -> None:
    """Print the outcomes if a part of a control with ``size`` tweets is in the
    dataset.
    """
    results: dict[tuple[float, int], list[Outcome]] = {}
    for number in range(divisions):
        rng = Random(f"split {number}")
        count = min(world.sizes[0], 2 * len(world.tweets) // 3)
        rows = rng.sample(world.tweets, min(count + size, len(world.tweets)))
        licensed, other = rows[:count], rows[count:]
        with tempfile.TemporaryDirectory() as name:
            division = Division(licensed, other, world.titles, Path(name), 2)
            copied = rng.sample(detectable(licensed), min(2_000, count // 2))
            copies, inside = (
                division.pool([light(row["text"], rng) for row in rows])
                for rows in (copied, rng.sample(other, -(-len(other) // 5)))
            )
            for (share, wanted), scan in product(product(SHARES, INSIDE), range(scans)):
                rng = Random(f"{share} {wanted} {number} {scan}")
                sample, truth = drawn(division.records, records, rng), 0
                if wanted:
                    more = drawn(copies, wanted, rng)
                    sample, truth = sample.with_more(more), len(more.lengths)
                if part := round(share * len(other)):
                    sample = sample.with_more(drawn(inside, part, rng))
                outcome = Outcome(division.answer(sample, rng), truth)
                results.setdefault((share, wanted), []).append(outcome)
    found = table(
        f"Part of a control of {size:,} tweets in the dataset",
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
    for (share, wanted), each in results.items():
        statuses = [scan.status for scan in each]
        found.add_row(
            f"{100 * share:g}%",
            str(wanted),
            str(len(each)),
            str(sum(scan.estimated for scan in each)),
            str(sum(scan.estimate_right for scan in each)),
            str(sum(scan.least <= scan.truth for scan in each)),
            f"{np.median([scan.least for scan in each]):,.0f}",
            str(sum(scan.warned for scan in each)),
            str(sum(scan.acquitted for scan in each)),
            " ".join(f"{name} {statuses.count(name)}" for name in sorted({*statuses})),
        )
    console.print(found)


def main() -> None:
    parser = command_line(
        __doc__,
        seeds=(10, "scans per cell of attacks and copies"),
        draws=(100, "scans with bursts"),
        tweets=(20_000, "licensed tweets, and as many control tweets"),
        records=(10_000, "records of a dataset without the copies"),
        scans=(200, "scans with fair controls, each with one of its own"),
        fair_tweets=(150_000, "licensed and control tweets of the fair controls"),
        inside=(8, "scans per cell and division of the section contamination"),
        divisions=(2, "divisions of the tweets in this section"),
        control=(10_000, "tweets of the control in this section"),
    )
    planted.add_data_options(parser)
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections"
    )
    parser.add_argument("--only", default="", help="expression for names of cells")
    args = parser.parse_args()
    console.print(machine())
    world = made(args.corpus, args.background, (args.tweets, args.records))
    console.print(
        f"{counted(len(world.tweets), 'tweet')}, {counted(len(world.titles), 'text')}"
    )
    sections = {
        "attacks": ("Attacks", ATTACKS, args.seeds),
        "copies": ("Copies", COPIES, args.seeds),
        "bursts": ("Bursts", BURSTS, args.draws),
    }
    for name, (title, cells, seeds) in sections.items():
        chosen = [cell for cell in cells if re.search(args.only, cell.name)]
        if name in args.sections and chosen:
            print_cells(title, world, chosen, seeds)
    if "fair" in args.sections:
        print_fair(world, args.scans, args.fair_tweets)
    if "contamination" in args.sections:
        sizes = args.inside, args.divisions, args.control, args.records
        print_contamination(world, *sizes)


if __name__ == "__main__":
    main()
