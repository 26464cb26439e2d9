"""The endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from provscan import __version__
from provscan.errors import IndexFormatError
from provscan.lookup import summary
from provscan.server import Limits, pages, shapes
from provscan.server.guard import Guard
from provscan.server.live import LiveIndex
from provscan.server.metrics import Metrics
from provscan.server.stream import StreamAnswer

TITLE = "provscan: look up texts"
DESCRIPTION = (
    "Which licensed tweets a text shares wording with. Positions are code points. A "
    "server that other machines can reach wants a token, sent as `Authorization: "
    "Bearer TOKEN`. Texts are not kept, and not logged."
)
REFUSALS = {
    401: "The token is missing or wrong",
    403: "A page of another site asked, or the name of the server is not known",
    408: "The request came too slowly",
    413: "The request is too large",
    422: "The request does not have this shape",
    429: "Too many requests, or the server is busy",
    503: "The index can't be used",
}


# FastAPI would hand errors, which may quote a text, to whatever collects them.
NO_TELEMETRY: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


class Json(Response):
    """An answer whose shape is documented, and not checked again."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def make_app(live: LiveIndex, token: str | None, limits: Limits, threads: int) -> Guard:
    """Return the application; `threads` is the number of threads that look up texts."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
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
        metrics.looked_up(results)
        return {"results": results, "index": about}

    def look_up_one(text: shapes.Text) -> dict[str, Any]:
        found = look_up([text])
        return {**found["results"][0], "index": found["index"]}

    @app.post("/api/lookup", summary="Look up one text", response_model=shapes.Answer)
    def lookup(text: shapes.Text) -> Response:
        """Which licensed tweets a text shares wording with, findings first. An empty
        text gives the facts of the index.
        """
        return Json(look_up_one(text))

    @app.post(
        "/api/batch", summary="Look up several texts", response_model=shapes.BatchAnswer
    )
    def batch(texts: shapes.Batch) -> Response:
        """The same for several texts at once, which is faster than one by one."""
        return Json(look_up(texts.texts))

    @app.post(
        "/api/stream",
        summary="Look up a text that comes in pieces",
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
        """The body is the text, UTF-8, sent in pieces as they come. The answer is a
        line whenever the matches have changed, and a last one, with `final`, which is
        the answer for the whole text. A line with `detail` instead says why the stream
        was ended.
        """
        return StreamAnswer(lambda text: look_up_one(shapes.Text(text=text, id=None)))

    @app.get(
        "/health",
        summary="Tell whether the server can answer",
        response_model=shapes.Health,
    )
    def health() -> Response:
        """Status 200 if it can, 503 if the index can't be used. Needs no token."""
        try:
            live.snapshot()
        except IndexFormatError:
            return Json({"status": "unusable", "version": __version__}, 503)
        return Json({"status": "ok", "version": __version__})

    @app.get("/metrics", summary="Counts for Prometheus", response_class=Response)
    def counts() -> PlainTextResponse:
        """Requests, times, texts, matches, and the generation of the index."""
        try:
            about = live.snapshot().about
        except IndexFormatError:
            about = None
        text = "".join(f"{line}\n" for line in metrics.lines(about))
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

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
        # What was sent is not repeated.
        said = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors()[:5]
        ]
        return Json({"detail": "; ".join(said)}, 422)

    schema = app.openapi()
    schema["components"]["schemas"] |= _line_schema()
    return Guard(app, token, limits, metrics)


def _line_schema() -> dict[str, Any]:
    """The shape of a line of a stream, which no endpoint returns as a whole."""
    made = shapes.Line.model_json_schema(ref_template="#/components/schemas/{model}")
    made.pop("$defs")
    return {"Line": made}
