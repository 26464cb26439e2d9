"""Read plain text: a record is a line, a paragraph (up to a blank line) or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.bytes.streams import REPLACED, ByteStream, cut, lines
from provscan.readers.fields.words import has_paragraphs, word_column, words_alone
from provscan.readers.formats.jsonl import byte_ranges
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Layout, Split
from provscan.readers.strings import is_utf8

REPLACED_BYTES = "bytes replaced by U+FFFD"

# A file with one of these extensions is one record. The records of other text files
# depend on their layout.
CODE = (
    ".md",
    ".markdown",
    ".rst",
    ".tex",
    ".py",
    ".js",
    ".ts",
    ".jsx",
    ".tsx",
    ".java",
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".hpp",
    ".cs",
    ".go",
    ".rs",
    ".rb",
    ".php",
    ".swift",
    ".kt",
    ".scala",
    ".sh",
    ".bash",
    ".pl",
    ".lua",
    ".r",
    ".jl",
    ".sql",
    ".css",
    ".scss",
    ".vue",
    ".dart",
    ".ex",
    ".erl",
    ".hs",
    ".ml",
    ".clj",
    ".el",
    ".vim",
    ".ipynb",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".xml",
)

SEPARATORS = {
    "lines": re.compile(rb"\n"),
    # A separator has at most 256 bytes (see TAIL), so that the paragraphs do not depend
    # on where the file is cut into chunks.
    "paragraphs": re.compile(rb"\n[ \t\r]{0,254}\n"),
    "files": re.compile(rb"(?!)"),
}

LETTER = re.compile(r"[^\W\d_]")
# Characters that are two columns wide: Chinese, Japanese, Korean.
WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60]")
# A file of several lines is a single text if it has at most this many lines and bytes.
FEW_LINES, SHORT_FILE = 4, 2000


def layout_of(name: str, head: bytes, layout: Layout) -> Layout:
    """Determine the records of a text file, unless the layout specifies them, and the
    column of its words.
    """
    words = (
        None
        if layout.records == "lines" or name.lower().endswith(CODE)
        else word_column(head)
    )
    if layout.records is None:
        whole_text = "paragraphs" if has_paragraphs(head) else "files"
        layout = replace(
            layout, records=records_of(name, head) if words is None else whole_text
        )
    return replace(layout, words=words)


def records_of(name: str, head: bytes) -> str:
    """Return what a record is in a text file: "lines", "paragraphs" or "files".

    A file of source code or markup is one record. In other text, records are
    paragraphs if lines are wrapped, or if blank lines separate groups of several lines.
    Lines count as wrapped if most of them end near the same column, from 30 to 120.
    Since the lines of a list may do so by chance, there is a further condition if some
    lines are longer or the column is below 50: the first word of most lines would not
    have fitted on the previous line. A file is one record if a blank line follows
    nearly every wrapped line, or if it is short and has two to four lines.
    """
    if name.lower().endswith(CODE):
        return "files"
    short = len(head) <= SHORT_FILE
    text = (head if short else head[: head.rfind(b"\n") + 1 or len(head)]).decode(
        errors="replace"
    )
    full = [line for line in text.split("\n") if LETTER.search(line)]
    if len(full) <= FEW_LINES:
        return "files" if short and len(full) > 1 else "lines"
    groups = sum(
        1 for group in SEPARATORS["paragraphs"].split(head.strip()) if group.strip()
    )
    widths = [len(line) + len(WIDE.findall(line)) for line in full]
    # A few lines may be longer, because of a URL or of characters of another width.
    longest, column = max(widths), sorted(widths)[-1 - len(widths) // 20]
    filled = _share(
        width + 1 + len(line.split(maxsplit=1)[0]) > column
        for width, line in zip(widths, full[1:], strict=False)
    )
    wrapped = (
        30 <= column <= 120
        and _share(width > 0.8 * column for width in widths) > 0.55
        and filled >= (0.8 if column < 50 else 0.6 if column < longest else 0)
    )
    if wrapped and groups > 0.8 * len(full) and filled > 0.6:
        return "files"
    if groups > 2 and len(full) >= 2 * groups and sorted(widths)[len(full) // 2] >= 15:
        return "paragraphs"
    return "lines" if not wrapped else "paragraphs" if groups > 1 else "files"


def _share(tests: Iterable[bool]) -> float:
    """Return the share of tests that passed."""
    return float(np.mean(list(tests)))


class PlainText(Format):
    """Unstructured text, Markdown, source code."""

    name = "text"
    extensions = (
        ".txt",
        ".text",
        ".log",
        ".conll",
        ".conllu",
        ".iob",
        ".bio",
        *CODE,
    )

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        if whole.layout.records == "lines":
            yield from byte_ranges(whole, target, limits)
        else:
            yield whole

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
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
    words = stream.split.layout.words
    numbers: list[int] = []
    rows: list[Any] = []
    for number, data in enumerate(texts, first):
        if data is None:
            limit = f"above {limits.record_bytes:,} bytes"
            counts.skip("record_too_long", number, limit)
            continue
        text = data.decode(errors="replace")
        if REPLACED in text and not is_utf8(data):
            counts.repair("invalid_utf8", number, REPLACED_BYTES)
        if words is not None:
            text = words_alone(text, words)
        if text and not text.isspace():
            numbers.append(number)
            rows.append({"text": text.rstrip("\r")})
    return Rows(numbers, rows)


FORMATS = (PlainText(),)
