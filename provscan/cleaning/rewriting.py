"""Write one file or archive again, without the records or spans to remove.

:func:`write_file` runs in a thread for each file. A :class:`Rewriter` writes a file or
archive. For each input, it makes an :class:`_InputRewriter`, which goes through
the records. It keeps a record, drops it, or masks spans in it.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

from provscan.cleaning.archives import copy_tar, copy_zip
from provscan.cleaning.choice import Removals, Spans, misplaced
from provscan.cleaning.cutting import CUTS, Raw, too_long
from provscan.cleaning.files import Input, Task, byte_exact
from provscan.cleaning.masking import (
    Piece,
    masked_bytes,
    masked_columns,
    masked_json,
    masked_row,
)
from provscan.cleaning.tables import TABLES
from provscan.cleaning.verification import Changes, verify_file
from provscan.cleaning.work import Unpublished
from provscan.engine import Advance
from provscan.errors import InputError
from provscan.readers import ReadStats, file_checksum
from provscan.readers.bytes.compression import compressing
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import BOM, ByteStream
from provscan.readers.finding import METADATA
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split

# The counts of a file in the manifest.
COUNTS = (
    "records",  # Without blank lines.
    "records_kept",
    "records_with_matches",  # With matches to remove.
    "spans",  # To remove.
)


def write_file(
    current: Unpublished, limits: Limits, task: Task, advance: Advance
) -> dict[str, Any]:
    """Write one file and its entry for the manifest, unless an interrupted call has
    completed the file.

    Returns
    -------
    dict
        The entry of the file in the manifest, and the names of its sources as
        ``names``. If the file can't be written, only ``names``, and the reason as
        ``unwritable``.
    """
    out, size = current.files / task.target, os.path.getsize(task.path)
    if (done := current.load(task.number, out)) is not None:
        advance(size)
        return done
    for old in (out, current.lines(task.number)):
        old.unlink(missing_ok=True)  # A link is replaced, and not followed.
    names, read = [each.source for each in task.inputs], 0

    def advanced(count: int) -> None:
        nonlocal read
        read += count
        advance(count)

    rewriter = Rewriter(task, limits, advanced)
    try:
        with current.lines(task.number).open("w") as rewriter.lines:
            if task.copied is not None:
                shutil.copyfile(task.path, out)
                rewriter.counts.update(records=task.copied, records_kept=task.copied)
            else:
                with out.open("wb") as file:
                    kept = rewriter.write(file)
                if not kept:
                    out.unlink()
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno is not None:
            # The disk failed or is full, so no other file can be written either.
            raise cause from None
        out.unlink(missing_ok=True)
        current.lines(task.number).unlink()
        return {"names": names, "unwritable": str(error)}
    counts = {name: rewriter.counts[name] for name in COUNTS}
    verify_file(task, out, rewriter.changes, current.lines(task.number))
    about = {
        "source": str(task),
        "path": task.target,
        "bytes": size,
        "xxh3_before": task.xxh3,
        "xxh3_after": file_checksum(out) if out.exists() else None,
        **counts,
        "records_removed": counts["records"] - counts["records_kept"],
        "names": names,
    }
    current.save(task.number, about)
    advance(max(size - read, 0))
    return about


class Rewriter:
    """Writes one file or archive. Each input has an :class:`_InputRewriter`."""

    # The file of lines that describe removed records.
    lines: IO[str]

    def __init__(self, task: Task, limits: Limits, advance: Advance) -> None:
        self.counts: Counter[str] = Counter()
        self.changes: defaultdict[str, Changes] = defaultdict(Changes)
        self.task, self.options = task, task.options
        self.limits, self.advance = limits, advance

    def write(self, out: IO[bytes]) -> bool:
        """Write the file, and return whether the result contains it."""
        first = self.task.inputs[0]
        with compressing(out, first.split.packed) as inner:
            if first.split.member is None:
                return _InputRewriter(self, first).write(inner)
            self._archive(first.split, inner)
        return True

    def _archive(self, first: Split, out: IO[bytes]) -> None:
        is_zip = first.archive == "zip"
        members = {
            each.split.member if is_zip else each.split.start: each
            for each in self.task.inputs
        }

        def member(info: Any, before: IO[bytes], after: IO[bytes]) -> bool:
            name = info.filename if is_zip else info.name
            found = members.get(name if is_zip else info.offset_data)
            if found is not None:
                return _InputRewriter(self, found).write(after)
            if os.path.basename(name) in METADATA:
                shutil.copyfileobj(before, after)
                return True
            return False  # The member was not scanned.

        with open(first.opened, "rb") as file:
            (copy_zip if is_zip else copy_tar)(file, out, member)


class _InputRewriter:
    """Writes the records of one input."""

    def __init__(self, file: Rewriter, given: Input) -> None:
        self._file, self._options = file, file.options
        self._split, self._name = given.split, given.source
        self._removals = Removals(given.matches, given.source)
        self._kept = 0  # Records kept so far.
        self._comma = b""  # The comma before the next element of a JSON array.

    def write(self, out: IO[bytes]) -> bool:
        """Write the records, and return whether the result contains the input."""
        split, file, kept = self._split, self._file, True
        context = Context.of(split, ReadStats(), file.limits, file.advance)
        with readable(split.source):
            if split.size:
                kept = self._records(ByteStream(split, context), out)
        self._removals.finish()
        return kept

    def _records(self, stream: ByteStream, out: IO[bytes]) -> bool:
        split, context = self._split, stream.context
        before = self._file.counts["records"]
        with compressing(out, split.compression) as inner:
            if split.format in TABLES:
                TABLES[split.format](stream, inner, self._rows)
            else:
                head = stream.peek()
                encoding = byte_exact(split.layout.encoding, head)
                text = codecs.EncodedFile(inner, "utf-8", encoding)
                write = inner.write if encoding == "utf-8" else text.write
                if head[:4].decode(encoding, "replace").startswith("\ufeff"):
                    write(BOM)
                changes, at = self._file.changes[self._name], 0
                for found in CUTS[split.format](stream):
                    data = []
                    for old, new in self._pieces(found):
                        if new is not old:
                            changes.add(at, at + len(old), len(new))
                        at += len(old)
                        data.append(new)
                    write(b"".join(data))
        if context.damage is not None:
            raise InputError(f"it is damaged: {context.damage}")
        if context.stats.skipped.get("record_too_long"):
            raise too_long(stream)
        # If a file is a single text or object, it is removed with its record.
        records = self._file.counts["records"] - before
        alone = split.format == "json" and records == 1
        alone |= split.format == "text" and split.layout.records == "files"
        return not (alone and records and not self._kept)

    def _pieces(self, found: list[Raw]) -> Iterator[Piece]:
        """Yield pieces of the file, each with the bytes to write."""
        numbers = [raw.number for raw in found if raw.number is not None]
        removals, split = self._within(numbers), self._split
        dropped, plain = False, 0
        # Usually, a record without matches can be kept without a check.
        check_all = self._options.keep_only or split.format == "json"
        for raw in found:
            number, data, _ = raw
            if number is None and data == b"," and split.format == "json":
                self._comma = data
                continue
            if number is None:
                # A separator of texts is dropped with the text before it.
                yield data, b"" if dropped and split.format == "text" else data
                continue
            spans = removals.pop(number, None)
            blank = not data or data.isspace()
            if blank or (spans is None and not check_all):
                plain += not blank
                dropped = False
                yield data, data
                continue
            # In a JSON array, the first element that is kept has no comma before it.
            comma, self._comma = self._comma, b""
            after_another = self._kept
            kept = self._is_kept(number, spans)
            dropped = not kept
            yield comma, comma if kept and after_another else b""
            if kept and spans is not None and self._options.mask is not None:
                yield from self._masked(raw, spans)
            else:
                yield data, data if kept else b""
        self._file.counts.update(records=plain, records_kept=plain)
        self._kept += plain
        if removals:
            raise misplaced(split.source, min(removals))

    def _rows(self, first: int, rows: pa.Table) -> pa.Table:
        """Return the rows of a table that are kept, with masks."""
        self._file.advance(0)
        first += self._split.first_record
        numbers = range(first, first + rows.num_rows)
        removals = self._within(numbers)
        keep = [self._is_kept(number, removals.get(number)) for number in numbers]
        if (mask := self._options.mask) is not None:
            positions = {number - first: spans for number, spans in removals.items()}
            binding = self._split.binding
            assert binding is not None
            return masked_columns(rows, positions, binding, mask) if positions else rows
        return rows if all(keep) else _chosen(rows, keep)

    def _within(self, numbers: Sequence[int]) -> dict[int, Spans]:
        """Return the spans to remove from some consecutive records."""
        return self._removals.within(numbers[0], numbers[-1] + 1) if numbers else {}

    def _is_kept(self, number: int, spans: Spans | None) -> bool:
        """Count a record, describe it if it contains matches or is dropped, and return
        whether it is kept.
        """
        options, counts = self._options, self._file.counts
        counts["records"] += 1
        kept = options.mask is not None or (spans is None) != options.keep_only
        if spans is not None:
            counts["records_with_matches"] += 1
            counts["spans"] += sum(map(len, spans.values()))
            line = {"source": self._name, "record": number, "spans": spans}
            self._file.lines.write(json.dumps(line) + "\n")
        counts["records_kept"] += kept
        self._kept += kept
        return kept

    def _masked(self, raw: Raw, spans: Spans) -> list[Piece]:
        split, mask = self._split, self._options.mask or ""
        try:
            if split.format == "csv":
                return masked_row(raw.data, raw.names, split.layout, spans, mask)
            if split.format == "text":
                return masked_bytes(raw.data, spans["text"], mask)
            assert split.binding is not None
            return masked_json(raw.data, split.binding, spans, mask)
        except InputError as error:
            raise InputError(
                f"record {raw.number:,}: {error}: leave out --mask"
            ) from None


def _chosen(rows: pa.Table, keep: list[bool]) -> pa.Table:
    """Return the rows to keep."""
    try:
        return rows.filter(pa.array(keep, pa.bool_()))
    except pa.ArrowNotImplementedError:  # Arrow can't filter views.
        kept = [rows.slice(row, 1) for row, keeps in enumerate(keep) if keeps]
        return pa.concat_tables([rows.slice(0, 0), *kept])
