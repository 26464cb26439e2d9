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

# Rows and characters whose values live at the same time.
GROUP_ROWS = 4096
GROUP_CHARACTERS = 1 << 20


class _Text:
    """Lines of a stream as text, with a flag for the row at hand: was anything replaced?"""

    def __init__(self, stream: ByteStream, tally: Tally) -> None:
        self.replaced = False
        self._lines = Lines(stream, tally)

    def __iter__(self) -> Iterator[str]:
        for _, block in self._lines:
            try:
                text = block.decode()
            except UnicodeDecodeError:
                for line in block.split(b"\n"):
                    text = line.decode(errors="replace")
                    self.replaced = self.replaced or "\ufffd" in text
                    yield text + "\n"
            else:
                for part in text.split("\n"):
                    yield part + "\n"


def read_delimited(stream: ByteStream, fields: Fields, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV or TSV file; the first row names the fields."""
    source = stream.split.source
    csv.field_size_limit(LINE_LIMIT)
    lines = _Text(stream, tally)
    rows = csv.reader(lines, delimiter="\t" if stream.split.format == "tsv" else ",")
    header = next((row for row in rows if row), None)
    if header is None:
        if stream.damage is None:
            tally.note("empty_file", source)
        return
    width = len(header)
    binding = bind(fields, {(name,): STRING for name in header}, source)
    places = {role: header.index(getattr(binding, role)[0][0]) for role in Binding.__slots__ if getattr(binding, role)}
    number = -1
    numbers: list[int] = []
    values: dict[str, list[str]] = {role: [] for role in places}
    size = 0
    while True:
        lines.replaced = False
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            number += 1
            tally.skip("bad_csv_row", source, number, str(error))
            continue
        if not row:
            continue
        number += 1
        if len(row) != width:
            tally.skip("bad_csv_row", source, number, f"{len(row)} values where the header has {width}")
            continue
        if lines.replaced:
            tally.repair("invalid_utf8", source, number, "bytes replaced by U+FFFD")
        numbers.append(number)
        for role, place in places.items():
            values[role].append(row[place])
        size += len(row[places["text"]])
        if len(numbers) >= GROUP_ROWS or size >= GROUP_CHARACTERS:
            yield Columns(source, numbers, **values).batch(tally)
            numbers, values, size = [], {role: [] for role in places}, 0
    if numbers:
        yield Columns(source, numbers, **values).batch(tally)
