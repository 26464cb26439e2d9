"""Are the claims, bounds and computed power of ``provscan probe`` right?

    python benchmarks/probe.py [--tweets FILE] [--probes 200] [--pairs 300]

The command makes one plan, and simulates many probes of a model that has memorised
tweets with given probabilities, or knows some licensed tweets anyway, since they are
quotations. The table shows how often a claim is made, with the computed power, and how
often intervals and bounds are right. The last line names the requirements that were not
met. Takes about a minute.

A quotation is recited as often whatever precedes its words, and a learned tweet after
its own beginning; the cells also have models between the two.

``--tweets`` is a file of JSON lines, .jsonl or .jsonl.zst, with the field ``text``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from measure import command_line, console, machine
from planted import rows_of, synthetic_tweets
from rich.table import Table

import provscan
from provscan.probe import Plan, Settings, make_plan
from provscan.probe.answers import Answer
from provscan.probe.evidence import Evidence
from provscan.probe.files import MODEL_FILE
from provscan.probe.statistics import paired_power
from provscan.probe.summary import summarise
from provscan.probe.verification import recitations
from provscan.runs.folder import write_json

COPIES = {4: 60, 16: 60, 64: 60}
PART, LONG = 1_500, 80
NOISE = (
    "the weather was mild and nobody spoke about a second harbour until late in the "
    "evening"
)


class Cell(NamedTuple):
    """What the simulated model knows."""

    # Probability that it recites a learned tweet, by the minimum number of copies.
    learned: dict[int, float] = {}  # noqa: RUF012
    chance: float = 0.0  # Probability that it recites any tweet, of either arm.
    # Share of the licensed tweets that are quotations, and the probability that it
    # recites one.
    quotations: float = 0.0
    knows: float = 0.9
    # The same after the beginning of another tweet, as a share of the probability after
    # the own one: of a quotation, and of a learned tweet.
    quoted_elsewhere: float = 1.0
    learned_elsewhere: float = 0.0


def all_copies(probability: float) -> dict[int, float]:
    return dict.fromkeys((1, 2, 4, 16, 64), probability)


CELLS: dict[str, Cell] = {
    "nothing learned, nothing by chance": Cell(),
    "nothing learned, 5% by chance": Cell(all_copies(0.05), 0.05),
    "2% of all tweets": Cell(all_copies(0.02)),
    "8% of all tweets, 1% by chance": Cell(all_copies(0.08), 0.01),
    "with the copies, 1% by chance": Cell(
        {1: 0.02, 2: 0.05, 4: 0.1, 16: 0.4, 64: 0.9}, 0.01
    ),
    "10% quotations": Cell(quotations=0.1),
    "10% quotations, 2% by chance": Cell(chance=0.02, quotations=0.1),
    "20% quotations, recited in 3 of 10 answers": Cell(quotations=0.2, knows=0.3),
    "10% quotations, elsewhere half as often": Cell(
        quotations=0.1, quoted_elsewhere=0.5
    ),
    "20% quotations, elsewhere in 7 of 10": Cell(quotations=0.2, quoted_elsewhere=0.7),
    "8% learned, a fifth of them also elsewhere": Cell(
        all_copies(0.08), learned_elsewhere=0.2
    ),
    "8% learned, 4% quotations": Cell(all_copies(0.08), quotations=0.04),
}


def texts(path: Path | None) -> Iterator[str]:
    """Yield the distinct long tweets of a file of JSON lines, or synthetic ones."""
    every = synthetic_tweets(30_000) if path is None else rows_of(path)
    yield from dict.fromkeys(row.text for row in every if len(row.text) >= LONG)


def parts(path: Path | None, size: int) -> list[list[str]]:
    """Divide tweets at random into two parts of this size, and one of twice the
    size.
    """
    every = list(texts(path))
    Random(1).shuffle(every)
    return [every[:size], every[size : 2 * size], every[2 * size : 4 * size]]


def rows(part: list[str], name: str, copied: bool) -> list[dict[str, str]]:
    """Return tweets with ids and authors; if wanted, the first ones are repeated."""
    counts = (
        [n for n, tweets in COPIES.items() for _ in range(tweets)] if copied else []
    )
    return [
        {"id": f"{name}{number}-{copy}", "text": text, "author": f"{name}{number}"}
        for number, text in enumerate(part)
        for copy in range(counts[number] if number < len(counts) else 1)
    ]


def write(path: Path, tweets: list[dict[str, str]]) -> Path:
    path.write_text(
        "".join(json.dumps(tweet) + "\n" for tweet in tweets), encoding="utf-8"
    )
    return path


def simulate(path: Path | None, probes: int, pairs: int, first_seed: int) -> None:
    """Simulate probes; print a table with a row for each cell, and the requirements
    that were not met.
    """
    table = Table(
        "learned",
        "claimed",
        "power",
        "difference right",
        "at least, at most right",
        "in the index, at least",
        "false entries",
        "lists with false entries",
    )
    with tempfile.TemporaryDirectory() as folder:
        licensed, _, control = parts(path, PART)
        index = provscan.build_index(
            rows(licensed, "a", True), Path(folder) / "licensed.index"
        )
        file = write(Path(folder) / "control.jsonl", rows(control, "c", False))
        settings = Settings(
            pairs=pairs, samples=1, style="completion", prompts=("prefix",), max_auc=1.0
        )
        plan = make_plan(index, Path(folder) / "plan", settings, control=[str(file)])
        write_json(plan.path / MODEL_FILE, {"model": "simulated", "plan": plan.digest})
        known = {
            q.key: Answer(q.key, f"{q.target} {NOISE}", "") for q in plan.questions()
        }
        found = {
            f"{r.asked.pair}/{r.asked.arm}/{r.asked.kind}/0": r
            for r in recitations(plan, known.values())
        }
        assert len(found) == len(known), "the verifier missed a recitation"
        assert not recitations(plan, [Answer(key, NOISE, "") for key in known]), (
            "noise was taken for a recitation"
        )
        missed = []
        for name, cell in CELLS.items():
            row, requirements = simulated(
                plan, known, found, cell, range(first_seed, first_seed + probes)
            )
            table.add_row(name, *row)
            missed += [f"{name}: {why}" for why, met in requirements.items() if not met]
    console.print(f"{probes} probes of {pairs} pairs per row, seeds from {first_seed}")
    console.print(table)
    console.print(f"requirements not met: {'; '.join(missed) or 'none'}")


def simulated(
    plan: Plan,
    known: dict[str, Answer],
    found: dict[str, Any],
    cell: Cell,
    seeds: range,
) -> tuple[list[str], dict[str, bool]]:
    """Simulate the probes of one cell; return its row of the table, and whether it
    meets each requirement.
    """
    copies = [pair["stratum"] for pair in plan.pairs]
    learned = np.array([cell.learned.get(each, cell.chance) for each in copies])
    chance = cell.chance
    truth = float(learned.mean()) - chance
    total = sum(
        s["population"] * (cell.learned.get(s["copies"], chance) - chance)
        for s in plan.content["strata"]
    )
    claimed, covered, limits, holds, false, any_false = [], [], [], [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        hits = {
            "licensed": rng.random(len(copies)) < learned,
            "control": rng.random(len(copies)) < chance,
        }
        elsewhere = hits["licensed"] & (
            rng.random(len(copies)) < cell.learned_elsewhere
        )
        quoted = rng.random(len(copies)) < cell.quotations
        hits["licensed"] |= quoted & (rng.random(len(copies)) < cell.knows)
        # The arm of licensed tweets whose beginning is that of another tweet.
        hits["misplaced"] = elsewhere | quoted & (
            rng.random(len(copies)) < cell.knows * cell.quoted_elsewhere
        )
        recited = [
            replace(r, elsewhere=bool(hits["misplaced"][r.asked.pair]))
            if f"{r.asked.pair}/misplaced/{r.asked.kind}/0" in known
            else r
            for r in found.values()
            if hits[r.asked.arm][r.asked.pair]
        ]
        summary, _ = summarise(Evidence(plan, known, recited, list(range(len(copies)))))
        difference = summary["tests"]["difference"]
        claimed.append(summary["claimed"])
        # A withheld number cannot be wrong.
        withheld, tweets = difference["value"] is None, summary["answer"]["tweets"]
        covered.append(withheld or difference["low"] <= truth <= difference["high"])
        limits.append(
            [
                withheld or bool(tweets["at_least"] <= max(0.0, truth) * len(copies)),
                withheld or bool(truth * len(copies) <= tweets["at_most"]),
            ]
        )
        holds.append(
            summary["total"]["low"] is None or summary["total"]["low"] <= total
        )
        # Every listed tweet is a false entry if nothing was learned.
        wrong = summary["listed"]["tweets"] if truth <= 0 else 0
        false.append(wrong)
        any_false.append(wrong > 0)
    power = paired_power(len(copies), float(learned.mean()), chance)
    computed = f"{power:.3f}" if truth > 0 else "-"
    # If nothing is ever recited, all intervals are the same and right; quotations are
    # in no interval.
    requirements = {
        "interval right in less than 93% or more than 99%": bool(
            0.93 <= np.mean(covered) <= 0.99
        )
        or not (cell.learned or chance)
        or bool(cell.quotations or cell.learned_elsewhere),
        "a bound for the tweets asked for right in less than 97%": bool(
            np.mean(limits, axis=0).min() >= 0.97
        ),
        "the bound for the index right in less than 97%": bool(np.mean(holds) >= 0.97),
    }
    if truth > 0 and not cell.learned_elsewhere:
        requirements["power wrong by more than .05"] = bool(
            abs(power - np.mean(claimed)) <= 0.05
        )
    elif truth > 0:
        requirements["less than .9 of the power"] = bool(
            np.mean(claimed) >= 0.9 * power
        )
    else:
        requirements["claims in more than 5%"] = bool(np.mean(claimed) <= 0.05)
    row = [
        f"{np.mean(claimed):.3f}",
        computed,
        f"{np.mean(covered):.3f}",
        ", ".join(f"{share:.3f}" for share in np.mean(limits, axis=0)),
        f"{np.mean(holds):.3f}",
        f"{np.mean(false):.2f}",
        f"{np.mean(any_false):.3f}",
    ]
    return row, requirements


def main() -> None:
    parser = command_line(
        __doc__,
        probes=(200, "number of simulated probes"),
        seed=(0, "seed of the first probe"),
        pairs=(300, "pairs of a plan"),
    )
    parser.add_argument("--tweets", type=Path, help="file of tweets (synthetic)")
    options = parser.parse_args()
    print(machine())
    simulate(options.tweets, options.probes, options.pairs, options.seed)


if __name__ == "__main__":
    main()
