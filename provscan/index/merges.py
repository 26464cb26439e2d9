"""Merge segments, and purge forgotten tweets from the files. Each purge is recorded in
a file that the manifest lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from provscan.index.folder import Change, changing
from provscan.index.format import PURGES, Manifest, Purge, SegmentInfo
from provscan.index.ingest import write_segment
from provscan.index.opening import open_reader, open_written
from provscan.index.reader import IndexReader
from provscan.index.segment.read import Segment, open_segment, read_tombstones

# The minimum number of segments that are merged when tweets are added.
FAN_OUT = 4


def merge(target: Path, *, workers: int = 1) -> IndexReader:
    """Merge all segments into one, and purge forgotten tweets."""
    with changing(target, "change") as change:
        manifest = open_reader(target).manifest
        groups = _to_merge(manifest)
        merged = replace(manifest.with_seed_length(), generation=change.generation)
        for group in groups:
            merged = _merged(change, merged, group, workers)
        if groups:
            change.commit(merged)
        return open_written(target)


def _to_merge(manifest: Manifest) -> list[list[SegmentInfo]]:
    """Return groups of segments. A group becomes one segment."""
    infos = list(manifest.segments)
    forgotten = any(info.tombstones for info in infos)
    due = manifest.with_seed_length().seed_length != manifest.seed_length
    return [infos] if len(infos) > 1 or forgotten or due else []


def with_merges_due(change: Change, manifest: Manifest, workers: int) -> Manifest:
    """Merge segments as necessary after tweets were added, and return the new manifest.
    All segments are merged if the index has grown so much that it needs longer seeds.
    """
    due, groups = manifest.with_seed_length(), [_due(manifest)]
    assert due.seed_length is not None
    assert manifest.seed_length is not None
    if due.seed_length > manifest.seed_length:
        manifest, groups = due, [list(manifest.segments)]
    for group in groups:
        if group:
            manifest = _merged(change, manifest, group, workers)
    return manifest


def _due(manifest: Manifest) -> list[SegmentInfo]:
    """Return the segments to merge after tweets were added.

    The smallest segments are merged: at least FAN_OUT, and as many as possible, while
    the largest of them has no more texts than the others in total. A text is therefore
    rewritten about once each time the index doubles in size.
    """
    infos = sorted(manifest.segments, key=lambda info: (info.texts, info.name))
    texts = [info.texts for info in infos]
    for count in range(len(infos), FAN_OUT - 1, -1):
        smaller = sum(texts[: count - 1])
        if texts[count - 1] <= smaller:
            return infos[:count]
    return []


def _merged(
    change: Change, manifest: Manifest, group: list[SegmentInfo], workers: int
) -> Manifest:
    """Merge a group (see :func:`_to_merge`), and return the new manifest. The group's
    forgotten tweets are purged and recorded.
    """
    old = [open_segment(change.folder, info, manifest.index_params) for info in group]
    tweets = (
        batch for segment in old for batch in segment.batches(segment.living_rows)
    )
    new = write_segment(change, tweets, manifest.index_params, workers).info
    segments = [info for info in manifest.segments if info not in group]
    if new.tweets or not segments:
        segments.append(new)
    purges = dict(manifest.purges)
    if any(info.tombstones for info in group):
        name = f"{manifest.generation:06}.json"
        parts = purge_records(change.folder, [name] if name in purges else [])
        parts.append(_purge_record(change.folder, old, new))
        info = change.write(PURGES, name, json.dumps(parts, indent=1).encode())
        count = sum(len(part["tweets"]) for part in parts)
        purges[name] = Purge(info.bytes, info.xxh3, parts[-1]["purged"], count)
    return replace(manifest, segments=tuple(segments), purges=purges)


def purge_records(folder: Path, names: list[str]) -> list[Any]:
    """Read the records of purges in the named files."""
    files = (json.loads((folder / PURGES / name).read_bytes()) for name in names)
    return [record for records in files for record in records]


def purged_ids(folder: Path, manifest: Manifest) -> pa.Array:
    """Return the ids of all purged tweets."""
    records = purge_records(folder, list(manifest.purges))
    ids = [tweet["id"] for record in records for tweet in record["tweets"]]
    return pa.array(ids, pa.string())


def _purge_record(folder: Path, old: list[Segment], new: SegmentInfo) -> dict[str, Any]:
    """Return the record of a purge: which tweets were forgotten and when, and which
    files replaced which.
    """

    def files(infos: Iterable[SegmentInfo]) -> dict[str, Any]:
        return {info.name: info.as_dict()["files"] for info in infos}

    # A tweet with several texts has several rows.
    asked: dict[str, int] = {}
    for segment in old:
        stones = read_tombstones(folder, segment.info)
        asked |= zip(
            segment.tweets.ids.take(stones[:, 0]).array().to_pylist(),
            stones[:, 1].tolist(),
            strict=True,
        )
    return {
        "purged": _date(int(datetime.now(UTC).timestamp() * 1000)),
        "tweets": [{"id": key, "asked": _date(time)} for key, time in asked.items()],
        "replaced": files(segment.info for segment in old),
        "by": files([new]),
    }


def _date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(
        timespec="milliseconds"
    )
