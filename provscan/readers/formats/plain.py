"""Read plain text: a record is a line, a paragraph (up to a blank line) or a file.

A text longer than a piece (:mod:`provscan.readers.texts.schema`) is yielded while it is
being read, so that a file without newlines takes no more memory than a file with short
lines.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.jsonl import byte_ranges
from provscan.readers.formats.protocol import Piece, Raw, Rows, Wanted, too_long
from provscan.readers.formats.subtitles import EXTENSIONS as SUBTITLES
from provscan.readers.formats.subtitles import are_subtitles
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Layout, Split
from provscan.readers.texts.words import has_paragraphs, word_column, words_alone

BROKEN = "bytes replaced by U+FFFD"

# A file with one of these extensions is a single record, and so is a file of subtitles.
# Other text files are read as lines or paragraphs, depending on their layout.
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

# For XML: what may precede and follow the root, the root itself, and the number of
# bytes searched for both. Groups are atomic, since the comments of a hostile file could
# be matched in exponentially many ways.
AROUND_ROOT = rb"(?:\s|(?><!--.*?-->)|(?><\?.*?\?>))*+"
DOCTYPE = rb"(?:<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)?"
ROOT = re.compile(
    rb"%s<([^\s/>!?]+)[^>]*?(/?)>" % (AROUND_ROOT + DOCTYPE + AROUND_ROOT), re.DOTALL
)
XML_HEAD, XML_END = 16 << 10, 4 << 10

LETTER = re.compile(r"[^\W\d_]")
# Characters that are two columns wide: Chinese, Japanese, Korean.
WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60]")

# Number of bytes at the end of the data read so far that may contain the beginning of a
# separator.
TAIL = {"lines": 0, "paragraphs": 256, "files": 0}


class Pieces:
    """Cuts one text into pieces of ``limits.piece`` code points while it is read."""

    def __init__(self, number: int, source: str, context: Context) -> None:
        self._number = number
        self._source = source
        self._context = context
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._start = 0
        # Parts are kept as UTF-8, since a single emoji makes a str of 16 Mi code points
        # take 64 MiB.
        self._parts: list[bytes] = []
        self._length = 0
        self._tail = ""
        self._held = ""

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[Piece]:
        """Add the next bytes and yield the pieces that are complete."""
        limits = self._context.limits
        text = self._held + self._text(data, last)
        # The carriage return may be the first half of a line end.
        self._held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        while self._length + len(text) > limits.piece:
            room = limits.piece - self._length
            self._add(text[:room])
            text = text[room:]
            yield Piece(
                self._number,
                b"".join(self._parts),
                self._start,
                self._start + limits.piece,
                False,
            )
            self._start += limits.piece - limits.overlap
            self._parts, self._length = [self._tail.encode()], limits.overlap
        self._add(text)
        if last and (
            self._start or any(part and not part.isspace() for part in self._parts)
        ):
            yield Piece(
                self._number,
                b"".join(self._parts),
                self._start,
                self._start + self._length,
                True,
            )

    def _text(self, data: bytes, last: bool) -> str:
        try:
            return self._decode(data, last)
        except UnicodeDecodeError as error:
            self._context.stats.repair(
                "invalid_utf8", self._source, self._number, BROKEN
            )
            pending = error.object[: len(error.object) - len(data)]
            self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            return self._decode(pending + data, last)

    def _add(self, text: str) -> None:
        overlap = self._context.limits.overlap
        self._parts.append(text.encode())
        self._length += len(text)
        self._tail = (
            text[-overlap:] if len(text) >= overlap else (self._tail + text)[-overlap:]
        )


def layout_of(name: str, head: bytes, layout: Layout) -> Layout:
    """Determine how a text file is read. The records are determined only if the layout
    does not specify them.
    """
    words = (
        None
        if layout.records == "lines" or name.lower().endswith((*CODE, *SUBTITLES))
        else word_column(head)
    )
    if layout.records is None:
        whole_text = "paragraphs" if has_paragraphs(head) else "files"
        layout = replace(
            layout, records=records_of(name, head) if words is None else whole_text
        )
    return replace(layout, words=words)


# A file of several lines is a single text if it has at most this many lines and bytes.
FEW_LINES, SHORT_FILE = 4, 2000


def records_of(name: str, head: bytes) -> str:
    """Return what a record is in a text file: "lines", "paragraphs" or "files".

    A file of source code, markup or subtitles is one record. In other text, records are
    paragraphs if lines are wrapped, or if blank lines separate groups of several lines.
    Lines are taken as wrapped if nearly all end near the same column and, if they are
    short, as in a list, the next word would not have fitted. If a blank line follows
    each line, the file is one text, and so is a short file of two to four lines.
    """
    if name.lower().endswith((*CODE, *SUBTITLES)) or are_subtitles(head):
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
    longest, usual = max(widths), sorted(widths)[-1 - len(widths) // 20]
    wrapped = any(
        _end_near(widths, column)
        and _filled(full, widths, column)
        >= (0.8 if column < 50 else 0.6 if column < longest else 0)
        for column in {longest, usual}
    )
    if wrapped and groups > 0.8 * len(full) and _filled(full, widths, usual) > 0.6:
        return "files"
    if groups > 2 and len(full) >= 2 * groups and sorted(widths)[len(full) // 2] >= 15:
        return "paragraphs"
    return "lines" if not wrapped else "paragraphs" if groups > 1 else "files"


def _end_near(widths: list[int], column: int) -> bool:
    """Return whether most lines end near or after a column that wrapped text may
    have.
    """
    return 30 <= column <= 120 and sum(
        width > 0.8 * column for width in widths
    ) > 0.55 * len(widths)


def _filled(lines: list[str], widths: list[int], column: int) -> float:
    """Return the share of the lines after which the first word of the next line would
    not have fitted before a column.
    """
    words = [len(line.split(maxsplit=1)[0]) for line in lines[1:]]
    return sum(
        width + 1 + word > column
        for width, word in zip(widths[:-1], words, strict=True)
    ) / len(words)


class PlainText:
    """Unstructured text, Markdown, source code, subtitles."""

    name = "text"
    extensions = (
        ".txt",
        ".text",
        ".log",
        ".conll",
        ".conllu",
        ".iob",
        ".bio",
        *SUBTITLES,
        *CODE,
    )
    binary = False

    def sniff(self, head: bytes) -> bool:
        return b"\0" not in head

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        return (
            byte_ranges(whole, target, limits)
            if whole.layout.records == "lines"
            else iter([whole])
        )

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        return [{"text": "a text is a record by itself"}]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        split, context = stream.split, stream.context
        records = split.layout.records or "lines"
        separator, tail = SEPARATORS[records], TAIL[records]
        number = split.first_record
        rest = b""
        long: Pieces | None = None
        for chunk in _to_its_end(stream) if records == "files" else stream:
            if records == "lines" and long is None and (cut := chunk.rfind(b"\n")) >= 0:
                data, count = rest + chunk[:cut], chunk.count(b"\n")
                rows = _lines(number, data)
                yield (
                    _rows(number, data.split(b"\n"), split, context)
                    if rows is None
                    else rows
                )
                number, rest, chunk = number + count, b"", chunk[cut + 1 :]
            parts = separator.split(rest + chunk)
            if long is not None and len(parts) > 1:
                yield from long.feed(parts.pop(0), last=True)
                long, number = None, number + 1
            rest = parts.pop()
            if parts:
                yield _rows(number, parts, split, context)
                number += len(parts)
            if long is not None or len(rest) > max(context.limits.piece // 8, tail):
                long = long or Pieces(number, split.source, context)
                yield from long.feed(rest[: len(rest) - tail])
                rest = rest[len(rest) - tail :]
        if long is not None:
            yield from long.feed(rest, last=True)
        elif rest:
            yield _rows(number, [rest], split, context)

    def raw(self, stream: ByteStream) -> Iterator[list[Raw]]:
        records = stream.split.layout.records or "lines"
        number, rest = stream.split.first_record, b""
        for chunk in stream:
            data, at, found = rest + chunk, 0, list[Raw]()
            # A separator that is not complete yet begins at the last newline.
            searched = max(rest.rfind(b"\n"), 0)
            for between in SEPARATORS[records].finditer(data, searched):
                found += [
                    Raw(number, data[at : between.start()]),
                    Raw(None, between[0]),
                ]
                number, at = number + 1, between.end()
            rest = data[at:]
            if len(rest) > stream.context.limits.record_bytes:
                raise too_long(stream)
            yield found
        yield [Raw(number, rest)] if rest else []


def _to_its_end(stream: ByteStream) -> Iterator[bytes]:
    """Yield the chunks of a text; XML that does not end with its root's tag is
    damaged.
    """
    begin = end = b""
    for chunk in stream:
        begin, end = begin or chunk[:XML_HEAD], (end + chunk[-XML_END:])[-XML_END:]
        yield chunk
    if (
        begin.lstrip().startswith(b"<?xml")
        and (root := ROOT.match(begin))
        and not stream.context.breaks
    ):
        closed = root[2] or re.search(
            rb"</%s\s*>%s\Z" % (re.escape(root[1]), AROUND_ROOT), end, re.DOTALL
        )
        if not closed:
            stream.context.breaks.append(
                f"it is XML and does not end with </{root[1].decode(errors='replace')}>"
            )


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


def _rows(first: int, parts: list[bytes], split: Split, context: Context) -> Rows:
    numbers: list[int] = []
    texts: list[Any] = []
    for number, part in enumerate(parts, first):
        try:
            text = part.decode()
        except UnicodeDecodeError:
            text = part.decode(errors="replace")
            context.stats.repair("invalid_utf8", split.source, number, BROKEN)
        if split.layout.words is not None:
            text = words_alone(text, split.layout.words)
        if text and not text.isspace():
            numbers.append(number)
            texts.append({"text": text.rstrip("\r")})
    return Rows(numbers, texts)


FORMATS = (PlainText(),)
