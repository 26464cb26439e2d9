"""Samples of files: which files, or ranges of files, are scanned.

A sample of records requires reading all files; a sample of files requires reading only
those that are scanned. A sample of files is a simple random sample, without
replacement, of the splits of a plan (files, ranges of row groups of a Parquet file,
ranges of bytes of uncompressed lines), so each split is equally likely to be drawn,
whatever its size.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from math import ceil

import xxhash

from provscan import readers
from provscan.errors import ParameterError
from provscan.options import MatchOptions
from provscan.readers import STDIN, UNKNOWN, Fields, Split
from provscan.readers.bytes.files import readable

# Number of splits in a sample; the dataset is divided accordingly, if possible. Each
# split requires opening a file, but differences between few splits are measured poorly.
SPLITS = 300
# With fewer splits in the sample, records are drawn instead unless files are requested,
# since the limits from a few files are too wide to be useful.
ENOUGH = 50
# Minimum number of splits, since a single split says nothing about differences.
LEAST = 2
# Number of bytes at each end of a file that identify it.
ENDS = 4096


@dataclass(frozen=True)
class FileSample:
    """The parts of a dataset that are in a sample of files, and the other parts."""

    splits: list[Split]  # Splits in the sample, in the order of the plan.
    rest: list[Split]  # All other splits.
    # Named files that can't be read, and ignored files: path and reason.
    unread: list[tuple[str, str]]
    ignored: list[tuple[str, str]]

    @property
    def ranges(self) -> list[list[str | int]]:
        """The source, start and end of each split in the sample."""
        return [[split.source, split.start, split.end] for split in self.splits]

    @property
    def sizes(self) -> tuple[list[int], list[int]]:
        """The bytes of each split in the sample, and of each other split."""
        inside, outside = (
            [split.size for split in splits] for splits in (self.splits, self.rest)
        )
        return inside, outside


def draw_files(
    named: list[str] | None, options: MatchOptions, fields: Fields
) -> FileSample | None:
    """Return the splits to scan; None if a sample of records is drawn instead, or no
    sample at all.

    By default files are drawn if the sample would contain at least :data:`ENOUGH`
    splits. ``named`` is None for data in memory.
    """
    share, by = options.sample, options.sample_by
    if share is None or by == "records" or (by is None and share >= 1.0):
        return None
    instead = "leave sample_by out, or give 'records'"
    if named is None or STDIN in named:
        if by == "files":
            what = "data in memory" if named is None else "the standard input"
            raise ParameterError(
                f"sample_by='files' needs files, and can't be done with {what}: "
                f"{instead}"
            )
        return None
    parts = ceil(SPLITS / share)
    plan = readers.plan(
        named, fields, parts=parts, records=options.records, encoding=options.encoding
    )
    pipes = [split.source for split in plan if split.format == UNKNOWN]
    # Leave out empty splits.
    splits = [split for split in plan if split.size > 0]
    count = max(1, round(share * len(splits)))
    if by is None and (pipes or count < ENOUGH):
        # A sample of records uses the usual splits. Planning them takes little time
        # compared with reading all files.
        return None
    if pipes:
        raise ParameterError(
            f"sample_by='files' needs files, and {pipes[0]} is a pipe: {instead}"
        )
    if min(count, len(splits)) < LEAST:
        raise ParameterError(
            f"sample={share!r} of {len(splits)} parts is too few to sample files "
            "(parts are files, row groups of Parquet, ranges of 1 MiB and more of "
            f"uncompressed lines; the sample must contain at least {LEAST}): give a "
            f"larger sample, or {instead}"
        )
    keys = _sample_keys(splits, options.seed)
    chosen = set(
        sorted(range(len(splits)), key=lambda number: (keys[number], number))[:count]
    )
    return FileSample(
        [split for number, split in enumerate(splits) if number in chosen],
        [split for number, split in enumerate(splits) if number not in chosen],
        plan.unread,
        plan.ignored,
    )


def _sample_keys(splits: list[Split], seed: int) -> list[int]:
    """Return a random number for each split, which depends on its file (size and both
    ends), its range and the seed.

    The first, second and further copies of a file get different numbers, so that they
    are not all drawn or left out together. The order of the files decides which copy
    gets which number, and so changes only which copies are named in the sample.
    """
    ends: dict[str, bytes] = {}
    seen: Counter[bytes] = Counter()
    keys = []
    for split in splits:
        if split.path not in ends:
            ends[split.path] = _ends(split.path)
        content = b"%s %d %d %d" % (
            ends[split.path],
            split.start,
            split.end,
            split.first_record,
        )
        keys.append(xxhash.xxh3_64_intdigest(b"%s %d" % (content, seen[content]), seed))
        seen[content] += 1
    return keys


def _ends(path: str) -> bytes:
    """Return the size of a file and the bytes at both of its ends."""
    with readable(path), readers.open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(ENDS)
        file.seek(max(0, size - ENDS))
        return b"%d %s %s" % (size, head, file.read(ENDS))
