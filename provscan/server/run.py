"""Run the server: an event loop for the connections, and threads that look up texts."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from provscan.server import Limits
from provscan.server.app import make_app
from provscan.server.live import LiveIndex, return_freed_memory

# The maximum size of the head of a request, in bytes.
HEAD = 16 << 10
REFUSAL = (
    "HTTP/1.1 {}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    "content-length: {}\r\n\r\n{}"
)


def run(
    index: str | os.PathLike[str],
    listening: socket.socket,
    token: str | None,
    limits: Limits,
) -> None:
    """Serve until the process is told to stop."""
    return_freed_memory()
    _raise_limit_of_files(limits.connections)
    server = server_of(index, token, limits)
    _collect_garbage()
    # uvicorn handles only SIGINT and SIGTERM.
    if callable(signal.getsignal(signal.SIGHUP)):
        signal.signal(signal.SIGHUP, server.handle_exit)
    server.run(sockets=[listening])


def server_of(
    index: str | os.PathLike[str], token: str | None, limits: Limits
) -> uvicorn.Server:
    """Return a server whose index is open."""
    app = make_app(LiveIndex(index), token, limits, os.cpu_count() or 1)
    config = uvicorn.Config(
        app,
        http=_bounded(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def _collect_garbage() -> None:
    """Collect garbage as often as Python does by default, but skip the objects that
    exist already, which makes a collection fast.

    Commands rarely collect garbage (:mod:`provscan.__main__`). In a server, the
    reference cycles of closed connections would pile up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700)


def _raise_limit_of_files(connections: int) -> None:
    """Allow the process to open as many files as there may be connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 1024
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _bounded(limits: Limits) -> type[H11Protocol]:
    """Return a protocol class that bounds the number of connections and their time.

    Above ``limits.connections``, a connection is refused. The head of a request, and
    the rest of a request that was answered early, must arrive within the time allowed
    for a body. A client that does not read its answer is disconnected.
    """

    class Bounded(H11Protocol):
        # Timers that end a connection: until a request has arrived, and until the
        # client reads its answer.
        _request_timer: asyncio.TimerHandle | None = None
        _answer_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                self._refuse("429 Too Many Requests", "Too many connections.")
            self._wait()

        def data_received(self, data: bytes) -> None:
            if not self.transport.is_closing():
                super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in (self._request_timer, self._answer_timer):
                if timer is not None:
                    timer.cancel()

        def send_400_response(self, msg: str) -> None:
            """Refuse a request whose body is malformed, and drop its other answer."""
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                super().send_400_response(msg)
            self.transport.close()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._answer_timer = self.loop.call_later(
                limits.send_seconds, self.transport.abort
            )

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._answer_timer is not None:
                self._answer_timer.cancel()

        def _wait(self) -> None:
            """Start the clock if no request is being answered; otherwise stop it."""
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self._request_timer is None:
                self._request_timer = self.loop.call_later(
                    limits.body_seconds, self._too_late
                )
            elif not idle and self._request_timer is not None:
                self._request_timer.cancel()
                self._request_timer = None

        def _too_late(self) -> None:
            self._request_timer = None
            idle = self.cycle is None or self.cycle.response_complete
            if idle and not self.transport.is_closing():
                if self.conn.their_state is h11.IDLE:
                    self._refuse("408 Request Timeout", "The request is too slow.")
                self.transport.close()

        def _refuse(self, status: str, message: str) -> None:
            body = f'{{"detail": "{message}"}}'
            self.transport.write(REFUSAL.format(status, len(body), body).encode())
            self.transport.close()

    return Bounded
