"""Is a probe right? Simulated probes with a known truth, and a small model with known
training data.

    python benchmarks/probe.py simulate [--tweets FILE] [--probes 200]
    python benchmarks/probe.py model FOLDER --tweets FILE [--minutes 10]

`simulate` plans once. Each probe then asks a cheap model, a noisy look-up that knows
tweets with given probabilities. The table shows how often a claim is made although
nothing was learned, how often intervals and lower bounds are right, and whether the
power is as computed.

`model` splits real tweets into three parts. A transformer is trained on the first part,
with 4, 16 or 64 copies of 60 tweets each, and never sees the others. Probes ask for the
first and for the second part, with the third as control: from the folder, and through a
server that fails on purpose and a client that is killed in the middle. Training stops
after ``--minutes``; repeat the command to continue.
"""

from __future__ import annotations

import argparse
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
import zstandard
from measure import machine
from rich.console import Console
from rich.table import Table
from synthetic import tweets as made_up

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
# What the cheap model knows: licensed tweets by their least number of copies, and
# controls.
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
console = Console(width=150, highlight=False)


def texts(path: Path | None) -> Iterator[str]:
    """Distinct long tweets of a file of JSON lines, or made-up ones."""
    if path is None:
        yield from (
            t
            for batch in made_up(30_000)
            for t in batch.column("text").to_pylist()
            if len(t) >= LONG
        )
        return
    with (
        zstandard.open(path, "rt", encoding="utf-8")
        if path.suffix == ".zst"
        else path.open(encoding="utf-8") as file
    ):
        seen = set()
        for line in file:
            text = json.loads(line)["text"]
            if len(text) >= LONG and text not in seen:
                seen.add(text)
                yield text


def parts(path: Path | None, size: int) -> list[list[str]]:
    """Three parts of as many tweets, at random."""
    every = list(texts(path))
    Random(1).shuffle(every)
    return [every[:size], every[size : 2 * size], every[2 * size : 4 * size]]


def rows(part: list[str], name: str, copied: bool) -> list[dict[str, str]]:
    """Tweets with ids and authors; the first ones of a part with copies, if it has
    any.
    """
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
    """A table with a row for each cell, and which bars were missed."""
    table = Table(
        "known",
        "claimed",
        "power",
        "difference covered",
        "at least, at most hold",
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
            row, bars = cell(
                plan,
                known,
                found,
                knows,
                chance,
                range(first_seed, first_seed + probes),
            )
            table.add_row(name, *row)
            missed += [f"{name}: {bar}" for bar, holds in bars.items() if not holds]
    console.print(f"{probes} probes of {pairs} pairs a row, seeds from {first_seed}")
    console.print(table)
    console.print(f"bars missed: {'; '.join(missed) or 'none'}")


def cell(
    plan: Plan,
    known: dict[str, Answer],
    found: dict[str, Any],
    knows: dict[int, float],
    chance: float,
    seeds: range,
) -> tuple[list[str], dict[str, bool]]:
    """One row: how often each number holds; and whether it meets the bars."""
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
        # What is withheld says nothing that could be wrong.
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
        # Of the listed tweets as many are chance as would be without any knowledge.
        wrong = summary["listed"]["tweets"] if not knows or truth <= 0 else 0
        false.append(wrong)
        any_false.append(wrong > 0)
    power = paired_power(len(copies), float(learned.mean()), chance)
    computed = f"{power:.3f}" if truth > 0 else "-"
    # Where nobody recites anything every interval is the same, and holds.
    bars = {
        "interval outside of 93 to 99%": bool(0.93 <= np.mean(covered) <= 0.99)
        or not (knows or chance),
        "a limit of the tweets asked for below 97%": bool(
            np.mean(limits, axis=0).min() >= 0.97
        ),
        "at least in the index below 97%": bool(np.mean(holds) >= 0.97),
    }
    if truth > 0:
        bars["power more than .05 off"] = bool(abs(power - np.mean(claimed)) <= 0.05)
    else:
        bars["more than 5% claimed"] = bool(np.mean(claimed) <= 0.05)
    row = [
        f"{np.mean(claimed):.3f}",
        computed,
        f"{np.mean(covered):.3f}",
        ", ".join(f"{held:.3f}" for held in np.mean(limits, axis=0)),
        f"{np.mean(holds):.3f}",
        f"{np.mean(false):.2f}",
        f"{np.mean(any_false):.3f}",
    ]
    return row, bars


def model(folder: Path, path: Path, minutes: float, pairs: int) -> None:
    """Train, ask and compare."""
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
        print("training is not done: repeat the command to go on")
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
    """How many of the recited and listed tweets of a probe were in the training data,
    and how many with 64 copies.
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
    """The same plan, but fewer pairs, from the folder and through a server: the same
    answers?
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
    server = Server(folder / "model", faults=True)
    killed(open_plan(through), server)
    first, second = (read_answers(place, plan.digest) for place in (direct, through))
    same = sum(first[key].text == second[key].text for key in first)
    print(
        f"served with {server.counts}, killed once: {same:,} of {len(first):,} answers "
        "are the same"
    )
    both = [
        (first[key].logprob, second[key].logprob)
        for key in first
        if first[key].logprob is not None
    ]
    apart = [abs(a - b) for a, b in both if a is not None and b is not None]
    print(
        f"log-probabilities of the targets: {len(apart):,} of {len(both):,} also "
        f"through the server, at most {max(apart, default=0.0):.2g} apart"
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
    """Ask a server by the command, kill the command in the middle, and go on."""
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    cheap = commands.add_parser("simulate")
    cheap.add_argument("--probes", type=int, default=200)
    cheap.add_argument(
        "--seed", type=int, default=0, help="seed of the first probe; the others follow"
    )
    real = commands.add_parser("model")
    real.add_argument("folder", type=Path)
    real.add_argument("--minutes", type=float, default=10.0)
    for each in (cheap, real):
        each.add_argument("--tweets", type=Path, required=each is real)
        each.add_argument("--pairs", type=int, default=300)
    options = parser.parse_args()
    print(machine())
    if options.command == "simulate":
        simulate(options.tweets, options.probes, options.pairs, options.seed)
    else:
        model(options.folder, options.tweets, options.minutes, options.pairs)


if __name__ == "__main__":
    main()
