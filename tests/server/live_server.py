"""Run a server in a thread, and send it requests over real connections."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from provscan.server import Limits, listen

TWEETS = [
    {
        "id": "1001",
        "text": "A heron on one leg at the bus stop, patient as the timetable is not.",
        "author": "ada",
        "created_at": "2015-03-02T10:20:30Z",
    },
    {
        "id": "1002",
        "text": "My sourdough starter has a name and a better social life than I do.",
        "author": "bo",
        "created_at": "2016-04-05T06:07:08Z",
    },
    *(
        {
            "id": f"20{n}",
            "text": "the early bird catches the worm, but the second mouse gets cheese",
            "author": f"quoter {n}",
        }
        for n in range(4)
    ),
]
HERON, SOURDOUGH, SAYING = (TWEETS[n]["text"] for n in (0, 1, 2))


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends requests to a server over real connections."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, body: Any = None, method: str | None = None, **headers: str
    ) -> Reply:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            verb = method or ("GET" if body is None else "POST")
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def look_up(self, text: str, **headers: str) -> Any:
        reply = self.ask("/api/lookup", {"text": text}, **headers)
        assert reply.status == 200, reply
        return reply.json()


@contextmanager
def running(
    path: Path, token: str | None = None, limits: Limits | None = None
) -> Iterator[Client]:
    """Run a server in a thread, and provide a client for it."""
    from provscan.server.run import server_of

    listening = listen("127.0.0.1", 0, token)
    server = server_of(path, token, limits or Limits())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Client(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
