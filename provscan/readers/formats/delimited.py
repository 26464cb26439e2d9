"""Read CSV and TSV.

Arrow parses a block of lines at once and reports rows whose width differs from that of
the header. If the quotes of a block are ambiguous, Python's csv module reads it row by
row: a broken row is counted and skipped, and a quote that is never closed costs only
its line, not the rest of the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
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
from provscan.readers.splits import Layout
from provscan.readers.strings import is_utf8

NEWLINE, RETURN, QUOTE = b'\n\r"'
UNCLOSED = "it has an opening quote that is never closed"


class _Lines(NamedTuple):
    """Consecutive lines of a file, from the beginning of a row on."""

    data: bytes
    ended: bool  # Whether their last line has a newline.
    last: bool  # Whether they are the last lines of the file.


class _Row(NamedTuple):
    """A row, or lines that are not a row."""

    lines: Sequence[str]
    # The position of the row; None for the header and blank lines.
    number: int | None = None
    # The values; empty if there are more or fewer of them than columns.
    values: Sequence[str] = ()


class Table:
    """Divides one file into rows, checks them against the header and counts them."""

    def __init__(self, stream: ByteStream, wanted: Wanted) -> None:
        self.names: list[str] | None = None
        self._number = stream.split.first_record
        self._layout = stream.split.layout
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

    def parts(self) -> Iterator[list[tuple[int | None, bytes]]]:
        """Yield for each block all rows and the lines between them, unchanged, each
        with the number of the row.
        """
        for block in self._blocks():
            parts = [
                (row.number, _encoded("".join(row.lines)))
                for row in self._by_csv(block)
            ]
            if parts and not block.ended:
                number, data = parts[-1]
                parts[-1] = number, data.removesuffix(b"\n")
            yield parts

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
        most = self._limits.value_lines
        if self.names is None or not block.ended:
            return None
        ends = _row_ends(block.data, self._layout, most)
        if ends is None or not len(ends):
            return None
        rest = block.data[int(ends[-1]) :]
        if rest and (block.last or rest.count(b"\n") >= most):
            return None
        bad: list[pyarrow.csv.InvalidRow] = []
        table = self._table(memoryview(block.data)[: int(ends[-1])], bad)
        # The counts of rows differ if there are blank lines, which Arrow leaves out, or
        # carriage returns, at which it ends rows. A row of several lines with a wrong
        # width may lack a quote.
        if (
            table is None
            or table.num_rows + len(bad) != len(ends)
            or any("\n" in row.text for row in bad)
        ):
            return None
        self._rest = rest
        first, self._number = self._number, self._number + len(ends)
        for row in bad:
            self._wrong_width(first + row.number - 1, row.actual_columns)
        numbers: range | Numbers = range(first, self._number)
        if bad:
            numbers = np.delete(numbers, [row.number - 1 for row in bad])
        return [Rows(numbers, batch) for batch in table.combine_chunks().to_batches()]

    def _table(
        self, data: memoryview, bad: list[pyarrow.csv.InvalidRow]
    ) -> pa.Table | None:
        """Return the wanted columns of complete rows; None if Arrow can't parse them.
        Rows with another width than the header are added to ``bad``.
        """
        names = self.names or []

        def left_out(row: pyarrow.csv.InvalidRow) -> str:
            bad.append(row)
            return "skip"

        try:
            return pyarrow.csv.read_csv(
                pa.BufferReader(data),
                pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=len(data) + 1, column_names=names
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
                    column_types=dict.fromkeys(names, pa.large_string()),
                    include_columns=self._wanted_names(),
                    null_values=[],
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _wanted_names(self) -> list[str]:
        """Return the wanted columns, or another one if there are none."""
        names = self.names or []
        wanted = [n for n in names if self._wanted is None or (n,) in self._wanted]
        return wanted or names[:1]

    def _by_csv(self, block: _Lines) -> list[_Row]:
        """Return the rows as the csv module parses them.

        An opening quote counts as never closed in three cases: there is no second
        quote; the second quote is not followed by a delimiter or the end of a line; or
        the row would have several lines, and either too many of them or another width
        than the header. The first line of the row is then read alone. It is a row if
        all its other quotes are closed; otherwise it is skipped and counted. Reading
        continues with the next line.
        """
        # The values that are used are checked for valid UTF-8 later.
        text = block.data.decode(errors="surrogateescape")
        texts = list(io.StringIO(text, newline=""))
        rows: list[_Row] = []
        at = 0  # The line at which the next row begins.
        while at < len(texts):
            first, error = at, ""
            # Do not use a slice: if all lines of a hostile file are broken rows, each
            # of them would copy all lines after it.
            following = map(texts.__getitem__, range(first, len(texts)))
            reader = csv_reader(following, self._layout, strict=True)
            try:
                for values in reader:
                    end = first + reader.line_num
                    if self._is_unlikely(texts[at:end], values):
                        error = UNCLOSED
                        break
                    if end == len(texts) and self._is_cut(block, values):
                        return rows
                    rows.append(self._row(texts[at:end], values))
                    at = end
            except csv.Error as problem:
                error = str(problem)
                if error.startswith("unexpected end"):
                    error = UNCLOSED
                    if len(texts) - at <= self._limits.value_lines and not block.last:
                        # The next block may close the quote.
                        self._rest = _encoded("".join(texts[at:]))
                        return rows
                    if not block.ended:
                        self._break_off("quotes that are not closed")
                        return rows
            if error:
                rows.append(self._row_alone(texts[at], error))
                at += 1
        return rows

    def _is_cut(self, block: _Lines, values: list[str]) -> bool:
        """Return whether the last row of a file is cut off, and note it."""
        cut = not block.ended and 0 < len(values) < self._width
        if cut:
            self._break_off(f"{len(values):,} of {self._width:,} values")
        return cut

    @property
    def _width(self) -> int:
        """The number of columns; 0 before the header."""
        return len(self.names or ())

    def _is_unlikely(self, texts: list[str], values: list[str]) -> bool:
        """Return whether a row of several lines is assumed to lack a quote."""
        if len(texts) == 1:
            return False
        # A carriage return in quotes does not end a line.
        height = sum(text.endswith("\n") for text in texts)
        odd = len(values) != (self._width or len(values))
        return height > 1 and (odd or height > self._limits.value_lines)

    def _break_off(self, missing: str) -> None:
        self._stream.break_off(f"it ends within a row ({missing})")

    def _row_alone(self, text: str, why: str) -> _Row:
        """Return the row of a single line; it is skipped and counted if its quotes are
        not closed, or if it is narrower or wider than the header.
        """
        values: list[str] = next(csv_reader([text], self._layout), [])
        closed = bool(values) and not values[-1].endswith(("\r", "\n"))
        if closed and len(values) == (self._width or len(values)):
            return self._row([text], values)
        self._skip(self._number, why if closed else UNCLOSED)
        return _Row([text], self._next())

    def _row(self, texts: list[str], values: list[str]) -> _Row:
        """Return the row of some lines; the first row may be the header."""
        if self.names is None and values:
            if NAMED_DELIMITER.match(texts[0]):
                return _Row(texts)
            require_few_fields(len(values), self._limits)
            self.names, is_header = header_of(
                [_encoded(value).decode(errors="replace") for value in values]
            )
            if is_header:
                return _Row(texts)
        if not values:
            return _Row(texts)
        if len(values) != self._width:
            self._wrong_width(self._number, len(values))
            return _Row(texts, self._next())
        return _Row(texts, self._next(), values)

    def _next(self) -> int:
        """Return the position of the next row, and advance."""
        self._number += 1
        return self._number - 1

    def _skip(self, number: int, why: str) -> None:
        self._stream.counts.skip("bad_csv_row", number, why)

    def _wrong_width(self, number: int, width: int) -> None:
        self._skip(number, f"{width} values where the header has {self._width}")

    def _with_values(self, divided: list[_Row]) -> list[Rows]:
        """Return the rows that have values, as objects if all columns are wanted."""
        rows, names = [row for row in divided if row.values], self.names or []
        if not rows:
            return []
        numbers = [row.number for row in rows if row.number is not None]
        if self._wanted is None:
            values = [dict(zip(names, row.values, strict=True)) for row in rows]
            return [Rows(numbers, values)]
        columns = {
            name: _column([row.values[names.index(name)] for row in rows])
            for name in self._wanted_names()
        }
        return [Rows(numbers, pa.RecordBatch.from_pydict(columns))]


def _row_ends(data: bytes, layout: Layout, most: int) -> Numbers | None:
    """Return the ends of the complete rows in some lines; None if the rows are
    ambiguous, because a quote neither opens nor closes a value, or because a value has
    more than ``most`` lines.
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
    if np.diff(last, prepend=-1).max(initial=0) > most:
        return None
    return line_ends[last] + 1


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
