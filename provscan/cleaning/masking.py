"""Replace spans of texts by a mask: in a line of JSON, a row of CSV, a text, or the
columns of an Arrow table. All other bytes stay, even those that are not UTF-8.

In JSON and Arrow, texts may be nested. The functions of the readers find the texts of a
record, so that fields have the same names as in ``matches.parquet``. Each text is a
:class:`Located` string, which has its location in the line or row.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Sequence
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.cleaning.choice import Span, Spans
from provscan.errors import InputError
from provscan.names import printable
from provscan.readers.fields.binding import Binding
from provscan.readers.fields.later import Later
from provscan.readers.fields.paths import tree_of, values_at
from provscan.readers.formats.table_layout import csv_reader
from provscan.readers.json_values import members
from provscan.readers.limits import current_limits
from provscan.readers.splits import Layout
from provscan.readers.values import FAILURES, distinct_names, with_entries

# The name of an error handler that decodes 1, 2 or 3 bytes that are not UTF-8 as one
# surrogate, NOT_UTF8 + 1, 2 or 3. So a text has as many code points as with
# ``errors="replace"``, and each code point says how many bytes it has.
SIZED, NOT_UTF8 = "provscan-sized", 0xD800
# One code point of a JSON string, or its escape sequence.
CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u[0-9a-fA-F]{4}|\\.|.",
    re.DOTALL,
)


# A start and end in a text, and the new bytes between them.
Edit = tuple[int, int, bytes]
# Bytes, and the bytes that replace them: the same object if they stay.
Piece = tuple[bytes, bytes]


class Located(str):
    """A string with its location: its start and end in a line of JSON, or the keys that
    lead to it in a row of a table.
    """

    location: Any


class _Decoder(json.JSONDecoder):
    """A decoder of JSON whose strings are :class:`Located`."""

    def __init__(self) -> None:
        super().__init__(strict=False, object_pairs_hook=members)
        self.parse_string = _located_string
        # The scanner in C would ignore ``parse_string``.
        self.scan_once = py_make_scanner(self)


def _located_string(text: str, start: int, strict: bool) -> tuple[Located, int]:
    """Return the JSON string that starts at ``start``, and the position after it."""
    value, end = scanstring(text, start, strict)
    string = Located(value)
    string.location = start, end - 1
    return string, end


def masked_text(text: str, spans: Sequence[Span], mask: str) -> str:
    """Return the text with a mask in place of each span."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], mask]
        at = end
    return "".join([*parts, text[at:]])


def _sized(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return chr(NOT_UTF8 + error.end - error.start), error.end


codecs.register_error(SIZED, _sized)


def _sizes(text: str) -> Numbers:
    """Return the number of bytes of each code point of a text decoded with SIZED."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes = 1 + sum(
        (codes >= least).astype(np.int64) for least in (1 << 7, 1 << 11, 1 << 16)
    )
    bad = (codes > NOT_UTF8) & (codes <= NOT_UTF8 + 3)
    return np.where(bad, codes.astype(np.int64) - NOT_UTF8, sizes)


def edited(data: bytes, edits: Sequence[Edit]) -> list[Piece]:
    """Cut UTF-8 data into pairs (old, new), in which the bytes of edited spans are
    replaced.

    Positions count code points as with ``errors="replace"``. Bytes that are not UTF-8
    stay.
    """
    places = [[start, end] for start, end, _ in edits]
    if not data.isascii():
        sizes = _sizes(data.decode(errors=SIZED))
        ends = np.concatenate([[0], np.cumsum(sizes)])
        places = np.take(ends, places, mode="clip").reshape(-1, 2).tolist()
    pieces, at = [], 0
    for (start, end), (_, _, new) in zip(places, edits, strict=True):
        kept = data[at:start]
        pieces += [(kept, kept), (data[start:end], new)]
        at = end
    rest = data[at:]
    return [*pieces, (rest, rest)]


def masked_bytes(data: bytes, spans: Sequence[Span], mask: str) -> list[Piece]:
    """Return a text in UTF-8 with a mask in place of each span."""
    return edited(data, [(start, end, mask.encode()) for start, end in spans])


def _located_fields(
    record: dict[str, Any], binding: Binding, spans: Spans
) -> list[tuple[Located, list[Span]]]:
    """Return the texts of a record that contain spans, each with its spans."""
    found: list[tuple[Located, list[Span]]] = []
    missing = set(spans)
    texts = [value[1:] for value in values_at(record, tree_of(binding.texts))]
    if missing - {printable(name) for name, _ in texts}:
        texts += Later(binding, current_limits()).search(record).texts
    for name, value in texts:
        shown = printable(name)
        if shown in spans and isinstance(value, Located):
            missing.discard(shown)
            found.append((value, spans[shown]))
    if missing:
        raise InputError(f"the field {min(missing)} can't be replaced in place")
    return found


def masked_json(line: bytes, binding: Binding, spans: Spans, mask: str) -> list[Piece]:
    """Return a line of JSON with a mask in place of each span."""
    text = line.decode(errors="replace")
    start = len(text) - len(text.lstrip(" \t\r\n\ufeff"))
    try:
        value, _ = _Decoder().raw_decode(text, start)
    except (RecursionError, ValueError):
        raise InputError("its JSON can't be replaced in place") from None
    record = {"text": value} if isinstance(value, str) else value
    written = json.dumps(mask, ensure_ascii=text.isascii())[1:-1].encode()
    edits: list[Edit] = []
    for found, inside in _located_fields(record, binding, spans):
        start, end = found.location
        string = text[start:end]
        characters = CHARACTER.findall(string) if "\\" in string else string
        starts = list(accumulate(map(len, characters), initial=start))
        last = len(starts) - 1
        edits += [
            (starts[min(a, last)], starts[min(b, last)], written) for a, b in inside
        ]
    return edited(line, sorted(edits))


def masked_row(
    row: bytes, names: Sequence[str], layout: Layout, spans: Spans, mask: str
) -> list[Piece]:
    """Return a row of CSV with a mask in place of each span. A value that needs quotes
    with the mask gets them.
    """
    body = row.decode(errors="replace").rstrip("\r\n")
    delimiter = layout.delimiter
    shown = list(map(printable, names))
    if missing := spans.keys() - set(shown):
        raise InputError(f"the field {min(missing)} can't be replaced in place")
    (values,) = csv_reader(io.StringIO(body, newline="").readlines(), layout)
    cells = _cells(body, delimiter) if layout.quoted else body.split(delimiter)
    if not len(shown) == len(cells) == len(values):
        raise InputError("its quotes can't be replaced in place")
    edits: list[Edit] = []
    at = 0
    for name, cell, value in zip(shown, cells, values, strict=True):
        if name in spans:
            edits += _cell_edits(cell, value, layout, spans[name], mask, at)
        at += len(cell) + len(delimiter)
    return edited(row, edits)


def _cells(row: str, delimiter: str) -> list[str]:
    """Return the values of a row as they are in the file, with their quotes."""
    rest = rf"[^{re.escape(delimiter)}]*"
    cell = re.compile(rf'(?:"(?:[^"]|"")*"{rest}|{rest})')
    cells, at = [], 0
    while True:
        found = cell.match(row, at)
        assert found is not None
        cells.append(found[0])
        at = found.end() + 1
        if at > len(row):
            return cells


def _cell_edits(
    cell: str, value: str, layout: Layout, spans: Sequence[Span], mask: str, at: int
) -> list[Edit]:
    """Return the edits that mask spans of a value. ``at`` is the start of its cell."""
    new = masked_text(value, spans, mask)
    if layout.quoted and cell == '"' + value.replace('"', '""') + '"':
        lengths = [2 if c == '"' else 1 for c in value]
        starts = list(accumulate(lengths, initial=at + 1))
        written = mask.replace('"', '""').encode()
        return [(starts[a], starts[min(b, len(value))], written) for a, b in spans]
    special = new.startswith('"') or any(c in new for c in f"{layout.delimiter}\r\n")
    if cell != value or (special and not layout.quoted):
        raise InputError("its quotes can't be replaced in place")
    if not special:
        return [(at + a, at + b, mask.encode()) for a, b in spans]
    edits = [(at + a, at + b, mask.replace('"', '""').encode()) for a, b in spans]
    # Quotes in the rest of the value are doubled.
    edits += [
        (at + k, at + k, b'"')
        for k, c in enumerate(value)
        if c == '"' and not any(a <= k < b for a, b in spans)
    ]
    end = at + len(cell)
    return [(at, at, b'"'), *sorted(edits), (end, end, b'"')]


def masked_columns(
    table: pa.Table, removals: dict[int, Spans], binding: Binding, mask: str
) -> pa.Table:
    """Return a table with a mask in place of each span.

    Parameters
    ----------
    removals
        The spans of each row, by its position in the table, ascending.
    """
    names = distinct_names(table.schema.names)
    masked = {name for spans in removals.values() for name in spans}
    wanted = {path[0] for path in binding.texts} | {
        path[0]
        for path in binding.searched
        if any(name.startswith(printable(path[0])) for name in masked)
    }
    columns = [k for k, name in enumerate(names) if name in wanted]
    rows = pa.concat_tables([table.slice(position, 1) for position in removals])
    try:
        values = {
            names[k]: [with_entries(value.as_py()) for value in rows.column(k)]
            for k in columns
        }
        for k in columns:
            before = rows.column(k).combine_chunks()
            if not _plain(pa.array(values[names[k]], before.type)).equals(
                _plain(before)
            ):
                raise InputError(f"the column {names[k]} can't be replaced in place")
        for row, spans in enumerate(removals.values()):
            record = {name: column[row] for name, column in values.items()}
            for found, inside in _located_fields(_wrapped(record), binding, spans):
                name, *inner = found.location
                keys, holder = [row, *inner], values[name]
                for key in keys[:-1]:
                    holder = holder[key]
                old = holder[keys[-1]]
                holder[keys[-1]] = (
                    b"".join(new for _, new in masked_bytes(old, inside, mask))
                    if isinstance(old, bytes)
                    else masked_text(old, inside, mask)
                )
        for k in columns:
            field = table.schema.field(k)
            rows = rows.set_column(k, field, pa.array(values[names[k]], field.type))
    except FAILURES as error:
        raise InputError(f"its columns can't be replaced in place ({error})") from error
    parts, at = list[pa.Table](), 0
    for row, position in enumerate(removals):
        parts += [table.slice(at, position - at), rows.slice(row, 1)]
        at = position + 1
    return pa.concat_tables([*parts, table.slice(at)])


def _plain(array: pa.Array) -> pa.Array:
    """Return an array without dictionaries, so that it can be compared."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _wrapped(value: Any, location: tuple[Any, ...] = ()) -> Any:
    """Return a value whose strings are :class:`Located`."""
    if isinstance(value, dict):
        return {key: _wrapped(inner, (*location, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_wrapped(inner, (*location, k)) for k, inner in enumerate(value)]
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        return value
    found = Located(value)
    found.location = location
    return found
