"""What every format provides, and the records that formats give.

A file goes through four steps, which are the methods of :class:`Format`: *sniff* (is it
of this format?), *splits* (where can it be cut?), *fields* (the first records, in which
the fields are found) and *read* (its records). Records come as :class:`Rows`, the
values as they are in the file; :mod:`provscan.readers.texts.records` makes batches of
texts of them, :mod:`provscan.readers.corpus.tweets` tweets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from provscan.arrays import Numbers
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.values import HEAD, head_values
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split

# Stands in a path for any element of a list; no key of an object equals it.
ANY = "\0[]"

Path = tuple[str, ...]
Wanted = dict[Path, pa.DataType] | None


class Rows(NamedTuple):
    """Consecutive records as they are in the source."""

    numbers: Sequence[int] | Numbers  # The number of each record.
    values: (
        list[Any] | pa.RecordBatch
    )  # The records: Python values, usually dicts, or columns.
    # With columns of wanted values only: a sample of whole records, with their numbers.
    whole: Sequence[tuple[int, Any]] = ()


class Piece(NamedTuple):
    """A stretch of one text that is too long for a batch: code points ``start`` to
    ``stop``, as UTF-8.
    """

    number: int
    text: bytes
    start: int
    stop: int
    last: bool


Part = TypeVar("Part", Rows, Rows | Piece)


class Format(Protocol):
    """One format; its methods depend on nothing but their arguments."""

    @property
    def name(self) -> str:
        """Its name in splits."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """Extensions of file names."""

    @property
    def binary(self) -> bool:
        """Whether files are no text and are always known by their first bytes."""

    def sniff(self, head: bytes) -> bool:
        """Whether a file with these first bytes, decompressed, is of this format."""

    def splits(self, whole: Split, target: int, limits: Limits) -> Iterator[Split]:
        """Ranges of about ``target`` bytes that can be read separately, in their
        order.
        """

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        """The first records of a file, as Python values, in which the fields are
        found.
        """

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows | Piece]:
        """The records of a split, whose bytes ``stream`` gives; what happens on the way
        goes to its context.

        ``wanted`` names the values that will be used, with the type each usually has;
        None: all of them.
        """


class Undivided:
    """Base of formats whose files are never cut, and of those that first bytes don't
    show.
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
    """The first records, enough to find the fields in them; and all parts again."""
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
            # Rows may come one by one; those of a table are of one kind.
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
    except pa.ArrowTypeError:  # before version 24, of views of lists
        return batch.get_total_buffer_size()
