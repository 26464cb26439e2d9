"""Read web pages: HTML files, and the WARC and WET archives of a crawl.

The text of a page is what a browser shows, without markup. HTML needs the extra
``web`` (Resiliparse).
"""

from __future__ import annotations

import importlib
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from provscan.errors import InputError, ParameterError
from provscan.readers.bytes.archives import Readable
from provscan.readers.bytes.compression import BROKEN, COMPRESSIONS, decoder_of
from provscan.readers.bytes.encodings import (
    UTF8,
    cuts_at_newlines,
    known_encoding,
    legacy_encoding,
)
from provscan.readers.bytes.streams import REPLACED, ByteStream
from provscan.readers.formats.protocol import Format, Raw, Rows, Wanted, too_long
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.readers.texts.records import is_utf8

GROUP = 64
# Types of WARC records with texts.
PAGES = ("response", "conversion", "resource")
OTHERS = ("warcinfo", "request", "metadata", "revisit", "continuation")
BUFFER = 64 << 10
# Maximum number of bytes of a page after decompression.
PAGE = 64 << 20
# The end of a record, and the beginning of the next.
END = b"\r\n\r\n"
NEXT, NEXT_LENGTH = re.compile(rb"[\r\n]{1,4}(?=WARC/1\.)"), 16
# The end of the headers of a response; some servers omit the carriage returns.
HEAD_END = re.compile(rb"\r?\n\r?\n")
# HTTP content codings and their zlib window bits: with the zlib header or, since some
# servers misread "deflate", without.
DEFLATED = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


if TYPE_CHECKING:
    Pages = io.BufferedReader[Readable]


class Problem(NamedTuple):
    """The reason why a page loses some or all of its text, as in
    :class:`~provscan.readers.stats.ReadStats`, with details.
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


def page_text(data: bytes, encoding: str | None = None) -> str:
    """Return the text of an HTML page, whose encoding is detected unless given."""
    if encoding is None:
        # ISO-2022 escapes are ASCII.
        if is_utf8(data) and b"\x1b" not in data:
            encoding = UTF8
        else:
            detect = _needed("resiliparse.parse.encoding").detect_encoding
            encoding = detect(data, html5_compatible=True, from_html_meta=True)
    tree = _needed("resiliparse.parse.html").HTMLTree
    page = tree.parse_from_bytes(data, encoding)
    return _needed("resiliparse.extract.html2text").extract_plain_text(
        page, main_content=False, alt_texts=False
    )


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
        limit = stream.context.limits.record_bytes
        number = stream.split.first_record
        data = b""
        for chunk in stream:
            data += chunk if len(data) <= limit else b""
        if len(data) > limit:
            stream.context.stats.skip(
                "record_too_long", stream.split.source, number, f"above {limit:,} bytes"
            )
        elif data.strip():
            # If the encoding of the file is known, the bytes have been converted to
            # UTF-8, whatever the page states.
            yield Rows(
                [number],
                [
                    {
                        "text": page_text(
                            data, UTF8 if stream.split.layout.encoding else None
                        )
                    }
                ],
            )


class Warc(Format):
    """WARC, where each response is a record with the text of its page, and WET, where
    each text is a record.
    """

    name = "warc"
    extensions = (".warc", ".wet", ".wat")

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"WARC/1.")

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        numbers: list[int] = []
        pages: list[Any] = []
        number = stream.split.first_record
        context = stream.context
        file = io.BufferedReader(Readable(stream), BUFFER)
        while (found := _headers(file)) is not None:
            headers, between = found
            length = _length(headers)
            is_page = headers.get("warc-type") in PAGES
            if between:
                detail = (
                    "the lines before it belong to no record: a record there is damaged"
                )
                context.stats.skip(
                    "bad_warc_record", stream.split.source, number, detail
                )
            if not is_page and headers.get("warc-type") not in OTHERS:
                detail = f"WARC-Type: {headers.get('warc-type')}"
                context.stats.skip(
                    "bad_warc_record", stream.split.source, number, detail
                )
            page = {"url": headers.get("warc-target-uri"), "text": None}
            missing: int | None = 0
            if length > context.limits.record_bytes:
                missing = _skipped(file, length)
                context.stats.note(
                    "record_too_long", stream.split.source, number, f"{length:,} bytes"
                )
            else:
                body, _, missing, file = _body(file, length, context.limits)
                if missing is None:
                    detail = (
                        f"Content-Length says {length:,} bytes; read up to the next "
                        "record"
                    )
                    context.stats.note(
                        "wrong_length", stream.split.source, number, detail
                    )
                if is_page:
                    page["text"], problem = _text(body, headers)
                    if problem is not None:
                        context.stats.note(
                            problem.code, stream.split.source, number, problem.detail
                        )
            if missing and not context.breaks:
                context.breaks.append("it ends within a record")
            if not is_page:
                continue
            numbers.append(number)
            pages.append(page)
            number += 1
            if len(pages) == GROUP:
                yield Rows(numbers, pages)
                numbers, pages = [], []
        if pages:
            yield Rows(numbers, pages)

    def raw(self, stream: ByteStream) -> Iterator[list[Raw]]:
        file = io.BufferedReader(Readable(stream), BUFFER)
        number, limits = stream.split.first_record, stream.context.limits
        while line := file.readline(BUFFER):
            if not line.startswith(b"WARC/"):
                yield [Raw(None, line)]
                continue
            lines = [line]
            while line.strip(b"\r\n") and (line := file.readline(BUFFER)):
                lines.append(line)
            headers = _fields(line.rstrip(b"\r\n") for line in lines[1:-1])
            if (length := _length(headers)) > limits.record_bytes:
                raise too_long(stream)
            body, end, _, file = _body(file, length, limits)
            is_page = headers.get("warc-type") in PAGES
            yield [Raw(number if is_page else None, b"".join([*lines, body, end]))]
            number += is_page


def _length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _headers(file: IO[bytes]) -> tuple[dict[str, str], bool] | None:
    """Return the headers of the next record, wherever it begins, and whether other
    lines precede them; None at the end.
    """
    between = False
    while line := file.readline(BUFFER):
        if line.startswith(b"WARC/"):
            return _fields(
                iter(lambda: file.readline(BUFFER).rstrip(b"\r\n"), b"")
            ), between
        between = between or not line.isspace()
    return ({}, True) if between else None


def _fields(lines: Iterable[bytes]) -> dict[str, str]:
    parts = (line.decode(errors="replace").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def _skipped(file: IO[bytes], length: int) -> int:
    while length > 0 and (data := file.read(min(length, BUFFER))):
        length -= len(data)
    return length


def _body(
    file: Pages, length: int, limits: Limits
) -> tuple[bytes, bytes, int | None, Pages]:
    """Read the body of a record.

    Returns
    -------
    body, end
        The body, and what stands between it and the next record.
    missing
        The bytes that are missing at the end of the file; None if the length is wrong
        and the body was read up to the next record.
    file
        The file from there on.
    """
    body = file.read(length)
    end = file.read(len(END))
    missing = length - len(body)
    at_end = len(end) < len(END) and not file.peek(1)
    if at_end and not missing and NEXT.search(body) is None:
        # The length is correct, or nothing after the record contradicts it.
        return body, end, len(END) - len(end), file
    if NEXT.search(body) if missing else end != END:
        body, end, file = _up_to_the_next(body + end, file, limits.record_bytes)
        return body, end, None, file
    return body, end, missing, file


def _up_to_the_next(body: bytes, file: Pages, limit: int) -> tuple[bytes, bytes, Pages]:
    """Return a record with a wrong length, up to where the next one begins, what stands
    between them, and the file from there on.
    """
    data, searched = bytearray(body), 0
    while (
        (found := NEXT.search(data, searched)) is None
        and len(data) <= limit
        and (more := file.read(BUFFER))
    ):
        searched = max(len(data) - NEXT_LENGTH, 0)
        data += more
    if found is None:
        record = bytes(data).removesuffix(END)
        return record, bytes(data[len(record) :]), file
    following = bytes(data[found.end() :]) + file.read(len(file.peek()))
    raw = file.raw
    file.detach()
    raw.unread(following)
    record, end = bytes(data[: found.start()]), bytes(found[0])
    return record, end, io.BufferedReader(raw, BUFFER)


def _text(body: bytes, headers: dict[str, str]) -> tuple[str | None, Problem | None]:
    """Return the text of a page, None if it has none, and the problem with it."""
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
            plain, whole = _decompressed(body, coding)
            if plain is None and not is_utf8(body):
                return None, Problem("unread_coding", f"content-encoding: {coding}")
            if plain is not None and not whole:
                cut = Problem(
                    "cut_page",
                    f"content-encoding: {coding}; {len(plain):,} bytes were read",
                )
            body = body if plain is None else plain
    encoding = _encoding_of(body, kind)
    if "html" in kind or (not kind and Html().sniff(body)):
        return page_text(body, encoding), cut
    if not any(word in kind for word in ("text", "json", "xml")) or kind.startswith(
        "image"
    ):
        return None, None
    encoding = encoding or (None if is_utf8(body) else legacy_encoding(body)) or UTF8
    text = body.decode(encoding, "replace")
    if cut is None and REPLACED in text and not is_utf8(body):
        return text, Problem(
            "invalid_text", f"bytes that are not {encoding} replaced by U+FFFD"
        )
    return text, cut


def _encoding_of(body: bytes, kind: str) -> str | None:
    """Return the encoding that a header names; None if it names none, or if the page
    is UTF-8 whatever the header says.
    """
    named = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", kind)
    try:
        encoding = known_encoding(named[1]) if named else None
    except ParameterError:
        return None
    # Text in another encoding can look like UTF-8 only if it has escapes or wide
    # characters.
    return (
        None
        if encoding is None or (is_utf8(body) and cuts_at_newlines(encoding))
        else encoding
    )


def _decompressed(body: bytes, coding: str) -> tuple[bytes | None, bool]:
    """Return a body without its content coding, and whether it is complete; None if
    the coding is not supported.
    """
    if coding == "zstd":
        data, decoder = bytearray(), decoder_of(coding)
        step = COMPRESSIONS[coding].step
        with suppress(*BROKEN):
            for at in range(0, len(body), step):
                part = body[at : at + step]
                while part and len(data) <= PAGE:
                    decoder = decoder_of(coding) if decoder.eof else decoder
                    data += decoder.decompress(part)
                    part = decoder.unused_data if decoder.eof else b""
        return bytes(data[:PAGE]) if data or decoder.eof else None, decoder.eof and len(
            data
        ) <= PAGE
    for window in DEFLATED.get(coding, ()):
        plain, rest, decoder = b"", body, zlib.decompressobj(window)
        try:
            # Like a file, a page may consist of several gzip members.
            while rest and len(plain) < PAGE:
                decoder = zlib.decompressobj(window)
                plain += decoder.decompress(rest, PAGE - len(plain))
                rest = decoder.unused_data or decoder.unconsumed_tail
        except zlib.error:
            if not plain:
                continue
        if window > 0 or decoder.eof:
            return plain, decoder.eof and not rest
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
