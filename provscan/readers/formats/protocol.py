"""The interface of all formats, and the records that they yield.

Reading a file takes four steps, the methods of :class:`Format`: *sniff* (does it have
this format?), *splits* (where can it be cut?), *fields* (its first records, from which
the fields are determined) and *read* (its records). Records are yielded as
:class:`Rows`, with the values of the file; :mod:`provscan.readers.texts.records` turns
them into batches of texts, :mod:`provscan.readers.corpus.tweets` into tweets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.errors import InputError
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.fields.paths import Path
from provscan.readers.limits import Limits, with_chunk
from provscan.readers.splits import Context, Split
from provscan.readers.values import HEAD_ROWS, head_values

Wanted = dict[Path, pa.DataType] | None


class Rows(NamedTuple):
    """Consecutive records of a source, unchanged."""

    # The position of each record in its source; in a file of lines, the position of its
    # line.
    positions: Sequence[int] | Numbers
    # The records: Python values, usually dicts, or columns.
    values: list[Any] | pa.RecordBatch
    # The complete records that may have texts in fields that are not wanted, with their
    # positions; None if all of ``values`` have to be searched for such texts.
    others: Sequence[tuple[int, Any]] | None = None

    @property
    def position_array(self) -> Numbers:
        """The position of each record, as an array."""
        positions = self.positions
        return (
            np.arange(positions.start, positions.stop)
            if isinstance(positions, range)
            else np.asarray(positions, np.int64)
        )


class Format:
    """The base class of all formats.

    Unless a subclass overrides the methods, files of the format are recognised only by
    their names, and each file is one split. A format has no state: the results of its
    methods depend only on the arguments.
    """

    name: str  # The name of the format in splits.
    extensions: tuple[str, ...]  # The extensions of its files.
    # Whether its files are binary and always identified by their first bytes.
    binary: bool = False
    # Whether its files are texts in one encoding, which is detected.
    encoded: bool = True
    # Whether it reads only the wanted fields, and :attr:`Rows.others` contains the
    # records that must be searched for texts in other fields.
    searches: bool = False
    # This format takes precedence over these formats: a file with one of their
    # extensions is read in this format if ``sniff`` recognises it.
    overrides: tuple[str, ...] = ()

    def sniff(self, head: bytes) -> bool:
        """Return whether a file with these first bytes, decompressed, has this
        format.
        """
        return False

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        """Yield ranges of about ``target`` bytes that can be read separately, in
        order.
        """
        yield whole

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        """Return the first records of a file as Python values, from which the fields
        are determined.

        If the file is damaged after some records, these are returned. A format whose
        records always have the same fields may return an invented record instead, with
        a value of at least three words for each text.
        """
        chunk = min(limits.chunk, limits.head_bytes // 4)
        context = Context.quiet(with_chunk(limits, chunk))
        records: list[Any] = []
        try:
            for rows in self.read(ByteStream(whole, context), None):
                records += _values(rows)
                if _suffice(records, rows, context.stats.bytes, limits):
                    break
        except (pa.ArrowException, OSError, ValueError):
            if not records:
                raise
        bad = context.stats.skipped.keys() - {"record_too_long"}
        if bad and not records:
            first = min(context.stats.examples[reason][0] for reason in bad)
            raise InputError(
                f"{whole.source} can't be read as {self.name}: none of its first "
                f"records is valid (record {first.record + 1}: {first.detail})"
            )
        return records[: limits.head_records]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        """Yield the records of a split, whose bytes come from ``stream``. Counts and
        damage are noted in the stream's context.

        ``wanted`` maps the paths that will be used to the types that they usually
        have; None means all paths.
        """
        raise NotImplementedError


def in_groups(records: Iterable[tuple[int, Any]], most: int) -> Iterator[Rows]:
    """Yield records with their positions in groups of up to ``most``."""
    rest = iter(records)
    while group := list(islice(rest, most)):
        yield Rows([position for position, _ in group], [each for _, each in group])


def first_records(
    parts: Iterable[Rows], limits: Limits
) -> tuple[list[Any], Iterator[Rows]]:
    """Return the first records, from which fields are determined, and an iterator over
    all parts.
    """
    records: list[Any] = []
    first: list[Rows] = []
    rest = iter(parts)
    for rows in rest:
        first.append(rows)
        records += _values(rows)
        if _suffice(records, rows, 0, limits):
            break
    return records[: limits.head_records], chain(first, rest)


def _values(rows: Rows) -> list[Any]:
    values = rows.values
    return head_values(values) if isinstance(values, pa.RecordBatch) else values


def _suffice(records: list[Any], last: Rows, size: int, limits: Limits) -> bool:
    """Return whether some records are enough to determine the fields. ``last`` has the
    last of these records, and ``size`` is the number of bytes read.
    """
    # The rows of a table all have the same fields.
    table = isinstance(last.values, pa.RecordBatch)
    enough = HEAD_ROWS if table else limits.head_records
    return len(records) >= enough or size >= limits.head_bytes
