"""Samples of files: which files, or ranges of files, are scanned.

A sample of records reads everything, a sample of files reads only what it scans. It is
a simple random sample of the splits of a plan (a file, a range of row groups of a
Parquet file, a range of bytes of uncompressed lines) without replacement, so that each
is as likely as any other, be it large or small.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
import xxhash

from provscan import readers
from provscan.errors import ParameterError
from provscan.estimate.design_effect import DrawnParts
from provscan.estimate.layers import written
from provscan.estimate.limits import Factor, exactly, thinned
from provscan.matching.parts import PartResult
from provscan.matching.task import Sampling
from provscan.readers import STDIN, UNKNOWN, Split
from provscan.readers.bytes.files import readable
from provscan.runs.matched import Sum
from provscan.runs.options import Options

# Splits that a sample should hold; the dataset is cut accordingly, where it can be cut.
# More splits cost a file each to open, fewer tell less of how much they differ.
SPLITS = 300
# With fewer, a sample of records is drawn unless files are asked for: where few files
# differ, limits are so wide as to say little.
FEWEST = 50
# A single split says nothing about how much splits differ.
LEAST = 2
# Bytes at each end of a file that identify it.
ENDS = 4096


@dataclass(frozen=True)
class FileSample:
    splits: list[Split]  # Those in the sample, in the order of the plan.
    rest: list[Split]  # All others.
    unread: list[
        tuple[str, str]
    ]  # What the user named and can't be read: path and reason.
    ignored: list[tuple[str, str]]  # What was passed over: path and reason.

    @property
    def ranges(self) -> list[list[str | int]]:
        """Source, start and end of each split in the sample."""
        return [[split.source, split.start, split.end] for split in self.splits]

    def drawn_parts(self, parts: Sequence[PartResult]) -> DrawnParts:
        """The counts of the parts, one a split, as the estimate needs them."""
        return DrawnParts(
            np.array([split.size for split in self.splits], np.float64),
            np.array([part.records for part in parts], np.float64),
            np.array([split.size for split in self.rest], np.float64),
        )

    def projected(self, parts: Sequence[PartResult], unit: str) -> Factor:
        """The records or the characters of the whole dataset."""
        return self.drawn_parts(parts).projected(
            np.array([getattr(part, unit) for part in parts], np.float64)
        )


@dataclass(frozen=True)
class Extent:
    """What was scanned of a dataset, and what that says of all of it."""

    results: list[PartResult]
    sampling: Sampling
    drawn: FileSample | None  # The splits of the results, where they are a sample.

    @property
    def records(self) -> int:
        return sum(result.records for result in self.results)

    @property
    def characters(self) -> int:
        return sum(result.characters for result in self.results)

    @cached_property
    def all_records(self) -> Factor:
        """Records of the whole dataset; of a sample of files they are a projection."""
        known = exactly(self.records / self.fraction)
        return (
            known
            if self.drawn is None
            else self.drawn.projected(self.results, "records")
        )

    @cached_property
    def all_characters(self) -> Factor:
        """Code points of the whole dataset; of any sample they are a projection."""
        if self.drawn is not None:
            return self.drawn.projected(self.results, "characters")
        unit = sum(result.squares for result in self.results) / max(1, self.characters)
        return Factor(
            self.characters / self.fraction,
            *thinned(self.characters, self.fraction, effect=max(1.0, unit)),
        )

    @cached_property
    def fraction(self) -> float:
        """Share of the dataset, in records or, of a sample of files, in their sizes."""
        if self.drawn is not None:
            return self.drawn.drawn_parts(self.results).fraction
        read = sum(result.stats.records for result in self.results)
        return self.records / max(1, read) if self.sampling.fraction < 1.0 else 1.0

    @property
    def sampled(self) -> bool:
        return self.fraction < 1.0

    def design_effect(self, found: Sum) -> float:
        """By how much a sample of files makes the variance of what was found larger; 1
        without one.
        """
        if self.drawn is None:
            return 1.0
        return self.drawn.drawn_parts(self.results).design_effect(
            found.records.astype(np.float64)
        )


def draw_files(named: list[str] | None, options: Options) -> FileSample | None:
    """The splits to scan; None where a sample of records is drawn instead, or none at
    all.

    By default files are drawn where the sample would hold :data:`FEWEST` splits or
    more. `named` is None for data in memory.
    """
    share, by = options.sample, options.sample_by
    if by not in (None, "records", "files"):
        raise ParameterError(f"sample_by must be 'records' or 'files', not {by!r}")
    if share is None:
        if by is not None:
            raise ParameterError("sample_by needs sample, the share to scan")
        return None
    if by == "records" or (by is None and share >= 1.0):
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
        named,
        options.fields,
        parts=parts,
        records=options.records,
        encoding=options.encoding,
    )
    pipes = [split.source for split in plan if split.format == UNKNOWN]
    # An empty split is neither read nor missed.
    splits = [split for split in plan if split.size > 0]
    count = max(1, round(share * len(splits)))
    if by is None and (pipes or count < FEWEST):
        # The records are then read in the usual splits, which takes a second plan:
        # little beside reading everything.
        return None
    if pipes:
        raise ParameterError(
            f"sample_by='files' needs files, and {pipes[0]} is a pipe: {instead}"
        )
    if min(count, len(splits)) < LEAST:
        raise ParameterError(
            f"sample={share!r} of {len(splits)} parts is too few to sample files "
            "(parts are files, row groups of Parquet, ranges of 1 MiB and more of "
            f"uncompressed lines; the sample must hold at least {LEAST}): give a "
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
    """A random number for each split, by what its file holds (size and both ends), its
    range and the seed.

    Copies of a file are distinguished by their order, which changes nothing about the
    sample but the names in it: they must not be drawn all together or not at all.
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
    """The size of a file and what stands at both of its ends."""
    with readable(path), readers.open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(ENDS)
        file.seek(max(0, size - ENDS))
        return b"%d %s %s" % (size, head, file.read(ENDS))


def describe_sample(
    asked: float,
    sample: FileSample | None,
    parts: Sequence[PartResult],
    design_effect: float,
    records: Factor,
) -> dict[str, Any]:
    """What ``summary.json`` says of a sample; `records` are those of the whole
    dataset.
    """
    if sample is None:
        scanned, read = (
            sum(part.records for part in parts),
            sum(part.stats.records for part in parts),
        )
        share = scanned / read if read else asked
        return {
            "by": "records",
            "share": share,
            "asked": asked,
            "parts": None,
            "parts_in_all": None,
        }
    drawn, rest = (
        sum(split.size for split in group) for group in (sample.splits, sample.rest)
    )
    return {
        "by": "files",
        "share": drawn / (drawn + rest),
        "asked": asked,
        "parts": len(sample.splits),
        "parts_in_all": len(sample.splits) + len(sample.rest),
        "design_effect": design_effect,
        "records": {
            name: written(getattr(records, name)) for name in ("value", "low", "high")
        },
    }
