"""CSV and TSV.

Read with Python's csv module rather than Arrow's: it streams rows of any length with line breaks inside quotes, goes
on after a row that is broken, and tells which row that was.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pyarrow as pa

from provscan.readers.columns import Columns
from provscan.readers.fields import STRING, Binding, Fields, bind
from provscan.readers.schema import LINE_LIMIT
from provscan.readers.streams import ByteStream, Lines
from provscan.readers.tally import Tally


class _Text:
    """Lines of a stream as text.

    Attributes
    ----------
    replaced
        Set when bytes of a line were replaced; whoever takes note of it clears it.
    block
        Number of the block of lines at hand: its rows are the ones to turn into columns together.
    """

    def __init__(self, lines: Lines) -> None:
        self.replaced = False
        self.block = 0
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        for _, lines in self._lines:
            self.block += 1
            for line in lines:
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    self.replaced = True
                    text = line.decode(errors="replace")
                yield text + "\n"


class _Rows:
    """Rows of one file, counted and checked, into columns by role."""

    def __init__(self, header: list[str], fields: Fields, source: str, tally: Tally) -> None:
        binding = bind(fields, {(name,): STRING for name in header}, source)
        self.number = 0
        self._width = len(header)
        self._source = source
        self._tally = tally
        self._places = {
            role: header.index(paths[0][0]) for role in Binding.__slots__ if (paths := getattr(binding, role))
        }

    def columns(self, rows: list[list[str]], repaired: list[int]) -> Columns:
        """The columns of the next rows, of which those at the places ``repaired`` held invalid UTF-8."""
        for place in repaired:
            self._tally.repair("invalid_utf8", self._source, self.number + place, "bytes replaced by U+FFFD")
        numbers: list[int] | range = range(self.number, self.number + len(rows))
        self.number += len(rows)
        if set(map(len, rows)) != {self._width}:
            good = []
            for number, row in zip(numbers, rows, strict=True):
                if len(row) == self._width:
                    good.append((number, row))
                else:
                    self.skip(number, f"{len(row)} values where the header has {self._width}")
            numbers = [number for number, _ in good]
            rows = [row for _, row in good]
        return Columns(
            self._source, numbers, **{role: [row[place] for row in rows] for role, place in self._places.items()}
        )

    def skip(self, number: int, why: str) -> None:
        """Count a row that is broken."""
        self._tally.skip("bad_csv_row", self._source, number, why)


def read_delimited(stream: ByteStream, fields: Fields, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV or TSV file; the first row names the fields, blank lines are no rows."""
    csv.field_size_limit(LINE_LIMIT)
    text = _Text(Lines(stream, tally))
    reader = csv.reader(text, delimiter="\t" if stream.split.format == "tsv" else ",")
    header = next((row for row in reader if row), None)
    if header is None:
        if stream.damage is None:
            tally.note("empty_file", stream.split.source)
        return
    rows = _Rows(header, fields, stream.split.source, tally)
    text.replaced = False
    more = True
    while more:
        group: list[list[str]] = []
        repaired: list[int] = []
        broken = ""
        block = text.block
        more = False
        try:
            for row in reader:
                if row:
                    if text.replaced:
                        repaired.append(len(group))
                        text.replaced = False
                    group.append(row)
                if text.block != block:
                    more = True
                    break
        except csv.Error as error:
            broken = str(error)
            more = True
        if group:
            yield rows.columns(group, repaired).batch(tally)
        if broken:
            rows.skip(rows.number, broken)
            rows.number += 1
