"""Check that an index has exactly the files that provscan writes for its tweets.

An index may come from the other party to a dispute. An entry that was removed from a
table causes a match to be missed, and neither checksums nor bounds reveal it. The
segments are therefore rebuilt in a temporary folder and compared byte by byte.
"""

from __future__ import annotations

import filecmp
from pathlib import Path

import numpy as np

from provscan.errors import IndexFormatError, OutputError
from provscan.index.checks import check_content
from provscan.index.folder import Change
from provscan.index.format import MANIFEST, SEGMENTS, SegmentInfo
from provscan.index.ingest import write_segment
from provscan.index.reader import IndexReader
from provscan.index.segment.read import Segment
from provscan.index.segment.tweets import COMPRESSED
from provscan.params import IndexParams
from provscan.writing import temporary_folder


def check_rebuild(
    folder: Path, segment: Segment, params: IndexParams, workers: int
) -> None:
    """Rebuild a segment from its tweets, and compare the files."""
    check_content(segment, folder)
    with temporary_folder() as place:
        change = Change(place, None, set())
        tweets = segment.batches(np.arange(segment.info.tweets))
        try:
            made = write_segment(change, tweets, params, workers).info
            _compare(folder, segment, made, change.folder)
        except FileNotFoundError:  # A writer has replaced the index in the meantime.
            raise
        except OSError as error:
            raise OutputError(
                f"{folder} can't be checked in {place} ({error.strerror or error}), "
                "where the check needs as much space as building it: set TMPDIR to "
                "another folder"
            ) from error


def check_counts(reader: IndexReader) -> None:
    """Count tweets and texts, and compare the counts with the manifest."""
    for name, count in zip(("tweets", "texts"), reader.count(), strict=True):
        if count != getattr(reader, name):
            raise IndexFormatError(
                f"{reader.path / MANIFEST} counts {getattr(reader, name):,} {name}, "
                f"the segments contain {count:,}"
            )


def _compare(
    folder: Path, segment: Segment, made: SegmentInfo, temporary: Path
) -> None:
    """Compare a segment with the rebuilt one."""
    place = folder / SEGMENTS / segment.info.name
    made_place = temporary / SEGMENTS / made.name
    # Another version of Zstandard writes other bytes, in a file with another name. In
    # this case, the digest is compared, which covers the decompressed contents.
    other = frozenset() if set(made.files) == set(segment.info.files) else COMPRESSED
    for name in segment.info.files:
        if name.split(".")[0] in other:
            continue
        # Compare the bytes, since checksums may be forged.
        if name not in made.files or not filecmp.cmp(
            place / name, made_place / name, shallow=False
        ):
            raise IndexFormatError(
                f"{place / name} does not match a rebuild from its tweets, though its "
                "checksum is right: it was forged, or written by another version of "
                "provscan. Build the index again"
            )
    dead = segment.info.tombstones
    if made.digest != segment.info.digest or (
        dead and dead.digest != segment.digest(segment.forgotten)
    ):
        raise IndexFormatError(
            f"{folder / MANIFEST} does not match the tweets of segment "
            f"{segment.info.name}, or those forgotten in it: it was changed, or one of "
            "the segment's files was. Build the index again"
        )
