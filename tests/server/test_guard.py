"""Test which requests are refused: without the token, from other sites, too large, too
slow or too many.
"""

import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live_server import HERON, running
from malformed_heads import malformed_heads
from nightly import SEED, cases

from provscan.errors import OutputError, UsageError
from provscan.server import Limits, is_loopback, listen

TOKEN = "a-token-of-some-length"
QUICK = Limits(
    body_bytes=10_000,
    body_seconds=0.5,
    piece_seconds=0.5,
    stream_seconds=2,
    rate=100_000,
    connections=60,
)


def test_a_server_that_others_can_reach_needs_a_token():
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    for host in ("0.0.0.0", "::", "example.org", "192.168.0.1"):
        with pytest.raises(UsageError, match="token is needed"):
            listen(host, 0, None)
    for token in (
        "short",
        16 * "a",
        40 * "ab",
        "a token with spaces in it",
        "ä" + TOKEN,
    ):
        with pytest.raises(UsageError):
            listen("127.0.0.1", 0, token)


def test_a_port_in_use_is_an_error():
    with (
        listen("127.0.0.1", 0, None) as taken,
        pytest.raises(OutputError, match=r"Choose another with port"),
    ):
        listen("127.0.0.1", taken.getsockname()[1], None)


def test_only_paths_without_data_need_no_token(index):
    with running(Path(index.path), TOKEN) as client:
        for path in ("/", "/docs", "/openapi.json", "/health"):
            assert client.ask(path).status == 200
        for path in ("/api/lookup", "/api/nowhere"):
            for headers in (
                {},
                {"Authorization": "Bearer another-token-of-some"},
                {"Authorization": TOKEN},
            ):
                reply = client.ask(path, **headers)
                assert reply.status == 401
                assert "send it as Authorization: Bearer" in reply.json()["detail"]
            assert client.ask(path, Authorization=f"Bearer {TOKEN}").status != 401
        assert client.ask("/api/lookup", {"text": HERON}).status == 401
        assert client.ask("/api/stream", HERON.encode()).status == 401
        assert client.look_up(HERON, Authorization=f"Bearer {TOKEN}")["findings"] == 1
        # With a token, clients may use any name of the host.
        assert client.ask("/", Host="provscan.example").status == 200


def test_requests_of_other_sites_are_refused(client):
    local = f"127.0.0.1:{client.port}"
    assert client.ask("/", Host="evil.example").status == 403
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        reply = client.ask("/api/stream", HERON.encode(), Host=local, Origin=origin)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers
    assert client.ask("/docs", Host=local, Origin=f"http://{local}").status == 200
    assert client.ask("/docs", Host=f"localhost:{client.port}").status == 200


def raw(client, *parts, pause=0.0):
    """Send bytes, with a pause after each part, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as sending:
        received = b""
        try:
            for part in parts:
                sending.sendall(part)
                time.sleep(pause)
        except OSError:
            pass
        try:
            while got := sending.recv(1 << 16):
                received += got
        except OSError:
            pass
        return received


# With "Connection: close", the server closes the connection after its answer.
HEAD = (
    b"POST /api/lookup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\n"
)


def test_large_requests_are_refused(index):
    with running(Path(index.path), limits=QUICK) as client:
        reply = client.ask("/api/lookup", {"text": "a" * 20_000})
        assert reply.status == 413
        assert "larger than 10,000 bytes" in reply.json()["detail"]
        # Without a declared length, the size is noticed while the body is read.
        chunk = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        assert raw(client, head, *[chunk] * 50).startswith(b"HTTP/1.1 413 ")
        stream = head.replace(b"/api/lookup", b"/api/stream")
        lines = raw(client, stream, *[chunk] * 50)
        assert b"HTTP/1.1 200" in lines
        assert b'"status":413' in lines
        assert client.look_up(HERON)["findings"] == 1


def test_slow_requests_are_refused(index):
    with running(Path(index.path), limits=QUICK) as client:
        # The requests have no head, a head sent byte by byte, and an incomplete body.
        assert raw(client).startswith(b"HTTP/1.1 408 ")
        drops = [bytes([byte]) for byte in HEAD]
        assert raw(client, *drops, pause=0.02).startswith(b"HTTP/1.1 408 ")
        slow = raw(client, HEAD + b"Content-Length: 100\r\n\r\n", b"{")
        assert slow.startswith(b"HTTP/1.1 408 ")
        assert b"took longer than 0.5 s" in slow
        stream = HEAD.replace(b"/api/lookup", b"/api/stream")
        stream = raw(client, stream + b"Content-Length: 100\r\n\r\n", HERON.encode())
        assert b'"status":408' in stream
        assert client.look_up(HERON)["findings"] == 1


def test_frequent_requests_are_refused(index):
    with running(Path(index.path), limits=Limits(rate=5)) as client:
        statuses = [client.ask("/openapi.json").status for _ in range(30)]
        assert {*statuses} == {200, 429}
        assert 10 <= statuses.count(200) < 30
        reply = client.ask("/api/lookup", {"text": HERON})
        assert reply.status == 429
        assert reply.headers["retry-after"] == "1"
        assert "ask again in a second" in reply.json()["detail"]
        assert client.ask("/health").status == 200


def test_health_takes_no_slot_of_a_look_up(index):
    with running(Path(index.path), limits=Limits(working=0)) as client:
        assert client.ask("/api/lookup", {"text": HERON}).status == 429
        assert client.ask("/health").status == 200


@pytest.mark.parametrize("token", [None, TOKEN])
def test_malformed_heads_are_refused(index, token, caplog):
    limits = Limits(rate=1e9, body_seconds=0.3, stream_seconds=0.3, piece_seconds=0.3)
    with running(Path(index.path), token, limits) as client:
        found = list(malformed_heads(client.port, SEED, cases(60, 1000)))
        assert not found, found[:9]
        assert client.ask("/health").status == 200
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_too_many_connections_are_refused(index):
    with running(Path(index.path), limits=QUICK) as client:
        held = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(80)]
        answers = set()
        for connection in held:
            connection.settimeout(20)
            try:
                answers.add(connection.recv(12))
            except OSError:
                answers.add(b"")
            connection.close()
        assert answers <= {b"HTTP/1.1 429", b"HTTP/1.1 408", b""}
        assert b"HTTP/1.1 429" in answers
        assert client.look_up(HERON)["findings"] == 1


def test_the_server_recovers_from_many_bad_clients(index):
    limits = Limits(body_bytes=10_000, body_seconds=0.5, rate=100_000, working=2)

    with running(Path(index.path), limits=limits) as client:
        body = json.dumps({"text": HERON}).encode()
        length = b"Content-Length: %d\r\n\r\n" % len(body)

        def one(number):
            kind = number % 4
            if kind == 0:
                return raw(client, HEAD + length, body)
            if kind == 1:
                return raw(client, HEAD + b"Content-Length: 100000000\r\n\r\n")
            if kind == 2:
                return raw(client, HEAD + length, body[:5])
            with socket.create_connection(("127.0.0.1", client.port)) as cut:
                cut.sendall(HEAD + length + body[:9])
            return b""

        with ThreadPoolExecutor(40) as pool:
            statuses = {reply[9:12] for reply in pool.map(one, range(80))}
        assert statuses <= {b"", b"200", b"408", b"413", b"429"}
        assert {b"200", b"408", b"413"} <= statuses
        assert client.look_up(HERON)["findings"] == 1


def test_texts_are_not_logged(index, caplog, monkeypatch):
    secret = "a secret that must not be repeated"

    def fail(texts, index):
        raise ValueError(f"no {texts}")

    with caplog.at_level(logging.DEBUG), running(Path(index.path)) as client:
        client.look_up(f"{secret} {HERON}")
        client.ask("/api/lookup", {"texts": secret})
        client.ask("/api/lookup", f'{{"text": "{secret}'.encode())
        monkeypatch.setattr("provscan.server.live.look_up", fail)
        reply = client.ask("/api/lookup", {"text": secret})
        assert reply.status == 500
        assert b"secret" not in reply.body
    assert "internal error, ValueError" in caplog.text
    assert "secret" not in caplog.text
    assert threading.active_count() < 50
