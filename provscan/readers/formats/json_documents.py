"""Read JSON that is not one object per line: an array of any size, or objects that
span several lines.

The document is streamed; each element is put on a line of its own and then read like
JSON lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from provscan.kernels.reading.elements import STATE, STRAY, one_a_line
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.jsonl import (
    head_records,
    head_stream,
    read_lines,
    still_open,
)
from provscan.readers.formats.protocol import Rows, Undivided, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Split

# The number of first lines by which JSON lines are told from documents.
HEAD_LINES = 20


class Elements(ByteStream):
    """The elements of a document, one per line."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream.split, stream.context)
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        state = np.zeros(STATE, np.int64)
        for chunk in self._stream:
            # A newline may follow each bracket.
            out = np.empty(2 * len(chunk), np.uint8)
            yield out[
                : one_a_line(np.frombuffer(chunk, np.uint8), out, state)
            ].tobytes()
        self.damage = self._stream.damage
        if self.damage is None and (open_end := still_open(state)):
            self.damage = (
                f"it ends within its JSON ({open_end}): it breaks off, or lost a "
                "bracket or quote before"
            )
        elif self.damage is None and state[STRAY]:
            self.damage = (
                "closing brackets of its JSON without an opening one: "
                f"{state[STRAY]:,}; the opening brackets are lost"
            )
        if self.damage is not None and self.damage not in self.context.breaks:
            self.context.breaks.append(self.damage)


def _are_objects(head: bytes) -> bool:
    """Return whether most of the first lines are objects by themselves, so that a bad
    first line is just a bad line.
    """
    lines = [line for line in head.split(b"\n")[:HEAD_LINES] if line.strip()]
    return 2 * sum(map(_is_object, lines)) > len(lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


class JsonDocument(Undivided):
    name = "json"
    extensions = (".json", ".geojson")

    def sniff(self, head: bytes) -> bool:
        start = head.lstrip()
        if start.startswith(b"["):
            return not _are_objects(start)
        opens_alone = start.startswith(b"{") and start[1:].lstrip(b" \t\r").startswith(
            b"\n"
        )
        return opens_alone and not _are_objects(start)

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        return head_records(Elements(head_stream(whole, limits)), limits)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(stream), wanted)


FORMATS = (JsonDocument(),)
