"""Replace spans of texts by a mask: in a line of JSON, a row of CSV, a text, or the
columns of an Arrow table. Nothing else changes.

In JSON and Arrow, texts may be nested. The functions of the readers find the texts of a
record, so that fields have the same names as in ``matches.parquet``. Each text is a
:class:`Located` string, which has its location in the line or row.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

import pyarrow as pa

from provscan.cleaning.choice import Span, Spans
from provscan.errors import InputError
from provscan.names import printable
from provscan.readers.fields.binding import Binding
from provscan.readers.fields.paths import tree_of, values_at
from provscan.readers.splits import Layout
from provscan.readers.values import FAILURES, distinct_names

# One code point of a JSON string, or its escape sequence.
CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u[0-9a-fA-F]{4}|\\.|.",
    re.DOTALL,
)


class Located(str):
    """A string with its location: its start and end in a line of JSON, or the keys that
    lead to it in a row of a table.
    """

    location: Any


class _Decoder(json.JSONDecoder):
    """A decoder of JSON whose strings are :class:`Located`."""

    def __init__(self) -> None:
        super().__init__(strict=False)
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


def _located_fields(
    record: dict[str, Any], binding: Binding, spans: Spans
) -> list[tuple[Located, list[Span]]]:
    """Return the texts of a record that contain spans, each with its spans."""
    found: list[tuple[Located, list[Span]]] = []
    missing = set(spans)
    for _, name, value in values_at(record, tree_of(binding.texts)):
        shown = printable(name)
        if shown in spans and isinstance(value, Located):
            missing.discard(shown)
            found.append((value, spans[shown]))
    if missing:
        raise InputError(f"the field {min(missing)} can't be replaced in place")
    return found


def masked_json(line: bytes, binding: Binding, spans: Spans, mask: str) -> bytes:
    """Return a line of JSON with a mask in place of each span."""
    text = line.decode(errors="replace")
    start = len(text) - len(text.lstrip(" \t\r\n\ufeff"))
    try:
        value, _ = _Decoder().raw_decode(text, start)
    except (RecursionError, ValueError):
        raise InputError("its JSON can't be replaced in place") from None
    record = {"text": value} if isinstance(value, str) else value
    written = json.dumps(mask, ensure_ascii=text.isascii())[1:-1]
    edits: list[tuple[int, int]] = []
    for found, inside in _located_fields(record, binding, spans):
        start, end = found.location
        string = text[start:end]
        characters = CHARACTER.findall(string) if "\\" in string else string
        starts = list(accumulate(map(len, characters), initial=start))
        last = len(starts) - 1
        edits += [(starts[min(a, last)], starts[min(b, last)]) for a, b in inside]
    return masked_text(text, sorted(edits), written).encode()


def masked_row(
    row: bytes, names: Sequence[str], layout: Layout, spans: Spans, mask: str
) -> bytes:
    """Return a row of CSV with a mask in place of each span."""
    text = row.decode(errors="replace")
    body = text.rstrip("\r\n")
    end = text[len(body) :]
    delimiter = layout.delimiter
    lines = io.StringIO(body, newline="").readlines()
    (values,) = csv.reader(
        lines,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
    )
    raw = _cells(body, delimiter) if layout.quoted else body.split(delimiter)
    shown = list(map(printable, names))
    if missing := spans.keys() - set(shown):
        raise InputError(f"the field {min(missing)} can't be replaced in place")
    # If quotes enclose only parts of values, all values of the row are written again.
    as_is = len(raw) == len(values) and all(
        not layout.quoted or _unquoted(cell) == value
        for cell, value in zip(raw, values, strict=True)
    )
    for column, name in enumerate(shown):
        if name not in spans:
            continue
        values[column] = new = masked_text(values[column], spans[name], mask)
        if as_is:
            quoted = raw[column].startswith('"')
            # A quote inside an unquoted value is part of its text.
            special = new.startswith('"') or any(c in new for c in f"{delimiter}\r\n")
            needed = layout.quoted and (quoted or special)
            raw[column] = '"' + new.replace('"', '""') + '"' if needed else new
    if as_is:
        return (delimiter.join(raw) + end).encode()
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerow(values)
    return out.getvalue().encode()


def _cells(row: str, delimiter: str) -> list[str]:
    """Return the values of a row as they are in the file, with their quotes."""
    cell = re.compile(rf'(?:"(?:[^"]|"")*"|[^{re.escape(delimiter)}]*)')
    cells, at = [], 0
    while True:
        found = cell.match(row, at)
        assert found is not None
        cells.append(found[0])
        at = found.end() + 1
        if at > len(row) or row[at - 1] != delimiter:
            return cells


def _unquoted(cell: str) -> str:
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if quoted else cell


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
    wanted = {path[0] for path in binding.texts}
    columns = [k for k, name in enumerate(names) if name in wanted]
    rows = pa.concat_tables([table.slice(position, 1) for position in removals])
    try:
        values = {
            names[k]: [_editable(value.as_py()) for value in rows.column(k)]
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
                new: Any = masked_text(found, inside, mask)
                is_bytes = isinstance(holder[keys[-1]], bytes)
                holder[keys[-1]] = new.encode() if is_bytes else new
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


def _editable(value: Any) -> Any:
    """Return a value whose map entries are objects, as in the readers."""
    if isinstance(value, tuple):
        return {"key": _editable(value[0]), "value": _editable(value[1])}
    if isinstance(value, dict):
        return {key: _editable(inner) for key, inner in value.items()}
    return [_editable(inner) for inner in value] if isinstance(value, list) else value


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
