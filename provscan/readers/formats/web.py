"""Read web pages: HTML files, and the WARC and WET archives of a crawl.

The text of a page is the text that a browser shows. HTML needs the extra ``web``
(Resiliparse).
"""

from __future__ import annotations

import importlib
import io
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple

from provscan.errors import InputError, ParameterError
from provscan.readers.bytes.archives import Readable
from provscan.readers.bytes.compression import compression_of, expanded
from provscan.readers.bytes.encodings import (
    UTF8,
    known_encoding,
    legacy_encoding,
)
from provscan.readers.bytes.streams import REPLACED, ByteStream, cut
from provscan.readers.formats.protocol import Format, Rows, Wanted, in_groups
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.readers.strings import is_utf8

PAGES_AT_ONCE = 64
WITH_ESCAPES = ("utf-7", "utf-16", "utf-32", "utf_7", "utf_16", "iso2022", "hz")
# Types of WARC records with texts, and the other types.
PAGES = ("response", "conversion", "resource")
OTHERS = ("warcinfo", "request", "metadata", "revisit", "continuation")
BUFFER = 64 << 10
# Maximum number of bytes of a page after decompression.
PAGE = 64 << 20
# The separator of a file that is one record.
WHOLE = re.compile(rb"(?!)")
# The end of the headers of a response; some servers omit the carriage returns.
HEAD_END = re.compile(rb"\r?\n\r?\n")


class Problem(NamedTuple):
    """The reason (see :class:`~provscan.readers.stats.ReadStats`) why a page lacks some
    or all of its text, with details.
    """

    code: str
    detail: str


def _needed(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            "web pages need one more package: pip install 'provscan[web]'"
        ) from None


def page_text(data: bytes, encoding: str | None = None) -> tuple[str, Problem | None]:
    """Return the text of an HTML page, whose encoding is detected unless given, and its
    problem, if any.

    The page is decoded here, since the library would decode a whole page as
    Windows-1252, or drop the invalid bytes, if some bytes are not in the encoding.
    """
    library = _needed("resiliparse.parse.encoding")
    if encoding is None:
        # ISO-2022 escapes are ASCII.
        if is_utf8(data) and b"\x1b" not in data:
            encoding = UTF8
        else:
            detect = library.detect_encoding
            encoding = detect(data, html5_compatible=True, from_html_meta=True)
    encoding = library.map_encoding_to_html5(encoding, fallback_utf8=False) or encoding
    if encoding == UTF8 and not is_utf8(data):
        encoding = legacy_encoding(data) or UTF8
    text, problem = _decoded(data, encoding)
    tree = _needed("resiliparse.parse.html").HTMLTree
    valid = text.removeprefix("\ufeff").encode("utf-8", "replace")
    shown = _needed("resiliparse.extract.html2text").extract_plain_text(
        tree.parse_from_bytes(valid, UTF8), main_content=False, alt_texts=False
    )
    return shown, problem


def _decoded(data: bytes, encoding: str) -> tuple[str, Problem | None]:
    """Return the decoded bytes of a page, and a problem if bytes were replaced."""
    text = data.decode(encoding, "replace")
    if REPLACED in text and not is_utf8(data):
        detail = f"bytes that are not {encoding} replaced by U+FFFD"
        return text, Problem("invalid_text", detail)
    return text, None


class Html(Format):
    """HTML files of one web page each."""

    name = "html"
    extensions = (".html", ".htm", ".xhtml")

    def sniff(self, head: bytes) -> bool:
        return head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        _needed("resiliparse.extract.html2text")
        return [{"text": "the text of a page"}]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        number = stream.split.first_record
        for data, _ in itertools.chain.from_iterable(cut(stream, WHOLE)):
            if data is None:
                limit = f"above {stream.context.limits.record_bytes:,} bytes"
                stream.counts.skip("record_too_long", number, limit)
                return
            if not data.strip():
                return
            # If the encoding of the file is known, the bytes have been converted to
            # UTF-8, whatever the page states.
            encoding = UTF8 if stream.split.layout.encoding else None
            text, problem = page_text(data, encoding)
            if problem is not None:
                stream.counts.note(problem.code, number, problem.detail)
            yield Rows([number], [{"text": text}])


class Warc(Format):
    """WARC, where each response is a record with the text of its page, and WET, where
    each text is a record.
    """

    name = "warc"
    extensions = (".warc", ".wet", ".wat")
    # Each page has an encoding, and the records state their length in bytes.
    encoded = False

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"WARC/1.")

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from in_groups(_pages(stream), PAGES_AT_ONCE)


def _pages(stream: ByteStream) -> Iterator[tuple[int, Any]]:
    number, counts = stream.split.first_record, stream.counts
    for record in web_records(stream):
        kind = record.headers.get("warc-type")
        if kind not in (*PAGES, *OTHERS):
            counts.skip("bad_warc_record", number, f"WARC-Type: {kind}")
        if record.body is None:
            detail = f"above {stream.context.limits.record_bytes:,} bytes"
            counts.note("record_too_long", number, detail)
        if kind not in PAGES:
            continue
        page = {"url": record.headers.get("warc-target-uri"), "text": None}
        if record.body is not None:
            page["text"], problem = _text(record.body, record.headers, stream)
            if problem is not None:
                counts.note(problem.code, number, problem.detail)
        yield number, page
        number += 1


class _Record(NamedTuple):
    headers: dict[str, str]
    body: bytes | None  # None if it is too long.


def web_records(stream: ByteStream) -> Iterator[_Record]:
    """Yield the records of an archive. If the length of a record differs from the one
    that its headers state, the archive is damaged there.
    """
    file = io.BufferedReader(Readable(stream), BUFFER)
    following = file.readline(BUFFER)
    while following:
        lines: list[bytes] = []
        while line := file.readline(BUFFER):
            lines.append(line)
            if line.isspace():
                break
        headers = _fields(lines)
        stated = headers.get("content-length", "")
        length = int(stated) if stated.isdecimal() else 0
        if length > stream.context.limits.record_bytes:
            body, missing = None, _skipped(file, length)
        else:
            body = file.read(length)
            missing = length - len(body)
        blank = 0
        while (following := file.readline(BUFFER)).isspace():
            blank += 1
        if following and not following.startswith(b"WARC/"):
            stream.break_off(
                f"a record states {stated} bytes, but no record begins after them"
            )
            return
        if not following and (missing or blank < 2):
            stream.break_off("it ends within a record")
        yield _Record(headers, body)


def _fields(lines: Iterable[bytes]) -> dict[str, str]:
    parts = (line.decode(errors="replace").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def _skipped(file: IO[bytes], length: int) -> int:
    while length > 0 and (data := file.read(min(length, BUFFER))):
        length -= len(data)
    return length


def _text(
    body: bytes, headers: dict[str, str], stream: ByteStream
) -> tuple[str | None, Problem | None]:
    """Return the text of a page (None if it has none) and its problem, if any."""
    kind, cut = headers.get("content-type", "").lower(), None
    if kind.startswith("application/http"):
        end = HEAD_END.search(body)
        head, body = (
            (body, b"") if end is None else (body[: end.start()], body[end.end() :])
        )
        http = _fields(head.splitlines()[1:])
        kind = http.get("content-type", "").lower()
        if http.get("transfer-encoding", "").lower() == "chunked":
            body = _unchunked(body)
        coding = http.get("content-encoding", "").lower()
        # Crawlers often keep the header but store the page decompressed.
        if body and coding not in ("", "identity"):
            plain, complete = _decompressed(body, coding, stream)
            if plain is None and not is_utf8(body):
                return None, Problem("unread_coding", f"content-encoding: {coding}")
            if plain is not None and not complete:
                cut = Problem(
                    "cut_page",
                    f"content-encoding: {coding}; {len(plain):,} bytes were read",
                )
            body = body if plain is None else plain
    encoding = _encoding_of(body, kind)
    if "html" in kind or (not kind and Html().sniff(body)):
        text, problem = page_text(body, encoding)
        return text, cut or problem
    if not any(word in kind for word in ("text", "json", "xml")) or kind.startswith(
        "image"
    ):
        return None, None
    encoding = encoding or (None if is_utf8(body) else legacy_encoding(body)) or UTF8
    text, problem = _decoded(body, encoding)
    return text, cut or problem


def _encoding_of(body: bytes, kind: str) -> str | None:
    """Return the encoding that a header states; None if it states none, or if the page
    is UTF-8 despite the header.
    """
    named = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", kind)
    try:
        encoding = known_encoding(named[1]) if named else None
    except ParameterError:
        return None
    # Text in another encoding can look like UTF-8 only if it has escapes or wide
    # characters.
    escapes = encoding is not None and encoding.startswith(WITH_ESCAPES)
    return encoding if escapes or not is_utf8(body) else None


def _decompressed(
    body: bytes, coding: str, stream: ByteStream
) -> tuple[bytes | None, bool]:
    """Return a body without its content coding, or None if the coding is not supported,
    and whether the body is complete.
    """
    compression = compression_of(body)
    if compression is not None:
        page, damage = bytearray(), list[str]()
        limits = stream.context.limits
        for part in expanded([body], compression, limits, damage.append):
            page += part
            if len(page) > PAGE:
                return bytes(page[:PAGE]), False
        return bytes(page), not damage
    # "deflate" means data with a zlib header, but some servers send data without one.
    for window in (15, -15) if coding == "deflate" else ():
        decoder = zlib.decompressobj(window)
        with suppress(zlib.error):
            data = decoder.decompress(body, PAGE)
            if window > 0 or decoder.eof:
                return data, decoder.eof
    return None, True


def _unchunked(body: bytes) -> bytes:
    """Return a body without its chunk sizes; unchanged if it is not chunked."""
    parts: list[bytes] = []
    rest = body
    while rest:
        size, line, rest = rest.partition(b"\r\n")
        if not line or not re.fullmatch(rb"[0-9a-fA-F]{1,8}( *;.*)?", size):
            return body
        length = int(size.split(b";")[0], 16)
        parts.append(rest[:length])
        rest = rest[length + 2 :] if length else b""
    return b"".join(parts)


FORMATS = (Html(), Warc())
