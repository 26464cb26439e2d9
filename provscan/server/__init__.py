"""Serve a web page and an HTTP API that look up texts in an index.

:mod:`~provscan.server.run` is the process. :mod:`~provscan.server.guard` checks each
request (token, size, time, rate) and passes it to an endpoint of
:mod:`~provscan.server.app`, which looks its text up in the current index
(:mod:`~provscan.server.live`). :mod:`~provscan.server.stream` looks up a text while it
arrives in pieces. :mod:`~provscan.server.shapes` defines requests and answers, and
:mod:`~provscan.server.pages` renders the page and the documentation of the API.

Texts are never logged, and the pages send requests only to this server.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

from provscan.errors import OutputError, UsageError

# A random token of 16 hexadecimal digits has fewer than 6 different characters once in
# 31,000.
SHORTEST_TOKEN, LEAST_DIFFERENT = 16, 6


@dataclass(frozen=True)
class Limits:
    """Limits for each request, for each client, and for all clients together."""

    body_bytes: int = 256 << 10  # Size of a request's body.
    body_seconds: float = 10.0  # Time in which a request must arrive.
    piece_seconds: float = 60.0  # Time between two pieces of a stream.
    stream_seconds: float = 900.0  # Time in which all of a stream must arrive.
    send_seconds: float = 30.0  # Time in which a client must read its answer.
    # Requests per second from one client, at most twice as many at once.
    rate: float = 100.0
    working: int = 64  # Look-ups that run or wait for a thread at a time.
    streams: int = 64  # Streams at a time.
    buffer_bytes: int = 64 << 20  # Memory for the bodies of all requests.
    connections: int = 1000  # Connections at a time.


LIMITS = Limits()


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """Open a socket that listens on an address. An address that other machines can
    reach needs a token.

    Raises
    ------
    UsageError
        The token is missing, can be guessed, or can't be sent.
    OutputError
        The port can't be opened.
    """
    if token is not None:
        _require_good(token)
    if token is None and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, so a token is needed: give "
            "$PROVSCAN_TOKEN, or leave out --host"
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(found[4][:2], family=found[0], backlog=2048)
    except OSError as error:
        raise OutputError(
            f"port {port} of {host} can't be opened: {error.strerror or error}. Choose "
            "another with --port or --host"
        ) from None
    # An answer is sent at once, without waiting for the client to confirm the last one.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _require_good(token: str) -> None:
    different = len(set(token))
    if len(token) < SHORTEST_TOKEN or different < LEAST_DIFFERENT:
        raise UsageError(
            f"the token can be guessed, since it has {len(token)} characters, only "
            f"{different} of them different: give at least {SHORTEST_TOKEN} random "
            "characters"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            "the token can't be sent in the head of a request: use letters, digits and "
            "punctuation of ASCII"
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host."""
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
        The index does not exist or can't be used.
    """
    try:
        from provscan.server.run import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "provscan":
            raise
        raise UsageError(
            f"{error.name} is not installed, so nothing can be served: pip install "
            "'provscan[serve]'"
        ) from None
    run(index, listening, token, limits)
