"""Disk and memory that merging segments needs, known before it starts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from provscan.errors import OutputError
from provscan.index.format import SegmentInfo
from provscan.index.segment.postings import SPILL_ENTRIES

# Bytes in memory of each tweet of a segment that is being written, of three tables'
# entries that wait, with room to sort them, and of all else.
TWEET_BYTES = 160
TABLES_BYTES = 3 * 2 * 8 * SPILL_ENTRIES
OTHER_BYTES = 100 << 20


class Needs(NamedTuple):
    """What a merge needs at most."""

    segments: int  # How many are rewritten.
    # Bytes, beside what the index takes now.
    disk: int
    memory: int


def needs_of(group: Sequence[SegmentInfo]) -> Needs:
    """What one segment in place of a group needs: itself, and twice as much that waits
    to be sorted and packed.
    """
    size, tweets = sum(info.bytes for info in group), sum(info.tweets for info in group)
    return Needs(
        len(group),
        3 * size,
        TWEET_BYTES * tweets + min(TABLES_BYTES, 3 * size) + OTHER_BYTES,
    )


def require_room(folder: Path, needs: Needs) -> None:
    """Raise :class:`~provscan.errors.OutputError` if the machine has less disk or
    memory than is needed.
    """
    for what, needed, free in (
        ("on disk", needs.disk, shutil.disk_usage(folder).free),
        ("of memory", needs.memory, available_memory()),
    ):
        if free is not None and needed > free:
            raise OutputError(
                f"merging {needs.segments} segments of {folder} needs up to {needed:,} "
                f"bytes {what}, but only {free:,} "
                "are free: free some, or leave the segments as they are"
            )


def available_memory() -> int | None:
    """Bytes that the system can give without swapping; ``None`` where it does not
    say.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [
        int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")
    ]
    return found[0] if found else None
