"""Samples of whole parts of a dataset: which files, or ranges of files, are scanned.

A sample of records reads everything, one of whole parts reads what it scans. A part is a split of the plan: a file, a
range of row groups of a Parquet file, a range of bytes of uncompressed lines. Drawn is a simple random sample of them
without replacement, so that every part has the same chance, be it large or small.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import xxhash

from provscan import readers
from provscan.errors import ParameterError
from provscan.estimate import Clusters
from provscan.matching.task import SplitResult
from provscan.readers import STDIN, UNKNOWN, Split

# Parts that a sample should hold; the dataset is cut accordingly, where it can be cut. More parts cost a file each to
# open, fewer tell less of how much they differ.
PARTS = 300
# With fewer, a sample of records is drawn unless files are asked for. As benchmarks/coverage_estimators.py measures
# (--only files), intervals from 20 parts hold the truth as well, but where files differ they are so wide as to say
# little; from 50 on they cover what they should at a size that is of use.
FEWEST = 50
# A single part tells nothing of how much parts differ.
LEAST = 2


@dataclass(frozen=True)
class Drawn:
    """A sample of the parts of a plan.

    Attributes
    ----------
    splits
        Those drawn, in the order of the plan.
    rest
        Those that were not.
    """

    splits: list[Split]
    rest: list[Split]

    @property
    def parts(self) -> list[list[str | int]]:
        """Source, start and end of each drawn part, as in :class:`~provscan.readers.Split`."""
        return [[split.source, split.start, split.end] for split in self.splits]

    def scanned(self) -> dict[str, int]:
        """Bytes drawn of each path, also of those of which there are none."""
        found = dict.fromkeys((split.path for split in self.rest), 0)
        for split in self.splits:
            found[split.path] = found.get(split.path, 0) + split.size
        return found

    def clusters(self, results: Sequence[SplitResult]) -> Clusters:
        """What the scan of the drawn parts left behind, as the estimate needs it."""
        return Clusters(
            np.array([split.size for split in self.splits], np.float64),
            np.array([result.records for result in results], np.float64),
            np.array([result.characters for result in results], np.float64),
            np.array([split.size for split in self.rest], np.float64),
        )


def draw(
    named: list[str] | None, fields: readers.Fields, share: float | None, by: str | None, seed: int
) -> Drawn | None:
    """The parts to scan; None where records are to be drawn instead, or nothing is.

    Parameters
    ----------
    named
        Paths; None for data in memory.
    share
        Share of the parts to draw.
    by
        "files", "records", or None to choose: files where at least :data:`FEWEST` parts would be drawn.

    Raises
    ------
    ParameterError
        Files are asked for, and there are none, or too few parts of them.
    """
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
            raise ParameterError(f"sample_by='files' needs files, and can't be done with {what}: {instead}")
        return None
    plan = readers.plan(named, fields, parts=ceil(PARTS / share))
    pipes = [split.source for split in plan if split.format == UNKNOWN]
    # What holds not one byte is neither read nor missed.
    parts = [split for split in plan if split.size > 0]
    count = max(1, round(share * len(parts)))
    if by is None and (pipes or count < FEWEST):
        # The records are then read in the usual splits, which takes a second plan: little beside reading everything.
        return None
    if pipes:
        raise ParameterError(f"sample_by='files' needs files, and {pipes[0]} is a pipe: {instead}")
    if min(count, len(parts)) < LEAST:
        raise ParameterError(
            f"sample={share!r} of {len(parts)} parts is too few to draw files (parts are files, row groups of Parquet, "
            f"ranges of 1 MiB and more of uncompressed lines; at least {LEAST} must be drawn): "
            f"give a larger sample, or {instead}"
        )
    lots = _lots(parts, seed)
    chosen = set(sorted(range(len(parts)), key=lambda number: (lots[number], number))[:count])
    return Drawn(
        [part for number, part in enumerate(parts) if number in chosen],
        [part for number, part in enumerate(parts) if number not in chosen],
    )


def _lots(parts: list[Split], seed: int) -> list[int]:
    """A random number for each part, by the name of its file without the folder, its start, its size and the seed.

    Parts that are equal in all of these, files of one name and size in several folders, are told apart by their
    order: they must not be drawn all together or not at all.
    """
    seen: Counter[tuple[str, int, int]] = Counter()
    result = []
    for part in parts:
        key = (os.path.basename(part.source), part.start, part.size)
        text = "\0".join(map(str, (*key, seen[key])))
        seen[key] += 1
        result.append(xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), seed))
    return result


def told_sample(
    asked: float, drawn: Drawn | None, results: Sequence[SplitResult], estimate: dict[str, Any]
) -> dict[str, Any]:
    """``sample`` of ``summary.json``; parts and their design effect are null in a sample of records."""
    if drawn is None:
        records, read = sum(result.records for result in results), sum(result.stats.records for result in results)
        share = records / read if read else asked
        return {
            "by": "records", "share": share, "asked": asked, "parts": None, "parts_in_all": None, "design_effect": None,
        }  # fmt: skip
    scanned, rest = (sum(split.size for split in some) for some in (drawn.splits, drawn.rest))
    return {
        "by": "files",
        "share": scanned / (scanned + rest),
        "asked": asked,
        "parts": len(drawn.splits),
        "parts_in_all": len(drawn.splits) + len(drawn.rest),
        "design_effect": estimate["records"]["raw"].get("design_effect"),
    }
