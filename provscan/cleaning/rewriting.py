"""One file, written again without what is removed."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import zstandard

from provscan.cleaning.choice import CleanOptions, Cursor, Spans, misplaced
from provscan.cleaning.masking import (
    masked_columns,
    masked_json,
    masked_row,
    masked_text,
)
from provscan.errors import InputError
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, ByteStream, look
from provscan.readers.formats.protocol import Raw, Rewritable, RewritableTable
from provscan.readers.formats.registry import FORMATS
from provscan.readers.limits import Limits
from provscan.readers.reading import read
from provscan.readers.splits import Context, Split
from provscan.readers.stats import ReadStats
from provscan.readers.texts.fields import Fields

TABLES = ("parquet", "arrow")


@dataclass
class Written:
    """What one file lost."""

    records: int = 0  # Records of the file, blank lines not counted.
    kept: int = 0
    found: int = 0  # Records with something to remove, and the spans of these.
    spans: int = 0
    unscanned: int = 0  # Records that were dropped because no text was scanned.

    def add(self, other: Written) -> None:
        for item in fields(self):
            value = getattr(self, item.name) + getattr(other, item.name)
            setattr(self, item.name, value)

    def counts(self) -> dict[str, int]:
        """The counts as the manifest has them."""
        return {
            "records": self.records,
            "records_kept": self.kept,
            "records_removed": self.records - self.kept,
            "records_with_matches": self.found,
            "spans": self.spans,
            "unscanned_removed": self.unscanned,
        }


class Scanned:
    """The numbers of the records of a file of which texts are scanned."""

    def __init__(self, split: Split, fields: Fields, limits: Limits) -> None:
        batches = read(split, fields, ReadStats(), limits=limits)
        self._batches = (np.unique(batch.column("record")) for batch in batches)
        self._ahead = np.zeros(0, np.int64)

    def among(self, stop: int) -> set[int]:
        """Those below `stop` that were not asked for yet."""
        parts = [self._ahead]
        while not len(parts[-1]) or parts[-1][-1] < stop:
            if (batch := next(self._batches, None)) is None:
                break
            parts.append(batch)
        numbers = np.concatenate(parts)
        self._ahead = numbers[numbers >= stop]
        return set(numbers[numbers < stop].tolist())


class Rewriter:
    """Writes one file again."""

    def __init__(
        self,
        split: Split,
        asked: Fields,
        limits: Limits,
        options: CleanOptions,
        removed: Callable[[dict[str, Any]], None],
    ) -> None:
        self._split = split
        self._removed = removed
        self._limits = limits
        self._options = options
        self._scanned = (
            Scanned(split, asked, limits) if options.drop_unscanned else None
        )
        self._written = Written()
        self._comma = b""  # It stands before the next element of a JSON array.

    def write(self, out: IO[bytes], cursor: Cursor) -> Written:
        """Write the file into `out`, compressed as it is."""
        split = self._split
        context = Context.of(split, ReadStats(), self._limits)
        with ExitStack() as opened:
            opened.enter_context(readable(split.source))
            # Each record of a web archive is compressed by itself.
            single = split.format == "warc" and split.compression == "gzip"
            compression = None if single else split.compression
            inner = opened.enter_context(compressing(out, compression))
            stream = ByteStream(split, context)
            if not split.size:
                pass
            elif split.format in TABLES:
                table = cast(RewritableTable, FORMATS[split.format])
                table.rewrite(
                    stream, inner, lambda first, rows: self._rows(first, rows, cursor)
                )
            else:
                if look(split, self._limits)[0].startswith(BOM):
                    inner.write(BOM)
                for found in cast(Rewritable, FORMATS[split.format]).raw(stream):
                    context.budget.resume()
                    data = b"".join(self._raw(found, cursor))
                    inner.write(
                        gzip.compress(data, 6, mtime=0) if single and data else data
                    )
        cursor.finish()
        if context.breaks:
            raise InputError(f"{split.source} is damaged: {context.breaks[0]}")
        if context.stats.skipped.get("record_too_long"):
            raise InputError(
                f"{split.source} has a record of more than "
                f"{self._limits.record_bytes >> 20} MiB, which can't be written"
            )
        return self._written

    def _raw(self, found: list[Raw], cursor: Cursor) -> Iterator[bytes]:
        """What stays of some records of a text file, and of what is between them."""
        numbers = [raw.number for raw in found if raw.number is not None]
        removals, scanned = self._within(numbers, cursor)
        split, gone = self._split, False
        for raw in found:
            if raw.number is None and raw.data == b"," and split.format == "json":
                self._comma = raw.data
                continue
            if raw.number is None:
                # what separates texts goes with the text before it
                if not (gone and split.format == "text"):
                    yield raw.data
                continue
            gone = False
            spans = removals.pop(raw.number, None)
            blank = not raw.data.strip()
            # of JSON: none before the first element that stays
            comma = self._comma if self._written.kept else b""
            self._comma = b""
            self._written.records += not blank
            if blank or self._stays(raw.number, spans, scanned):
                self._written.kept += not blank
                masks = spans is not None and self._options.mask is not None
                yield comma
                yield self._masked(raw, spans or {}) if masks else raw.data
            else:
                gone = True
        if removals:
            raise misplaced(split.source, min(removals))

    def _rows(self, first: int, rows: pa.Table, cursor: Cursor) -> pa.Table:
        """What stays of some rows of a table."""
        numbers = range(first, first + rows.num_rows)
        removals, scanned = self._within(numbers, cursor)
        stay = [
            self._stays(number, removals.get(number), scanned) for number in numbers
        ]
        self._written.records += len(stay)
        self._written.kept += sum(stay)
        if (mask := self._options.mask) is not None:
            places = {number - first: spans for number, spans in removals.items()}
            binding = self._split.binding
            return masked_columns(rows, places, binding, mask) if places else rows
        return rows if all(stay) else _chosen(rows, stay)

    def _within(
        self, numbers: Any, cursor: Cursor
    ) -> tuple[dict[int, Spans], set[int] | None]:
        """The removals of some records, and those of which texts were scanned."""
        if not numbers:
            return {}, set()
        stop = numbers[-1] + 1
        scanned = None if self._scanned is None else self._scanned.among(stop)
        return cursor.within(numbers[0], stop), scanned

    def _stays(
        self, number: int, spans: Spans | None, scanned: set[int] | None
    ) -> bool:
        options, written = self._options, self._written
        if spans is not None:
            written.found += 1
            written.spans += sum(map(len, spans.values()))
            self._removed({"record": number, "spans": spans})
        if options.keep_only or options.mask is not None:
            return spans is not None or not options.keep_only
        if spans is None and scanned is not None and number not in scanned:
            written.unscanned += 1
            return False
        return spans is None

    def _masked(self, raw: Raw, spans: Spans) -> bytes:
        split, mask = self._split, self._options.mask or ""
        try:
            if split.format == "csv":
                return masked_row(raw.data, raw.names, split.layout, spans, mask)
            if split.format == "text":
                text = raw.data.decode(errors="replace")
                return masked_text(text, spans["text"], mask).encode()
            return masked_json(raw.data, split.binding, spans, mask)
        except InputError as error:
            raise InputError(
                f"{split.source}, record {raw.number:,}: {error}: leave out --mask"
            ) from None


def _chosen(rows: pa.Table, stay: list[bool]) -> pa.Table:
    """The rows that stay."""
    try:
        return rows.filter(pa.array(stay, pa.bool_()))
    except pa.ArrowNotImplementedError:  # of views
        kept = [rows.slice(place, 1) for place, there in enumerate(stay) if there]
        return pa.concat_tables([rows.slice(0, 0), *kept])


@contextmanager
def compressing(out: IO[bytes], compression: str | None) -> Iterator[IO[bytes]]:
    """A file that compresses into another."""
    if compression is None:
        yield out
    elif compression == "gzip":
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as file:
            yield cast(IO[bytes], file)
    elif compression == "bzip2":
        with bz2.BZ2File(out, "wb") as file:
            yield cast(IO[bytes], file)
    elif compression == "xz":
        with lzma.LZMAFile(out, "wb") as file:
            yield cast(IO[bytes], file)
    else:
        with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as file:
            yield cast(IO[bytes], file)
