"""How long does a server take to answer, and does it withstand misbehaving clients?

    python benchmarks/serve.py [--tweets 300000] [--corpus FOLDER] [--seconds 20]
        [--bad 2]

``provscan serve`` runs in a process of its own. Clients on the same machine look up
paragraphs of 500 characters, half of which contain a licensed tweet. The requests are
sent one after the other, and then at a constant rate (``--rate``), without waiting for
earlier answers. After that, clients misbehave in ``--bad`` turns: they send slowly,
send 100 MB, close the connection, or open a thousand connections at a time. Meanwhile,
the index is replaced every second.

The tables show milliseconds, statuses, the number of answers that come from another
index than the one that they name, and the memory, mapped files and open files of the
server after each turn, which should not grow.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lookup import add_index_options, indexed, paragraphs, percentiles
from measure import command_line, console, machine, table

import provscan

HEAD = (
    "POST /api/lookup HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
)


@contextlib.contextmanager
def serving(index: Path) -> Iterator[tuple[int, int]]:
    """Start a server, and return its port and its process id."""
    command = ["serve", "-i", str(index), "--port", "0", "--rate", "100000"]
    with subprocess.Popen(
        [sys.executable, "-m", "provscan", *command], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            port = int(line.split(":")[3].split()[0])
            Client(port).ask("a first text")
            yield port, process.pid
        finally:
            process.terminate()


@contextlib.contextmanager
def swapping(link: Path, indexes: list[provscan.Index]) -> Iterator[None]:
    """Point a link to another index every second, taking the indexes in turn, and to
    the first one at the end.
    """
    ended = threading.Event()

    def put(index: provscan.Index) -> None:
        new = link.with_name("new")
        new.symlink_to(index.path)
        new.replace(link)

    def swap() -> None:
        turn = 0
        while not ended.wait(1.0):
            turn += 1
            put(indexes[turn % len(indexes)])

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        put(indexes[0])


class Client:
    """A connection to the server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, text: str) -> dict[str, Any]:
        """Look up a text; return the answer and its status."""
        body, kind = json.dumps({"text": text}), {"Content-Type": "application/json"}
        self._connection.request("POST", "/api/lookup", body, kind)
        answer = self._connection.getresponse()
        return {**json.loads(answer.read()), "status": answer.status}


def one_by_one(port: int, texts: list[str], seconds: float) -> list[float]:
    """Return the seconds of requests that are sent one after the other."""
    client = Client(port)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        client.ask(texts[len(taken) % len(texts)])
        taken.append(time.perf_counter() - began)
    return taken


def at_rate(port: int, texts: list[str], seconds: float, rate: float) -> list[float]:
    """Send requests at a constant rate; return the seconds from the time at which each
    was due until it was answered.
    """
    local, begin = threading.local(), time.perf_counter() + 0.1

    def ask(number: int) -> float:
        if not hasattr(local, "client"):
            local.client = Client(port)
        due = begin + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        local.client.ask(texts[number % len(texts)])
        return time.perf_counter() - due

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, range(int(seconds * rate))))


def status_of(port: int, *parts: bytes, pause: float = 0.0) -> str:
    """Send the parts of a request over a new connection; return the status."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        try:
            return connection.recv(12)[9:].decode() or "closed"
        except OSError:
            return "closed"


def good_client(
    port: int, text: str, known: dict[str, int], ended: threading.Event
) -> Counter[str]:
    """Look up a text ten times a second until the end. Return the numbers of answers by
    status, and of answers that come from another index than the one they name;
    `known` has the number of tweets of each index by its fingerprint.
    """
    statuses: Counter[str] = Counter()
    while not ended.wait(0.1):
        try:
            answer = Client(port).ask(text)
        except OSError:
            statuses["closed"] += 1
            continue
        statuses[str(answer["status"])] += 1
        if answer["status"] == 200:
            about = answer["index"]
            statuses["wrong index"] += known[about["fingerprint"]] != about["tweets"]
    return statuses


def bad_clients(
    port: int, text: str, connections: int, known: dict[str, int]
) -> dict[str, Counter[str]]:
    """Return the numbers of answers by status for each kind of misbehaving client, and
    for a well-behaved client at the same time.
    """
    body = json.dumps({"text": text}).encode()
    head, block = HEAD.format(len(body)).encode(), b"a" * (1 << 16)
    slow = [body[n : n + 1] for n in range(20)]

    def cut(_: int) -> str:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head + body[:10])
        return "cut"

    ways: dict[str, Callable[[int], str]] = {
        "slow, a byte a second": lambda _: status_of(port, head, *slow, pause=1),
        "100 MB": lambda _: status_of(
            port, HEAD.format(100_000_000).encode(), *[block] * 1526
        ),
        "cut connections": cut,
        "parallel": lambda _: status_of(port, head + body),
    }
    counts = {"slow, a byte a second": 20, "100 MB": 20, "cut connections": 200}
    ended = threading.Event()
    with ThreadPoolExecutor(1) as good, ThreadPoolExecutor(connections) as pool:
        good_answers = good.submit(good_client, port, text, known, ended)
        asked = {
            name: [
                pool.submit(way, number)
                for number in range(counts.get(name, connections))
            ]
            for name, way in ways.items()
        }
        found = {name: Counter(f.result() for f in all) for name, all in asked.items()}
        ended.set()
        return {**found, "a good client at the same time": good_answers.result()}


def usage(process: int) -> list[str]:
    """Return the memory of a process without mapped files, in MB, and the numbers of
    its mappings and open files.
    """
    place = Path(f"/proc/{process}")
    known = dict(line.split(":", 1) for line in (place / "status").open())
    maps = sum(1 for _ in (place / "maps").open())
    files = sum(1 for _ in (place / "fd").iterdir())
    return [f"{int(known['RssAnon'].split()[0]) / 1000:.0f}", str(maps), str(files)]


def main() -> None:
    parser = command_line(__doc__)
    add_index_options(parser)
    parser.add_argument(
        "--seconds", type=float, default=20, help="seconds for each row of the table"
    )
    parser.add_argument("--rate", type=float, default=50, help="requests per second")
    parser.add_argument(
        "--connections", type=int, default=1000, help="parallel connections"
    )
    parser.add_argument("--bad", type=int, default=2, help="turns of bad clients")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        index = indexed(arguments, Path(name))
        texts = paragraphs(index, 200)
        few = [{"id": "1", "text": texts[1]}]
        indexes = [index, provscan.build_index(few, Path(name, "other.index"))]
        known = {each.fingerprint: each.reader.tweets for each in indexes}
        link = Path(name, "served.index")
        link.symlink_to(index.path)
        with serving(link) as (port, process):
            times = table("Answers, ms", "", "median", "p99", "longest")
            taken = one_by_one(port, texts, arguments.seconds)
            times.add_row("one after the other", *percentiles(taken))
            rated = at_rate(port, texts, arguments.seconds, arguments.rate)
            times.add_row(f"{arguments.rate:g} per second", *percentiles(rated))
            used = [usage(process)]
            bad: dict[str, Counter[str]] = {}
            for _ in range(arguments.bad):
                with swapping(link, indexes):
                    found = bad_clients(port, texts[1], arguments.connections, known)
                for kind, counts in found.items():
                    bad.setdefault(kind, Counter()).update(counts)
                # Wait until the index is open and refused requests are freed.
                one_by_one(port, texts, 2)
                used.append(usage(process))
            taken = one_by_one(port, texts, 2)
            times.add_row("one after the other, at the end", *percentiles(taken))
    console.print(machine())
    load = os.getloadavg()[0]
    console.print(f"{index.reader.tweets:,} tweets indexed; load {load:.1f}\n")
    console.print(times)
    statuses = table("Statuses of bad clients", "client", "statuses")
    for name, counts in bad.items():
        said = ", ".join(f"{status}: {n}" for status, n in sorted(counts.items()))
        statuses.add_row(name, said)
    console.print(statuses)
    resources = table(
        "The server after turns of bad clients", "turns", "MB", "maps", "files"
    )
    for turn, row in enumerate(used):
        resources.add_row(str(turn), *row)
    console.print(resources)


if __name__ == "__main__":
    main()
