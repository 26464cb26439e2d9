"""JSON that is not one object a line: an array of any size, or objects that take several lines.

Each element is written on a line of its own while the document streams by, and then read as JSON lines are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from provscan.kernels.elements import BASE, one_a_line
from provscan.readers.jsonl import head_records, head_stream, read_lines
from provscan.readers.limits import Limits
from provscan.readers.protocol import Rows, Split, Wanted
from provscan.readers.streams import ByteStream


class Elements(ByteStream):
    """The elements of a document as lines."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream.split, stream.context)
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        state = np.zeros(4, np.int64)
        begun = False
        for chunk in self._stream:
            if not begun:
                chunk = chunk.lstrip()
                begun = bool(chunk)
                state[BASE] = chunk.startswith(b"[")
            out = np.empty(len(chunk) + len(chunk) // 2 + 2, np.uint8)
            yield out[: one_a_line(np.frombuffer(chunk, np.uint8), out, state)].tobytes()
        self.damage = self._stream.damage


@dataclass(frozen=True)
class JsonDocument:
    """A JSON array, or objects over several lines."""

    name: str = "json"
    extensions: tuple[str, ...] = (".json", ".geojson")

    def sniff(self, head: bytes) -> bool:
        start = head.lstrip()
        return start.startswith(b"[") or (start.startswith(b"{") and start[1:].lstrip(b" \t\r").startswith(b"\n"))

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        yield whole

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        return head_records(Elements(head_stream(whole, limits)), limits)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(stream), wanted)
