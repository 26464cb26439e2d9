"""Are the claims, bounds and computed power of ``provscan probe`` right?

    python benchmarks/probe.py simulate [--tweets FILE] [--probes 200] [--pairs 300]
    pip install 'provscan[probe]'
    python benchmarks/probe.py model FOLDER --tweets FILE [--minutes 10]

``simulate`` makes one plan, and simulates many probes of a model that has memorised
tweets with given probabilities. The table shows how often a claim is made, with the
computed power, and how often intervals and bounds are right. The last line names the
requirements that were not met. Takes about half a minute.

``model`` splits real tweets into three parts. A small transformer (``probe_model.py``)
is trained in FOLDER on the first part, in which 180 tweets have 4, 16 or 64 copies. Two
probes ask for the first and for the second part, with the third part as control. The
command prints both summaries, and how many of the recited tweets were training data.
Then the first probe is repeated through a server that fails on purpose, by a client
that is killed after a third of the questions, and the answers are compared. Training
stops after ``--minutes``; repeat the command to continue it. Takes about 15 minutes on
two cores.

``--tweets`` is a file of JSON lines, .jsonl or .jsonl.zst, with the field ``text``.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from measure import command_line, console, machine
from planted import rows_of, synthetic_tweets
from rich.table import Table

import provscan
from provscan.probe import Plan, Settings, make_plan, open_plan, run, score
from provscan.probe.answers import Answer, read_answers
from provscan.probe.evidence import Evidence
from provscan.probe.files import MODEL_FILE
from provscan.probe.report.tables import probe_table
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
# The probabilities with which the simulated model recites a licensed tweet, by the
# minimum of its number of copies, and a control.
CELLS: dict[str, tuple[dict[int, float], float]] = {
    "nothing learned, nothing by chance": ({}, 0.0),
    "nothing learned, 5% by chance": (dict.fromkeys((1, 2, 4, 16, 64), 0.05), 0.05),
    "2% of all tweets": (dict.fromkeys((1, 2, 4, 16, 64), 0.02), 0.0),
    "8% of all tweets, 1% by chance": (dict.fromkeys((1, 2, 4, 16, 64), 0.08), 0.01),
    "with the copies, 1% by chance": (
        {1: 0.02, 2: 0.05, 4: 0.1, 16: 0.4, 64: 0.9},
        0.01,
    ),
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
        for name, (knows, chance) in CELLS.items():
            row, requirements = cell(
                plan,
                known,
                found,
                knows,
                chance,
                range(first_seed, first_seed + probes),
            )
            table.add_row(name, *row)
            missed += [f"{name}: {why}" for why, met in requirements.items() if not met]
    console.print(f"{probes} probes of {pairs} pairs per row, seeds from {first_seed}")
    console.print(table)
    console.print(f"requirements not met: {'; '.join(missed) or 'none'}")


def cell(
    plan: Plan,
    known: dict[str, Answer],
    found: dict[str, Any],
    knows: dict[int, float],
    chance: float,
    seeds: range,
) -> tuple[list[str], dict[str, bool]]:
    """Simulate the probes of one cell; return its row of the table, and whether it
    meets each requirement.
    """
    copies = [pair["stratum"] for pair in plan.pairs]
    learned = np.array([knows.get(each, 0.0) for each in copies])
    truth = float(learned.mean()) - chance
    total = sum(
        s["population"] * (knows.get(s["copies"], 0.0) - chance)
        for s in plan.content["strata"]
    )
    claimed, covered, limits, holds, false, any_false = [], [], [], [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        hits = {
            "licensed": rng.random(len(copies)) < learned,
            "control": rng.random(len(copies)) < chance,
        }
        recited = [r for r in found.values() if hits[r.asked.arm][r.asked.pair]]
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
        wrong = summary["listed"]["tweets"] if not knows or truth <= 0 else 0
        false.append(wrong)
        any_false.append(wrong > 0)
    power = paired_power(len(copies), float(learned.mean()), chance)
    computed = f"{power:.3f}" if truth > 0 else "-"
    # If nothing is ever recited, all intervals are the same and right.
    requirements = {
        "interval right in less than 93% or more than 99%": bool(
            0.93 <= np.mean(covered) <= 0.99
        )
        or not (knows or chance),
        "a bound for the tweets asked for right in less than 97%": bool(
            np.mean(limits, axis=0).min() >= 0.97
        ),
        "the bound for the index right in less than 97%": bool(np.mean(holds) >= 0.97),
    }
    if truth > 0:
        requirements["power wrong by more than .05"] = bool(
            abs(power - np.mean(claimed)) <= 0.05
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


def model(folder: Path, path: Path, minutes: float, pairs: int) -> None:
    """Train the model, probe it, and repeat the probe through a server."""
    from probe_model import train

    folder.mkdir(parents=True, exist_ok=True)
    trained, unseen, control = parts(path, PART)
    tweets = {
        name: rows(part, name, name == "trained")
        for name, part in (
            ("trained", trained),
            ("unseen", unseen),
            ("control", control),
        )
    }
    files = {
        name: write(folder / f"{name}.jsonl", part) for name, part in tweets.items()
    }
    Random(2).shuffle(tweets["trained"])
    if not train(
        [tweet["text"] for tweet in tweets["trained"]], folder / "model", minutes
    ):
        print("Training is not finished. Repeat the command to continue it.")
        return
    for name in ("trained", "unseen"):
        index = provscan.build_index(
            tweets[name], folder / f"{name}.index", overwrite=True
        )
        settings = Settings(
            pairs=pairs, samples=2, style="completion", prompts=("prefix",), free=40
        )
        shutil.rmtree(folder / name, ignore_errors=True)
        plan = make_plan(
            index, folder / name, settings, control=[str(files["control"])]
        )
        ask(plan, index, folder / "model")
    print(
        "training data: "
        f"{', '.join(found_among(folder, name) for name in ('trained', 'unseen'))}"
    )
    served(folder, 60)


def found_among(folder: Path, name: str) -> str:
    """Return how many tweets of a probe were recited and listed, and how many of those
    with 64 copies.
    """
    rows = pq.read_table(folder / name / "tweets.parquet").to_pylist()
    licensed = [row for row in rows if row["arm"] == "licensed"]
    recited = [row for row in licensed if row["recited"]]
    listed = [
        row for row in recited if row["q_value"] is not None and row["q_value"] <= 0.05
    ]
    many = [row for row in licensed if row["copies"] == 64]
    counts = (len(recited), len(listed), sum(row in listed for row in many), len(many))
    return (
        f"{name}: {counts[0]} recited, {counts[1]} listed, {counts[2]} of the "
        f"{counts[3]} with 64 copies listed"
    )


def served(folder: Path, pairs: int) -> None:
    """Run a plan with fewer pairs from the folder and through a server, and compare the
    answers.
    """
    from probe_model import Server

    from provscan.probe.local import Local

    index = provscan.open_index(folder / "trained.index")
    settings = Settings(
        pairs=pairs, samples=2, style="completion", prompts=("prefix",), max_auc=1.0
    )
    direct, through = folder / "direct", folder / "served"
    for place in (direct, through):
        shutil.rmtree(place, ignore_errors=True)
    plan = make_plan(index, direct, settings, control=[str(folder / "control.jsonl")])
    run(direct, Local(folder / "model", "completion", settings.temperature, batch=1))
    through.mkdir()
    shutil.copy(direct / "plan.json", through)
    server = Server(folder / "model")
    killed(open_plan(through), server)
    first, second = (read_answers(place, plan.digest) for place in (direct, through))
    same = sum(first[key].text == second[key].text for key in first)
    print(
        f"through the server ({server.counts}), with a client killed once: {same:,} of "
        f"{len(first):,} answers are the same"
    )
    both = [
        (first[key].logprob, second[key].logprob)
        for key in first
        if first[key].logprob is not None
    ]
    apart = [abs(a - b) for a, b in both if a is not None and b is not None]
    print(
        f"log-probabilities of the targets: {len(apart):,} of {len(both):,} were also "
        "returned by the server; the largest difference is "
        f"{max(apart, default=0.0):.2g}"
    )
    results = [score(place, index) for place in (direct, through)]
    print(
        f"same numbers: {results[0]['recited'] == results[1]['recited']}, "
        f"{results[0]['recited']}"
    )


def ask(plan: Plan, index: provscan.Index, folder: Path) -> None:
    from provscan.probe.local import Local

    began = time.monotonic()
    run(plan.path, Local(folder, "completion", plan.settings.temperature, batch=64))
    seconds = time.monotonic() - began
    summary = score(plan.path, index)
    print(
        f"\n{plan.path.name}: asked in {seconds:.0f} "
        f"s\n{probe_table(summary, verbose=True)}"
    )


def killed(plan: Plan, server: Any) -> None:
    """Run the command with a server, kill it after a third of the questions, and run it
    again.
    """
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = [
        "probe",
        "run",
        str(plan.path),
        "--endpoint",
        server.url,
        "--model",
        "tiny",
        "--timeout",
        "2.5",
        "--quiet",
    ]
    command = [sys.executable, "-m", "provscan", *words]
    started = subprocess.Popen(command)
    answers, total = plan.path / "answers.jsonl", sum(1 for _ in plan.questions())
    while started.poll() is None and (
        not answers.exists() or answers.read_bytes().count(b"\n") < total / 3
    ):
        time.sleep(0.1)
    started.send_signal(signal.SIGKILL)
    started.wait()
    subprocess.run(command, check=True)


def main() -> None:
    parser = command_line(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    cheap = commands.add_parser("simulate")
    cheap.add_argument(
        "--probes", type=int, default=200, help="number of simulated probes (200)"
    )
    cheap.add_argument(
        "--seed", type=int, default=0, help="seed of the first probe (0)"
    )
    real = commands.add_parser("model")
    real.add_argument(
        "folder", type=Path, help="folder for the model, the plans and the answers"
    )
    real.add_argument(
        "--minutes", type=float, default=10.0, help="maximum time of training (10)"
    )
    for each in (cheap, real):
        each.add_argument(
            "--tweets",
            type=Path,
            required=each is real,
            help="file of tweets" if each is real else "file of tweets (synthetic)",
        )
        each.add_argument(
            "--pairs", type=int, default=300, help="pairs of a plan (300)"
        )
    options = parser.parse_args()
    print(machine())
    if options.command == "simulate":
        simulate(options.tweets, options.probes, options.pairs, options.seed)
    else:
        model(options.folder, options.tweets, options.minutes, options.pairs)


if __name__ == "__main__":
    main()
