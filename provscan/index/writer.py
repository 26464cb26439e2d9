"""Build an index, add to it, forget tweets, merge segments. Each is one change of the
folder, whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import distinct, slices
from provscan.index.folder import Change, changing
from provscan.index.format import (
    PURGES,
    SEGMENTS,
    TOMBSTONES,
    Manifest,
    Purge,
    SegmentInfo,
    Tombstones,
    read_manifest,
)
from provscan.index.opening import open_reader, open_written
from provscan.index.places import with_distinct_places
from provscan.index.reader import IndexReader
from provscan.index.room import Needs, needs_of, require_room
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.read import (
    MAX_TEXTS,
    Segment,
    open_segment,
    read_tombstones,
)
from provscan.index.segment.texts import Strings
from provscan.index.segments_writer import write_segments
from provscan.params import IndexParams
from provscan.text_buffers import buffers

# Segments of one tier are merged when there are so many; a tier holds segments of up to
# so many times the texts of the tier below, the lowest up to FIRST_TIER.
FAN_OUT = 4
FIRST_TIER = 1 << 15

Prepare = Callable[[Iterable[pa.RecordBatch]], Iterable[Prepared]]


@dataclass(frozen=True)
class Forgotten:
    # Tweets that are forgotten now, and texts of which no tweet is left.
    tweets: int
    texts: int
    # Ids that the index does not hold, or no longer; authors of whom it holds no tweet.
    unknown: int
    unknown_authors: int


def write_index(
    batches: Iterable[Prepared],
    target: Path,
    params: IndexParams,
    notes: dict[str, Any],
    *,
    overwrite: bool = False,
    shards: int = 1,
) -> IndexReader:
    """Write an index from prepared batches: one or more segments of up to 2**24 texts,
    or so many shards.

    ``notes`` is read when the last batch has come, so that whoever prepares them can
    fill it in meanwhile.
    """
    with changing(target, "replace" if overwrite else "create") as change:
        segments, counts = write_segments(change, batches, params, shards)
        texts = _distinct_texts(change.folder, segments, params)
        tweets = counts.pop("tweets")
        manifest = Manifest(
            params, segments, texts, tweets, change.generation, {}, {**notes, **counts}
        )
        change.commit(manifest.with_due_seeds())
        return open_written(target)


def append(
    batches: Iterable[pa.RecordBatch],
    target: Path,
    prepare: Prepare,
    notes: dict[str, Any],
) -> IndexReader:
    """Add tweets, in batches as the readers give them, to an index.

    See :func:`write_index` for `notes`; the last addition's stand under ``appended``,
    with ``added``, ``known`` (ids that are in the index), ``forgotten`` (ids that were
    forgotten: they stay so) and what else the writer counts.
    """
    with changing(target, "change") as change:
        before = open_reader(target, check="changes")
        new, counts = _new_tweets(change, before, batches)
        segments, written = write_segments(change, prepare(new), before.params)
        counts["known"] += written.pop("repeated_tweets")
        added = [segment for segment in segments if segment.tweets]
        infos = tuple({s.name: s for s in (*before.manifest.segments, *added)}.values())
        texts = before.texts + sum(
            _new_texts(change.folder, segment, before) for segment in added
        )
        counts = {"added": written.pop("tweets"), **counts, **written}
        manifest = replace(
            before.manifest,
            segments=infos,
            texts=texts,
            tweets=before.tweets + counts["added"],
            generation=change.generation,
            notes={**before.manifest.notes, "appended": {**notes, **counts}},
        )
        if added:
            change.commit(_with_merges_due(change, manifest, prepare))
        reader = open_written(target)
    # If nothing was new, nothing was written.
    return replace(reader, manifest=replace(reader.manifest, notes=manifest.notes))


def forget(
    target: Path, ids: pa.Array, authors: pa.Array, *, dry_run: bool = False
) -> Forgotten:
    """Mark tweets with one of the ids or of the authors as forgotten: they are found no
    more from then on.
    """
    with _trial(target) if dry_run else changing(target, "change") as change:
        before = open_reader(target, check="changes")
        now = int(datetime.now(UTC).timestamp() * 1000)
        # Of a tweet with several texts, in several shards perhaps, not all need name
        # its author: it goes as a whole.
        theirs = [
            segment.tweets.ids.take(_rows_by(segment, authors)).array()
            for segment in before.segments
        ]
        wanted = pa.concat_arrays([ids.cast(pa.large_string()), *theirs])
        infos, found_ids, found_authors, texts = [], [], [], []
        for segment in before.segments:
            rows = np.setdiff1d(
                segment.tweets.ids.among(wanted), segment.forgotten, assume_unique=True
            )
            if len(rows):
                found_ids.append(segment.tweets.ids.take(rows).array())
                found_authors.append(
                    segment.tweets.author.take(rows).cast(pa.large_string())
                )
                texts.append(segment.texts.take(distinct(segment.texts_of(rows))))
                infos.append(_with_tombstones(change, segment, rows, now))
            else:
                infos.append(segment.info)
        found = pa.chunked_array(found_ids, pa.large_string()).unique()
        gone = (
            _gone_texts(
                change.folder, replace(before.manifest, segments=tuple(infos)), texts
            )
            if texts
            else 0
        )
        known_authors = pa.chunked_array(found_authors, pa.large_string()).unique()
        result = Forgotten(
            len(found), gone, _others(ids, found), _others(authors, known_authors)
        )
        if len(found) and not dry_run:
            change.commit(
                replace(
                    before.manifest,
                    segments=tuple(infos),
                    texts=before.texts - gone,
                    tweets=before.tweets - len(found),
                    generation=change.generation,
                )
            )
            open_written(target)
    return result


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


def merge(target: Path, prepare: Prepare, *, purge_only: bool = False) -> IndexReader:
    """Merge segments into as few as possible, without forgotten tweets; ``purge_only``
    rewrites what holds some.
    """
    with changing(target, "change") as change:
        manifest = open_reader(target, check="changes").manifest
        groups = _to_merge(manifest, purge_only=purge_only)
        merged = replace(
            manifest if purge_only else manifest.with_due_seeds(),
            generation=change.generation,
        )
        for group in groups:
            merged = _merged(change, merged, group, prepare)
        if groups:
            change.commit(merged)
        return open_written(target)


def merge_needs(target: Path, *, purge_only: bool = False) -> Needs:
    """What :func:`merge` would need at most."""
    groups = _to_merge(
        open_reader(target, check="lengths").manifest, purge_only=purge_only
    )
    needs = [needs_of(group) for group in groups]
    # All new segments stand beside the old ones until the end.
    return Needs(
        sum(need.segments for need in needs),
        sum(need.disk for need in needs),
        max((need.memory for need in needs), default=0),
    )


def _to_merge(manifest: Manifest, *, purge_only: bool) -> list[list[SegmentInfo]]:
    """Groups of segments, each of which becomes one."""
    shards = list(manifest.shards)
    if purge_only:
        forgotten = [info for info in manifest.segments if info.tombstones]
        groups = [[info] for info in forgotten if info.shard is None]
        # What is rare is decided over all shards.
        return (
            [shards, *groups]
            if any(info.shard is not None for info in forgotten)
            else groups
        )
    groups = _groups(manifest)
    if manifest.with_due_seeds().seed_length != manifest.seed_length:
        return groups
    return [
        group
        for group in groups
        if len(group) > max(1, len(shards)) or any(info.tombstones for info in group)
    ]


def _new_tweets(
    change: Change, before: IndexReader, batches: Iterable[pa.RecordBatch]
) -> tuple[Iterator[pa.RecordBatch], dict[str, int]]:
    """The tweets whose ids the index does not hold and has not forgotten, and how many
    others there are.
    """
    path = change.workspace().with_suffix(".arrow")
    ids: list[pa.Array] = []
    writer = None
    for batch in (with_distinct_places(batch, before.segments) for batch in batches):
        writer = writer or pa.ipc.new_file(str(path), batch.schema)
        writer.write_batch(batch)
        ids.append(batch.column("id"))
    if writer is None:
        return iter(()), {"known": 0, "forgotten": 0}
    writer.close()
    asked = pa.chunked_array(ids, pa.string()).combine_chunks()
    known, gone = (
        [pa.array([], pa.string())],
        [purged_ids(change.folder, before.manifest)],
    )
    for segment in before.segments:
        rows = segment.tweets.ids.among(asked)
        dead = np.isin(rows, segment.forgotten)
        known.append(segment.tweets.ids.take(rows[~dead]).array().cast(pa.string()))
        gone.append(segment.tweets.ids.take(rows[dead]).array().cast(pa.string()))
    known_ids, gone_ids = pa.concat_arrays(known), pa.concat_arrays(gone)
    is_known = pc.is_in(asked, value_set=known_ids)
    is_gone = pc.and_not(pc.is_in(asked, value_set=gone_ids), is_known)
    new = pc.invert(pc.or_(is_known, is_gone))
    counts = {"known": is_known.true_count, "forgotten": is_gone.true_count}

    def remaining() -> Iterator[pa.RecordBatch]:
        low = 0
        with pa.memory_map(str(path)) as source:
            file = pa.ipc.open_file(source)
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                yield batch.filter(new[low : low + batch.num_rows])
                low += batch.num_rows
        path.unlink()

    return remaining(), counts


def purged_ids(folder: Path, manifest: Manifest) -> pa.Array:
    """Ids of the tweets that were forgotten and purged."""
    ids: list[str] = []
    for name in manifest.purges:
        for part in json.loads((folder / PURGES / name).read_bytes()):
            ids += (tweet["id"] for tweet in part["tweets"])
    return pa.array(ids, pa.string())


def _distinct_texts(
    folder: Path, infos: Iterable[SegmentInfo], params: IndexParams
) -> int:
    """Texts of segments that were written together, each counted once."""
    segments = [open_segment(folder, info, params) for info in infos]
    total = 0
    for number, segment in enumerate(segments):
        total += len(segment.texts)
        # No two shards have a text in common.
        for part in slices(
            len(segment.texts) if number and segment.numbers is None else 0
        ):
            texts = segment.texts.take(np.arange(part.start, part.stop))
            before = [earlier.equal_texts(texts) >= 0 for earlier in segments[:number]]
            total -= int(np.count_nonzero(np.any(before, axis=0)))
    return total


def _new_texts(folder: Path, info: SegmentInfo, before: IndexReader) -> int:
    """Texts of a segment that an index does not hold."""
    segment = open_segment(folder, info, before.params)
    new = np.ones(len(segment.texts), np.bool_)
    for part in slices(len(segment.texts)):
        rows, _ = before.equal_texts(
            segment.texts.take(np.arange(part.start, part.stop))
        )
        new[part.start + rows] = False
    return int(np.count_nonzero(new))


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
    return np.setdiff1d(rows, segment.forgotten, assume_unique=True)


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
        found |= (
            open_segment(folder, info, manifest.index_params).equal_texts(
                Strings(*buffers(strings))
            )
            >= 0
        )
    return int(np.count_nonzero(~found))


def _tier(info: SegmentInfo) -> int:
    tier, limit = 0, FIRST_TIER
    while info.texts > limit:
        tier, limit = tier + 1, limit * FAN_OUT
    return tier


def _due(infos: tuple[SegmentInfo, ...]) -> list[SegmentInfo]:
    """The segments to merge after an addition: those of a tier that is full, and of the
    tiers above that this fills.

    Shards count as one segment, and stay the largest one.
    """
    shards = [info for info in infos if info.shard is not None]
    if shards:
        whole = replace(shards[0], texts=sum(info.texts for info in shards), shard=None)
        others = tuple(info for info in infos if info.shard is None)
        due = _due((whole, *others))
        larger = any(info.texts >= whole.texts for info in others)
        return list(infos) if larger or whole in due else due
    due = []
    for tier in range(max(map(_tier, infos), default=0) + 1):
        members = [info for info in infos if _tier(info) == tier]
        if len(members) + bool(due) < FAN_OUT:
            break
        if sum(info.texts for info in (*due, *members)) > MAX_TEXTS:
            break
        due += members
    return due


def _with_merges_due(change: Change, manifest: Manifest, prepare: Prepare) -> Manifest:
    """A manifest after an addition, with what is to be merged then: all, if there are
    now so many texts that their seeds should be longer.
    """
    due, groups = manifest.with_due_seeds(), [_due(manifest.segments)]
    assert due.seed_length is not None
    assert manifest.seed_length is not None
    if due.seed_length > manifest.seed_length:
        manifest, groups = due, _groups(manifest)
    for group in groups:
        manifest = _merged(change, manifest, group, prepare)
    return manifest


def _groups(manifest: Manifest) -> list[list[SegmentInfo]]:
    """All segments in groups that fit one segment each; shards are one group, with all
    else.
    """
    if manifest.shards:
        return [list(manifest.segments)]
    groups: list[list[SegmentInfo]] = []
    for info in sorted(manifest.segments, key=lambda info: (-info.texts, info.name)):
        for group in groups:
            if sum(member.texts for member in group) + info.texts <= MAX_TEXTS:
                group.append(info)
                break
        else:
            groups.append([info])
    return groups


def _merged(
    change: Change, manifest: Manifest, group: list[SegmentInfo], prepare: Prepare
) -> Manifest:
    """A manifest in which one segment takes the place of a group; its forgotten tweets
    are purged and recorded.
    """
    if not group:
        return manifest
    require_room(change.folder, needs_of(group))
    old = [open_segment(change.folder, info, manifest.index_params) for info in group]
    tweets = (
        batch for segment in old for batch in segment.batches(segment.living_rows)
    )
    shards = sum(info.shard is not None for info in group)
    new, _ = write_segments(change, prepare(tweets), manifest.index_params, shards)
    segments = [info for info in manifest.segments if info not in group]
    segments += [info for info in new if info.tweets or shards or not segments]
    purges = dict(manifest.purges)
    if any(info.tombstones for info in group):
        name = f"{manifest.generation:06}.json"
        parts = (
            json.loads((change.folder / PURGES / name).read_bytes())
            if name in purges
            else []
        )
        parts.append(_purge_record(change.folder, old, new))
        info = change.write(PURGES, name, json.dumps(parts, indent=1).encode())
        purges[name] = Purge(
            info, parts[-1]["purged"], sum(len(part["tweets"]) for part in parts)
        )
    return replace(manifest, segments=tuple(segments), purges=purges)


def _purge_record(
    folder: Path, old: list[Segment], new: tuple[SegmentInfo, ...]
) -> dict[str, Any]:
    """Which tweets were forgotten when, and which files took the place of which."""
    # A tweet of several texts has several rows.
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
        "replaced": {segment.info.name: segment.info.files_dict() for segment in old},
        "by": {info.name: info.files_dict() for info in new},
    }


def _date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(
        timespec="milliseconds"
    )
