"""Read the records of a split, or records in memory.

:func:`read_rows` yields the records of a split unchanged, and :func:`read` yields
batches of their texts, up to the first damage of the file (:func:`until_damage`).
:func:`read_objects` yields the texts of records in memory.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.bytes.budget import ExpansionError
from provscan.readers.bytes.encodings import UTF8
from provscan.readers.bytes.files import readable, why_unread
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.fields.binding import Fields, note_missing
from provscan.readers.formats.objects import object_rows
from provscan.readers.formats.protocol import Rows, Wanted
from provscan.readers.formats.registry import FORMATS, identified_pipe
from provscan.readers.limits import Limits, current_limits
from provscan.readers.splits import (
    MEMORY,
    UNKNOWN,
    Context,
    NotReadable,
    OnBytes,
    Split,
)
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.texts.batches import Batcher
from provscan.readers.texts.records import texts_of
from provscan.text_buffers import buffers

# After these system errors, reading goes on with the next file; remote files raise them
# too (EIO if the server fails). Other system errors, such as too many open files, end
# the run.
FILE_ERRORS = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO})


def read_rows(split: Split, wanted: Wanted, context: Context) -> Iterator[Rows]:
    """Yield the records of a split unchanged."""
    stream = ByteStream(split, context)
    if split.format == UNKNOWN:
        # A pipe can be read only once, so its format is identified now.
        try:
            stream.split = split = identified_pipe(stream)
        except NotReadable as reason:
            raise InputError(f"{split.source} can't be read: {reason}") from None
    for rows in FORMATS[split.format].read(stream, wanted):
        context.budget.spend(records=len(rows.positions))
        yield rows


def read(
    split: Split,
    fields: Fields,
    stats: ReadStats,
    *,
    on_bytes: OnBytes | None = None,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the texts of one split, in bounded memory.

    A batch has about 4 MB of text or 16,384 rows; a single text may be larger. The
    ``stats`` are complete when the iterator is exhausted; ``on_bytes`` is called with
    the number of bytes of the file read since the last call.
    """
    limits = limits or current_limits()
    counts, before = stats.for_source(split.source), stats.records
    context = Context.of(split, stats, limits, on_bytes)
    if split.start != split.end:
        if split.part == 0:
            _describe(split, fields, stats)
        binding = split.binding
        wanted = None
        if binding is not None:
            searches = FORMATS[split.format].searches
            wanted = binding.wanted if searches else binding.columns
        rows = read_rows(split, wanted, context)
        texts = texts_of(rows, binding, fields, counts, limits)
        batcher = Batcher(counts, limits, fixed=fields.fix_encoding)
        yield from batcher.batches(until_damage(texts, split, context))
        note_damage(split, context, before)
    nothing = stats.records == before and context.damage is None
    if nothing and split.part == 0 and not stats.skipped:
        counts.note("empty_file")


def note_damage(split: Split, context: Context, before: int) -> None:
    """Note a file that ended early. ``before`` is the number of records that were
    counted before the file.
    """
    if context.damage is not None:
        records = context.stats.records - before
        context.stats.damaged.append(Damage(split.source, records, context.damage))


def until_damage(
    batches: Iterator[pa.RecordBatch], split: Split, context: Context
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file until it can't be read further, so that damage
    affects one file and not the whole run.

    For all formats, this function catches the errors of libraries, and
    :class:`ExpansionError`, which says that a file exceeds its budget.
    """
    try:
        with readable(split.source):
            for batch in batches:
                if "text" in batch.schema.names:
                    _, offsets = buffers(batch.column("text"))
                    context.budget.spend(size=int(offsets[-1] - offsets[0]))
                yield batch
    except InputError as error:
        cause = error.__cause__
        # An error of the operating system that would also affect other files.
        ends_run = isinstance(cause, OSError) and cause.errno not in (
            None,
            *FILE_ERRORS,
        )
        if not isinstance(error, ExpansionError) and (cause is None or ends_run):
            raise
        context.break_off(why_unread(error, split.source))


def _describe(split: Split, fields: Fields, stats: ReadStats) -> None:
    """Note in the counts how a file is read, once per file."""
    layout, counts = split.layout, stats.for_source(split.source)
    if split.binding is not None:
        stats.describe(split.binding.verdicts)
        note_missing(split.binding, fields, counts)
    if layout.encoding not in (None, UTF8):
        counts.note("other_encoding", 0, f"read as {layout.encoding}")
    if layout.wrapped:
        counts.note("wrapped_lines", 0, "read by lines")


def read_objects(
    obj: Any,
    fields: Fields | None = None,
    stats: ReadStats | None = None,
    *,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of the texts of records in memory. ``record`` is the
    position of a record in ``obj``.

    ``obj`` is an iterable of strings or of dicts, an Arrow table, batch, reader or
    string array, a ``datasets.Dataset``, ``DatasetDict`` or ``IterableDataset``, a
    ``ray.data.Dataset``, a DuckDB relation, or any other object that exports Arrow data
    (a pandas frame, or a polars frame, lazy or not).
    """
    limits = limits or current_limits()
    stats = ReadStats() if stats is None else stats
    fields = Fields() if fields is None else fields
    rows = object_rows(obj, limits)
    counts = stats.for_source(MEMORY)
    texts = texts_of(rows, None, fields, counts, limits)
    yield from Batcher(counts, limits, fixed=fields.fix_encoding).batches(texts)
