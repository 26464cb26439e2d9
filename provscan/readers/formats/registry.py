"""List all formats (:data:`FORMATS`), and recognise the format of a file
(:func:`identified`).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from provscan.errors import ParameterError
from provscan.readers.bytes.archives import is_tar
from provscan.readers.bytes.compression import COMPRESSED, COMPRESSIONS, compression_of
from provscan.readers.bytes.encodings import (
    UTF8,
    as_utf8,
    legacy_encoding,
    wide_encoding,
)
from provscan.readers.bytes.streams import BOM, HEAD_BYTES, ByteStream
from provscan.readers.fields.names import FILES
from provscan.readers.formats import plain, table_layout
from provscan.readers.formats.protocol import Format
from provscan.readers.splits import UNKNOWN, Layout, NotReadable, Split

# The group of entry points with which other distributions declare formats.
PLUG_INS = "provscan.formats"


def _declared() -> Iterator[Format]:
    """Yield the formats that the modules of this folder, and entry points of other
    distributions, declare as ``FORMATS``.
    """
    for module in pkgutil.iter_modules([os.path.dirname(__file__)]):
        if module.name != "registry":
            found = importlib.import_module(f"{__package__}.{module.name}")
            yield from getattr(found, "FORMATS", ())
    for point in importlib.metadata.entry_points(group=PLUG_INS):
        yield from _installed(point)


def _installed(point: importlib.metadata.EntryPoint) -> list[Format]:
    """Return the formats of another distribution's entry point."""
    where = f"the entry point {point.name} = {point.value} in the group {PLUG_INS}"
    where += f" of {point.dist.name}" if point.dist else ""
    try:
        formats = list(point.load())
    except Exception as error:
        raise ParameterError(
            f"{where} can't be loaded ({type(error).__name__}: {error}): correct it, "
            "or uninstall the distribution"
        ) from error
    for each in formats:
        if (
            not isinstance(each, Format)
            or isinstance(each.extensions, str)
            or not all(extension.startswith(".") for extension in each.extensions)
        ):
            raise ParameterError(
                f"{where} lists {each!r}: list instances of Format whose extensions "
                "are a tuple of names with a dot"
            )
    return formats


def _registered(formats: Iterable[Format]) -> tuple[dict[str, Format], dict[str, str]]:
    """Return the formats by name, and the name of the format of each extension. A name
    or an extension that two formats have is an error.
    """
    by_name: dict[str, Format] = {}
    by_extension: dict[str, str] = {}
    for known in formats:
        other = by_name.setdefault(known.name, known)
        owners = {
            by_extension.setdefault(each, known.name) for each in known.extensions
        }
        if other is not known or owners - {known.name}:
            raise ParameterError(
                f"two formats have the name {known.name}, or one of the extensions "
                f"{', '.join(known.extensions)}: rename one, or uninstall the "
                f"distribution with the entry point in the group {PLUG_INS}"
            )
    return by_name, by_extension


FORMATS, EXTENSIONS = _registered(_declared())
# Formats that are recognised by the bytes of a file, and formats that are recognised by
# its decoded text.
BY_BYTES = [known for known in FORMATS.values() if known.binary or not known.encoded]
BY_TEXT = [known for known in FORMATS.values() if known not in BY_BYTES]
# First bytes of files that provscan does not read, and extensions of such files, with
# what they are and how to convert them.
FOREIGN = [
    (magic.encode("latin-1"), what)
    for what, starts in FILES["foreign"].items()
    for magic in starts
]
REFUSED = {
    extension: f"{what} are not supported: {instead}"
    for what, (instead, *extensions) in FILES["refused"].items()
    for extension in extensions
}
# Documents that are zip archives.
ZIPPED = (".docx", ".epub")
# Minimum number of lines of a text that is read as a table.
LEAST_ROWS = 5
# Bytes that are rare in text.
CONTROL = re.compile(rb"[\x01-\x06\x0e-\x1a\x1c-\x1f]")
SUFFIXES = [known.extensions[0] for known in COMPRESSIONS.values()]
READABLE = (
    "JSON lines and arrays, CSV and TSV, Parquet, Arrow and Feather, plain text, "
    "Markdown, source code, HTML, WARC and WET, also compressed "
    f"({', '.join(SUFFIXES)}) and in .zip and .tar archives"
)


def split_name(name: str) -> tuple[str, str, str | None]:
    """Return the name of a file without the extension of a compression, its extension,
    and the compression.
    """
    stem, extension = os.path.splitext(name)
    compression = COMPRESSED.get(extension.lower())
    if compression is not None:
        name = stem
        extension = os.path.splitext(stem)[1]
    return name, extension.lower(), compression


def _recognised(forms: Iterable[Format], named: str | None, head: bytes) -> str | None:
    """Return the first of some formats that recognises the first bytes of a file; None
    if there is none.

    If the name of the file shows a format, a binary format is recognised only if there
    are NUL bytes, and another format only if it overrides the one that is ``named``.
    """
    start = head.removeprefix(BOM)
    for form in forms:
        # Text may happen to begin with a magic number.
        against_name = b"\0" in head if form.binary else named in form.overrides
        if (named is None or against_name) and form.sniff(start):
            return form.name
    return None


def _by_name(named: str | None, head: bytes) -> str:
    """Return the format of a file whose first bytes do not show it: the format that the
    name shows, or plain text. Raise NotReadable for binary data.
    """
    if named is None:
        if b"\0" in head or 100 * len(CONTROL.findall(head)) > len(head):
            what = "neither its name nor its first bytes show a known format"
            raise NotReadable(what)
        return "text"
    form = FORMATS[named]
    if form.binary and head and not form.sniff(head):
        raise NotReadable(
            f"its name says {named}, but it starts with {head[:4].hex(' ')}"
        )
    if head.count(0) > max(0.3 * len(head), 8):
        raise NotReadable("it contains binary data")
    return named


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the user or a recipe specifies about how files are to be read."""

    encoding: str | None = None
    records: str | None = None  # For plain text: "lines", "paragraphs" or "files".
    format: str | None = None
    delimiter: str | None = None  # For CSV and other text.
    quoted: bool | None = None  # For CSV: whether quotes enclose values.
    tables: bool = False  # Whether lines with equally many tabs are a table.

    @property
    def layout(self) -> Layout:
        """Return the layout that a pipe needs when it is read."""
        return Layout(self.encoding, records=self.records)


def identified(
    name: str, head: bytes, split: Split, options: FileOptions
) -> tuple[Split, bytes]:
    """Return a split with the format and layout that follow from its name and first
    bytes (decompressed), and these bytes as UTF-8.

    The extension of the name decides, unless the first bytes show a binary format or
    one that overrides it (:class:`Format`). Without a known extension, the first bytes
    decide. A file that neither identifies is plain text.
    """
    name, extension, compression = split_name(name)
    named = EXTENSIONS.get(extension)
    if compression not in (None, split.compression):
        starts = f"starts with {head[:4].hex(' ')}" if head else "is empty"
        found = starts if split.compression is None else f"is {split.compression}"
        raise NotReadable(f"its name says {compression}, but it {found}")
    _require_supported(name, named, head, split)
    if (binary := _recognised(BY_BYTES, named, head)) is not None:
        return replace(split, format=binary, layout=Layout()), head
    marked = UTF8 if head.startswith(BOM) else wide_encoding(head)
    encoding = options.encoding or marked
    text = as_utf8(head, encoding)
    form = _recognised(BY_TEXT, named, text) or _by_name(named, text)
    if FORMATS[form] in BY_BYTES:
        return replace(split, format=form, layout=Layout()), head
    if form != "html":  # A web page declares its encoding.
        encoding = encoding or legacy_encoding(head)
    head = as_utf8(head, encoding).removeprefix(BOM)
    layout = Layout(
        None if encoding == UTF8 else encoding, cr=b"\r" in head and b"\n" not in head
    )
    head = head.replace(b"\r", b"\n") if layout.cr else head
    form, layout = _with_layout(form, name, head, layout, options)
    return replace(split, format=form, layout=layout), head


def _require_supported(name: str, named: str | None, head: bytes, split: Split) -> None:
    """Raise NotReadable for a file that is compressed twice, an archive in a pipe or in
    another archive, or a file of a format that provscan does not read.
    """
    if split.compression is not None and (again := compression_of(head)) is not None:
        raise NotReadable(
            f"it is compressed twice, {again} in {split.compression}: decompress it "
            "once"
        )
    refused = REFUSED.get(os.path.splitext(name)[1].lower())
    if refused is not None and named is None:
        raise NotReadable(refused)
    is_zip = head.startswith(b"PK\x03\x04") and not name.lower().endswith(ZIPPED)
    if is_zip or is_tar(head):
        raise NotReadable(
            "an archive can't be read from a pipe: name a file"
            if split.format == UNKNOWN
            else "nested archives are not supported: unpack it first"
        )
    if named is None or (b"\0" in head and not FORMATS[named].sniff(head)):
        for magic, what in FOREIGN:
            if head.startswith(magic):
                raise NotReadable(f"it is {what}")


def _with_layout(
    form: str, name: str, head: bytes, layout: Layout, options: FileOptions
) -> tuple[str, Layout]:
    """Return the format of a text file with its layout. A file that was recognised as
    plain text may be a table, and the other way round.
    """
    delimiter, quoted = options.delimiter, options.quoted
    if options.format is not None:
        form = options.format
    elif form == "text" and delimiter is None and options.tables and _are_rows(head):
        form, delimiter, quoted = "csv", "\t", False
    if form == "text" and delimiter is not None:
        form = "csv"
    if form == "csv":
        layout = table_layout.layout_of(name, head, layout, delimiter)
        layout = layout if quoted is None else replace(layout, quoted=quoted)
    elif form == "text":
        layout = plain.layout_of(name, head, replace(layout, records=options.records))
    return form, layout


def _are_rows(head: bytes) -> bool:
    """Return whether all lines of a text have the same number of tabs."""
    tabs = [line.count(b"\t") for line in head.split(b"\n")[:-1] if line.strip()]
    return len(tabs) >= LEAST_ROWS and min(tabs) == max(tabs) > 0


def identified_pipe(stream: ByteStream) -> Split:
    """Return the split of a pipe, from its first bytes."""
    layout = stream.split.layout
    options = FileOptions(layout.encoding, layout.records)
    head = stream.peek()[:HEAD_BYTES]
    split = replace(stream.split, layout=Layout(), compression=stream.compression)
    return identified("", head, split, options)[0]
