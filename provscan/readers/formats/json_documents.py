"""Read JSON that is not one object per line: an array of any size, or objects that
span several lines.

The document is streamed: each element is written on a line of its own, and the lines
are read like JSON lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import orjson

from provscan.kernels.reading.elements import STATE, STRAY, one_a_line
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.jsonl import read_lines, still_open
from provscan.readers.formats.protocol import Format, Rows, Wanted

# The number of first lines that show whether a file has JSON lines or a document.
HEAD_LINES = 20


class Elements(ByteStream):
    """The elements of a document, one per line. If the regular expression ``before``
    matches the beginning of the document, the match is removed.
    """

    def __init__(
        self, stream: ByteStream, before: re.Pattern[bytes] | None = None
    ) -> None:
        super().__init__(stream.split, stream.context)
        self._stream = stream
        self._before = before

    def __iter__(self) -> Iterator[bytes]:
        state = np.zeros(STATE, np.int64)
        for chunk in self._stream:
            if self._before is not None:
                chunk, self._before = self._before.sub(b"", chunk, count=1), None
            # A newline may follow each bracket.
            out = np.empty(2 * len(chunk), np.uint8)
            size = one_a_line(np.frombuffer(chunk, np.uint8), out, state)
            yield out[:size].tobytes()
        if open_end := still_open(state):
            self.break_off(
                f"it ends within its JSON ({open_end}): it is cut off, or an earlier "
                "bracket or quote is missing"
            )
        elif state[STRAY]:
            self.break_off(
                "its JSON has closing brackets without an opening one: "
                f"{state[STRAY]:,}"
            )


def _are_objects(head: bytes) -> bool:
    """Return whether most of the first lines are complete objects, even if the first
    line is not.
    """
    lines = [line for line in head.split(b"\n")[:HEAD_LINES] if line.strip()]
    return 2 * sum(map(_is_object, lines)) > len(lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


class JsonDocument(Format):
    name = "json"
    searches = True
    extensions = ()
    overrides = ("jsonl",)

    def sniff(self, head: bytes) -> bool:
        start = head.lstrip()
        if start.startswith(b"["):
            return not _are_objects(start)
        opens_alone = start.startswith(b"{") and start[1:].lstrip(b" \t\r").startswith(
            b"\n"
        )
        return opens_alone and not _are_objects(start)

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(stream), wanted)


FORMATS = (JsonDocument(),)
