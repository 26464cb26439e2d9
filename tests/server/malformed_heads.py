"""Draw malformed requests: a server answers each or closes the connection, in time and
without an error of its own.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

# The parts of requests, separated by white space, in which escapes are decoded.
_TARGETS = r"""/ /health /api/lookup /api/stream /docs * //[ http://[/ /%ff%00
    /api/lookup?%zz /../../etc \xff \x00"""
_VALUES = r"""[ ] [::1 [::1] http://[ http://[v1] null localhost 127.0.0.1:99999999 a@b
    %5B localhost:x \xe2\x84\x80 http://\xe2\x84\x80 \x00 \t -1 0 5 99999999999999999999
    1e3 chunked gzip,chunked 100-continue close upgrade Bearer Bearer\x20\xff text/plain
    application/json;charset=\xff"""
_NAMES = r"""Host Origin Authorization Content-Length Transfer-Encoding Expect
    Connection Upgrade Content-Type Cookie a\x20b \xff"""
_BODIES = r"""{ {"text":"a"} 5\r\nhello\r\n0\r\n\r\n 8\r\n"a\x20bird"\r\nzz\r\n zz\r\n
    \xff\xff \x20"""


def _request(rng: random.Random) -> bytes:
    """Draw a request, most often one with a malformed head."""

    def drawn(choices: str) -> bytes:
        chosen = rng.choice(choices.split()).encode()
        return chosen.decode("unicode_escape").encode("latin-1")

    end = rng.choice((b"\r\n",) * 6 + (b"\n", b"\r", b"\r\n "))
    method = drawn("GET POST GET POST HEAD OPTIONS \\x00")
    version = drawn("HTTP/1.1 " * 6 + "HTTP/1.0 HTTP/9 HTTP/1.1\\x20x")
    lines = [b" ".join((method, drawn(_TARGETS), version))]
    if rng.random() < 0.7:
        lines.append(b"Host: localhost")
    if rng.random() < 0.3:
        lines.append(b"Transfer-Encoding: chunked")
    for _ in range(rng.randint(0, 4)):
        many = 9000 if rng.random() < 0.02 else 1
        lines.append(drawn(_NAMES) + b": " + many * drawn(_VALUES))
    whole = end.join(lines) + rng.choice((2 * end,) * 8 + (end, b"")) + drawn(_BODIES)
    if rng.random() < 0.2:
        at = rng.randrange(len(whole))
        whole = whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :]
    return whole


def malformed_heads(port: int, seed: int, cases: int) -> Iterator[str]:
    """Send malformed requests to a server, and yield the violations."""
    rng = random.Random(seed)

    def problem(request: bytes) -> str | None:
        answer = b""
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(30)
            try:
                connection.sendall(request)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except TimeoutError:
                return f"no end: {request[:300]!r}"
            except ConnectionError:
                pass
        if b"HTTP/1.1 500" in answer or b"Traceback" in answer:
            return f"{request[:300]!r}: {answer[:300]!r}"
        return None

    with ThreadPoolExecutor(20) as threads:
        drawn = [_request(rng) for _ in range(cases)]
        yield from filter(None, threads.map(problem, drawn))
