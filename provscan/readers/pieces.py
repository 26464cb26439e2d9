"""A text that comes bit by bit, into pieces (see :mod:`provscan.readers.schema`)."""

from __future__ import annotations

from collections.abc import Iterator

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
        self._parts: list[str] = []
        self._length = 0

    def feed(self, text: str) -> Iterator[pa.RecordBatch]:
        """Take the next stretch of text and give the pieces that are complete."""
        self._parts.append(text)
        self._length += len(text)
        del text
        while self._length > PIECE:
            whole = self.rest()
            start, self.start = self.start, self.start + PIECE - OVERLAP
            self._parts, self._length = [whole[PIECE - OVERLAP :]], self._length - (PIECE - OVERLAP)
            piece = _column(whole[:PIECE])
            del whole  # a piece of emoji takes 64 MiB, and whoever is given it takes a while
            yield piece_batch(self._record, piece, start, start + PIECE, last=False)
            del piece

    def rest(self) -> str:
        """What is held back for the next piece."""
        self._parts = ["".join(self._parts)]
        return self._parts[0]

    def finish(self) -> pa.RecordBatch:
        """The last piece; the record as an ordinary one if it is the only piece."""
        text = self.rest()
        stop = self.start + len(text)
        self._parts, self._length = [], 0
        column = _column(text)
        if self.start:
            return piece_batch(self._record, column, self.start, stop, last=True)
        columns = [column if place == TEXT else values for place, values in enumerate(self._record.columns)]
        return pa.RecordBatch.from_arrays(columns, schema=self._record.schema)


def _column(text: str) -> pa.Array:
    return pa.array([text], pa.large_string())
