"""CSV and TSV.

Read with Python's csv module rather than Arrow's, which is faster but can't stream a row that is longer than its
block: rows may be of any length, hold line breaks inside quotes, and a broken one is counted and passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.columns import Columns
from provscan.readers.fields import STRING, Binding, Fields, Found, bind, note_missing
from provscan.readers.splits import Split
from provscan.readers.stats import ReadStats
from provscan.readers.streams import Block, ByteStream, short_lines

# In code points; the csv module takes four bytes or more for each while it reads one value.
VALUE_LIMIT = 16 << 20

# Comes after the last line. If it ends up inside a value, a quote was never closed.
END = "\0end of file\0"

HEAD_LINES = 1000


class _Text:
    """Lines of a stream as text, and END after them.

    Attributes
    ----------
    replaced
        Set when bytes of a line were replaced; whoever takes note of it clears it.
    block
        Number of the block of lines at hand: its rows are the ones to turn into columns together.
    """

    def __init__(self, lines: Iterator[Block]) -> None:
        self.replaced = False
        self.block = 0
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        for block in self._lines:
            self.block += 1
            for line in block.data.split(b"\n"):
                try:
                    text = (line + b"\n").decode()
                except UnicodeDecodeError:
                    self.replaced = True
                    text = (line + b"\n").decode(errors="replace")
                yield text
                del text  # it may be a large one
        yield END


class _Rows:
    """Rows of one file, counted and checked, into columns by role."""

    def __init__(self, header: list[str], binding: Binding, source: str, stats: ReadStats) -> None:
        self.number = 0
        self._width = len(header)
        self._source = source
        self._tally = stats
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
                    self._skip(number, f"{len(row)} values where the header has {self._width}")
            numbers = [number for number, _ in good]
            rows = [row for _, row in good]
        values: dict[str, Any] = {role: [row[place] for row in rows] for role, place in self._places.items()}
        return Columns(self._source, numbers, **values)

    def broken(self, why: str) -> None:
        """Count the next row as broken."""
        self._skip(self.number, why)
        self.number += 1

    def _skip(self, number: int, why: str) -> None:
        self._tally.skip("bad_csv_row", self._source, number, why)


def _reader(stream: ByteStream, lines: Iterable[str]) -> Iterator[list[str]]:
    csv.field_size_limit(VALUE_LIMIT)
    if stream.split.format != "tsv":
        return csv.reader(lines)
    return _tsv(lines, quoted=_quotes_count(stream.peek()))


def _tsv(lines: Iterable[str], *, quoted: bool) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)


def _quotes_count(head: bytes) -> bool:
    """Whether quotes in a TSV enclose values, as spreadsheets write them, or are a part of the text.

    Taken as text if that leaves fewer rows of another width than the first, or as few without joining lines.
    """
    lines = [line + "\n" for line in head.decode(errors="replace").split("\n", HEAD_LINES)[:HEAD_LINES] if line.strip()]

    def misfit(quoted: bool) -> tuple[int, int]:
        try:
            widths = [len(row) for row in _tsv(lines, quoted=quoted)]
        except csv.Error:
            return len(lines), 0
        return sum(width != widths[0] for width in widths), len(lines) - len(widths)

    return misfit(True) <= misfit(False)


def _header(rows: Iterator[list[str]], source: str) -> list[str] | None:
    try:
        header = next((row for row in rows if row), [END])
    except csv.Error as error:
        raise InputError(f"{source}: the first row, which names the fields, can't be read: {error}") from error
    return None if header == [END] else header


def fields_of(split: Split) -> Found | None:
    """The fields that the first row names; None if the file is empty."""
    stream = ByteStream(split)
    header = _header(_reader(stream, _Text(short_lines(stream, ReadStats()))), split.source)
    return None if header is None else Found({(name,): STRING for name in header}, split.source)


def read_delimited(stream: ByteStream, fields: Fields, stats: ReadStats) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV or TSV file; the first row names the fields, blank lines are no rows."""
    source = stream.split.source
    text = _Text(short_lines(stream, stats))
    reader = _reader(stream, text)
    header = _header(reader, source)
    rows: _Rows | None = None
    if header is not None:
        binding = bind(fields, Found({(name,): STRING for name in header}, source), strict=False)
        note_missing(fields, binding, source, stats)
        rows = _Rows(header, binding, source, stats)
        yield from _batches(reader, text, rows, stats)
    if (rows is None or rows.number == 0) and stream.damage is None:
        stats.note("empty_file", source)


def _batches(reader: Iterator[list[str]], text: _Text, rows: _Rows, stats: ReadStats) -> Iterator[pa.RecordBatch]:
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
        if not more and group[-1:] != [[END]]:
            broken = "a quote opens in it that is never closed"
        if not more:
            group = group[:-1]
        if group:
            batch = rows.columns(group, repaired).batch(stats)
            group, row = [], []  # they may be large
            yield batch
        if broken:
            rows.broken(broken)
