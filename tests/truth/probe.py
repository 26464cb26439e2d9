"""Draw models and endpoints, probe them, and hold the results against what they did.

An :class:`Endpoint` answers the questions of a plan as its case says, and keeps what it
generated. A run that ends is repeated until all questions are answered.
"""

from __future__ import annotations

import itertools
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
from models import Lookup, Server
from tweets import SCRIPTS, sentence

import provscan
from provscan import probe
from provscan.errors import ModelError
from provscan.probe.answers import Answer, read_answers, spent_tokens
from provscan.probe.endpoint import Endpoint as Client
from provscan.probe.endpoint import EndpointOptions
from provscan.probe.plan import ARMS, ASKED, Question, QuestionKey
from provscan.probe.run import Budget
from truth.adapter import CLAIM, CROSSED, DONE, UNUSABLE, command
from truth.core import Book
from truth.draw import write_rows
from truth.laws import unequal

PAIRS, STYLES = 16, ("chat", "completion")
# Probabilities of reciting a licensed tweet and a control.
KNOWLEDGE = [(0, 0), (0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.3, 0.6), (0.9, 0.1)]
USAGES = ["true", "none", "zero", "odd", "total"]
# Statuses and values of responses without an answer; "late" gives none in time.
FAULTS: dict[str, tuple[int, Any]] = {
    "busy": (429, {}),
    "broken": (500, {}),
    "cut": (200, b'{"choices": [{'),
    "page": (200, b"<html>"),
    "error": (200, {"error": {"message": "busy", "code": 502}}),
    "empty": (200, {"choices": []}),
    "stream": (200, b"data: {}\n\ndata: [DONE]\n\n"),
    "late": (0, None),
}
DECLINES = ["status", "flagged", "field", "filter", "words", "nothing"]
FRAME, TIMEOUT = 20, 2.0


class Case:
    """How a model and its endpoint behave."""

    def __init__(self, rng: random.Random) -> None:
        self.style = rng.choice(STYLES)
        self.knows = dict(zip(ARMS, rng.choice(KNOWLEDGE), strict=True))
        self.knows["misplaced"] = rng.choice([0, 0, 0.2, 1]) * self.knows["licensed"]
        self.declines = {arm: rng.choice([0, 0, 0.1, 0.5, 0.95]) for arm in ASKED}
        self.usage, self.ways = rng.choice(USAGES), rng.sample(DECLINES, 2)
        self.others = rng.sample(range(5), 2)
        self.faults = {name: rng.choice([0, 0, 0.1]) for name in FAULTS}
        self.faults["late"] /= 50
        self.concurrency = rng.choice([1, 2, 8])
        self.budgets = [rng.randrange(500, 30_000) for _ in range(rng.randrange(3))]
        # Requests that are refused for the key, and end a run.
        self.locked = {rng.randrange(300) for _ in range(rng.randrange(3))}
        self.torn, self.by_command = rng.random() < 0.3, rng.random() < 0.2
        self.salt = rng.random()

    def draw(self, *names: object) -> random.Random:
        return random.Random(f"{self.salt} {names}")

    def answer(self, question: Question) -> tuple[str, Answer]:
        """Return the outcome of a question, and the answer that the model gives."""
        key, rng = QuestionKey.parse(question.key), self.draw(question.key)
        noise = " ".join(sentence(rng, "latin", 8).split())
        about: dict[str, Any] = {"finish": "stop"}
        if rng.random() < self.declines[key.arm]:
            outcome, way, text = "declined", rng.choice(self.ways), ""
            if way == "words" and self.style == "chat":
                text = rng.choice(["I'm sorry, but I can't do that.", "Lo siento."])
            elif way == "filter":
                about["finish"], text = "content_filter", question.target[:20]
            elif way == "field":
                about["declined"] = "I must not"
            elif way in ("status", "flagged"):
                about["refused"] = way
        elif self.draw(key.pair, key.arm).random() < self.knows[key.arm]:
            outcome, text = "recited", f"{noise}{question.target} {noise}"
        else:
            outcome, way = "neither", rng.choice(self.others)
            text = [
                noise * 20,
                sentence(rng, rng.choice(SCRIPTS), 50),
                f"{question.prompt} {noise * 20}",
                f"{noise} {question.target[:15]} {noise * 9}",
                question.target[: len(question.target) // 3],
            ][way]
            if way == 4:
                outcome, about["finish"] = "cut_off", "length"
        said = None if "refused" in about else text
        return outcome, Answer(question.key, said, "", **about)

    def describe(self) -> dict[str, Any]:
        return {"model": "a model without an endpoint"}

    def answers(self, questions: Iterable[Question], _: Any) -> Iterator[list[Answer]]:
        yield from ([self.answer(question)[1]] for question in questions)


class Endpoint(Server):
    """Answers questions of a plan, and keeps what it generated."""

    request_queue_size = 64

    def __init__(self, case: Case, plan: probe.Plan) -> None:
        self.case, self.count, self.billed = case, 0, 0
        self.attempts, self.given = Counter[str](), Counter[str]()
        self.lock = threading.Lock()
        super().__init__(plan, Lookup({}))
        self.special = self.response

    def response(self, asked: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and the value of a response."""
        case, chat = self.case, "messages" in asked
        if asked.get("echo"):
            return 400, {"error": {"message": "echo is not supported"}}
        prompt = asked["messages"][0]["content"] if chat else asked["prompt"]
        question = self.questions[prompt, asked["seed"]]
        with self.lock:
            self.count += 1
            if self.count in case.locked:
                return 401, {}
            self.attempts[question.key] += 1
            draw = case.draw(question.key, self.attempts[question.key]).random()
        sums = zip(case.faults, itertools.accumulate(case.faults.values()), strict=True)
        fault = next((name for name, share in sums if draw < share), None)
        if fault == "busy":
            return FAULTS[fault]
        _, answer = case.answer(question)
        if answer.refused:
            status = 400 if answer.refused == "status" else 403
            return status, {"error": {"message": "the input was flagged"}}
        # A true tokenizer has at least three bytes a token, and obeys the limit.
        sent = len(prompt.encode()) // 3 + FRAME
        said = min(asked["max_tokens"], len(answer.text.encode()) // 3)
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        used = dict(zip(names, (sent, said, sent + said), strict=True))
        with self.lock:
            self.billed += sent + said
            if fault is None:
                self.given[question.key] += 1
        if fault == "late":
            time.sleep(2 * TIMEOUT)
        if fault:
            return FAULTS[fault]
        usage = {
            "true": used,
            "none": None,
            "zero": dict.fromkeys(used, 0),
            "odd": {"prompt_tokens": str(sent), "total_tokens": -1},
            "total": used | {"completion_tokens": 0},
        }[case.usage]
        choice = {"text": answer.text, "refusal": answer.declined}
        choice["message"] = {"content": answer.text, "refusal": answer.declined}
        choice["finish_reason"] = answer.finish
        return 200, {"id": "same", "choices": [choice, choice], "usage": usage}


def make_plans(folder: Path) -> None:
    """Make a plan of each style, over random texts."""
    rng = random.Random(5)
    texts = [sentence(rng, "latin", 120 + n % 20) for n in range(240)]
    rows = [{"id": f"{n}", "text": text} for n, text in enumerate(texts)]
    folder.mkdir(parents=True)
    index = provscan.build_index(rows[:120], folder / "licensed.index")
    control = [str(write_rows(rows[120:], folder / "control.jsonl"))]
    for style in STYLES:
        settings = probe.Settings(pairs=PAIRS, samples=2, style=style, max_auc=1.0)
        probe.make_plan(index, folder / style, settings, control=control)


def run_once(case: Case, plan: probe.Plan, url: str, tokens: int | None) -> str:
    """Run a probe, and return why it ended: "done", "budget", "failed" or "fault"."""
    if case.by_command:
        words = ["probe", "run", plan.path, f"--endpoint={url}", "--model=m"]
        words += [f"--concurrency={case.concurrency}"]
        words += [] if tokens is None else [f"--max-tokens={tokens}"]
        names = {DONE: "done", CROSSED: "budget", UNUSABLE: "failed"}
        return names.get(command(*words).status, "fault")
    options = EndpointOptions(case.concurrency, TIMEOUT)
    client = Client(url, "m", case.style, options)
    try:
        done = probe.run(plan.path, client, budget=Budget(tokens))
    except ModelError:
        return "failed"
    return "failed" if done["failed"] else "budget" if done["left"] else "done"


def asked(case: Case, plan: probe.Plan) -> Iterator[str]:
    """Ask an endpoint until all questions are answered, and yield the violations."""
    server = Endpoint(case, plan)
    exact = case.usage in ("true", "total") and not any(case.faults.values())
    for tokens in [*sorted(case.budgets), *[None] * 40]:
        ended = run_once(case, plan, server.url, tokens)
        known = read_answers(plan.path, plan.digest)
        spent = sum(spent_tokens(plan.path, plan.digest)[:2])
        if ended == "fault":
            yield "the command ended with an internal error"
        if not server.billed <= spent <= (tokens or spent):
            yield f"{server.billed} billed, {spent} counted of {tokens}"
        if exact and server.billed < spent:
            yield f"{server.billed} billed, {spent} counted"
        if lost := server.given.keys() - known.keys():
            yield f"answers were lost: {sorted(lost)[:3]}"
        if ended == "done":
            break
        if case.torn:
            with (plan.path / "answers.jsonl").open("ab") as file:
                file.write(b'{"plan": "')
    else:
        yield f"the run did not end: {len(known)} answers"
    server.close()
    if twice := [key for key, count in server.given.items() if count > 1]:
        yield f"questions were answered twice: {twice[:3]}"


class Machine:
    """Probes drawn models over drawn endpoints."""

    name = "probe"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, seed: int, number: int, folder: Path, book: Book) -> Iterator[str]:
        case = Case(random.Random(f"{seed} {number}"))
        if not self.folder.exists():
            make_plans(self.folder)
        plan, told = (
            probe.open_plan(shutil.copytree(self.folder / case.style, folder / name))
            for name in ("asked", "told")
        )
        with mock.patch("provscan.probe.endpoint.PAUSE", 0.001):
            yield from asked(case, plan)
        # The results are those of a model that answers at once.
        probe.run(told.path, case)
        found, expected = (probe.score(each.path) for each in (plan, told))
        for summary in (found, expected):
            del summary["asked"]["tokens"], summary["model"]
        yield from unequal(expected, found)
        for name in ("tweets.parquet", "recitations.parquet"):
            one, other = (pq.read_table(each.path / name) for each in (plan, told))
            if not one.equals(other):
                yield f"{name} differs"
        if case.knows["licensed"] <= case.knows["control"]:
            book.tallies["claim of a probe"][found["answer"]["status"] != CLAIM] += 1
        yield from counted(case, plan, found)


def counted(case: Case, plan: probe.Plan, summary: Any) -> Iterator[str]:
    """Yield the violations of the numbers."""
    truth, given = Counter[tuple[str, str, str]](), Counter[tuple[int, str, int]]()
    for question in plan.questions():
        pair, arm, kind, sample = QuestionKey.parse(question.key)
        outcome, _ = case.answer(question)
        truth[kind, arm, outcome] += 1
        given[pair, kind, sample] += outcome in ("recited", "neither")
    compared = len({pair for (pair, _, _), n in given.items() if n == len(ASKED)})
    if summary["recited"]["compared"] != compared:
        yield f"{summary['recited']} are compared instead of {compared}"
    for kind, item in summary["by_prompt"].items():
        for arm, answers in item["answers"].items():
            if any(truth[kind, arm, name] != n for name, n in answers.items()):
                yield f"{kind}, {arm}: {answers}, and the truth is {truth}"
    tweets = summary["answer"]["tweets"]
    least, claim = tweets["at_least"] or 0, summary["answer"]["status"] == CLAIM
    if claim != (least > 0) or least > tweets["findings"]:
        yield f"{tweets} are claimed"
