"""Forget tweets: list their rows in tombstones, so that readers ignore them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import distinct
from provscan.index.folder import Change, changing
from provscan.index.format import (
    MANIFEST,
    TOMBSTONES,
    SegmentInfo,
    Tombstones,
    read_manifest,
)
from provscan.index.merges import purged_ids
from provscan.index.opening import open_reader
from provscan.index.reader import IndexReader
from provscan.index.segment.read import Segment, read_tombstones
from provscan.index.segment.strings import Strings
from provscan.text_buffers import buffers


@dataclass(frozen=True)
class Forgotten:
    tweets: int  # The number of tweets forgotten by this call.
    texts: int  # The number of texts that have no tweet left.
    unknown: int  # The number of given ids without a tweet in the index.
    unknown_authors: int  # The number of given authors without a tweet in the index.
    ids: pa.Array  # The ids of the tweets.


def forget(
    target: Path, ids: pa.Array, authors: pa.Array, *, dry_run: bool = False
) -> Forgotten:
    """Mark the tweets with one of the ids or authors as forgotten. A dry run only
    counts them.
    """
    if dry_run:
        return _choose(open_reader(target), ids, authors)[0]
    with changing(target, "change") as change:
        before = open_reader(target)
        found, rows = _choose(before, ids, authors)
        if found.tweets:
            infos = tuple(
                _with_tombstones(change, segment, gone)
                for segment, gone in zip(before.segments, rows, strict=True)
            )
            change.commit(
                replace(
                    before.manifest,
                    segments=infos,
                    texts=before.texts - found.texts,
                    tweets=before.tweets - found.tweets,
                    generation=change.generation,
                )
            )
    return found


def forgotten_ids(target: Path) -> pa.Array:
    """Return the ids of all tweets that an index has forgotten, also of those that were
    purged; empty if there is no index.
    """
    none = pa.array([], pa.large_string())
    if not (target / MANIFEST).is_file():
        return none
    manifest = read_manifest(target)
    found = [purged_ids(target, manifest).cast(none.type)]
    if any(info.tombstones for info in manifest.segments):
        found += [
            segment.tweets.ids.take(segment.forgotten).array().cast(none.type)
            for segment in open_reader(target, check="lengths").segments
        ]
    return pa.concat_arrays(found)


def _choose(
    reader: IndexReader, ids: pa.Array, authors: pa.Array
) -> tuple[Forgotten, list[np.ndarray]]:
    """Return the counts of the tweets to forget, and their rows in each segment."""
    # A tweet with several texts may have its author in only some of its rows. Forget
    # all its rows.
    authors_ids = [
        segment.tweets.ids.take(_rows_by(segment, authors)).array()
        for segment in reader.segments
    ]
    wanted = pa.concat_arrays([ids.cast(pa.large_string()), *authors_ids])
    rows = [
        segment.living_among(segment.tweets.ids.rows_of(wanted))
        for segment in reader.segments
    ]
    none = pa.array([], pa.large_string())
    found_ids, found_authors, texts = [none], [none], [none]
    after = []
    for segment, new in zip(reader.segments, rows, strict=True):
        found_ids.append(segment.tweets.ids.take(new).array())
        found_authors.append(segment.tweets.author.take(new).cast(pa.large_string()))
        texts.append(segment.texts.take(distinct(segment.texts_of(new))).array())
        forgotten = np.union1d(segment.forgotten, new)
        after.append(replace(segment, forgotten=forgotten))
    # Find the texts that still have a tweet in any segment.
    strings = Strings(*buffers(pa.concat_arrays(texts).unique()))
    left = np.zeros(len(strings), np.bool_)
    for segment in after:
        left |= segment.equal_texts(strings) >= 0
    gone_ids = pa.concat_arrays(found_ids).unique()
    result = Forgotten(
        len(gone_ids),
        int(np.count_nonzero(~left)),
        _missing(ids, gone_ids),
        _missing(authors, pa.concat_arrays(found_authors)),
        gone_ids,
    )
    return result, rows


def _rows_by(segment: Segment, authors: pa.Array) -> np.ndarray:
    """Return the rows, ascending, of the authors' tweets that are not forgotten yet."""
    names = segment.tweets.author.values.array()
    wanted = pc.is_in(names, value_set=authors.cast(names.type)).to_numpy(
        zero_copy_only=False
    )
    rows = (
        np.flatnonzero(wanted[segment.tweets.author.codes.all()])
        if wanted.any()
        else np.zeros(0, np.int64)
    )
    return segment.living_among(rows)


def _missing(values: pa.Array, found: pa.Array) -> int:
    """Return the number of distinct values that are not in ``found``."""
    return pc.invert(
        pc.is_in(values.unique(), value_set=found.cast(values.type))
    ).true_count


def _with_tombstones(change: Change, segment: Segment, rows: np.ndarray) -> SegmentInfo:
    """Return a segment's entry in the manifest, with ``rows`` added to its forgotten
    rows.
    """
    if len(rows) == 0:
        return segment.info
    now = int(datetime.now(UTC).timestamp() * 1000)
    old = read_tombstones(change.folder, segment.info)
    stones = np.concatenate([old, np.stack([rows, np.full(len(rows), now)], axis=1)])
    stones = np.ascontiguousarray(stones[np.argsort(stones[:, 0])], "<i8")
    name = f"{segment.info.name}-{change.generation:06}"
    info = change.write(TOMBSTONES, name, stones.tobytes())
    digest = segment.digest(stones[:, 0])
    tombstones = Tombstones(info.bytes, info.xxh3, name, len(stones), digest)
    return replace(segment.info, tombstones=tombstones)
