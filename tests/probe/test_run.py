"""Test asking a model: after any failure, the answers are the same, and no question is
asked twice.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib.util import find_spec
from itertools import count

import pytest
from models import Lookup, Server, chances

from provscan.cli import main
from provscan.engine.progress import Progress
from provscan.errors import InputError, ModelError, OutputError, UsageError
from provscan.probe import run, score
from provscan.probe.answers import answer_file, read_answers, spent_tokens
from provscan.probe.report.page import write_probe_report
from provscan.probe.run import Budget
from provscan.probe.tokens import FRAME, tokens_used, upper_bound

if find_spec("openai") is None:
    pytest.skip(
        "asking an endpoint needs pip install 'provscan[probe]'",
        allow_module_level=True,
    )
from provscan.probe.endpoint import Endpoint, EndpointOptions

QUICK = EndpointOptions(concurrency=8, timeout=0.5, attempts=8, key_env="PROBE_KEY")


def texts(plan):
    return {
        key: answer.text for key, answer in read_answers(plan.path, plan.digest).items()
    }


def expected(plan, model):
    return {question.key: model.text(question) for question in plan.questions()}


@pytest.fixture
def plan(few):
    return few


@pytest.fixture
def model(plan):
    return Lookup(chances(plan, lambda copies: min(1.0, copies / 64)))


@pytest.fixture
def serve():
    servers = []

    def start(*arguments, **options):
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("PROBE_KEY", "sk-secret")
    monkeypatch.setattr("provscan.probe.endpoint.PAUSE", 0.01)


def test_a_killed_run_continues_without_asking_twice(plan, model, serve):
    server = serve(plan, model, slow=0.02)
    words = [
        sys.executable,
        "-m",
        "provscan",
        "probe",
        "run",
        str(plan.path),
        "--endpoint",
        server.url,
    ]
    command = [*words, "--model", "lookup"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    file = plan.path / "answers.jsonl"
    while not file.exists() or file.read_bytes().count(b"\n") < 40:
        assert started.poll() is None
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.wait()
    # A killed process may have written only a part of its last line.
    with file.open("ab") as torn:
        torn.write(b'{"plan": "abc", "key": "9/lic')
    before = texts(plan)
    assert 40 <= len(before) < len(list(plan.questions()))
    server.answered.clear()
    server.slow = 0.0
    main([str(word) for word in command[3:]], standalone_mode=False)
    assert texts(plan) == expected(plan, model)
    assert not before.keys() & set(server.answered)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "many",
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 20, "completion_tokens": 0, "total_tokens": 20},
        {"prompt_tokens": "20", "completion_tokens": 12},
        {"prompt_tokens": -20, "completion_tokens": True},
    ],
    ids=str,
)
def test_tokens_that_an_endpoint_does_not_count_have_an_upper_bound(
    plan, model, serve, usage
):
    server = serve(plan, model)
    server.fields = {"usage": usage}
    endpoint = Endpoint(server.url, "lookup", "chat", QUICK)
    done = run(plan.path, endpoint, budget=Budget(tokens=5_000))
    assert 0 < done["answered"] < done["questions"]
    asked = [q for q in plan.questions() if q.key in texts(plan)]
    bound = sum(len(q.prompt.encode()) + FRAME + q.max_tokens for q in asked)
    assert 4_000 < bound <= 5_000
    assert done["prompt_tokens"] + done["answer_tokens"] == bound
    assert done["estimated_tokens"] == bound


@pytest.mark.parametrize(
    ("usage", "text", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 7}, "a", (9, 7, 0)),
        # Hidden reasoning may be counted only in the total.
        (
            {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 90},
            "",
            (9, 81, 0),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 0}, "", (9, 0, 0)),
        (None, "a" * 80, (68, 10, 78)),
        # The endpoint ignored the limit of the answer.
        (None, "a" * 81, (68, 81, 149)),
    ],
)  # fmt: skip
def test_tokens_of_one_answer(usage, text, expected):
    assert tokens_used(usage, upper_bound("\ud800a", 10), text) == expected


def test_the_report_gives_the_upper_bounds(plan, model, index, serve):
    server = serve(plan, model)
    server.fields = {"usage": None}
    done = run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    page = plan.path / "report.html"
    summary = score(plan.path)
    assert summary["asked"]["tokens"] == {
        name: done[f"{name}_tokens"] for name in ("prompt", "answer", "estimated")
    }
    assert f"{done['estimated_tokens']:,} are upper bounds" in page.read_text("utf-8")


def test_failed_attempts_count_and_a_repeated_run_remembers_them(plan, model, serve):
    """Requests that may have been generated count, whether they were answered or not.
    Busy endpoints generate nothing.
    """
    server = serve(plan, model)
    responses = [
        (429, {}, ("retry-after", "0")),
        (500, {}),
        (200, b"<html>"),
        (200, {}),
    ]
    server.special = lambda asked: responses[len(server.requests) % 4]
    twice = EndpointOptions(concurrency=1, attempts=2, key_env="PROBE_KEY")
    for times in (1, 2):
        with pytest.raises(ModelError, match="gave no answer to the last 10 questions"):
            run(plan.path, Endpoint(server.url, "lookup", "chat", twice))
        paid = sum(n % 4 > 0 for n in range(1, len(server.requests) + 1))
        (least, *_, most) = sorted(
            len(q.prompt.encode()) + FRAME + q.max_tokens for q in plan.questions()
        )
        spent = sum(spent_tokens(plan.path, plan.digest)[:2])
        assert len(server.requests) == 20 * times
        assert paid * least <= spent <= paid * most
        assert texts(plan) == {}
    budget = Budget(tokens=spent + least)
    server.special = lambda asked: None
    done = run(plan.path, Endpoint(server.url, "lookup", "chat", twice), budget=budget)
    assert done["answered"] <= 1
    assert done["prompt_tokens"] + done["answer_tokens"] <= spent + least


def test_a_question_is_not_repeated_beyond_the_budget(plan, model, serve):
    server = serve(plan, model)
    server.refuse = 500
    done = run(
        plan.path,
        Endpoint(server.url, "lookup", "chat", QUICK),
        budget=Budget(tokens=1_000),
    )
    assert (done["answered"], done["failed"] > 0, done["left"] > 0) == (0, True, True)
    assert done["prompt_tokens"] + done["answer_tokens"] <= 1_000


def test_answers_under_way_are_kept_if_the_run_must_end(plan, model, serve):
    server = serve(plan, model)
    begun = threading.Barrier(8, timeout=10)

    requests = count()

    def special(asked):
        number = next(requests)
        begun.wait()
        time.sleep(0.1 * (number != 12))
        return (401, {}) if number == 12 else None

    server.special = special
    with pytest.raises(ModelError, match="status 401"):
        run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    assert next(requests) == 16
    assert len(texts(plan)) == 15 == len(server.answered)


class Interrupted(Progress):
    """Interrupts the process, in the thread of the run, after some answers."""

    answers = 9

    def advance(self, n):
        self.answers -= n
        if self.answers <= 0 < self.answers + n:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_keeps_the_answers_under_way(plan, model, serve):
    server, answers = serve(plan, model, slow=0.05), Interrupted.answers
    patient = replace(QUICK, timeout=60)
    endpoint = Endpoint(server.url, "lookup", "chat", patient)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(plan.path, endpoint, progress=Interrupted())
    assert "answers are kept" in caught.value.__notes__[0]
    assert sorted(texts(plan)) == sorted(server.answered)
    assert answers <= len(server.answered) < answers + QUICK.concurrency


def test_an_endpoint_that_asks_to_wait_for_long_ends_the_run(plan, model, serve):
    server = serve(plan, model)
    for header in ("86400", "Wed, 21 Oct 2099 07:28:00 GMT"):
        server.special = lambda asked, after=header: (429, {}, ("retry-after", after))
        with pytest.raises(ModelError, match=r"asks to wait [\d,]+ minutes"):
            run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    assert texts(plan) == {}


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (200, {"error": {"message": "slow down", "code": 429}}),
        (200, {"error": "overloaded"}),
        (200, {"choices": []}),
        (200, {"choices": None}),
        (200, {"choices": [None]}),
        (200, []),
        (200, b"data: {}\n\n"),
        (200, b"[" * 100_000),
        (529, {}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_responses_without_an_answer_are_asked_again(plan, model, serve, status, value):
    server = serve(plan, model)
    server.special = lambda asked: (
        (status, value) if len(server.requests) % 3 == 0 else None
    )
    budget = Budget(tokens=4_000)
    done = run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK), budget=budget)
    assert done["answered"] > 5
    assert texts(plan).items() <= expected(plan, model).items()


def test_odd_answers_are_kept(plan, model, serve):
    server = serve(plan, model)
    messages = [
        {"content": None, "refusal": "I can't"},
        {"content": [{"type": "text", "text": "in "}, {"text": "parts"}, {}]},
        None,
        {"content": 7},
    ]

    requests = count()

    def special(asked):
        choice = {"message": messages[next(requests) % 4], "finish_reason": 3}
        return 200, {"choices": [choice, choice], "id": 5}

    server.special = special
    run(
        plan.path, Endpoint(server.url, "l", "chat", QUICK), budget=Budget(tokens=3_000)
    )
    found = read_answers(plan.path, plan.digest).values()
    assert {(a.text, a.declined) for a in found} == {
        ("", "I can't"),
        ("in parts", None),
        ("", None),
    }


def test_a_key_that_the_endpoint_returns_is_neither_kept_nor_shown(plan, model, serve):
    key, server, requests = os.environ["PROBE_KEY"], serve(plan, model), count()
    said = {"content": f"as {key}", "refusal": key}
    good = {"choices": [{"message": said, "finish_reason": key}], "model": key}
    refused = {"message": f"{'x' * 290} {key}", "code": "content_filter"}
    responses = [
        (200, {**good, "id": key, "system_fingerprint": key}),
        (400, {"error": {"message": f"{key} may not ask this"}}),
        (400, {"error": refused}),
        (200, {"error": {"message": key, "code": 400}}),
    ]
    server.special = lambda asked: responses[next(requests) % 4]
    run(
        plan.path, Endpoint(server.url, "l", "chat", QUICK), budget=Budget(tokens=3_000)
    )
    kept = (plan.path / "answers.jsonl").read_text()
    assert "[key]" in kept
    assert key[:7] not in kept
    score(plan.path)
    server.special = lambda asked: responses[1]
    endpoint = Endpoint(server.url, "l", "chat", QUICK)
    with pytest.raises(ModelError, match="refused the first 5 questions") as caught:
        run(plan.path, endpoint)
    assert key not in str(caught.value)


def test_a_refused_question_is_an_answer_and_a_dead_endpoint_an_error(
    plan, model, serve
):
    server = serve(plan, model)
    server.refuse = 401
    with pytest.raises(ModelError, match=r"model 'lookup' \(status 401\)") as caught:
        run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    assert "sk-" not in str(caught.value)
    server.refuse = 400
    with pytest.raises(ModelError, match="refused the first 5 questions"):
        run(
            plan.path,
            Endpoint(
                server.url,
                "lookup",
                "chat",
                EndpointOptions(concurrency=1, key_env="PROBE_KEY"),
            ),
        )
    server.refuse = None
    done = run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    # Refusals before the first answer show a wrong request, so they are not kept.
    assert (done["refused"], done["answered"]) == (0, done["questions"])


def test_an_endpoint_may_decline_the_content_of_every_question(plan, model, serve):
    server = serve(plan, model)
    server.special = lambda asked: (400, {"error": {"message": "it was flagged"}})
    done = run(plan.path, Endpoint(server.url, "lookup", "chat", QUICK))
    assert (done["refused"], done["failed"]) == (done["questions"], 0)


def test_a_probe_has_one_model_and_one_plan(plan, model):
    run(plan.path, model, budget=Budget(tokens=2_000))
    other = Lookup({})
    other.describe = lambda: {"model": "another"}
    with pytest.raises(UsageError, match="asked with model 'lookup'"):
        run(plan.path, other)
    file = plan.path / "plan.json"
    file.write_text(file.read_text(encoding="utf-8") + " ", encoding="utf-8")
    (plan.path / "model.json").unlink()
    with pytest.raises(UsageError, match="was changed after the first question"):
        run(plan.path, model)


def test_only_one_process_can_run_a_probe(plan, model):
    with (
        answer_file(plan.path, plan.digest),
        pytest.raises(OutputError, match="being run by another process"),
    ):
        run(plan.path, model)
    (plan.path / "answers.jsonl").write_text(json.dumps({"key": "0"}) + "\n")
    with pytest.raises(InputError, match=r"answers.jsonl, line 1: expected an answer"):
        run(plan.path, model)


def test_addresses_with_secrets_are_refused():
    with pytest.raises(UsageError, match="must not contain a secret: put the key"):
        Endpoint("https://me:sk-1@models.example/v1", "m", "chat", QUICK)


def test_a_server_without_keys_needs_none(plan, model, serve):
    os.environ.pop("PROBE_KEY")
    server = serve(plan, model)
    run(
        plan.path,
        Endpoint(server.url, "lookup", "chat", QUICK),
        budget=Budget(tokens=2_000),
    )
    assert server.keys == {"Bearer none"}


def test_damaged_files_of_a_probe_are_named(plan, model, index):
    run(plan.path, model)
    score(plan.path)
    for name, content in (("answers.jsonl", '"x"\n'), ("model.json", '{"model": "loo')):
        before = (plan.path / name).read_bytes()
        (plan.path / name).write_text(content)
        with pytest.raises(InputError, match=name):
            score(plan.path)
        (plan.path / name).write_bytes(before)
    for name in ("summary.json", "tweets.parquet"):
        before = (plan.path / name).read_bytes()
        (plan.path / name).write_bytes(before[:50])
        with pytest.raises(InputError, match=f"{name} was changed"):
            write_probe_report(plan.path)
        (plan.path / name).write_bytes(before)
    assert write_probe_report(plan.path).is_file()
