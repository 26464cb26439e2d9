"""A text that comes bit by bit, into pieces (see :mod:`provscan.readers.schema`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from provscan.readers.batches import TEXT, piece_batch
from provscan.readers.schema import OVERLAP, PIECE


class Pieces:
    """Cuts the text of one record into pieces of PIECE code points, while it comes.

    Parameters
    ----------
    record
        The record, one row in the common schema; what its text is does not matter.

    Attributes
    ----------
    start
        Where in the record, in code points, the next piece begins.
    """

    def __init__(self, record: pa.RecordBatch) -> None:
        self.start = 0
        self._record = record
        # As UTF-8: one emoji makes a str of 16 Mi code points take 64 MiB.
        self._parts: list[bytes] = []
        self._length = 0
        self._tail = ""

    def feed(self, text: str) -> Iterator[pa.RecordBatch]:
        """Take the next stretch of text and give the pieces that are complete."""
        while self._length + len(text) > PIECE:
            room = PIECE - self._length
            self._add(text[:room])
            text = text[room:]
            start, self.start = self.start, self.start + PIECE - OVERLAP
            column = self._column()
            self._parts, self._length = [self._tail.encode()], OVERLAP
            yield piece_batch(self._record, column, start, start + PIECE, last=False)
            del column
        self._add(text)

    def _add(self, text: str) -> None:
        self._parts.append(text.encode())
        self._length += len(text)
        self._tail = text[-OVERLAP:] if len(text) >= OVERLAP else (self._tail + text)[-OVERLAP:]

    def _column(self) -> pa.Array:
        data = b"".join(self._parts)
        self._parts = []
        ends = pa.py_buffer(np.array([0, len(data)], np.int64))
        return pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(data))

    def blank(self) -> bool:
        """Whether nothing but white space came so far; not to be asked after the first piece."""
        return not any(text and not text.isspace() for text in (part.decode() for part in self._parts))

    def finish(self) -> pa.RecordBatch:
        """The last piece; the record as an ordinary one if it is the only piece."""
        column = self._column()
        if self.start:
            return piece_batch(self._record, column, self.start, self.start + self._length, last=True)
        columns = [column if place == TEXT else values for place, values in enumerate(self._record.columns)]
        return pa.RecordBatch.from_arrays(columns, schema=self._record.schema)
