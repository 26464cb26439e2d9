"""Forget tweets: tombstones name their rows, and no reader finds these any more."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import distinct
from provscan.index.folder import Change, changing
from provscan.index.format import (
    SEGMENTS,
    TOMBSTONES,
    Manifest,
    SegmentInfo,
    Tombstones,
    read_manifest,
)
from provscan.index.opening import open_reader
from provscan.index.segment.read import Segment, open_segment, read_tombstones
from provscan.index.segment.texts import Strings
from provscan.text_buffers import buffers


@dataclass(frozen=True)
class Forgotten:
    # Tweets that are forgotten now, and texts of which no tweet is left.
    tweets: int
    texts: int
    # Ids that the index does not hold, or no longer; authors of whom it holds no tweet.
    unknown: int
    unknown_authors: int


def forget(
    target: Path, ids: pa.Array, authors: pa.Array, *, dry_run: bool = False
) -> Forgotten:
    """Mark tweets with one of the ids or of the authors as forgotten."""
    with _trial(target) if dry_run else changing(target, "change") as change:
        before = open_reader(target)
        now = int(datetime.now(UTC).timestamp() * 1000)
        # A tweet with several texts, in several shards perhaps, may have its author in
        # some rows only: it goes as a whole.
        theirs = [
            segment.tweets.ids.take(_rows_by(segment, authors)).array()
            for segment in before.segments
        ]
        wanted = pa.concat_arrays([ids.cast(pa.large_string()), *theirs])
        infos, found_ids, found_authors, texts = [], [], [], []
        for segment in before.segments:
            info = segment.info
            rows = segment.living_among(segment.tweets.ids.among(wanted))
            if len(rows):
                found_ids.append(segment.tweets.ids.take(rows).array())
                found_authors.append(
                    segment.tweets.author.take(rows).cast(pa.large_string())
                )
                texts.append(segment.texts.take(distinct(segment.texts_of(rows))))
                info = _with_tombstones(change, segment, rows, now)
            infos.append(info)
        manifest = replace(
            before.manifest, segments=tuple(infos), generation=change.generation
        )
        found = pa.chunked_array(found_ids, pa.large_string()).unique()
        gone = _gone_texts(change.folder, manifest, texts) if texts else 0
        known_authors = pa.chunked_array(found_authors, pa.large_string()).unique()
        if len(found) and not dry_run:
            change.commit(
                replace(
                    manifest,
                    texts=before.texts - gone,
                    tweets=before.tweets - len(found),
                )
            )
    return Forgotten(
        len(found), gone, _others(ids, found), _others(authors, known_authors)
    )


@contextlib.contextmanager
def _trial(target: Path) -> Iterator[Change]:
    """A change that is written elsewhere and comes to nothing, so that the index may be
    read-only.
    """
    place = Path(os.path.realpath(target))
    manifest = read_manifest(place)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / SEGMENTS).symlink_to(place / SEGMENTS)
        if (place / TOMBSTONES).exists():
            shutil.copytree(place / TOMBSTONES, Path(name) / TOMBSTONES)
        yield Change(Path(name), manifest, set())


def _rows_by(segment: Segment, authors: pa.Array) -> np.ndarray:
    """Rows of tweets of some authors that are not forgotten yet, ascending."""
    names = segment.tweets.author.values.array()
    meant = pc.is_in(names, value_set=authors.cast(names.type)).to_numpy(
        zero_copy_only=False
    )
    rows = (
        np.flatnonzero(meant[segment.tweets.author.codes.all()])
        if meant.any()
        else np.zeros(0, np.int64)
    )
    return segment.living_among(rows)


def _others(asked: pa.Array, found: pa.Array) -> int:
    """How many different values were asked for and not found."""
    return pc.invert(
        pc.is_in(asked.unique(), value_set=found.cast(asked.type))
    ).true_count


def _with_tombstones(
    change: Change, segment: Segment, rows: np.ndarray, now: int
) -> SegmentInfo:
    """What the manifest says of a segment with more forgotten rows."""
    old = read_tombstones(change.folder, segment.info)
    stones = np.concatenate([old, np.stack([rows, np.full(len(rows), now)], axis=1)])
    stones = np.ascontiguousarray(stones[np.argsort(stones[:, 0])], "<i8")
    name = f"{segment.info.name}-{change.generation:06}"
    info = change.write(TOMBSTONES, name, stones.tobytes())
    return replace(
        segment.info,
        tombstones=Tombstones(name, info, len(stones), segment.digest(stones[:, 0])),
    )


def _gone_texts(folder: Path, manifest: Manifest, texts: list[Strings]) -> int:
    """How many of some texts have no tweet left."""
    strings = pa.concat_arrays([part.array() for part in texts]).unique()
    found = np.zeros(len(strings), np.bool_)
    for info in manifest.segments:
        segment = open_segment(folder, info, manifest.index_params)
        found |= segment.equal_texts(Strings(*buffers(strings))) >= 0
    return int(np.count_nonzero(~found))
