"""Serve a web page and an HTTP API that look up texts in an index.

A request passes :mod:`~provscan.server.guard` (token, sizes, times, rates), reaches an
endpoint of :mod:`~provscan.server.app`, and is answered by
:mod:`~provscan.server.live`, which has the index as it is now. An answer that comes in
pieces goes through :mod:`~provscan.server.stream`. The shapes of requests and answers
are those of :mod:`~provscan.server.shapes`; :mod:`~provscan.server.pages` renders the
page and the documentation of the API.

Texts are never logged, and no page asks another server for anything.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

from provscan.errors import OutputError, UsageError

SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """What one client, and all of them together, may ask of a server."""

    body_bytes: int = 256 << 10  # Of a request.
    body_seconds: float = 10.0  # Until a request is there.
    piece_seconds: float = 60.0  # Between two pieces of a stream.
    stream_seconds: float = 900.0  # From the first piece of a stream to its last.
    send_seconds: float = 30.0  # Until a client takes what was sent to it.
    rate: float = 100.0  # Requests a second of one client; twice as many at once.
    working: int = 64  # Requests that are answered, or wait for that, at a time.
    streams: int = 64
    held_bytes: int = 64 << 20  # Of all requests at a time.
    connections: int = 1000


LIMITS = Limits()


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """Bind an address: one of this machine alone, unless there is a token."""
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"the token has {len(token)} characters, which can be guessed: give at "
            f"least {SHORTEST_TOKEN}"
        )
    if token is None and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, so a token is needed: give "
            "--token or $PROVSCAN_TOKEN, or leave out --host"
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(found[4][:2], family=found[0], backlog=2048)
    except OSError as error:
        raise OutputError(
            f"port {port} of {host} can't be opened: {error.strerror or error}. Choose "
            "another with --port or --host"
        ) from None
    # The head of an answer does not wait until the client has confirmed the one before.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    index: str | os.PathLike[str],
    listening: socket.socket,
    token: str | None = None,
    limits: Limits = LIMITS,
) -> None:
    """Serve an index until the process is told to stop.

    Raises
    ------
    UsageError
        The extra ``serve`` is not installed.
    IndexFormatError
        There is no index.
    """
    try:
        from provscan.server.run import run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "pydantic", "anyio"):
            raise
        raise UsageError(
            f"{error.name} is not installed, so nothing can be served: pip install "
            "'provscan[serve]'"
        ) from None
    run(index, listening, token, limits)
