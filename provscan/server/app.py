"""The endpoints of the HTTP API, and the application that contains them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response

from provscan import __version__
from provscan.errors import IndexFormatError
from provscan.lookup import summary
from provscan.server import Limits, pages, shapes
from provscan.server.guard import Guard
from provscan.server.live import LiveIndex
from provscan.server.stream import StreamAnswer

TITLE = "provscan: look up texts"
DESCRIPTION = (
    "Find the licensed tweets that share wording with a text. Positions are counted in "
    "code points. A server that other machines can reach requires a token, sent as "
    "`Authorization: Bearer TOKEN`. Texts are neither stored nor logged."
)
REFUSALS = {
    401: "The token is missing or wrong",
    403: "The request came from a page of another site, or named an unknown host",
    408: "The request arrived too slowly",
    413: "The request is too large",
    422: "The request does not have the required fields",
    429: "Too many requests, or the server is busy",
    503: "The index can't be used",
}
# FastAPI would pass errors, which may quote a text, to any telemetry that is installed.
NO_TELEMETRY: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


class Json(Response):
    """An answer in JSON that FastAPI does not validate again."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def make_app(live: LiveIndex, token: str | None, limits: Limits, threads: int) -> Guard:
    """Return the application behind its guard.

    Parameters
    ----------
    live
        The index.
    token
        The token that requests must have; None if they need none.
    limits
        The limits of the guard.
    threads
        The number of threads that look up texts.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        # Threads of their own, so that /health answers while all others look up texts.
        app.state.watching = anyio.CapacityLimiter(2)
        yield

    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={
            status: {"model": shapes.Problem, "description": meaning}
            for status, meaning in REFUSALS.items()
        },
        telemetry=NO_TELEMETRY,
    )

    def look_up(texts: list[shapes.Text]) -> dict[str, Any]:
        about, found = live.look_up([text.text for text in texts])
        results = [
            {
                "id": text.id,
                "characters": len(text.text),
                "findings": sum(match["counted"] for match in matches),
                "answer": summary(matches),
                "matches": matches,
            }
            for text, matches in zip(texts, found, strict=True)
        ]
        return {"results": results, "index": about}

    def look_up_one(text: shapes.Text) -> dict[str, Any]:
        found = look_up([text])
        return {**found["results"][0], "index": found["index"]}

    @app.post("/api/lookup", summary="Look up one text", response_model=shapes.Answer)
    def lookup(text: shapes.Text) -> Response:
        """Find the licensed tweets that share wording with a text. Findings come first.
        The answer to an empty text has no matches, but describes the index.
        """
        return Json(look_up_one(text))

    @app.post(
        "/api/batch", summary="Look up several texts", response_model=shapes.BatchAnswer
    )
    def batch(texts: shapes.Batch) -> Response:
        """Look up several texts in one request, which is faster than one by one."""
        return Json(look_up(texts.texts))

    @app.post(
        "/api/stream",
        summary="Look up a text that arrives in pieces",
        response_class=Response,
        responses={
            200: {
                "description": "Lines of JSON",
                "content": {
                    "application/x-ndjson": {
                        "schema": {"$ref": "#/components/schemas/Line"}
                    }
                },
            }
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    async def stream() -> Response:
        """The body is the text in UTF-8, which may be sent in pieces. The answer has a
        line for each change of the matches, and a last line, in which `final` is true,
        with the answer for the whole text. If the server ends the stream early, the
        last line has the reason as `detail`.
        """
        return StreamAnswer(lambda text: look_up_one(shapes.Text(text=text, id=None)))

    @app.get(
        "/health",
        summary="Tell whether the server can answer",
        response_model=shapes.Health,
    )
    async def health() -> Response:
        """The status is 200, or 503 if the index can't be used. No token is needed."""
        try:
            await anyio.to_thread.run_sync(live.snapshot, limiter=app.state.watching)
        except IndexFormatError:
            return Json({"status": "unusable", "version": __version__}, 503)
        return Json({"status": "ok", "version": __version__})

    page = pages.live_page(locked=token is not None)
    app.get("/", include_in_schema=False)(lambda: page)

    @app.get("/docs", include_in_schema=False)
    def documentation() -> HTMLResponse:
        return pages.api_page(app.openapi(), REFUSALS, limits)

    @app.exception_handler(IndexFormatError)
    def unusable(_: Request, error: IndexFormatError) -> Response:
        return Json({"detail": str(error)}, 503, {"retry-after": "5"})

    @app.exception_handler(RequestValidationError)
    def misshapen(_: Request, error: RequestValidationError) -> Response:
        # The answer does not repeat what was sent.
        problems = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors()[:5]
        ]
        return Json({"detail": "; ".join(problems)}, 422)

    schema = app.openapi()
    schema["components"]["schemas"] |= _line_schema()
    return Guard(app, token, limits)


def _line_schema() -> dict[str, Any]:
    """Return the schema of a line of a stream, which FastAPI does not know since no
    endpoint returns it.
    """
    schema = shapes.Line.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return {"Line": schema}
