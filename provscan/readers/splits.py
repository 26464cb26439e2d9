"""The values that pass between planning, bytes and formats: what is read, and how.

A :class:`Split` is a file or a range of one, a :class:`Layout` how its bytes are to be
read, a :class:`Context` where reading it counts what it meets and spends its budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from provscan.errors import InputError
from provscan.readers.bytes.budget import Budget
from provscan.readers.limits import Limits
from provscan.readers.stats import ReadStats

STDIN = "-"
# The source of data in memory, in messages and results.
MEMORY = "<memory>"

# The format of a pipe, which can't be looked at before it is read.
UNKNOWN = "unknown"

# Formats that are archives of files, and are read from front to back.
ARCHIVES = ("tar", "webdataset")

Progress = Callable[[int], None]


class NotReadable(InputError):
    """Why a file, or one member of an archive, will not be read; becomes an entry of
    ``ReadPlan.unread``.
    """


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bytes of a text file are to be read."""

    encoding: str | None = None  # The name of the encoding if it is not UTF-8.
    cr: bool = False  # Lines end in a carriage return alone.
    # Of CSV: between the values of a row; whether quotes enclose values.
    delimiter: str = ","
    quoted: bool = True
    # Of CSV: the names of the columns, of a range that does not begin with them.
    columns: tuple[str, ...] | None = None
    above: int = 0  # Of CSV: lines about the table above the names of its columns.
    # Of plain text: "lines", "paragraphs" or "files"; None for a pipe, of which it is
    # determined when it is read.
    records: str | None = None
    words: int | None = (
        None  # Of plain text with a word a line: the column of the words.
    )


@dataclass(frozen=True, slots=True)
class Split:
    """A file, or a range of one; a plain value that can be sent to another process."""

    # The file as the user named it; for a file in a folder or archive, that and the
    # path in it.
    source: str
    # Where the file, or the archive that holds it, lies; "-" is the standard input.
    path: str
    # Name of a format in the registry, or "unknown" (a pipe: determined when it is
    # read).
    format: str
    compression: str | None = None  # "gzip", "bzip2", "xz", "zstd" or None.
    # The range: row groups of a "parquet", bytes of the file otherwise, before
    # decompression. -1: to the end.
    start: int = 0
    end: int = -1
    first_record: int = (
        0  # The number of the first record (in lines: line) of the range.
    )
    size: int = (
        0  # Bytes that the range takes up in the file, for progress; 0 where unknown.
    )
    # "zip" or "tar" if the file is in an archive at ``path``, and its name there;
    # ``start`` and ``end`` are places in a tar archive.
    archive: str | None = None
    member: str | None = None
    part: int = 0  # Number of the split among those of its source.
    layout: Layout = Layout()  # How its bytes are to be read.
    # Where its fields are, by the first records of its file (a Binding of
    # `provscan.readers.texts.fields` or `provscan.readers.corpus.fields`); None if it
    # can't be looked at before it is read.
    binding: Any = field(default=None, compare=False, repr=False)

    @property
    def random_access(self) -> bool:
        return self.compression is None and self.archive is None and self.end >= 0

    @property
    def plain_text(self) -> bool:
        """Whether the range of the file is the text as it is, so that lines can be read
        from any of them on.
        """
        as_is = self.compression is None and self.archive != "zip" and self.end >= 0
        return as_is and self.layout.encoding is None and not self.layout.cr


class Context(NamedTuple):
    """Counts, limits and budget of the reading of one split; ``breaks`` collects the
    reasons why it ended early.
    """

    stats: ReadStats
    limits: Limits
    breaks: list[str]
    budget: Budget
    on_bytes: Progress | None = None

    @classmethod
    def of(
        cls,
        split: Split,
        stats: ReadStats,
        limits: Limits,
        on_bytes: Progress | None = None,
    ) -> Context:
        return cls(stats, limits, [], Budget(limits, split.size), on_bytes)

    @classmethod
    def quiet(cls, limits: Limits) -> Context:
        """A context for a look at a file, whose counts are not used."""
        return cls(ReadStats(), limits, [], Budget(limits))

    def consumed(self, count: int) -> None:
        self.stats.bytes += count
        self.budget.take(count)
        if self.on_bytes is not None and count:
            self.on_bytes(count)
