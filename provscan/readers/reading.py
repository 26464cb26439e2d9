"""One split -> its records, as they are or as batches of texts; and the fields of its
file.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from provscan.errors import InputError
from provscan.readers.bytes.budget import ExpansionError
from provscan.readers.bytes.encodings import UTF8
from provscan.readers.bytes.files import readable, state_of, why_unread
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.hub import HUB
from provscan.readers.formats.plain import layout_of
from provscan.readers.formats.protocol import (
    UNKNOWN,
    Context,
    NotReadable,
    Piece,
    Progress,
    Rows,
    Split,
    Wanted,
)
from provscan.readers.formats.registry import FORMATS, format_of
from provscan.readers.formats.values import HEAD, head_values
from provscan.readers.limits import Limits, current_limits
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.texts.batches import Batcher, piece_batch
from provscan.readers.texts.fields import Binding, Fields, bind, survey
from provscan.readers.texts.records import Extractor
from provscan.readers.texts.schema import SCHEMA
from provscan.text_buffers import buffers

Part = TypeVar("Part", Rows, Rows | Piece)

# Errors of the system that other files may not have, unlike those of a disk that is not
# there.
TROUBLE_OF_A_FILE = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO})


def read_rows(split: Split, wanted: Wanted, context: Context) -> Iterator[Rows | Piece]:
    """The records of a split as they are in the file; reasons why it ended early go to
    ``context.breaks``.
    """
    stream = ByteStream(split, context)
    if split.format == UNKNOWN:
        # A pipe, which can be read only once.
        head = stream.peek()
        try:
            form = format_of("", head)
        except NotReadable as reason:
            raise InputError(f"{split.source} can't be read: {reason}") from None
        if form == "text":
            split = replace(split, layout=layout_of("", head, split.layout))
        stream.split = split = replace(split, format=form)
    for rows in FORMATS[split.format].read(stream, wanted):
        context.budget.spend(
            records=1 if isinstance(rows, Piece) else len(rows.numbers)
        )
        yield rows


def read(
    split: Split,
    fields: Fields,
    stats: ReadStats,
    *,
    on_bytes: Progress | None = None,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """The texts of one split, in bounded memory.

    A batch has about 4 MB of text or 16,384 rows; a text of more than 16 Mi code points
    comes in pieces (:mod:`provscan.readers.texts.schema`). The `stats` are complete
    when the iterator is exhausted; `on_bytes` is called with the number of bytes of the
    file read since the last call.
    """
    limits = limits or current_limits()
    if split.start == split.end:
        if split.part == 0:
            stats.note("empty_file", split.source)
        return
    context = Context.of(split, stats, limits, on_bytes)
    before = stats.records
    batcher = Batcher(split.source, stats, limits, fixed=fields.fix_encoding)
    yield from batcher.batches(
        as_far_as_readable(_texts(split, fields, context), split.source, context)
    )
    if context.breaks:
        stats.damaged.append(
            Damage(split.source, stats.records - before, context.breaks[0])
        )
    elif stats.records == before and split.part == 0 and not stats.skipped:
        stats.note("empty_file", split.source)


def as_far_as_readable(
    batches: Iterator[pa.RecordBatch], source: str, context: Context
) -> Iterator[pa.RecordBatch]:
    """The batches of a file up to where it can't be read further: that costs the file,
    and not the run.

    Here ends whatever a library raises at a file, for every format, and what exceeds
    the budget of a file.
    """
    try:
        with readable(source):
            for batch in batches:
                if "text" in batch.schema.names:
                    _, offsets = buffers(batch.column("text"))
                    context.budget.spend(size=int(offsets[-1] - offsets[0]))
                yield batch
                context.budget.resume()
    except InputError as error:
        cause = error.__cause__
        of_the_system = isinstance(cause, OSError) and cause.errno not in (
            None,
            *TROUBLE_OF_A_FILE,
        )
        if not isinstance(error, ExpansionError) and (cause is None or of_the_system):
            raise
        context.breaks.append(why_unread(error, source))


def _texts(split: Split, fields: Fields, context: Context) -> Iterator[pa.RecordBatch]:
    binding = (
        None if split.format == UNKNOWN else binding_of(split, fields, context.limits)
    )
    if binding is not None:
        _describe(binding, split, context.stats)
    parts = read_rows(split, None if binding is None else binding.wanted, context)
    if binding is None:
        first, parts = first_of(parts, context.limits)
        if not first:
            return
        binding = binding_in(first, fields, split.source, context.limits)
        _describe(binding, split, context.stats)
    extractor = Extractor(binding, split.source, context.stats, context.limits)
    for rows in parts:
        yield (
            piece_of(rows, context.limits)
            if isinstance(rows, Piece)
            else extractor.batch(rows)
        )


def _describe(binding: Binding, split: Split, stats: ReadStats) -> None:
    """Note once a file how it is read."""
    if split.part == 0:
        stats.describe(binding.verdicts)
        if split.layout.encoding not in (None, UTF8):
            stats.note(
                "other_encoding", split.source, 0, f"read as {split.layout.encoding}"
            )
        if split.layout.words is not None:
            stats.note(
                "word_a_line",
                split.source,
                0,
                f"words in column {split.layout.words + 1}",
            )


def _bytes(batch: pa.RecordBatch) -> int:
    try:
        return batch.nbytes
    except pa.ArrowTypeError:  # before version 24, of views of lists
        return batch.get_total_buffer_size()


def first_of(
    parts: Iterator[Part], limits: Limits
) -> tuple[list[Part], Iterator[Part]]:
    """The first records, enough to determine the fields, as a table may begin with a
    single one; and all of them.
    """
    first: list[Part] = []
    count = size = 0
    for rows in parts:
        first.append(rows)
        if isinstance(rows, Piece) or not isinstance(rows.values, pa.RecordBatch):
            break
        count, size = count + rows.values.num_rows, size + _bytes(rows.values)
        if count >= HEAD or size >= limits.head_bytes:
            break
    return first, chain(first, parts)


def binding_in(
    first: Sequence[Rows | Piece], fields: Fields, source: str, limits: Limits
) -> Binding:
    """The fields of records that can be read only once, from the first of them."""
    head: list[Any] = []
    for rows in first:
        values = (
            [{"text": "a piece of a text"}] if isinstance(rows, Piece) else rows.values
        )
        head += (
            head_values(values)
            if isinstance(values, pa.RecordBatch)
            else values[: limits.head_records]
        )
    return bind(fields, survey(head, limits), source)


def piece_of(piece: Piece, limits: Limits) -> pa.RecordBatch:
    """A piece as a batch; one that is the whole text, as an ordinary row."""
    ends = pa.py_buffer(np.array([0, len(piece.text)], np.int64))
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(piece.text))
    field = pa.DictionaryArray.from_arrays(
        pa.array([0], pa.int32()), pa.array(["text"])
    )
    columns = [
        pa.array([piece.number], pa.int64()),
        pa.nulls(1, pa.string()),
        field,
        text,
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    if piece.last and piece.start == 0:
        return batch
    return piece_batch(batch, text, piece.start, piece.stop, limits, last=piece.last)


def binding_of(split: Split, fields: Fields, limits: Limits) -> Binding | None:
    """The fields of the file that a split belongs to; None if it has no records."""
    if split.format == HUB:
        return _binding(split, fields, limits, 0)
    with readable(split.source):
        state = state_of(split.path)
    start, end = split.extent or (0, state.size if split.archive is None else -1)
    whole = replace(
        split, start=start, end=end, size=end - start if split.extent else state.size
    )
    # The first row of a table that names its columns is none of its values.
    whole = replace(
        whole, first_record=0, part=0, layout=replace(split.layout, columns=None)
    )
    return _binding(whole, fields, limits, state.modified)


# Asked for when files are planned and again when they are scanned, in the same order:
# fewer would all be forgotten in between.
@lru_cache(maxsize=1 << 15)
def _binding(
    whole: Split, fields: Fields, limits: Limits, modified: int
) -> Binding | None:
    records = FORMATS[whole.format].fields(whole, limits)
    return bind(fields, survey(records, limits), whole.source) if records else None
