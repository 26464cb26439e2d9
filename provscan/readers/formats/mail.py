"""Read mail: one message per file (``.eml``), or many in one (mbox). A record is a
message, with its subject and its text.

The text consists of all text parts, decoded. If a message has alternative parts and the
plain text is long, only the plain text is read. HTML is not converted. Attachments that
are not text are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import (
    CloseBoundaryNotFoundDefect,
    HeaderParseError,
    StartBoundaryNotFoundDefect,
)
from email.header import decode_header, make_header
from email.message import Message
from typing import Any, cast

from provscan.errors import ParameterError
from provscan.readers.bytes.encodings import UTF8, known_encoding, legacy_encoding
from provscan.readers.bytes.streams import REPLACED, ByteStream, cut
from provscan.readers.formats.protocol import Format, Rows, Wanted, in_groups
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.readers.stats import Counts
from provscan.readers.strings import is_utf8

MESSAGES_AT_ONCE = 64
# Defects of a multipart message that was cut off.
OPEN = (StartBoundaryNotFoundDefect, CloseBoundaryNotFoundDefect)
HEAD_END = re.compile(rb"\r?\n\r?\n")
HEADER = re.compile(rb"[!-9;-~]+:")
# Headers that hardly occur at the beginning of any other text.
OF_MAIL = re.compile(
    rb"(?i)^(?:message-id|return-path|received|mime-version|x-mailer|from|to|subject|date):",
    re.MULTILINE,
)
# FIRST_LINE matches the first line of a message in an mbox file, and BETWEEN the
# position before such a line.
FROM = rb"From [^\n]{0,200}?\d\d:\d\d[^\n]{0,200}\n(?=[!-9;-~]+:)"
FIRST_LINE, BETWEEN = re.compile(FROM), re.compile(rb"(?<=\n)(?=%s)" % FROM)
# A message that ends with the first line of the next one.
CUT = re.compile(rb"\nFrom [^\n]{0,400}\n?\Z")
ONE_MESSAGE = re.compile(rb"(?!)")
# Of alternative parts, a plain text with at least this many characters is read alone. A
# shorter one may only say that the message needs a browser.
LONG_PLAIN = 500


class Mail(Format):
    """Messages in the MIME format."""

    name = "mail"
    extensions = (".eml", ".mbox", ".mbx")
    encoded = False

    def sniff(self, head: bytes) -> bool:
        start = head.partition(b"\n")[2] if head.startswith(b"From ") else head
        if HEADER.match(start) is None:
            return False
        headers = HEAD_END.split(start, maxsplit=1)[0]
        return len({name.lower() for name in OF_MAIL.findall(headers)}) >= 3

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        names = ("id", "subject", "text")
        return [{name: f"the {name} of a message" for name in names}]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from in_groups(_records(stream), MESSAGES_AT_ONCE)


def _records(stream: ByteStream) -> Iterator[tuple[int, Any]]:
    unclosed = False
    for number, data in enumerate(messages(stream), stream.split.first_record):
        unclosed = False
        if data is None:
            stream.counts.note("record_too_long", number, "a message")
            yield number, {}
            continue
        first = FIRST_LINE.match(data)
        message = message_from_bytes(data[first.end() :] if first else data)
        yield number, _record(message, number, stream.counts)
        # Only a multipart message states its end.
        unclosed = (
            HEAD_END.search(data) is None
            or any(isinstance(found, OPEN) for found in message.defects)
            or (data.startswith(b"From ") and CUT.search(data) is not None)
        )
    if unclosed:
        stream.break_off("it ends within a message: the end of its parts is missing")


def messages(stream: ByteStream) -> Iterator[bytes | None]:
    """Yield the messages of a file; None for a message that is too long."""
    several = stream.peek().startswith(b"From ")
    for found in cut(stream, BETWEEN if several else ONE_MESSAGE):
        for data, _ in found:
            if data is None or data.strip():
                yield data


def _record(message: Message, number: int, counts: Counts) -> dict[str, str | None]:
    texts = []
    for part in _parts(message):
        kind = part.get_content_type()
        if part.get_content_maintype() == "message":
            # This part contains an attached message, or the headers in a delivery
            # report.
            inner = part.get_payload()
            texts += [_subject(cast(Message, each)) for each in inner]
        elif part.get_content_maintype() in ("text", "multipart"):
            text, bad = _decoded(part)
            texts.append(text)
            if bad:
                counts.repair("invalid_part", number, kind)
        else:
            counts.note("attachment", number, kind)
    return {
        "id": str(message.get("message-id", "")).strip(),
        "subject": _subject(message) or None,
        "text": "\n\n".join(filter(str.strip, texts)) or None,
    }


def _subject(message: Message) -> str:
    subject = message.get("subject", "")
    try:
        return str(make_header(decode_header(subject)))
    except (LookupError, UnicodeError, ValueError, HeaderParseError):
        return str(subject)


def _parts(message: Message) -> Iterator[Message]:
    """Yield the innermost parts of a message, and each attached message before its
    parts. A message whose parts can't be separated is yielded itself.
    """
    if not message.is_multipart():
        yield message
        return
    inner: Any = message.get_payload()
    if message.get_content_type() == "multipart/alternative":
        plain = [part for part in inner if part.get_content_type() == "text/plain"]
        long = sum(len(_decoded(part)[0]) for part in plain) >= LONG_PLAIN
        inner = plain if long else inner
    if message.get_content_maintype() == "message":
        yield message
    for part in inner:
        yield from _parts(part)


def _decoded(part: Message) -> tuple[str, bool]:
    """Return the text of a part, and whether some of it could not be decoded."""
    data = part.get_payload(decode=True)
    data = data if isinstance(data, bytes) else b""
    try:
        encoding = known_encoding(part.get_content_charset())
    except ParameterError:
        encoding = None
    if encoding in (None, "ascii"):
        encoding = UTF8 if is_utf8(data) else legacy_encoding(data) or UTF8
    text = data.decode(encoding, "replace")
    bad = REPLACED in text and REPLACED.encode() not in data
    return text.replace("\r\n", "\n"), bad or bool(part.defects)


FORMATS = (Mail(),)
