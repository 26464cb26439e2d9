"""Long strings of lines of JSON, taken out before the lines are parsed.

A parser of JSON holds the interpreter's lock until it has built its objects, and Arrow holds it while it reads these.
Where texts are long, other threads would wait for a good part of the time. So a kernel without the lock
(:mod:`provscan.kernels.longstrings`) takes long strings out of the lines and puts short ones in their place; lines are
as many as before, and what the parser makes of them, or refuses, is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.kernels import longstrings as kernels
from provscan.kernels.scratch import scratch_array
from provscan.readers.batches import text_buffers

# Bytes of a line, on average, from which on it is worth while.
LONG_LINE = 256
MARK = "\0"


@dataclass(frozen=True, slots=True)
class LongStrings:
    """Strings that were taken out of lines.

    Attributes
    ----------
    text
        uint8[m], their UTF-8, one after the other, and whatever follows.
    ends
        int64[n], where each ends.
    """

    text: np.ndarray
    ends: np.ndarray

    def _string(self, number: int) -> str:
        begin = self.ends[number - 1] if number else 0
        return self.text[begin : self.ends[number]].tobytes().decode()

    def restored(self, values: list[Any]) -> list[Any]:
        """Values from the lines, those of strings that were taken out in their place."""
        return [
            self._string(int(value[1:])) if isinstance(value, str) and value.startswith(MARK) else value
            for value in values
        ]

    def texts(self, values: list[str]) -> pa.LargeStringArray:
        """The same for texts, as an Arrow array."""
        array = pa.array(values, pa.large_string())
        if len(array) == 0 or len(self.ends) == 0:
            return array
        text, offsets = text_buffers(array)
        found = np.empty(len(values), np.int64)
        kernels.numbers(text, offsets, found)
        sizes = np.where(found < 0, np.diff(offsets), np.diff(self.ends, prepend=0)[found])
        out_offsets = np.zeros(len(values) + 1, np.int64)
        np.cumsum(sizes, out=out_offsets[1:])
        out = pa.allocate_buffer(int(out_offsets[-1]))
        kernels.put_back(text, offsets, found, self.text, self.ends, np.frombuffer(out, np.uint8), out_offsets)
        return pa.LargeStringArray.from_buffers(len(values), pa.py_buffer(out_offsets), out)


def taken_out(block: bytes) -> tuple[list[bytes], LongStrings] | None:
    """Lines of JSON without their long strings, and the strings.

    None if one of the strings is not valid or has a U+0000 in it. The strings last until the same thread calls this
    again (:mod:`provscan.kernels.scratch`).
    """
    data = np.frombuffer(block, np.uint8)
    lines, text = (scratch_array(name, len(data) + kernels.RUN, np.uint8) for name in ("hollow_lines", "long_strings"))
    ends = scratch_array("long_ends", len(data) // kernels.LONG + 1, np.int64)
    size, count = kernels.hollow(data, lines, text, ends)
    if count < 0:
        return None
    return lines[:size].tobytes().split(b"\n"), LongStrings(text, ends[:count])
