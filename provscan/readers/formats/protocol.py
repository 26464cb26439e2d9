"""The interface of all formats, and the records that they yield.

Reading a file takes four steps, the methods of :class:`Format`: *sniff* (does it have
this format?), *splits* (where can it be cut?), *fields* (its first records, from which
the fields are determined) and *read* (its records). Records are yielded as
:class:`Rows`, with the values of the file; :mod:`provscan.readers.texts.records` turns
them into batches of texts, :mod:`provscan.readers.corpus.tweets` into tweets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from provscan.arrays import Numbers
from provscan.errors import InputError
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.values import HEAD, head_values
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split

# The part of a path that matches any element of a list; no key of an object equals it.
ANY = "\0[]"

Path = tuple[str, ...]
Wanted = dict[Path, pa.DataType] | None


class Rows(NamedTuple):
    """Consecutive records of a source, unchanged."""

    numbers: Sequence[int] | Numbers  # The number of each record.
    # The records: Python values, usually dicts, or columns.
    values: list[Any] | pa.RecordBatch
    # A sample of whole records with their numbers, if the columns contain only wanted
    # values.
    whole: Sequence[tuple[int, Any]] = ()


class Piece(NamedTuple):
    """A stretch of a text that is too long for one batch: code points ``start`` to
    ``stop``, as UTF-8.
    """

    number: int
    text: bytes
    start: int
    stop: int
    last: bool


class Raw(NamedTuple):
    """Unchanged bytes of a file: a record, or what is between two records."""

    number: int | None  # The number of the record; None between records.
    data: bytes
    names: Sequence[str] = ()  # For CSV: the names of the columns.


Part = TypeVar("Part", Rows, Rows | Piece)


class Format(Protocol):
    """One format. Its methods depend only on their arguments."""

    @property
    def name(self) -> str:
        """The name of the format in splits."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions of its files' names."""

    @property
    def binary(self) -> bool:
        """Whether its files are binary and always identified by their first bytes."""

    def sniff(self, head: bytes) -> bool:
        """Return whether a file with these first bytes, decompressed, has this
        format.
        """

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        """Yield ranges of about ``target`` bytes that can be read separately, in
        order.
        """

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        """Return the first records of a file as Python values, from which the fields
        are determined.
        """

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        """Yield the records of a split, whose bytes come from ``stream``. Counts and
        damage are noted in the stream's context.

        ``wanted`` maps the paths that will be used to the types that they usually
        have; None means all paths.
        """


class Rewritable(Format, Protocol):
    """A format whose files can be written again without some records."""

    def raw(self, stream: ByteStream) -> Iterator[list[Raw]]:
        """Yield the bytes of a file, cut where :meth:`Format.read` cuts it: together
        they are the file. A record above ``limits.record_bytes`` raises
        :func:`too_long`.
        """


class RewritableTable(Format, Protocol):
    """A tabular format whose files can be written again with other rows."""

    def rewrite(
        self,
        stream: ByteStream,
        out: IO[bytes],
        changed: Callable[[int, pa.Table], pa.Table],
    ) -> None:
        """Write a file again with the rows that ``changed`` returns, given the number
        of the first of some rows, and these rows.
        """


def too_long(stream: ByteStream) -> InputError:
    """Return the error that a record is too long to be written again."""
    return InputError(
        f"{stream.split.source} has a record of more than "
        f"{stream.context.limits.record_bytes >> 20} MiB"
    )


class Undivided:
    """The base of formats whose files are not cut and not identified by their first
    bytes.
    """

    binary = False

    def sniff(self, head: bytes) -> bool:
        return False

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        yield whole

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        stream = ByteStream(whole, Context.quiet(limits))
        return first_records(self.read(stream, None), limits)[0]

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        raise NotImplementedError


def first_records(
    parts: Iterable[Part], limits: Limits
) -> tuple[list[Any], Iterator[Part]]:
    """Return the first records, from which fields are determined, and an iterator over
    all parts.
    """
    records: list[Any] = []
    first: list[Part] = []
    rest = iter(parts)
    size = 0
    for rows in rest:
        first.append(rows)
        if isinstance(rows, Piece):
            records.append({"text": "a piece of a text"})
            enough = 1
        elif isinstance(rows.values, pa.RecordBatch):
            # Rows may come one at a time; the rows of a table all have the same
            # fields.
            records += head_values(rows.values)
            size += _bytes(rows.values)
            enough = HEAD
        else:
            records += rows.values
            enough = limits.head_records
        if len(records) >= enough or size >= limits.head_bytes:
            break
    return records[: limits.head_records], chain(first, rest)


def _bytes(batch: pa.RecordBatch) -> int:
    try:
        return batch.nbytes
    except pa.ArrowTypeError:  # raised for list views before version 24
        return batch.get_total_buffer_size()
