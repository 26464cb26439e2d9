"""Read CSV and TSV.

Arrow parses a block of lines at once and reports rows whose width differs from that of
the header. If the quotes of a block are ambiguous, Python's csv module reads it row by
row: a broken row is counted and skipped, and a quote that is never closed costs only
its line, not the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from provscan.arrays import Numbers
from provscan.readers.bytes.budget import require_few_fields
from provscan.readers.bytes.streams import ByteStream, lines
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.formats.table_layout import (
    NAMED_DELIMITER,
    csv_reader,
    header_of,
)
from provscan.readers.limits import Limits
from provscan.readers.splits import Layout
from provscan.readers.strings import is_utf8

NEWLINE, RETURN, QUOTE = b'\n\r"'
UNCLOSED = "it has an opening quote that is never closed"
# A row of more lines than this, which all look like rows, is noted.
LEAST_LIKE_ROWS = 5


class _Row(NamedTuple):
    """A row, or lines that are not a row."""

    data: bytes
    # The number of the row; None for the header, lines above it and blank lines.
    number: int | None = None
    # The values; empty if there are more or fewer of them than columns.
    values: Sequence[str] = ()


class _Lines(NamedTuple):
    """Consecutive lines of a file, from the beginning of a row on."""

    data: bytes
    ended: bool  # Whether their last line has a newline.
    last: bool  # Whether they are the last lines of the file.


class Table:
    """Divides one file into rows, checks them against the header and counts them."""

    def __init__(self, stream: ByteStream, wanted: Wanted) -> None:
        self.names: list[str] | None = None
        self._number = stream.split.first_record
        self._layout = stream.split.layout
        self._above = stream.split.layout.above
        self._rest = b""  # The lines of a row whose end has not been read.
        self._wanted = wanted
        self._stream = stream
        self._limits = stream.context.limits
        csv.field_size_limit(min(self._limits.record_bytes, 2**31 - 1))

    def read(self) -> Iterator[Rows]:
        """Yield the rows that are as wide as the header."""
        for block in self._blocks():
            found = self._by_arrow(block)
            if found is None:
                found = self._with_values(self._by_csv(block))
            yield from found

    def rows(self) -> Iterator[tuple[list[_Row], bool]]:
        """Yield for each block all rows and the lines between them, and whether the
        last line of the block has a newline.
        """
        for block in self._blocks():
            yield list(self._by_csv(block)), block.ended

    def _blocks(self) -> Iterator[_Lines]:
        """Yield the lines of the file in blocks. A row that is unfinished at the end of
        a block is moved to the next one.
        """
        blocks = lines(self._stream)
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            data, self._rest = b"".join([self._rest, block.data, b"\n"]), b""
            yield _Lines(data, block.ended, following is None)
            block = following

    def _by_arrow(self, block: _Lines) -> list[Rows] | None:
        """Return the rows as Arrow parses them; None if their quotes are ambiguous, if
        the last line may be cut off, or before the header was read.
        """
        if self.names is None or not block.ended:
            return None
        data = block.data
        ends = _row_ends(data, self._layout, len(self.names), self._limits)
        if ends is None or not len(ends):
            return None
        rest = data[int(ends[-1]) :]
        if rest and (block.last or rest.count(b"\n") >= self._limits.value_lines):
            return None
        found = self._parsed_by_arrow(memoryview(data)[: int(ends[-1])])
        # The numbers differ if there are blank lines, which Arrow leaves out, or
        # carriage returns, at which it ends rows.
        if found is None or found[0].num_rows + len(found[1]) != len(ends):
            return None
        table, bad = found
        self._rest = rest
        first, self._number = self._number, self._number + len(ends)
        numbers: range | Numbers = range(first, self._number)
        if bad:
            numbers = np.delete(numbers, [row.number - 1 for row in bad])
        for row in bad:
            self._wrong_width(first + row.number - 1, row.actual_columns)
        return [Rows(numbers, batch) for batch in table.to_batches()]

    def _parsed_by_arrow(
        self, data: memoryview
    ) -> tuple[pa.Table, list[pyarrow.csv.InvalidRow]] | None:
        """Return the wanted columns of complete rows, and the rows with another width
        than the header.
        """
        assert self.names is not None
        bad: list[pyarrow.csv.InvalidRow] = []

        def left_out(row: pyarrow.csv.InvalidRow) -> str:
            bad.append(row)
            return "skip"

        names = [name for name in self.names if self._is_wanted(name)]
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(data),
                pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=len(data) + 1, column_names=self.names
                ),
                pyarrow.csv.ParseOptions(
                    delimiter=self._layout.delimiter,
                    quote_char='"' if self._layout.quoted else False,
                    newlines_in_values=self._layout.quoted,
                    # Arrow can't pass a row that is not UTF-8 to Python.
                    invalid_row_handler=left_out if is_utf8(data) else None,
                ),
                # The values that are used are checked for valid UTF-8 later.
                pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(self.names, pa.large_string()),
                    include_columns=names or self.names[:1],
                    null_values=[],
                ),
            )
        except pa.ArrowInvalid:
            return None
        # A row of several lines with a wrong width may lack a quote.
        if any("\n" in row.text for row in bad):
            return None
        return table.combine_chunks(), bad

    def _is_wanted(self, name: str) -> bool:
        return self._wanted is None or (name,) in self._wanted

    def _by_csv(self, block: _Lines) -> Iterator[_Row]:
        """Yield rows as the csv module parses them.

        An opening quote counts as never closed in three cases: there is no second
        quote; the second quote is not followed by a delimiter or the end of a line; or
        the row would have several lines, and either too many of them or another width
        than the header. The first line of the row is then read alone. It is a row if
        all its other quotes are closed; otherwise it is skipped and counted. Reading
        continues with the next line.
        """
        data = block.data
        while self._above and data:
            line, _, data = data.partition(b"\n")
            yield self._row_above(line + b"\n")
        lines = data.splitlines(keepends=True)
        # The values that are used are checked for valid UTF-8 later.
        texts = [line.decode(errors="surrogateescape") for line in lines]
        at = 0  # The line at which the next row begins.
        rows = _parsed(texts, at, self._layout)
        while at < len(lines):
            end, values, error = next(rows)
            few = len(lines) - at <= self._limits.value_lines
            if error == UNCLOSED and few and not block.last:
                # The next block may close the quote.
                self._rest = b"".join(lines[at:])
                return
            why = error or self._unlikely(lines[at:end], values)
            if not block.ended and end == len(lines):
                missing = self._missing(values, why, error)
                if missing:
                    self._stream.break_off(f"it ends within a row ({missing})")
                    return
            if why:
                yield self._row_alone(lines[at], texts[at], why)
                at += 1
                rows = _parsed(texts, at, self._layout)
            else:
                yield self._row(lines[at:end], values)
                at = end

    def _unlikely(self, lines: list[bytes], values: list[str]) -> str:
        """Return why a row of several lines is assumed to lack a quote; empty if it
        isn't.
        """
        # A carriage return in quotes does not end a line.
        height = sum(line.endswith(b"\n") for line in lines)
        odd = len(values) != len(self.names or values)
        unlikely = height > 1 and (odd or height > self._limits.value_lines)
        return UNCLOSED if unlikely else ""

    def _missing(self, values: list[str], why: str, error: str) -> str:
        """Return what is missing if the last row of a file without a final newline was
        cut off; else empty.
        """
        if error == UNCLOSED:
            return "quotes that are not closed"
        width = len(self.names or values)
        if not why and 0 < len(values) < width:
            return f"{len(values):,} of {width:,} values"
        return ""

    def _row_above(self, line: bytes) -> _Row:
        """Return a line above the header. It is noted unless it is blank."""
        self._above -= 1
        if line.strip():
            shown = line[:80].decode(errors="replace").strip()
            self._stream.counts.note("lines_above", 0, shown)
        return _Row(line)

    def _row_alone(self, line: bytes, text: str, why: str) -> _Row:
        """Return the row of a single line; it is skipped and counted if its quotes are
        not closed, or if it is narrower or wider than the header.
        """
        values: list[str] = next(csv_reader([text], self._layout), [])
        closed = bool(values) and not values[-1].endswith(("\r", "\n"))
        if closed and len(values) == len(self.names or values):
            return self._row([line], values)
        self._skip(self._number, why if closed else UNCLOSED)
        return _Row(line, self._next())

    def _row(self, lines: list[bytes], values: list[str]) -> _Row:
        """Return the row of some lines; the first row may be the header."""
        data = b"".join(lines)
        if not values:
            return _Row(data)
        if self.names is None:
            if NAMED_DELIMITER.match(data.decode(errors="replace")):
                return _Row(data)
            require_few_fields(len(values), self._limits)
            self.names, is_header = header_of(
                [_encoded(value).decode(errors="replace") for value in values]
            )
            if is_header:
                return _Row(data)
        width = len(self.names)
        if len(values) != width:
            self._wrong_width(self._number, len(values))
            return _Row(data, self._next())
        if len(lines) > LEAST_LIKE_ROWS and width > 1:
            delimiter = self._layout.delimiter.encode()
            if all(line.count(delimiter) == width - 1 for line in lines):
                detail = (
                    f"{len(lines):,} lines are read as one row; if they are several "
                    "rows, the first lacks a quote"
                )
                self._stream.counts.note("value_like_rows", self._number, detail)
        return _Row(data, self._next(), values)

    def _next(self) -> int:
        """Return the number of the next row, and count the row."""
        self._number += 1
        return self._number - 1

    def _skip(self, number: int, why: str) -> None:
        self._stream.counts.skip("bad_csv_row", number, why)

    def _wrong_width(self, number: int, width: int) -> None:
        detail = f"{width} values where the header has {len(self.names or ())}"
        self._skip(number, detail)

    def _with_values(self, divided: Iterable[_Row]) -> list[Rows]:
        """Return the rows that have values, as objects if all columns are wanted."""
        rows = [row for row in divided if row.values]
        names = self.names or []
        numbers = [row.number for row in rows if row.number is not None]
        if self._wanted is None:
            return [
                Rows(
                    numbers, [dict(zip(names, row.values, strict=True)) for row in rows]
                )
            ]
        columns = {
            name: _column([row.values[position] for row in rows])
            for position, name in enumerate(names)
            if self._is_wanted(name)
        }
        return [Rows(numbers, pa.RecordBatch.from_pydict(columns))] if rows else []


def _parsed(
    texts: list[str], start: int, layout: Layout
) -> Iterator[tuple[int, list[str], str]]:
    """Yield for each row from line ``start`` on: the line after it, its values, and "".
    At the first row that can't be parsed, yield the number of all lines, no values, and
    the reason, and stop.
    """
    # Do not use a slice: if all lines of a hostile file are broken rows, each of them
    # would copy all lines after it.
    following = map(texts.__getitem__, range(start, len(texts)))
    reader = csv_reader(following, layout, strict=True)
    try:
        for values in reader:
            yield start + reader.line_num, values, ""
    except csv.Error as error:
        unclosed = str(error).startswith("unexpected end")
        yield len(texts), [], UNCLOSED if unclosed else str(error)


def _row_ends(
    data: bytes, layout: Layout, width: int, limits: Limits
) -> Numbers | None:
    """Return the ends of the complete rows in some lines; None if the rows are
    ambiguous, because a quote neither opens nor closes a value, or because the lines of
    a value look like rows.
    """
    codes = np.frombuffer(data, np.uint8)
    line_ends = np.flatnonzero(codes == NEWLINE)
    quotes = np.flatnonzero(codes == QUOTE) if layout.quoted else line_ends[:0]
    # Quotes open and close values in turn. A doubled quote, which is an escaped quote,
    # closes a value and opens it again.
    opening, closing = quotes[::2], quotes[1::2]
    separates = np.zeros(256, np.bool_)
    separates[[ord(layout.delimiter), NEWLINE, RETURN, QUOTE]] = True
    if not separates[codes[np.concatenate([opening - 1, closing + 1])]].all():
        return None
    last = np.flatnonzero(np.searchsorted(quotes, line_ends) % 2 == 0)
    ends = line_ends[last] + 1
    heights = np.diff(last, prepend=-1)
    if heights.max(initial=0) > limits.value_lines:
        return None
    delimiter = layout.delimiter.encode()
    for row in np.flatnonzero(heights > LEAST_LIKE_ROWS) if width > 1 else ():
        following = line_ends[last[row] - heights[row] + 1 : last[row] + 1].tolist()
        if all(
            data.count(delimiter, start, end) == width - 1
            for start, end in pairwise(following)
        ):
            return None
    return ends


def _column(values: list[str]) -> pa.Array:
    """Return the values as a column, including bytes that are not UTF-8."""
    return pa.array(map(_encoded, values), pa.large_binary()).view(pa.large_string())


def _encoded(value: str) -> bytes:
    return value.encode(errors="surrogateescape")


class Delimited(Format):
    """CSV and TSV, with any delimiter, with or without a header."""

    name = "csv"
    extensions = (".csv", ".tsv", ".tab")

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from Table(stream, wanted).read()


FORMATS = (Delimited(),)
