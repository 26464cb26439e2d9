"""Read CSV and TSV.

Arrow parses whole rows, a block of lines at a time, and reports rows whose width
differs from that of the header. Where quotes are ambiguous, Python's csv module reads
the block row by row: a broken row is counted and skipped, and a quote that is never
closed loses only its line, not the rest of the file. A quote counts as never closed
even if a later quote closes it in a row as wide as the header, provided that the lines
between the two are rows themselves.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from provscan.arrays import Numbers
from provscan.kernels.canonical.utf8 import newlines
from provscan.readers.bytes.budget import require_few
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, Block, ByteStream, head_of, lines
from provscan.readers.formats.jsonl import head_stream
from provscan.readers.formats.protocol import Raw, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Layout, Split
from provscan.readers.texts.fields import reads_like_text, usual_name
from provscan.readers.texts.records import is_utf8, is_valid
from provscan.readers.texts.schema import distinct_names
from provscan.urls import is_remote

DELIMITERS = ",\t;|"
NEWLINE, RETURN, QUOTE = b'\n\r"'
HEAD_LINES = 200
NUMBER = re.compile(r"[-+]?[\d.,:]+")
# Numbers, dates and times. The lines of a quoted text rarely all have one at the same
# position.
FIGURE = re.compile(r"[\s.,:/+TZ-]*\d[\d\s.,:/+TZ-]*")
# The line that spreadsheets write before the header.
NAMED_DELIMITER = re.compile(r"\ufeff?sep=([,;|\t])\r?(?:\n|$)")
LONE_RETURN = re.compile(rb"\r(?!\n)")
BLANK_LINES = re.compile(rb"[\r\n]*")
INNER_RETURN = re.compile(r"\r(?!\n|$)")
CLOSED = re.compile(r'(?:[^"]|"")*"')
# A quoted value with this many delimiters (lines times delimiters per line) that looks
# like rows is reported even without other signs.
LIKE_A_TABLE = 50
# If a value has at least this many lines, which all look like rows, its quote may never
# have been closed.
LEAST_LIKE_ROWS = 5
# Minimum number of columns and of rows by which a table is recognised below other
# lines.
LEAST_COLUMNS = 3
LEAST_BELOW = 4


def layout_of(name: str, head: bytes, layout: Layout) -> Layout:
    """Determine the delimiter of a file, and whether quotes enclose values, from its
    first lines.
    """
    text = head.decode(errors="replace")
    ends = re.split(
        r"\r\n|\r|\n", text[: text.rfind("\n") + 1 or len(text)], maxsplit=HEAD_LINES
    )
    rows = [line + "\n" for line in ends[:HEAD_LINES] if line.strip()]
    delimiter = "\t"
    if named := NAMED_DELIMITER.match(text):
        delimiter = named[1]
    elif not name.lower().endswith((".tsv", ".tab")):
        delimiter = max(DELIMITERS, key=lambda candidate: _fit(rows, candidate))
    above = 0
    if (
        not named
        and _fit(rows, delimiter)[0] < 1.0
        and (layout.cr or not INNER_RETURN.search(text))
    ):
        lines = [line + "\n" for line in ends[:HEAD_LINES]]
        for candidate in dict.fromkeys([delimiter, *DELIMITERS]):
            if above := _above(lines, candidate):
                delimiter = candidate
                break
        rows = [line for line in lines[above:] if line.strip()]
    # In TSV, quotes count as text if this leaves fewer rows of another width, or joins
    # fewer lines.
    quoted = delimiter != "\t" or _misfit(rows, delimiter, True) <= _misfit(
        rows, delimiter, False
    )
    return replace(layout, delimiter=delimiter, quoted=quoted, above=above)


def _above(lines: list[str], delimiter: str) -> int:
    """Return the number of lines above the names of a table's columns. Such lines are
    narrower than the table; an export may state its query there.
    """
    try:
        rows = list(_divided(lines, 0, Layout(delimiter=delimiter)))
    except csv.Error:
        return 0
    widths = [len(row) for _, _, row in rows]
    width = max(widths, default=0)
    if width < LEAST_COLUMNS:
        return 0
    at, _, names = rows[widths.index(width)]
    below = [count for count in widths[widths.index(width) :] if count]
    fits = len(below) >= LEAST_BELOW and 10 * below.count(width) >= 9 * len(below)
    return at if fits and header_of(names)[1] else 0


def _widths(rows: list[str], delimiter: str, quoted: bool) -> list[int]:
    try:
        return [len(row) for row in _reader(rows, delimiter, quoted)]
    except csv.Error:
        return []


def _fit(rows: list[str], delimiter: str) -> tuple[float, int]:
    """Return how well a delimiter divides rows: the share of the rows that are as wide
    as the first, and that width.
    """
    widths = _widths(rows, delimiter, True)
    if not widths or widths[0] == 1:
        return 0.0, 1
    return round(sum(width == widths[0] for width in widths) / len(widths), 1), min(
        widths[0], 50
    )


def _misfit(rows: list[str], delimiter: str, quoted: bool) -> tuple[int, int]:
    widths = _widths(rows, delimiter, quoted)
    return (
        (sum(width != widths[0] for width in widths), len(rows) - len(widths))
        if widths
        else (len(rows), 0)
    )


def _reader(texts: Iterable[str], delimiter: str, quoted: bool) -> Any:
    return csv.reader(
        texts,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )


def header_of(first: list[str]) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether the first row contains them."""
    names = [name.strip() for name in first]
    filled = [name for name in names if name]
    is_header = any(usual_name(name) for name in filled) or (
        len(set(filled)) == len(filled) > 0
        and not any(
            reads_like_text(name) or len(name) > 60 or NUMBER.fullmatch(name)
            for name in filled
        )
    )
    if not is_header:
        return [f"column_{number}" for number in range(1, len(names) + 1)], False
    return distinct_names(
        [name or f"column_{place}" for place, name in enumerate(names, 1)]
    ), True


class _Table:
    """Divides one file into rows, checks them against the header, counts them and
    returns columns.

    Arrow parses most blocks at once. The csv module parses a block with ambiguous
    quotes row by row.
    """

    def __init__(self, split: Split, wanted: Wanted, context: Context) -> None:
        columns = split.layout.columns
        self.names = None if columns is None else list(columns)
        self.has_header = False
        self.number = split.first_record
        self._source = split.source
        self._layout = split.layout
        self._above = split.layout.above
        self._long_rows = False  # Rows of several lines, or blank lines, were seen.
        self._wanted = wanted
        self._context = context
        csv.field_size_limit(min(context.limits.record_bytes, 2**31 - 1))

    def rows(
        self, block: Block, rest: bytes, *, last: bool
    ) -> tuple[list[Rows], bytes]:
        """Return the rows in ``rest`` and in a block, and the lines of an incomplete
        last row.

        ``rest`` is the incomplete row from the previous call. A file that does not end
        with a newline is damaged if its last row is incomplete.
        """
        data = b"".join([rest, b"\n"[: len(rest)], block.data, b"\n"])
        while self._above and data:
            line, _, data = data.partition(b"\n")
            self._above -= 1
            self._passed([line + b"\n"], self.number)
            if line.strip():
                shown = line[:80].decode(errors="replace").strip()
                self._context.stats.note("lines_above", self._source, 0, shown)
        made: list[Rows] = []
        if self.names is None:
            # Parse the first row separately, since it may name the columns.
            first, _, others = data.partition(b"\n")
            if others and first.strip() and first.count(b'"') % 2 == 0:
                made = self._row_by_row(first + b"\n", last=True, ended=True)[0]
                data = others
        found = self.at_once(data, last=last) if block.ended else None
        if found is None:
            found = self._row_by_row(data, last=last, ended=block.ended)
        return made + found[0], found[1]

    def at_once(self, data: bytes, *, last: bool) -> tuple[list[Rows], bytes] | None:
        """Return the rows of whole lines as Arrow parses them; None if they are
        ambiguous.
        """
        if self.names is None or data.startswith(BOM):
            return None
        codes, rest = np.frombuffer(data, np.uint8), data[:0]
        found = None
        if not self._long_rows and LONE_RETURN.search(data) is None:
            # An open quote would extend over the last row. If each line is a row, the
            # rows are not ambiguous.
            one_more = b"0" + self._layout.delimiter.encode() * (len(self.names) - 1)
            found = self._parsed(b"%s%s\n" % (data, one_more))
            if found and found[0].num_rows + len(found[1]) == newlines(codes) + 1:
                found = found[0][:-1], found[1]
            else:
                found, self._long_rows = None, True
        if found is None:
            limits = self._context.limits
            ends = _row_ends(data, self._layout, len(self.names), limits)
            if ends is None:
                return None
            end = int(ends[-1]) if len(ends) else 0
            rest = data[end:-1]
            if rest and (last or rest.count(b"\n") >= limits.value_lines):
                return None
            if BLANK_LINES.fullmatch(data, 0, end):
                return [], rest
            found = self._parsed(memoryview(data)[:end])
        if found is None:
            return None
        table, bad = found
        first, self.number = self.number, self.number + table.num_rows + len(bad)
        numbers: range | Numbers = range(first, self.number)
        if bad:
            numbers = np.delete(numbers, [row.number - 1 for row in bad])
        for row in bad:
            self._wrong_width(first + row.number - 1, row.actual_columns)
        return [Rows(numbers, batch) for batch in table.to_batches()], rest

    def _parsed(
        self, data: bytes | memoryview
    ) -> tuple[pa.Table, list[pyarrow.csv.InvalidRow]] | None:
        """Return the wanted columns of whole rows, and the rows of another width."""
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
        table = table.combine_chunks()
        # A row of several lines with a wrong width may lack a quote.
        if any("\n" in row.text for row in bad) or (
            self._wanted is None
            and not all(is_valid(part) for c in table.columns for part in c.chunks)
        ):
            return None
        return table, bad

    def _is_wanted(self, name: str) -> bool:
        return self._wanted is None or (name,) in self._wanted

    def _row_by_row(
        self, data: bytes, *, last: bool, ended: bool
    ) -> tuple[list[Rows], bytes]:
        """Return the rows as the csv module parses them.

        A line with a quote that is never closed is skipped: reading continues with the
        next line.
        """
        lines = data.splitlines(keepends=True)
        # The values that are used are checked for valid UTF-8 later, where invalid
        # bytes are replaced and counted.
        errors = "replace" if self._wanted is None else "surrogateescape"
        texts = [line.decode(errors=errors) for line in lines]
        numbers: list[int] = []
        good: list[list[str]] = []
        start = 0
        while start < len(texts):
            end = start
            try:
                for at, end, row in _divided(texts, start, self._layout):
                    height = sum(text.endswith("\n") for text in texts[at:end])
                    at_end = end == len(texts)
                    is_open = at_end and _unclosed(row, texts[at:], self._layout)
                    if is_open and not last:
                        if height <= self._context.limits.value_lines:
                            return self._made(numbers, good), b"".join(lines[at:])[:-1]
                    elif is_open and not ended:
                        self._breaks_off(
                            "a value in quotes that are not closed, from line "
                            f"{at + 1:,} of its last"
                        )
                        return self._made(numbers, good), b""
                    number = self.number
                    if is_open or self._swallows_rows(row, texts[at:end], height):
                        self._broken("it has an opening quote that is never closed")
                        self._passed(lines[at : at + 1], number)
                        end = at
                        break
                    width = len(self.names or row)
                    if at_end and last and not ended and 0 < len(row) < width:
                        self._breaks_off(f"{len(row):,} of {width:,} values")
                    elif row:
                        self._take(row, texts[at], numbers, good)
                    self._passed(lines[at:end], number)
                else:
                    break
            except csv.Error as error:
                self._broken(str(error))
                self._passed(lines[end : end + 1], self.number - 1)
            start = end + 1
        return self._made(numbers, good), b""

    def _passed(self, lines: list[bytes], number: int) -> None:
        """Receive the lines of a row, or lines that are not a row; ``number`` is the
        number of the next row before them.
        """

    def _swallows_rows(self, row: list[str], texts: list[str], height: int) -> bool:
        """Return whether a row's lines are joined by an opening quote that is never
        closed.
        """
        if height > self._context.limits.value_lines:
            return True
        if height < 2:
            return False
        if len(row) != len(self.names or row):
            return True
        found = holds_rows(texts, len(row), self._layout.delimiter)
        if found is None:
            detail = (
                f"{height:,} lines are read as one row; if they are several rows, "
                "the first lacks a quote"
            )
            self._context.stats.note(
                "value_like_rows", self._source, self.number, detail
            )
        return found is True

    def _take(
        self, row: list[str], line: str, numbers: list[int], good: list[list[str]]
    ) -> None:
        if self.names is None:
            if NAMED_DELIMITER.match(line):
                return
            require_few(len(row), self._context.limits)
            self.names, self.has_header = header_of(
                [_encoded(value).decode(errors="replace") for value in row]
            )
            if self.has_header:
                return
        if len(row) == len(self.names):
            numbers.append(self.number)
            good.append(row)
        else:
            self._wrong_width(self.number, len(row))
        self.number += 1

    def _wrong_width(self, number: int, width: int) -> None:
        detail = f"{width} values where the header has {len(self.names or ())}"
        self._context.stats.skip("bad_csv_row", self._source, number, detail)

    def _breaks_off(self, what: str) -> None:
        """Note that the file is damaged within a row."""
        if not self._context.breaks:
            self._context.breaks.append(f"it ends within a row ({what})")

    def _broken(self, why: str) -> None:
        self._context.stats.skip("bad_csv_row", self._source, self.number, why)
        self.number += 1
        # For each such row, the search may have gone through all later lines.
        self._context.budget.spend()

    def _made(self, numbers: list[int], rows: list[list[str]]) -> list[Rows]:
        if not rows:
            return []
        assert self.names is not None
        columns = {
            name: _column([row[place] for row in rows])
            for place, name in enumerate(self.names)
            if self._is_wanted(name)
        }
        return [Rows(numbers, pa.RecordBatch.from_pydict(columns))]


class _RawTable(_Table):
    """The rows of one file as bytes, unchanged."""

    def __init__(self, split: Split, context: Context) -> None:
        super().__init__(split, {}, context)
        self.passed: list[Raw] = []

    def at_once(self, data: bytes, *, last: bool) -> None:
        return None

    def _passed(self, lines: list[bytes], number: int) -> None:
        is_row = self.number > number
        self.passed.append(
            Raw(number if is_row else None, b"".join(lines), self.names or ())
        )


def _row_ends(
    data: bytes, layout: Layout, width: int, limits: Limits
) -> Numbers | None:
    """Return the ends of the whole rows in some lines; None if the division into rows
    is ambiguous.

    It is ambiguous if a quote neither opens nor closes a value, if a carriage return
    alone ends a line, or if the lines of a value look like rows.
    """
    codes = np.frombuffer(data, np.uint8)
    line_ends = np.flatnonzero(codes == NEWLINE)
    quotes = np.flatnonzero(codes == QUOTE) if layout.quoted else line_ends[:0]
    # Quotes open and close values in turn. A doubled quote, which is an escaped quote,
    # closes a value and opens it again.
    opening, closing = quotes[::2], quotes[1::2]
    enclosing = np.zeros(256, np.bool_)
    enclosing[[ord(layout.delimiter), NEWLINE, QUOTE]] = True
    if not enclosing[codes[opening - 1]].all():
        return None
    enclosing[RETURN] = True
    if not enclosing[codes[closing + 1]].all():
        return None
    if LONE_RETURN.search(data):
        returns = np.flatnonzero(codes == RETURN)
        alone = returns[codes[returns + 1] != NEWLINE]
        if (np.searchsorted(quotes, alone) % 2 == 0).any():
            return None
    last = np.flatnonzero(np.searchsorted(quotes, line_ends) % 2 == 0)
    ends = line_ends[last] + 1
    heights = np.diff(last, prepend=-1)
    if (
        np.diff(ends, prepend=0).max(initial=0) > limits.record_bytes
        or heights.max(initial=0) > limits.value_lines
    ):
        return None
    delimiter = layout.delimiter.encode()
    for row in np.flatnonzero(heights > LEAST_LIKE_ROWS) if width > 1 else ():
        following = line_ends[last[row] - heights[row] + 1 : last[row] + 1].tolist()
        if all(
            data.count(delimiter, start, end) == width - 1
            for start, end in reversed(list(pairwise(following)))
        ):
            return None
    return ends


def _divided(
    texts: list[str], start: int, layout: Layout
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the rows that begin at a line or later: the first line, the line after the
    row, the values.
    """
    # Do not use a slice: if all lines of a hostile file are broken rows, each would
    # copy all lines after it.
    following = map(texts.__getitem__, range(start, len(texts)))
    reader = _reader(following, layout.delimiter, layout.quoted)
    at = start
    for row in reader:
        yield at, start + reader.line_num, row
        at = start + reader.line_num


def _column(values: list[str]) -> pa.Array:
    """Return the values as a column, including bytes that are not UTF-8."""
    return pa.array(map(_encoded, values), pa.large_binary()).view(pa.large_string())


def _encoded(value: str) -> bytes:
    return value.encode(errors="surrogateescape")


def _unclosed(row: list[str], texts: list[str], layout: Layout) -> bool:
    """Return whether the last row of the input ends within quotes, so that one more
    line would belong to it.
    """
    if not row or not row[-1].endswith("\n"):
        return False
    reader = _reader([*texts, "\n"], layout.delimiter, layout.quoted)
    next(reader)
    return bool(reader.line_num > len(texts))


def _alone(text: str, delimiter: str) -> list[str]:
    """Return the values of a single line; a quote that it does not close counts as
    text.
    """
    values: list[str] = next(csv.reader([text], delimiter=delimiter), [])
    return (
        [*values[:-1], *values[-1].split(delimiter)]
        if values and values[-1].endswith(("\r", "\n"))
        else values
    )


def holds_rows(texts: list[str], width: int, delimiter: str) -> bool | None:
    """Return whether the lines of a row are rows themselves, joined by a quote that
    was never closed; None if that is uncertain.

    The lines are rows if each is as wide as the row, and either each has figures where
    the first line has them, or the quote that ends the value is where no closing quote
    can be. The lines of a longer text rarely meet these conditions.
    """
    try:
        first, *others = (_alone(text, delimiter) for text in texts)
    except csv.Error:
        return False
    end = CLOSED.match(texts[-1])
    misplaced = end is not None and texts[-1][end.end() : end.end() + 1] not in (
        delimiter,
        "\r",
        "\n",
        "",
    )
    alike = [row for row in others if len(row) == width]
    least = 0.9 * len(others) if misplaced else max(len(others), LEAST_LIKE_ROWS)
    if width < 2 or len(first) != width or len(alike) < least:
        return False
    figures = any(
        all(FIGURE.fullmatch(row[place]) for row in (first, *alike))
        for place in range(width)
    )
    if figures or (misplaced and len(alike) >= 3):
        return True
    return None if len(alike) * (width - 1) >= LIKE_A_TABLE else False


def _cuts(
    whole: Split, table: _Table, target: int, limits: Limits
) -> Iterator[tuple[int, int]]:
    """Yield the places at which to cut a file, with the number of rows before each: one
    for every ``target`` bytes, and the end of the file.

    The file is not cut after a block that Arrow can't parse.
    """
    position, rest = whole.start, b""
    least = position + target
    with readable(whole.source), open(whole.path, "rb", buffering=0) as file:
        file.seek(position)
        while data := file.read(
            min(limits.chunk, max(least - position, target // 8), whole.end - position)
        ):
            mark = len(BOM) if position == whole.start and data.startswith(BOM) else 0
            position += len(data)
            cut = data.rfind(b"\n") + 1
            if not cut:
                rest += data[mark:]
                continue
            incomplete = data[cut:]
            data = b"".join([rest, memoryview(data)[mark:cut]])
            found = table.at_once(data, last=False)
            # Longer rows are skipped.
            if found is None or len(data) > limits.record_bytes:
                break
            rest = found[1] + b"\n" * bool(found[1]) + incomplete
            end = position - len(rest)
            # The first row's range includes what precedes it, even megabytes of blank
            # lines.
            if least <= end < whole.end and table.number:
                yield end, table.number
                least = end + target
    yield whole.end, table.number


class Delimited:
    """CSV and TSV, with any delimiter, with or without a header."""

    name = "csv"
    extensions = (".csv", ".tsv", ".tab")
    binary = False

    def sniff(self, head: bytes) -> bool:
        return False

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        named_delimiter = NAMED_DELIMITER.match(
            head_of(whole, limits, 16).decode(errors="replace")
        )
        if (
            whole.size <= target
            or not whole.plain_text
            or is_remote(whole.path)
            or named_delimiter
            or whole.layout.above
        ):
            yield whole
            return
        head = _Table(whole, None, Context.quiet(limits))
        next(self._all(head_stream(whole, limits), head), None)
        if head.names is None:
            yield whole
            return
        start, first = whole.start, 0
        named = replace(whole.layout, columns=tuple(head.names))
        table = _Table(replace(whole, layout=named), {}, Context.quiet(limits))
        for part, (end, rows) in enumerate(_cuts(whole, table, target, limits)):
            yield replace(
                whole,
                start=start,
                end=end,
                first_record=first,
                size=end - start,
                part=part,
                layout=named if part else whole.layout,
            )
            start, first = end, rows - head.has_header

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        records: list[Any] = []
        size = 0
        table = _Table(whole, None, Context.quiet(limits))
        for rows in self._all(ByteStream(whole, Context.quiet(limits)), table):
            assert isinstance(rows.values, pa.RecordBatch)
            records += rows.values.slice(0, limits.head_records).to_pylist()
            size += rows.values.nbytes
            if len(records) >= limits.head_records or size >= limits.head_bytes:
                break
        return records or ([] if not table.names else [dict.fromkeys(table.names)])

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from self._all(stream, _Table(stream.split, wanted, stream.context))

    def raw(self, stream: ByteStream) -> Iterator[list[Raw]]:
        table = _RawTable(stream.split, stream.context)
        blocks = lines(stream)
        rest, block = b"", next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            _, rest = table.rows(block, rest, last=following is None)
            found, table.passed = table.passed, []
            if found and not block.ended:
                # The table reads each file as if it ended with a newline.
                found[-1] = found[-1]._replace(data=found[-1].data.removesuffix(b"\n"))
            yield found
            block = following

    def _all(self, stream: ByteStream, table: _Table) -> Iterator[Rows]:
        rest = b""
        blocks = lines(stream)
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            rows, rest = table.rows(block, rest, last=following is None)
            yield from rows
            block = following


FORMATS = (Delimited(),)
