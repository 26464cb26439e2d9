"""Look up a text while it arrives in pieces, such as the answer of a language model.

The body of the request is the text. The answer contains a line of JSON for each change
of the matches, and a last line when the text is complete. Each line is the answer for
the whole text so far, so the last line equals the answer for the same text in one
request. The text is looked up again whenever it has grown by 1/64, so a stream takes
about 64 times as long as a single look-up, at most.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from provscan.errors import IndexFormatError
from provscan.server.guard import Refused

GROWTH = 64


class StreamAnswer(Response):
    """A response that is written while the request is still being read."""

    media_type = "application/x-ndjson"

    def __init__(self, look_up: Callable[[str], dict[str, Any]]) -> None:
        super().__init__()
        self._look_up = look_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(line: dict[str, Any] | None) -> None:
            body = b"" if line is None else orjson.dumps(line) + b"\n"
            more = line is not None
            await send({"type": "http.response.body", "body": body, "more_body": more})

        headers = [
            (b"content-type", self.media_type.encode()),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text, looked_up, sent, more = "", 0, None, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                more = message.get("more_body", False)
                text += decoder.decode(message.get("body", b""), final=not more)
                if more and len(text) - looked_up <= looked_up // GROWTH:
                    continue
                answer = await run_in_threadpool(self._look_up, text)
                looked_up = len(text)
                if not more or answer["matches"] != sent:
                    sent = answer["matches"]
                    await write({**answer, "final": not more})
        except Refused as refused:
            await write({"detail": refused.message, "status": refused.status})
        except IndexFormatError as error:
            await write({"detail": str(error), "status": 503})
        await write(None)
