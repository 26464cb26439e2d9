"""CSV and TSV.

A stretch of whole rows is parsed by a kernel. Where rows could be divided otherwise, or
one is of another width than the header, Python's csv module reads the stretch row by
row: a broken row is counted and skipped, and a quote that is never closed costs its
line, not the rest of the file. A later quote may close it, in a row as wide as the
header: it counts as never closed if the lines between are rows themselves.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.kernels.canonical.utf8 import newlines
from provscan.kernels.reading.delimited import (
    LEAST_LIKE_ROWS,
    ROWS,
    STATE,
    csv_columns,
    row_end,
)
from provscan.kernels.records import StringColumns
from provscan.readers.bytes.budget import require_few
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, ByteStream, head_of, lines
from provscan.readers.formats.jsonl import head_stream
from provscan.readers.formats.protocol import Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Layout, Split
from provscan.readers.texts.fields import reads_like_text, usual_name
from provscan.readers.texts.records import is_valid
from provscan.readers.texts.schema import distinct_names
from provscan.urls import is_remote

DELIMITERS = ",\t;|"
HEAD_LINES = 200
NUMBER = re.compile(r"[-+]?[\d.,:]+")
# Numbers, dates and times: a text that is quoted has hardly one at the same place of
# each line.
FIGURE = re.compile(r"[\s.,:/+TZ-]*\d[\d\s.,:/+TZ-]*")
# What spreadsheets write before the header.
NAMED_DELIMITER = re.compile(r"\ufeff?sep=([,;|\t])\r?(?:\n|$)")
# Lines as Python divides them where it keeps their ends; a return alone ends one, too.
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")
INNER_RETURN = re.compile(r"\r(?!\n|$)")
CLOSED = re.compile(r'(?:[^"]|"")*"')
# Lines times delimiters in each from which on a value that looks like rows is noted,
# though nothing else shows it.
LIKE_A_TABLE = 50
# Columns and rows of a table that is known by them below other lines.
LEAST_COLUMNS = 3
LEAST_BELOW = 4


def layout_of(name: str, head: bytes, layout: Layout) -> Layout:
    """The delimiter of a file, and whether quotes enclose values, from its first
    lines.
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
        found = {
            candidate: _above(lines, candidate)
            for candidate in dict.fromkeys([delimiter, *DELIMITERS])
        }
        delimiter, above = next(
            ((key, count) for key, count in found.items() if count), (delimiter, 0)
        )
        rows = [line for line in lines[above:] if line.strip()]
    # Quotes in TSV are a part of the text if that leaves fewer rows of another width,
    # or joins fewer lines.
    quoted = delimiter != "\t" or _misfit(rows, delimiter, True) <= _misfit(
        rows, delimiter, False
    )
    return replace(layout, delimiter=delimiter, quoted=quoted, above=above)


def _above(lines: list[str], delimiter: str) -> int:
    """How many lines stand above the names of a table's columns: narrower ones, such as
    the query of an export.
    """
    reader = _reader(lines, delimiter, True)
    starts, rows = [0], []
    try:
        for row in reader:
            rows.append(row)
            starts.append(reader.line_num)
    except csv.Error:
        return 0
    widths = [len(row) for row in rows]
    if (
        not widths
        or (width := max(widths)) < LEAST_COLUMNS
        or (first := widths.index(width)) == 0
    ):
        return 0
    below = [count for count in widths[first:] if count]
    fits = len(below) >= LEAST_BELOW and 10 * below.count(width) >= 9 * len(below)
    return starts[first] if fits and header_of(rows[first])[1] else 0


def _widths(rows: list[str], delimiter: str, quoted: bool) -> list[int]:
    try:
        return [len(row) for row in _reader(rows, delimiter, quoted)]
    except csv.Error:
        return []


def _fit(rows: list[str], delimiter: str) -> tuple[float, int]:
    """How well a delimiter divides rows: the share of those as wide as the first, and
    that width.
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
    """The names of the columns, and whether the first row holds them."""
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
    """The rows of one file: counted, checked, as columns."""

    def __init__(self, split: Split, wanted: Wanted, context: Context) -> None:
        self.names = (
            None if split.layout.columns is None else list(split.layout.columns)
        )
        self.has_header = False
        self._ended = True
        self.number = split.first_record
        self._split = split
        self._above = split.layout.above
        self._wanted = wanted
        self._context = context
        self._layout = _kernel_layout(split.layout, context.limits)
        csv.field_size_limit(min(context.limits.record_bytes, 2**31 - 1))

    def rows(
        self, data: bytes | memoryview, *, last: bool, ended: bool = True
    ) -> tuple[list[Rows], bytes]:
        """The rows of whole lines, and the lines of a row that is not complete yet.

        If the file has not `ended` with a newline, a last row that is not whole shows
        that it breaks off.
        """
        self._ended = ended
        made: list[Rows] = []
        while self._above and data:
            line, _, data = bytes(data).partition(b"\n")
            self._above -= 1
            if line.strip():
                shown = line[:80].decode(errors="replace").strip()
                self._context.stats.note("lines_above", self._split.source, 0, shown)
        if self.names is None:
            # The first row alone: it may name the columns.
            first, newline, others = bytes(data).partition(b"\n")
            if newline and first.strip() and first.count(b'"') % 2 == 0:
                made, data = self._by_row(first, True)[0], others
        parsed = None if self.names is None or not data else self._parsed(data, last)
        rows, rest = self._by_row(bytes(data), last) if parsed is None else parsed
        return made + rows, rest

    def _parsed(
        self, data: bytes | memoryview, last: bool
    ) -> tuple[list[Rows], bytes] | None:
        assert self.names is not None
        codes = np.frombuffer(data, np.uint8)
        names = [
            name
            for name in self.names
            if self._wanted is None or (name,) in self._wanted
        ]
        places = np.array(
            [names.index(name) if name in names else -1 for name in self.names],
            np.int64,
        )
        # Arrow's memory, which is kept between blocks: the first touch of new memory
        # takes as long as parsing.
        room = pa.allocate_buffer(len(names) * len(data))
        columns = StringColumns(
            np.frombuffer(room, np.uint8).reshape(len(names), len(data)),
            np.zeros((len(names), newlines(codes) + 2), np.int64),
            np.zeros((len(names), 0), np.uint8),
        )
        count, end = csv_columns(codes, *self._layout, places, columns)
        rest = codes[end:]
        if count < 0 or (
            len(rest) and (last or newlines(rest) >= self._context.limits.value_lines)
        ):
            return None
        arrays = [
            pa.Array.from_buffers(
                pa.large_string(),
                count,
                [
                    None,
                    pa.py_buffer(ends[: count + 1]),
                    room.slice(k * len(data), ends[count]),
                ],
            )
            for k, ends in enumerate(columns.ends)
        ]
        # What is used is checked later to be UTF-8.
        if self._wanted is None and not all(map(is_valid, arrays)):
            return None
        first, self.number = self.number, self.number + count
        batch = pa.RecordBatch.from_arrays(arrays, names)
        return [
            Rows(range(first, first + count), batch)
        ] if count else [], rest.tobytes()

    def _by_row(self, data: bytes, last: bool) -> tuple[list[Rows], bytes]:
        layout, limits = self._split.layout, self._context.limits
        pending = LINE.findall(data + b"\n")
        # What is used is checked later to be UTF-8, and is replaced and counted there.
        texts = [
            line.decode(errors="replace" if self._wanted is None else "surrogateescape")
            for line in pending
        ]
        good: list[list[str]] = []
        numbers: list[int] = []
        start = 0
        while start < len(texts):
            # Not a slice: in a hostile file all lines are broken rows, and each would
            # copy all that follow.
            reader = _reader(
                map(texts.__getitem__, range(start, len(texts))),
                layout.delimiter,
                layout.quoted,
            )
            before, base = 0, start
            start = len(texts)
            try:
                for row in reader:
                    taken = reader.line_num - before
                    at, before = base + before, reader.line_num
                    # Returns alone divide rows, but within quotes a file is not cut at
                    # them.
                    height = (
                        taken
                        if taken < 2
                        else sum(text.endswith("\n") for text in texts[at : at + taken])
                    )
                    open_end = base + before == len(texts) and _unclosed(
                        row, texts[at:], layout
                    )
                    if open_end and not last and height <= limits.value_lines:
                        return self._made(numbers, good), b"".join(pending[at:])[:-1]
                    wrong = (
                        open_end
                        or (height > 1 and len(row) != len(self.names or row))
                        or height > limits.value_lines
                    )
                    if not wrong and height > 1:
                        found = holds_rows(
                            texts[at : at + taken], len(row), layout.delimiter
                        )
                        wrong = found is True
                        if found is None:
                            detail = (
                                f"{height:,} lines are read as one row; if they are "
                                "several, the first lacks a quote"
                            )
                            self._context.stats.note(
                                "value_like_rows",
                                self._split.source,
                                self.number,
                                detail,
                            )
                    if wrong and open_end and last and not self._ended:
                        self._breaks_off(
                            "a value in quotes that are not closed, from line "
                            f"{at + 1:,} of its last"
                        )
                        return self._made(numbers, good), b""
                    if wrong:
                        self._broken("it has an opening quote that is never closed")
                        start = at + 1
                        break
                    narrow = self.names is not None and 0 < len(row) < len(self.names)
                    if (
                        narrow
                        and base + before == len(texts)
                        and last
                        and not self._ended
                    ):
                        self._breaks_off(
                            f"{len(row):,} of {len(self.names or ()):,} values"
                        )
                    elif row:
                        self._take(
                            row, numbers, good, b"".join(pending[at : at + taken])
                        )
            except csv.Error as error:
                self._broken(str(error))
                start = base + before + 1
        return self._made(numbers, good), b""

    def _take(
        self, row: list[str], numbers: list[int], good: list[list[str]], raw: bytes
    ) -> None:
        if self.names is None:
            if NAMED_DELIMITER.match(raw.decode(errors="replace")):
                return
            require_few(len(row), self._context.limits)
            self.names, self.has_header = header_of(
                [_encoded(value).decode(errors="replace") for value in row]
            )
            if self.has_header:
                return
        number, self.number = self.number, self.number + 1
        if len(row) != len(self.names):
            detail = f"{len(row)} values where the header has {len(self.names)}"
            self._context.stats.skip("bad_csv_row", self._split.source, number, detail)
            return
        numbers.append(number)
        good.append(row)

    def _breaks_off(self, what: str) -> None:
        """The row is a part of the damage."""
        if not self._context.breaks:
            self._context.breaks.append(f"it ends within a row ({what})")

    def _broken(self, why: str) -> None:
        self._context.stats.skip("bad_csv_row", self._split.source, self.number, why)
        self.number += 1
        # Each such row may have been looked for in all lines that follow.
        self._context.budget.spend()

    def _made(self, numbers: list[int], rows: list[list[str]]) -> list[Rows]:
        if not rows:
            return []
        assert self.names is not None
        columns = {
            name: _column([row[place] for row in rows])
            for place, name in enumerate(self.names)
            if self._wanted is None or (name,) in self._wanted
        }
        return [Rows(numbers, pa.RecordBatch.from_pydict(columns))]


def _column(values: list[str]) -> pa.Array:
    """The values, with those bytes that are not UTF-8."""
    try:
        return pa.array(values, pa.large_string())
    except UnicodeEncodeError:
        return pa.array(map(_encoded, values), pa.large_binary()).view(
            pa.large_string()
        )


def _encoded(value: str) -> bytes:
    return value.encode(errors="surrogateescape")


def _unclosed(row: list[str], texts: list[str], layout: Layout) -> bool:
    """Whether a row that ends with the input ends within quotes, so that one more line
    would belong to it.
    """
    if not row or not row[-1].endswith("\n"):
        return False
    reader = _reader([*texts, "\n"], layout.delimiter, layout.quoted)
    next(reader)
    return bool(reader.line_num > len(texts))


def _alone(text: str, delimiter: str) -> list[str]:
    """The values of a line by itself; a quote that it does not close is a part of its
    text.
    """
    values: list[str] = next(csv.reader([text], delimiter=delimiter), [])
    return (
        [*values[:-1], *values[-1].split(delimiter)]
        if values and values[-1].endswith(("\r", "\n"))
        else values
    )


def holds_rows(texts: list[str], width: int, delimiter: str) -> bool | None:
    """Whether the lines of a row are rows themselves, joined by a quote that was never
    closed; None: perhaps.

    That is so if each of them is as wide as the row, and either has figures where the
    first has, or the quote that ends the value stands where none can be. Texts of
    several lines are not alike in this.
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


def _kernel_layout(layout: Layout, limits: Limits) -> tuple[Numbers, Numbers]:
    return (
        np.array([ord(layout.delimiter), layout.quoted], np.int64),
        np.array([limits.value_lines, limits.record_bytes], np.int64),
    )


def _row_ends(whole: Split, target: int, limits: Limits) -> Iterator[tuple[int, int]]:
    """Where to cut a file, and how many rows it has up to there: after each ``target``
    bytes, and at its end.

    Where rows may be divided in several ways, by a quote that is never closed, it is
    cut no further.
    """
    state = np.zeros(STATE, np.int64)
    layout, most = _kernel_layout(whole.layout, limits)
    position, wanted = whole.start, whole.start + target
    with readable(whole.source), open(whole.path, "rb", buffering=0) as file:
        file.seek(position)
        while data := file.read(min(limits.chunk, whole.end - position)):
            codes = np.frombuffer(data, np.uint8)
            at = len(BOM) if position == whole.start and data.startswith(BOM) else 0
            while (
                at := row_end(codes, at, wanted - position, layout, most, state)
            ) > 0:
                # What stands before the first row belongs to it, be it megabytes of
                # blank lines.
                if position + at < whole.end and state[ROWS]:
                    yield position + at, int(state[ROWS])
                wanted = position + at + target
            if at < 0:
                break
            position += len(data)
    yield whole.end, int(state[ROWS])


class Delimited:
    """CSV and TSV, with any delimiter, with or without a header."""

    name = "csv"
    extensions = (".csv", ".tsv", ".tab")

    def sniff(self, head: bytes) -> bool:
        return False

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        named = NAMED_DELIMITER.match(
            head_of(whole, limits, 16).decode(errors="replace")
        )
        if (
            whole.size <= target
            or not whole.plain_text
            or is_remote(whole.path)
            or named
            or whole.layout.above
        ):
            yield whole
            return
        table = _Table(whole, None, Context.quiet(limits))
        next(self._all(head_stream(whole, limits), table), None)
        if table.names is None:
            yield whole
            return
        start, first = whole.start, 0
        layout = whole.layout
        for part, (end, rows) in enumerate(_row_ends(whole, target, limits)):
            yield replace(
                whole,
                start=start,
                end=end,
                first_record=first,
                size=end - start,
                part=part,
                layout=layout,
            )
            start, first = end, rows - table.has_header
            layout = replace(whole.layout, columns=tuple(table.names))

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

    def _all(self, stream: ByteStream, table: _Table) -> Iterator[Rows]:
        rest = b""
        blocks = lines(stream)
        block = next(blocks, None)
        while block is not None:
            data, ended = rest + b"\n" + block.data if rest else block.data, block.ended
            block = next(blocks, None)
            made, rest = table.rows(data, last=block is None, ended=ended)
            yield from made
