"""The encoding of a text file: marked, detected by charset-normalizer, or given by its
name.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

from provscan.errors import ParameterError

UTF8 = "utf-8"
# Bytes that are not UTF-8 from which on another encoding is looked for, and bytes that
# are enough to detect it.
LEAST_FOREIGN, ENOUGH = 5, 32_768
LEAST_NULS = 8
# Codecs of Python's that turn text into text, but are no encoding that a file is in.
ESCAPES = ("idna", "punycode", "raw_unicode_escape", "unicode_escape")
CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f\ufffe\uffff]")


def known_encoding(name: str | None) -> str | None:
    """The usual name of an encoding of text."""
    if name is None:
        return None
    try:
        found = codecs.lookup(name)
        found.decode(b"")
    except (LookupError, TypeError, ValueError):
        found = None
    # Their own names have hyphens.
    if (
        found is None
        or found.name.replace("-", "_") in ESCAPES
        or not getattr(found, "_is_text_encoding", True)
    ):
        raise ParameterError(
            "encoding must be one that Python knows, such as utf-16, latin-1, cp1251 "
            f"or gb18030, not {name!r}"
        )
    return found.name


@cache
def cuts_at_newlines(encoding: str) -> bool:
    """Whether the byte of a newline is a newline wherever it stands, and text can be
    decoded from any line on.
    """
    shifts = encoding.startswith(("utf-7", "utf-16", "utf-32", "iso2022", "hz"))
    return not shifts and "\n".encode(encoding) == b"\n"


def as_utf8(data: bytes, encoding: str | None) -> bytes:
    """The beginning of a text as UTF-8."""
    return (
        data
        if encoding in (None, UTF8)
        else data.decode(encoding, "replace").encode("utf-8", "replace")
    )


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, by a byte-order mark, or by NULs at every other place; None for
    neither.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    # In text with a mark every line end has a NUL.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and head.count(
        0
    ) >= max(head.count(b"\n"), 1):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    # A line of CJK text has no more than that of its end.
    if (
        max(even, odd) < LEAST_NULS
        or 50 * max(even, odd) < len(head)
        or 20 * min(even, odd) > max(even, odd)
    ):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if CONTROL.search(text) else encoding


def legacy_encoding(head: bytes) -> str | None:
    """The encoding of text that is not UTF-8, detected; None for UTF-8, also with some
    bad bytes.
    """
    text = head[: head.rfind(b"\n")] if b"\n" in head else head[:-4]
    bad = text.decode("utf-8", "replace").count("\ufffd")
    if bad < LEAST_FOREIGN or bad <= sum(
        ord(c) > 127 for c in text.decode("utf-8", "ignore")
    ):
        return None
    import charset_normalizer

    found = charset_normalizer.from_bytes(text[:ENOUGH])
    best = found.best()
    if best is None or best.encoding in ("utf_8", "ascii"):
        return None
    # Of equals, the most usual: Western texts are read alike by several.
    usual = any(
        match.encoding == "cp1252" and match.chaos <= best.chaos for match in found
    )
    return (
        "cp1252"
        if usual and best.encoding.startswith(("cp125", "latin", "iso8859"))
        else best.encoding
    )
