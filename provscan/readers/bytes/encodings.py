"""Determine the encoding of a text file: by its name (:func:`known_encoding`), by a
byte-order mark or NUL bytes (:func:`wide_encoding`), or by charset-normalizer
(:func:`legacy_encoding`).
"""

from __future__ import annotations

import codecs
import re

from provscan.errors import ParameterError

UTF8 = "utf-8"
# If a text has fewer invalid bytes than this, it is UTF-8. To detect another encoding,
# ENOUGH bytes are examined.
LEAST_FOREIGN, ENOUGH = 5, 32_768
# Minimum number of NUL bytes in a text in UTF-16 without a byte-order mark.
LEAST_NULS = 8
# Encodings that may be detected in Western texts; these are the beginnings of their
# names.
WESTERN = ("cp125", "cp437", "cp775", "cp85", "latin", "iso8859")
# Python codecs that convert text to text and are not encodings of files.
ESCAPES = ("idna", "punycode", "raw_unicode_escape", "unicode_escape")
CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f\ufffe\uffff]")


def known_encoding(name: str | None) -> str | None:
    """Return Python's name of a text encoding; ParameterError if it has none."""
    if name is None:
        return None
    try:
        found = codecs.lookup(name)
        found.decode(b"")
    except (LookupError, TypeError, ValueError):
        found = None
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


def as_utf8(data: bytes, encoding: str | None) -> bytes:
    """Return the bytes of a text, or of its beginning, as UTF-8."""
    return (
        data
        if encoding in (None, UTF8)
        else data.decode(encoding, "replace").encode("utf-8", "replace")
    )


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if a byte-order mark shows it, or UTF-16 if there are
    NULs and nearly all are at even or nearly all at odd positions; else None.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    # The two bytes of a byte-order mark may occur in other files. In UTF-16, one of the
    # two bytes of every newline is NUL.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and head.count(
        0
    ) >= max(head.count(b"\n"), 1):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Few NULs suffice: a line of Chinese in UTF-16 has only one, in its newline.
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
    """Detect the encoding of text that is not UTF-8. Return None for UTF-8, even if it
    has some bad bytes.
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
    # Several encodings can decode a Western text; choose the most usual one. Those of
    # DOS and of Baltic languages fit short texts by chance.
    usual = any(
        match.encoding == "cp1252" and match.chaos <= best.chaos for match in found
    )
    return "cp1252" if usual and best.encoding.startswith(WESTERN) else best.encoding
