"""Test endpoints that refuse some settings of the plan, and endpoints that return
log-probabilities of a target.
"""

import socket
import threading
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from models import Handler, Lookup, Server, chances

from provscan.errors import ModelError, UsageError
from provscan.probe import run, score
from provscan.probe.answers import read_answers
from provscan.probe.plan import Question
from provscan.probe.report.tables import probe_table

if find_spec("openai") is None:
    pytest.skip(
        "asking an endpoint needs pip install 'provscan[probe]'",
        allow_module_level=True,
    )
from provscan.probe.endpoint import Endpoint, EndpointOptions

OPTIONS = EndpointOptions(concurrency=1, attempts=3, key_env="PROBE_KEY")


def endless(question):
    return True


QUESTIONS = [
    Question(
        f"{n}/licensed/prefix/{sample}",
        f"begin {n} and",
        f" end {n} here",
        float(sample),
        10 * n + sample,
        9,
    )
    for n in range(3)
    for sample in range(2)
]


@pytest.fixture
def start():
    servers = []

    def start(plan=None):
        servers.append(
            Server(plan or SimpleNamespace(questions=lambda: QUESTIONS), Lookup({}))
        )
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def asked(server, style="completion", options=OPTIONS):
    endpoint = Endpoint(server.url, "lookup", style, options)
    return [
        answer for batch in endpoint.answers(QUESTIONS, endless) for answer in batch
    ]


def only_its_own_way(asked):
    """Return the error of a model that supports only one temperature, behind a server
    that supports no seed.
    """
    if asked.get("temperature") == 0:
        message = (
            "Unsupported value: 'temperature' does not support 0 with this model. Only "
            "the default (1) is supported."
        )
        return {"message": message, "param": "temperature", "code": "unsupported_value"}
    return (
        {
            "message": "[{'loc': ('body', 'seed'), 'msg': 'Extra inputs are not "
            "permitted'}]"
        }
        if "seed" in asked
        else None
    )


def test_refused_parameters_are_left_out_and_reported(few, index, start):
    server = start(few)
    server.model = Lookup(chances(few, lambda copies: 1.0))
    server.reject = only_its_own_way
    done = run(few.path, Endpoint(server.url, "lookup", "chat", OPTIONS))
    assert (done["failed"], done["refused"], done["answered"]) == (
        0,
        0,
        done["questions"],
    )
    # Only the first question is sent with the refused parameters.
    assert len(server.requests) == done["questions"] + 2
    greedy = [q.key for q in few.questions() if q.temperature == 0]
    assert done["without"] == {"temperature": len(greedy), "seed": done["questions"]}
    known = read_answers(few.path, few.digest)
    assert {known[key].without for key in greedy} == {("temperature", "seed")}
    assert {answer.without for key, answer in known.items() if key not in greedy} == {
        ("seed",)
    }
    summary = score(few.path)
    assert summary["asked"]["departures"] == [
        {
            "parameter": "temperature",
            "value": 0.0,
            "answers": len(greedy),
            "of": len(greedy),
        },
        {
            "parameter": "seed",
            "value": None,
            "answers": done["questions"],
            "of": done["questions"],
        },
    ]
    said = (
        f"temperature 0 left out of {len(greedy)} of {len(greedy)} questions, so that "
        "these answers are not greedy"
    )
    assert said in next(
        n["message"] for n in summary["answer"]["notes"] if n["code"] == "departures"
    )
    assert said in " ".join(probe_table(summary, verbose=True).split())
    assert said in (few.path / "report.html").read_text(encoding="utf-8")


def test_no_question_is_lost_when_the_limit_has_another_name(start):
    """Four questions have been sent with the old name when the first one is refused."""
    server, together = start(), threading.Barrier(4)
    error = {
        "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' "
        "instead.",
        "param": "max_tokens",
    }

    def reject(asked):
        if "max_tokens" not in asked:
            return None
        together.wait(60)
        return error

    server.reject = reject
    answers = asked(
        server, "chat", EndpointOptions(concurrency=4, attempts=3, key_env="PROBE_KEY")
    )
    assert len(answers) == len(QUESTIONS)
    assert [answer.refused for answer in answers] == [None] * len(QUESTIONS)


def test_a_dead_endpoint_is_reported_before_anything_is_asked(monkeypatch):
    """The endpoint refuses connections, has no address, or never answers."""
    monkeypatch.setattr("provscan.probe.endpoint.PATIENCE", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as closed,
    ):
        ports = {
            "timed out": silent.getsockname()[1],
            "refused": closed.getsockname()[1],
        }
        closed.close()
        addresses = {why: f"http://127.0.0.1:{port}/v1" for why, port in ports.items()}
        for why, url in {**addresses, "name": "http://models.invalid/v1"}.items():
            asked = Endpoint(url, "m", "chat", EndpointOptions(timeout=0.2)).answers(
                QUESTIONS, endless
            )
            with pytest.raises(
                ModelError,
                match=rf"(?i)does not answer \(.*{why}.*\), so nothing was asked",
            ):
                next(asked)
        assert (
            list(
                Endpoint(addresses["refused"], "m", "chat", OPTIONS).answers(
                    [], endless
                )
            )
            == []
        )
    with pytest.raises(UsageError, match="expected an address such"):
        Endpoint("localhost:8000/v1", "m", "chat", OPTIONS)


def test_an_endpoint_that_goes_away_ends_the_run(start, monkeypatch):
    # With HTTP/1.0, each question needs a new connection.
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.0")
    server = start()
    answers = Endpoint(server.url, "lookup", "chat", OPTIONS).answers(
        QUESTIONS, endless
    )
    assert next(answers)[0].key == QUESTIONS[0].key
    server.close()
    with pytest.raises(ModelError, match=r"reached any more\. The answers so far are"):
        list(answers)
