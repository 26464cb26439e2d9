"""What to read: files and parts of files.

:func:`provscan.readers.plan` makes splits, :func:`provscan.readers.read` reads one. A split is a plain value, so
it can be sent to another process or machine that sees the same files.
"""

from __future__ import annotations

from dataclasses import dataclass

STDIN = "-"

# The format of what can't be looked at before it is read, such as a pipe.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Split:
    """A file, or a range of one.

    Attributes
    ----------
    source
        The file as the user named it; for a file in a folder, the folder as named and the path in it.
    path
        Where the file lies; "-" is the standard input.
    format
        "jsonl", "json" (one array), "text", "csv", "tsv", "parquet", "arrow", "arrows" (the streaming form) or
        "unknown" (a pipe: JSON lines, JSON or text, told apart when it is read).
    compression
        "gzip", "zstd" or None.
    start, end
        The range: bytes of an uncompressed "jsonl" or "text", row groups of a "parquet"; otherwise the whole
        file, in bytes. A pipe ends nowhere: -1.
    first_record
        The number of the first record (in "jsonl" and "text": line) of the range.
    size
        Bytes that the range takes up in the file, for progress; 0 where unknown.
    """

    source: str
    path: str
    format: str
    compression: str | None
    start: int
    end: int
    first_record: int
    size: int


class Plan(list[Split]):
    """The splits, in the order of their records.

    Attributes
    ----------
    unread
        Everything the user named that will not be read: (path, reason).
    ignored
        What was left out because it holds no records: (path, reason); hidden files, metadata of a dataset.
    """

    def __init__(self, splits: list[Split], skipped: list[tuple[str, str]]) -> None:
        super().__init__(splits)
        self.unread = [item for item in skipped if "known kind" in item[1]]
        self.ignored = [item for item in skipped if item not in self.unread]
        self.skipped = skipped
