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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
from models import Lookup, Server
from tweets import SCRIPTS, sentence

from provscan import open_index, probe
from provscan.errors import ModelError
from provscan.probe.answers import Answer, read_answers, spent_tokens
from provscan.probe.endpoint import Endpoint as Client
from provscan.probe.endpoint import EndpointOptions
from provscan.probe.plan import ARMS, ASKED, Question, QuestionKey
from provscan.probe.run import Budget
from truth.adapter import CLAIM, CROSSED, DONE, UNUSABLE, command
from truth.core import Book, same
from truth.draw import World

PAIRS, STYLES = 16, ("chat", "completion")
# Probabilities of reciting a licensed tweet and a control.
KNOWLEDGE = [(0, 0), (0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.3, 0.6), (0.9, 0.1)]
# What a response says of the tokens of its prompt and its answer.
USAGES: dict[str, Callable[[int, int], Any]] = {
    "true": lambda sent, said: usage(sent, said, sent + said),
    "none": lambda sent, said: None,
    "zero": lambda sent, said: usage(0, 0, 0),
    "odd": lambda sent, said: {"prompt_tokens": str(sent), "total_tokens": -1},
    "total": lambda sent, said: usage(sent, 0, sent + said),
}
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
# Refusals in words.
REFUSALS = [
    "I'm sorry, but I can't do that.",
    "Lo siento.",
    "これは続けられません。",
    "Tôi không thể tiếp tục bài viết này.",
]
FRAME, TIMEOUT = 20, 2.0


def usage(sent: int, said: int, total: int) -> dict[str, int]:
    return {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": total}


class Case:
    """How a model and its endpoint behave."""

    def __init__(self, rng: random.Random) -> None:
        self.style = rng.choice(STYLES)
        self.knows = dict(zip(ARMS, rng.choice(KNOWLEDGE), strict=True))
        self.knows["misplaced"] = rng.choice([0, 0, 0.2, 1]) * self.knows["licensed"]
        self.declines = {arm: rng.choice([0, 0, 0.1, 0.5, 0.95]) for arm in ASKED}
        self.usage, self.ways = rng.choice([*USAGES]), rng.sample(DECLINES, 2)
        self.others, self.refusals = rng.sample(range(5), 2), rng.sample(REFUSALS, 2)
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

    def fault(self, question: Question, attempt: int) -> str | None:
        """Return the fault with which an attempt to ask a question ends, if any."""
        draw = self.draw(question.key, attempt).random()
        shares = itertools.accumulate(self.faults.values())
        sums = zip(self.faults, shares, strict=True)
        return next((name for name, share in sums if draw < share), None)

    def answer(self, question: Question) -> tuple[str, Answer]:
        """Return the outcome of a question, and the answer that the model gives."""
        key, rng = QuestionKey.parse(question.key), self.draw(question.key)
        noise = " ".join(sentence(rng, "latin", 8).split())
        about: dict[str, Any] = {"finish": "stop"}
        if rng.random() < self.declines[key.arm]:
            outcome, way, text = "declined", rng.choice(self.ways), ""
            if way == "words" and self.style == "chat":
                text = rng.choice(self.refusals)
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
        self.case, self.billed = case, 0
        # Requests, and answers that were sent, of each question.
        self.attempts, self.given = Counter[str](), Counter[str]()
        self.lock = threading.Lock()
        super().__init__(plan, Lookup({}))
        self.special = self.response

    def response(self, asked: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and the value of a response."""
        case, chat = self.case, "messages" in asked
        if asked.get("echo"):
            return refusal(400, "echo is not supported")
        prompt = asked["messages"][0]["content"] if chat else asked["prompt"]
        question = self.questions[prompt, asked["seed"]]
        with self.lock:
            self.attempts[question.key] += 1
            if self.attempts.total() in case.locked:
                return 401, {}
            fault = case.fault(question, self.attempts[question.key])
        answer = case.answer(question)[1]
        if fault == "busy":
            return FAULTS[fault]
        if answer.refused:
            return refusal(400 if answer.refused == "status" else 403, "it was flagged")
        # A true tokenizer has at least three bytes a token, and obeys the limit.
        sent = len(prompt.encode()) // 3 + FRAME
        said = min(asked["max_tokens"], len(answer.text.encode()) // 3)
        with self.lock:
            self.billed += sent + said
            self.given.update([question.key] * (fault is None))
        if fault is not None:
            time.sleep(2 * TIMEOUT * (fault == "late"))
            return FAULTS[fault]
        choice = {"text": answer.text, "refusal": answer.declined}
        choice["message"] = {"content": answer.text, "refusal": answer.declined}
        choice["finish_reason"] = answer.finish
        usage = USAGES[case.usage](sent, said)
        return 200, {"id": "same", "choices": [choice, choice], "usage": usage}


def refusal(status: int, message: str) -> tuple[int, Any]:
    return status, {"error": {"message": message}}


def make_plans(folder: Path) -> None:
    """Make a plan of each style, over the tweets of a world."""
    folder.mkdir(parents=True)
    world = World(random.Random(5), folder)
    index, control = open_index(world.index(None)), [str(world.file("control"))]
    for style in STYLES:
        settings = probe.Settings(pairs=PAIRS, samples=2, style=style, max_auc=1.0)
        probe.make_plan(index, folder / style, settings, control=control)


def run_once(case: Case, plan: probe.Plan, url: str, tokens: int | None) -> int:
    """Run a probe, and return its exit status: DONE; CROSSED if it spent its budget;
    UNUSABLE if the endpoint failed.
    """
    if case.by_command:
        words = ["probe", "run", plan.path, f"--endpoint={url}", "--model=m"]
        words += [f"--concurrency={case.concurrency}"]
        words += [] if tokens is None else [f"--max-tokens={tokens}"]
        return command(*words).status
    client = Client(url, "m", case.style, EndpointOptions(case.concurrency, TIMEOUT))
    try:
        done = probe.run(plan.path, client, budget=Budget(tokens))
    except ModelError:
        return UNUSABLE
    return UNUSABLE if done["failed"] else CROSSED if done["left"] else DONE


def ask(case: Case, plan: probe.Plan) -> None:
    """Ask an endpoint until all questions are answered. No answer is lost or asked for
    again, and at least the tokens that were billed are counted.
    """
    server = Endpoint(case, plan)
    exact = case.usage in ("true", "total") and not any(case.faults.values())
    for tokens in [*sorted(case.budgets), *[None] * 40]:
        status = run_once(case, plan, server.url, tokens)
        assert status in (DONE, CROSSED, UNUSABLE), f"status {status}"
        spent = sum(spent_tokens(plan.path, plan.digest)[:2])
        counts = f"{server.billed} billed, {spent} counted of {tokens}"
        assert server.billed <= spent <= (tokens or spent), counts
        assert not exact or server.billed == spent, counts
        known = read_answers(plan.path, plan.digest)
        assert server.given.keys() <= known.keys(), "answers were lost"
        if status == DONE:
            break
        if case.torn:
            with (plan.path / "answers.jsonl").open("ab") as file:
                file.write(b'{"plan": "')
    else:
        raise AssertionError(f"the run did not end: {len(known)} answers")
    server.close()
    same(server.given, dict.fromkeys(server.given, 1), "answers of a question")


def check(seed: int, number: int, folder: Path, world: Path, book: Book) -> None:
    """Probe a drawn model over a drawn endpoint."""
    case = Case(random.Random(f"{seed} {number}"))
    if not world.exists():
        make_plans(world)
    plan, told = (
        probe.open_plan(shutil.copytree(world / case.style, folder / name))
        for name in ("asked", "told")
    )
    kinds = f"style {case.style}", f"usage {case.usage}"
    pause = mock.patch("provscan.probe.endpoint.PAUSE", 0.001)
    with pause, book.law("no answer is lost or asked for again", *kinds):
        ask(case, plan)
    probe.run(told.path, case)
    found, expected = (probe.score(each.path) for each in (plan, told))
    with book.law("endpoints change no result", *kinds):
        for summary in (found, expected):
            del summary["asked"]["tokens"], summary["model"]
        same(found, expected)
        for name in ("tweets.parquet", "recitations.parquet"):
            one, other = (pq.read_table(each.path / name) for each in (plan, told))
            assert one.equals(other), name
    with book.law("the numbers are those of the model", *kinds):
        require_numbers(case, plan, found)
    if case.knows["licensed"] <= case.knows["control"]:
        book.tallies["claim of a probe"][found["answer"]["status"] != CLAIM] += 1


def require_numbers(case: Case, plan: probe.Plan, summary: Any) -> None:
    """Require the numbers of what the model answered."""
    truth, given = Counter[tuple[str, str, str]](), Counter[tuple[int, str, int]]()
    answers = {
        QuestionKey.parse(question.key): case.answer(question)
        for question in plan.questions()
    }
    rare = {
        text
        for text in REFUSALS
        if len(keys := [key for key, (_, a) in answers.items() if a.text == text])
        < len(answers) / 50
        or len({key.pair for key in keys}) < 5
    }
    for (pair, arm, kind, sample), (outcome, answer) in answers.items():
        if answer.text in rare:
            outcome = "neither"
        truth[kind, arm, outcome] += 1
        given[pair, kind, sample] += outcome in ("recited", "neither")
    compared = len({pair for (pair, _, _), n in given.items() if n == len(ASKED)})
    same(summary["recited"]["compared"], compared, "compared pairs")
    for kind, item in summary["by_prompt"].items():
        for arm, answers in item["answers"].items():
            same(answers, {name: truth[kind, arm, name] for name in answers}, arm)
    tweets, status = summary["answer"]["tweets"], summary["answer"]["status"]
    least = tweets["at_least"] or 0
    assert least <= tweets["findings"], tweets
    same(status == CLAIM, least > 0, "a claim")
    assert status != "no_copies_shown" or 2 * compared >= PAIRS, compared
