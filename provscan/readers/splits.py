"""The values that planning, bytes and formats share: what is read and how it is read.

A :class:`Split` is a file or a range of a file. A :class:`Layout` says how its bytes
are to be read. A :class:`Context` holds the counts, limits and budget for reading it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provscan.errors import InputError
from provscan.readers.bytes.budget import Budget
from provscan.readers.fields.binding import Binding
from provscan.readers.limits import Limits
from provscan.readers.stats import ReadStats

STDIN = "-"
# The source that messages and results name for data in memory.
MEMORY = "<memory>"

# The format of a pipe, which can't be inspected before it is read.
UNKNOWN = "unknown"

OnBytes = Callable[[int], None]


class NotReadable(InputError):
    """A file or a member of an archive can't be read. The reason becomes an entry of
    ``ReadPlan.unread``.
    """


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bytes of a text file are to be read."""

    encoding: str | None = None  # The encoding if it is not UTF-8.
    cr: bool = False  # Lines end with a lone carriage return.
    # For CSV: the delimiter; whether quotes enclose values.
    delimiter: str = ","
    quoted: bool = True
    # For plain text: "lines", "paragraphs" or "files"; None for a pipe, where it is
    # determined while reading.
    records: str | None = None
    # For plain text that is read by lines: whether these may be parts of longer texts.
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """A file or a range of a file; a plain value that can be sent to another
    process.
    """

    # The file as the user named it; for a file in a folder or archive, the folder or
    # archive followed by the path within it.
    source: str
    # The path of the file, or of the archive that contains it; "-" is the standard
    # input.
    path: str
    # The name of a format in the registry, or "unknown" for a pipe, whose format is
    # determined while reading.
    format: str
    compression: str | None = None  # Its name, such as "gzip".
    # The range that is read, from ``start`` up to ``end``; -1 is the end of the file.
    # The unit depends on the file:
    # - in general, bytes of the file before it is decompressed;
    # - for a file in a tar archive, bytes of the decompressed archive;
    # - for a part of a "parquet" file, row groups. The range of a whole file is bytes.
    start: int = 0
    end: int = -1
    first_record: int = 0  # Position of the range's first record (or line), from 0.
    # The number of bytes in the range, for progress; 0 if unknown. For a member of an
    # archive, this is the size after it was taken from the archive.
    size: int = 0
    # "zip" or "tar" if the file is in an archive at ``path``.
    archive: str | None = None
    member: str | None = None  # The name of the file in that archive.
    # For a compressed tar archive: its compression, and the path of a decompressed
    # copy.
    packed: str | None = None
    copy: str | None = field(default=None, compare=False, repr=False)
    part: int = 0  # Position of the split within its source, from 0.
    layout: Layout = Layout()  # How the bytes are to be read.
    # The fields, determined from the file's first records; None for a pipe, which can't
    # be inspected before it is read, and for a corpus of nested tweets.
    binding: Binding | None = field(default=None, compare=False, repr=False)

    @property
    def opened(self) -> str:
        """The path of the file that is opened to read the bytes."""
        return self.copy or self.path

    @property
    def random_access(self) -> bool:
        """Whether the file can be opened at ``path`` and read from any byte on."""
        return self.compression is None and self.archive is None and self.end >= 0

    @property
    def plain_text(self) -> bool:
        """Whether the file is uncompressed UTF-8 text with newlines, so that it can be
        cut at any line.
        """
        as_is = self.compression is None and self.end >= 0
        return as_is and self.layout.encoding is None and not self.layout.cr


@dataclass(slots=True)
class Context:
    """The counts, limits and budget with which one split is read, and the reason if
    reading ended early.
    """

    stats: ReadStats
    limits: Limits
    budget: Budget
    on_bytes: OnBytes | None = None
    damage: str | None = None

    @classmethod
    def of(
        cls,
        split: Split,
        stats: ReadStats,
        limits: Limits,
        on_bytes: OnBytes | None = None,
    ) -> Context:
        return cls(stats, limits, Budget(limits, split.size), on_bytes)

    @classmethod
    def quiet(cls, limits: Limits) -> Context:
        """Return a context for inspecting a file; its counts are discarded."""
        return cls(ReadStats(), limits, Budget(limits))

    def break_off(self, reason: str) -> None:
        """Note the reason why the file ends here, unless one is known."""
        self.damage = self.damage or reason

    def consumed(self, count: int) -> None:
        self.stats.bytes += count
        self.budget.take(count)
        if self.on_bytes is not None and count:
            self.on_bytes(count)
