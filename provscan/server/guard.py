"""Check each request before its endpoint receives it: token, origin, size, time and
rate.

A refused request is answered with a status and a sentence: 401 without the token, 403
from another site, 408 if it is too slow, 413 if it is too large, 429 if there are too
many. Neither the text nor the token of a request is logged.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provscan.server import Limits

STREAM = "/api/stream"
# Paths without data, which need no token.
OPEN = ("/", "/docs", "/openapi.json", "/health")
# Asked by programs that watch the server, so it is answered however busy the server is.
HEALTH = "/health"
LOCAL = {"localhost", "127.0.0.1", "::1"}
MOST_CLIENTS = 10_000
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
POLICY = b"content-security-policy"
BARE_POLICY = b"default-src 'none'; frame-ancestors 'none'"
logger = logging.getLogger("provscan.server")


class Refused(Exception):
    """A request that is refused: the status, and the reason as a sentence."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = headers


class Guard:
    """An ASGI application that passes only permitted requests on to another one."""

    def __init__(self, app: ASGIApp, token: str | None, limits: Limits) -> None:
        self._app, self._token, self._limits = app, token, limits
        # For each client, how many requests it may send, and the time at which this was
        # computed.
        self._allowances: dict[str, tuple[float, float]] = {}
        self._reserved = 0  # Bytes of memory for the bodies of requests.
        # The number of requests that are being answered, by kind.
        self._answering: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            self._admit(scope)
            with _Body(receive, self._limits, self) as body:
                if scope["path"] == HEALTH:
                    await self._app(scope, await body.whole(scope), answer.send)
                elif scope["path"] == STREAM:
                    with self._slot("streams", self._limits.streams):
                        await self._app(scope, body.piece, answer.send)
                else:
                    whole = await body.whole(scope)
                    with self._slot("texts", self._limits.working):
                        await self._app(scope, whole, answer.send)
        except Refused as refused:
            await answer.refuse(refused)
        except Exception as error:
            # The message of an error may quote a text.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("internal error, %s:\n%s", type(error).__name__, where)
            await answer.refuse(Refused(500, "Internal error: please report it."))

    def _admit(self, scope: Scope) -> None:
        """Refuse a request without the token, from a page of another site, or from a
        client that sends too many.
        """
        if scope["path"] != HEALTH:
            self._limit_rate(scope["client"][0] if scope["client"] else "")
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._token is None:
            origin = headers.get(b"origin")
            if origin and _place(origin.decode("latin-1")) != host:
                raise Refused(403, "Pages of other sites may not use this server.")
            # Another site can have its own name resolved to this machine (DNS
            # rebinding).
            if _place(f"//{host}", name=True) not in LOCAL:
                raise Refused(
                    403,
                    "Without a token, this server answers only requests to localhost, "
                    f"not to {host}: start the server with $PROVSCAN_TOKEN.",
                )
        elif scope["path"] not in OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                raise Refused(
                    401,
                    "The token is missing or wrong: send it as Authorization: Bearer.",
                    **{"www-authenticate": "Bearer"},
                )

    def _limit_rate(self, client: str) -> None:
        """Refuse a request if its client sends more than ``rate`` per second, after a
        burst of twice that number (a token bucket).
        """
        now, rate = time.monotonic(), self._limits.rate
        left, since = self._allowances.get(client, (2 * rate, now))
        left = min(2 * rate, left + (now - since) * rate)
        if left < 1:
            raise Refused(
                429,
                f"More than {rate:g} requests a second: ask again in a second.",
                **{"retry-after": "1"},
            )
        if len(self._allowances) > MOST_CLIENTS:
            self._allowances = {
                name: (rest, then)
                for name, (rest, then) in self._allowances.items()
                if (now - then) * rate + rest < 2 * rate
            }
        self._allowances[client] = left - 1, now

    @contextmanager
    def _slot(self, kind: str, most: int) -> Iterator[None]:
        """Reserve one of ``most`` slots for a request while it is answered; refuse it
        if all are taken.
        """
        if self._answering[kind] >= most:
            raise _busy()
        self._answering[kind] += 1
        try:
            yield
        finally:
            self._answering[kind] -= 1

    def reserve(self, size: int) -> None:
        """Reserve memory for a part of a body; release it if ``size`` is negative."""
        if size > 0 and self._reserved + size > self._limits.buffer_bytes:
            raise _busy()
        self._reserved += size


def _place(url: str, *, name: bool = False) -> str | None:
    """Return the host and port of a URL, or only the host's ``name``; None if the URL
    is malformed.
    """
    try:
        found = urlsplit(url)
        return found.hostname if name else found.netloc
    except ValueError:
        return None


def _busy() -> Refused:
    message = "The server is busy: ask again in a second."
    return Refused(429, message, **{"retry-after": "1"})


class _Body:
    """The body of a request, which is limited in size and time."""

    def __init__(self, receive: Receive, limits: Limits, guard: Guard) -> None:
        self._receive, self._limits, self._guard = receive, limits, guard
        self._size = 0
        self._end = time.monotonic() + limits.stream_seconds

    def __enter__(self) -> _Body:
        return self

    def __exit__(self, *error: object) -> None:
        self._guard.reserve(-self._size)

    async def piece(self) -> Message:
        """Return the next piece of a stream."""
        seconds = min(self._limits.piece_seconds, self._end - time.monotonic())
        try:
            async with asyncio.timeout(max(seconds, 0)):
                return self._measured(await self._receive())
        except TimeoutError:
            raise Refused(
                408,
                f"No piece arrived for {self._limits.piece_seconds:g} s, or the stream "
                f"took longer than {self._limits.stream_seconds:g} s.",
            ) from None

    async def whole(self, scope: Scope) -> Receive:
        """Read the whole body, and return a function that passes it on."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise self._too_large()
        pieces, more = [], True
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while more:
                    message = self._measured(await self._receive())
                    if message["type"] == "http.disconnect":
                        raise Refused(499, "The client closed the connection.")
                    pieces.append(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Refused(
                408,
                f"The request took longer than {self._limits.body_seconds:g} s.",
            ) from None
        waiting = [{"type": "http.request", "body": b"".join(pieces)}]

        async def passed_on() -> Message:
            return waiting.pop() if waiting else await self._receive()

        return passed_on

    def _measured(self, message: Message) -> Message:
        size = len(message.get("body", b""))
        if self._size + size > self._limits.body_bytes:
            raise self._too_large()
        self._guard.reserve(size)
        self._size += size
        return message

    def _too_large(self) -> Refused:
        return Refused(
            413,
            f"The request is larger than {self._limits.body_bytes:,} bytes: send it in "
            "parts, or scan a file with `provscan match`.",
        )


class _Answer:
    """The answer to a request: keeps its status, and adds the headers that every answer
    has.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), *HEADERS]
            if POLICY not in dict(headers):
                headers.append((POLICY, BARE_POLICY))
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        if self.status:
            return
        body = orjson.dumps({"detail": refused.message})
        headers = {"content-type": "application/json", **refused.headers}
        headers["content-length"] = str(len(body))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": refused.status}
        await self.send({**start, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})
