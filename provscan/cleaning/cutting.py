"""Cut a file into the bytes of its records.

Each function of :data:`CUTS` yields lists of pieces, which together are the file.
Records are numbered as the format's
:meth:`~provscan.readers.formats.protocol.Format.read` numbers them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from provscan.errors import InputError
from provscan.readers.bytes.streams import ByteStream, cut, lines
from provscan.readers.formats.delimited import Table
from provscan.readers.formats.plain import SEPARATORS

# Strings, the beginning of a string without an end, brackets and commas.
STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\],]', re.DOTALL)
NOT_ONE_DOCUMENT = "is neither one JSON array nor JSON objects one after the other"


class Raw(NamedTuple):
    """Unchanged bytes of a file: a record, or the bytes between two records."""

    number: int | None  # Position of the record; None for bytes between records.
    data: bytes
    names: Sequence[str] = ()  # For CSV: the names of the columns.


def too_long(stream: ByteStream) -> InputError:
    """Return the error for a record that is too long to be written again."""
    return InputError(
        f"{stream.split.source} has a record of more than "
        f"{stream.context.limits.record_bytes >> 20} MiB"
    )


def _json_lines(stream: ByteStream) -> Iterator[list[Raw]]:
    for block in lines(stream):
        data = bytes(block.data) + b"\n" * block.ended
        parts = data.split(b"\n")
        ended = [part + b"\n" for part in parts[:-1]]
        rest = [] if block.ended else parts[-1:]
        yield list(map(Raw, count(block.first), [*ended, *rest]))


def _json_document(stream: ByteStream) -> Iterator[list[Raw]]:
    """Yield the elements, each with the white space before it, and the commas as
    pieces of their own.
    """
    # The depth of the elements: 1 in an array, 0 for consecutive objects.
    base: int | None = None
    data, at, seen, depth, number = b"", 0, 0, 0, stream.split.first_record
    for chunk in stream:
        data += chunk
        found: list[Raw] = []
        for match in STRUCTURE.finditer(data, seen):
            what, seen, place = match[0], match.end(), match.start()
            if what == b'"':
                seen = place  # The string ends in a later chunk.
                break
            if base is None:
                base = int(what == b"[")
                if base:
                    found.append(Raw(None, data[:seen]))
                    at, depth = seen, 1
                    continue
            if what[:1] == b'"' or (what == b"," and depth > base):
                continue
            if (what == b"{" and depth >= base) or (what == b"[" and depth > 0):
                depth += 1
            elif what in b"]}" and depth > base:
                depth -= 1
                if depth == 0:
                    found.append(Raw(number, data[at:seen]))
                    number, at = number + 1, seen
            elif what == b"," and depth == base == 1:
                found += [Raw(number, data[at:place]), Raw(None, what)]
                number, at = number + 1, seen
            elif what == b"]" and depth == base == 1:
                last = data[at:place].rstrip()
                found += [Raw(number, last)] if last else []
                found.append(Raw(None, data[at + len(last) : seen]))
                depth, at = 0, seen
            else:
                raise InputError(f"{stream.split.source} {NOT_ONE_DOCUMENT}")
        data, seen, at = data[at:], seen - at, 0
        if len(data) > stream.context.limits.record_bytes:
            raise too_long(stream)
        yield found
    if data.strip() or depth:
        raise InputError(f"{stream.split.source} {NOT_ONE_DOCUMENT}")
    yield [Raw(None, data)]


def _delimited(stream: ByteStream) -> Iterator[list[Raw]]:
    """Yield the rows, and lines that are not rows."""
    table = Table(stream, {})
    for parts in table.parts():
        yield [Raw(number, data, table.names or ()) for number, data in parts]


def _plain_text(stream: ByteStream) -> Iterator[list[Raw]]:
    number = stream.split.first_record
    for found in cut(stream, SEPARATORS[stream.split.layout.records or "lines"]):
        raw: list[Raw] = []
        for text, separator in found:
            if text is None:
                raise too_long(stream)
            raw += [Raw(number, text), Raw(None, separator)]
            number += 1
        yield raw


CUTS: dict[str, Callable[[ByteStream], Iterator[list[Raw]]]] = {
    "jsonl": _json_lines,
    "json": _json_document,
    "csv": _delimited,
    "text": _plain_text,
}
