"""Cheap models to probe: a look-up that recites known targets, and a server for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

from provscan.probe import Plan
from provscan.probe.answers import Answer
from provscan.probe.plan import Question

NOISE = [
    "the",
    "weather",
    "was",
    "mild",
    "and",
    "nobody",
    "spoke",
    "about",
    "a",
    "second",
    "harbour",
    "until",
    "late",
]


class Lookup:
    """Recites the target of a question with the probability of its tweet."""

    def __init__(self, chances: dict[str, float], seed: int = 1) -> None:
        self.chances, self.seed, self.asked = chances, seed, []

    def describe(self) -> dict[str, Any]:
        return {"model": "lookup"}

    def text(self, question: Question) -> str:
        rng = Random(f"{self.seed} {question.key}")
        knows = rng.random() < self.chances.get(question.key.rsplit("/", 2)[0], 0.0)
        noise = " ".join(rng.choices(NOISE, k=12))
        return f"{question.target} {noise}" if knows else noise

    def answers(
        self, questions: Iterable[Question], again: Callable[[Question], bool]
    ) -> Iterator[list[Answer]]:
        for question in questions:
            self.asked.append(question.key)
            yield [
                Answer(
                    question.key,
                    self.text(question),
                    "2026-01-01",
                    "lookup",
                    prompt_tokens=20,
                    answer_tokens=12,
                )
            ]


def chances(
    plan: Plan, licensed: Callable[[int], float], control: float = 0.0
) -> dict[str, float]:
    """Return the probability of each tweet; that of a licensed tweet depends on its
    number of copies.
    """
    return {
        f"{number}/{arm}": licensed(pair["licensed"]["copies"])
        if arm == "licensed"
        else control
        for number, pair in enumerate(plan.pairs)
        for arm in ("licensed", "control")
    }


class Server(ThreadingHTTPServer):
    """Serves the answers of a :class:`Lookup`, by prompt and seed; every `trouble`-th
    request fails.
    """

    daemon_threads = True

    def __init__(
        self, plan: Plan, model: Lookup, trouble: int = 0, slow: float = 0.0
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.questions = {(q.prompt, q.seed): q for q in plan.questions()}
        self.model, self.trouble, self.slow = model, trouble, slow
        self.requests: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.keys: set[str] = set()
        self.refuse: int | None = None
        # `reject` returns the error for a request that is refused.
        self.reject: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda asked: (
            None
        )
        # Fields of responses, and whole responses: status, value and headers.
        self.fields: dict[str, Any] = {}
        self.special: Callable[[dict[str, Any]], Any] = lambda asked: None
        # The server notices a shutdown after 0.01 seconds.
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the body is sent only after the client has confirmed the headers, which
    # takes 40 ms.
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        server.requests.append(asked)
        server.keys.add(self.headers["authorization"])
        time.sleep(server.slow)
        if server.refuse is not None:
            self.reply(
                server.refuse,
                {"error": {"message": "no: your key is sk-123", "code": None}},
            )
        elif server.trouble and len(server.requests) % server.trouble == 0:
            self.fail(len(server.requests) // server.trouble % 4)
        elif (special := server.special(asked)) is not None:
            self.reply(*special)
        elif (error := server.reject(asked)) is not None:
            self.reply(400, {"error": error})
        else:
            chat = self.path.endswith("/chat/completions")
            prompt = asked["messages"][0]["content"] if chat else asked["prompt"]
            if "seed" in asked:
                question = server.questions[prompt, asked["seed"]]
            else:
                question = next(
                    q
                    for (text, _), q in server.questions.items()
                    if prompt.startswith(text)
                )
            server.answered.append(question.key)
            text = server.model.text(question)
            said = (
                {"message": {"role": "assistant", "content": text}}
                if chat
                else {"text": text, "logprobs": None}
            )
            self.reply(
                200,
                {
                    "id": "c1",
                    "object": "chat.completion" if chat else "text_completion",
                    "created": 0,
                    "model": "lookup-1",
                    "system_fingerprint": "fp1",
                    "choices": [{"index": 0, "finish_reason": "stop", **said}],
                    "usage": {
                        "prompt_tokens": 20,
                        "completion_tokens": 12,
                        "total_tokens": 32,
                    },
                    **server.fields,
                },
            )

    def fail(self, way: int) -> None:
        match way:
            case 0:
                self.reply(
                    429, {"error": {"message": "slow down"}}, ("retry-after", "0.02")
                )
            case 1:
                self.reply(503, {"error": {"message": "overloaded"}})
            case 2:
                time.sleep(1.0)  # This is longer than the client waits.
                self.close_connection = True
            case 3:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "1000")
                self.end_headers()
                self.wfile.write(b'{"id": "c1", "cho')
                self.close_connection = True

    def reply(self, status: int, value: Any, *headers: tuple[str, str]) -> None:
        """Send a response, or none if the status is 0."""
        if not status:
            self.close_connection = True
            return
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        length = ("content-length", str(len(body)))
        for name, content in (("content-type", "application/json"), length, *headers):
            self.send_header(name, content)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
