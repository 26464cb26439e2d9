"""Read plain text: a record is a line, a paragraph (up to a blank line) or a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.bytes.streams import ByteStream, cut, lines
from provscan.readers.fields.names import CODE
from provscan.readers.formats.jsonl import byte_ranges
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Layout, Split
from provscan.readers.strings import decoded

SEPARATORS = {
    "lines": re.compile(rb"\n"),
    # A separator has at most 256 bytes (see TAIL), so that the paragraphs do not depend
    # on where the file is cut into chunks.
    "paragraphs": re.compile(rb"\n[ \t\r]{0,254}\n"),
    "files": re.compile(rb"(?!)"),
}

LETTER = re.compile(r"[^\W\d_]")
# A file of several lines is a single text if it has at most this many lines and bytes.
FEW_LINES, SHORT_FILE = 4, 2000
# Lines look wrapped if more than half of them have at least the share FULL of the
# width of the longest, which is up to WIDEST.
FULL, WIDEST = 0.8, 120


def layout_of(name: str, head: bytes, layout: Layout) -> Layout:
    """Determine the records of a text file, unless the layout specifies them: a line,
    or the whole file if it has source code, markup or very few lines.
    """
    if layout.records is not None:
        return layout
    text = head.decode(errors="replace")
    full = [line for line in text.split("\n") if LETTER.search(line)]
    few = len(head) <= SHORT_FILE and 1 < len(full) <= FEW_LINES
    if few or name.lower().endswith(CODE):
        return replace(layout, records="files")
    return replace(
        layout,
        records="lines",
        wrapped=_look_wrapped(text, full),
    )


def _look_wrapped(text: str, full: list[str]) -> bool:
    """Return whether the ``full`` lines of a text may be parts of longer texts: they
    are nearly equally wide, or in groups with blank lines between them, or each is a
    word, or a word and its tag.
    """
    if {len(line.split()) for line in full} in ({1}, {2}):
        return len(full) > FEW_LINES
    widths = sorted(map(len, full))
    if len(full) <= FEW_LINES or widths[-1] > WIDEST:
        return False
    groups = sum(1 for part in re.split(r"\n\s*\n", text) if LETTER.search(part))
    return len(full) >= 2 * groups > 2 or widths[len(full) // 2] > FULL * widths[-1]


class PlainText(Format):
    """Unstructured text, Markdown, source code."""

    name = "text"
    extensions = (".txt", ".text", ".log", *CODE)

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        if whole.layout.records == "lines":
            yield from byte_ranges(whole, target, limits)
        else:
            yield whole

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        # A line can be as long as its file, and opening each of many small files of an
        # archive once more takes time.
        return [{"text": "the text of a record"}]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        layout = stream.split.layout
        if layout.records in (None, "lines"):
            for block in lines(stream):
                data = bytes(block.data)
                yield _lines(block.first, data) or _rows(
                    block.first, data.split(b"\n"), stream
                )
            return
        number = stream.split.first_record
        for found in cut(stream, SEPARATORS[layout.records]):
            yield _rows(number, [text for text, _ in found], stream)
            number += len(found)


def _lines(first: int, data: bytes) -> Rows | None:
    """Return the non-blank lines of some text, without creating a Python object for
    each; None if the text is not UTF-8.
    """
    codes = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(codes == 0x0A) + 1, len(data)).astype(np.int64)
    offsets = pa.py_buffer(np.concatenate([[0], ends]))
    texts = pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(data))
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return None
    texts = pc.utf8_rtrim(texts, characters="\r\n")
    blank = pc.or_(pc.utf8_is_space(texts), pc.equal(texts, ""))
    filled = np.flatnonzero(~blank.to_numpy(zero_copy_only=False))
    if len(filled) < len(texts):
        texts = texts.take(pa.array(filled))
    return Rows(first + filled, pa.RecordBatch.from_arrays([texts], ["text"]))


def _rows(first: int, texts: Sequence[bytes | None], stream: ByteStream) -> Rows:
    """Return the texts that are not blank; a text that is too long is counted."""
    limits, counts = stream.context.limits, stream.counts
    numbers: list[int] = []
    rows: list[Any] = []
    for number, data in enumerate(texts, first):
        if data is None:
            limit = f"above {limits.record_bytes:,} bytes"
            counts.skip("record_too_long", number, limit)
            continue
        text = decoded(data, number, counts)
        if text and not text.isspace():
            numbers.append(number)
            rows.append({"text": text.rstrip("\r")})
    return Rows(numbers, rows)


FORMATS = (PlainText(),)
