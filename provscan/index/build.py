"""Build an index, or add tweets to one.

The input consists of batches of tweets in the readers' schema.
:mod:`provscan.index.ingest` turns them into segments; then a manifest that lists the
segments is committed. Each call changes the folder once, atomically.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import slices
from provscan.index.folder import Change, changing
from provscan.index.format import Manifest
from provscan.index.ingest import Written, write_segment
from provscan.index.merges import purged_ids, with_merges_due
from provscan.index.opening import open_reader, open_written
from provscan.index.reader import IndexReader
from provscan.index.segment.prepare import canonical_texts
from provscan.index.segment.read import Segment, open_segment
from provscan.index.segment.strings import Strings
from provscan.params import IndexParams
from provscan.text_buffers import buffers

# A function that is called when all tweets have been read, and returns the builder's
# notes for the manifest. If it raises an error, the folder is not changed.
Describe = Callable[[Written], dict[str, Any]]

# The line number at the end of an id such as ``file:line``.
PLACE = ":(?P<line>[1-9][0-9]{0,17})$"


def write_index(
    batches: Iterable[pa.RecordBatch],
    target: Path,
    params: IndexParams,
    describe: Describe = lambda written: {},
    *,
    workers: int | None = None,
    overwrite: bool = False,
) -> IndexReader:
    """Write an index of tweets from batches in the readers' schema."""
    with changing(target, "replace" if overwrite else "create") as change:
        written = write_segment(change, batches, params, threads(workers))
        notes = {**describe(written), **written.counts()}
        manifest = Manifest(
            params,
            (written.info,),
            written.info.texts,
            written.tweets,
            change.generation,
            {},
            notes,
        )
        change.commit(manifest.with_seed_length())
        return open_written(target)


def threads(workers: int | None) -> int:
    return workers or os.cpu_count() or 1


def append(
    batches: Iterable[pa.RecordBatch],
    target: Path,
    describe: Describe = lambda written: {},
    *,
    workers: int | None = None,
) -> IndexReader:
    """Add tweets to an index from batches in the readers' schema.

    The notes under ``appended`` are the output of ``describe`` and counts: ``added``,
    ``known`` (ids that the index already has), ``changed`` (those of them whose texts
    it lacks), ``forgotten`` (ids that were forgotten, and remain so), and those of
    :meth:`~provscan.index.ingest.Written.counts`.
    """
    with changing(target, "change") as change:
        before = open_reader(target)
        with _new_tweets(change, before, batches) as (unknown, counts):
            written = write_segment(change, unknown, before.params, threads(workers))
        notes = describe(written)
        added = [written.info] if written.tweets else []
        new = [open_segment(change.folder, info, before.params) for info in added]
        new_texts = sum(_new_texts(segment, before.segments) for segment in new)
        infos = {info.name: info for info in (*before.manifest.segments, *added)}
        more = written.counts()
        counts["known"] += more.pop("repeated_tweets")
        manifest = replace(
            before.manifest,
            segments=tuple(infos.values()),
            texts=before.texts + new_texts,
            tweets=before.tweets + written.tweets,
            generation=change.generation,
            notes={
                **before.manifest.notes,
                "appended": {**notes, "added": written.tweets, **counts, **more},
            },
        )
        if added:
            change.commit(with_merges_due(change, manifest, threads(workers)))
        reader = open_written(target)
    # Without new tweets, no manifest was written.
    return replace(reader, manifest=replace(reader.manifest, notes=manifest.notes))


@contextmanager
def _new_tweets(
    change: Change, before: IndexReader, batches: Iterable[pa.RecordBatch]
) -> Iterator[tuple[Iterator[pa.RecordBatch], dict[str, int]]]:
    """Yield the tweets whose ids are neither in the index nor forgotten, and counts of
    the other tweets.

    All batches are first written to a file, and their ids are looked up together.
    """
    path = change.workspace().with_suffix(".arrow")
    ids = [pa.array([], pa.string())]
    with pa.OSFile(str(path), "wb") as sink:
        writer = None
        for batch in batches:
            batch = _with_distinct_places(batch, before.segments)
            writer = writer or pa.ipc.new_file(sink, batch.schema)
            writer.write_batch(batch)
            ids.append(batch.column("id"))
        if writer is not None:
            writer.close()
    all_ids = pa.concat_arrays(ids)
    known, forgotten = [ids[0]], [purged_ids(change.folder, before.manifest)]
    for segment in before.segments:
        rows = segment.tweets.ids.rows_of(all_ids)
        dead = np.isin(rows, segment.forgotten)
        for found, kind in ((known, rows[~dead]), (forgotten, rows[dead])):
            found.append(segment.tweets.ids.take(kind).array().cast(pa.string()))
    is_known = pc.is_in(all_ids, value_set=pa.concat_arrays(known))
    is_forgotten = pc.and_not(
        pc.is_in(all_ids, value_set=pa.concat_arrays(forgotten)), is_known
    )
    new = pc.invert(pc.or_(is_known, is_forgotten))

    def chosen(rows: pa.BooleanArray) -> Iterator[pa.RecordBatch]:
        low = 0
        if writer is None:
            return
        with pa.memory_map(str(path)) as source:
            file = pa.ipc.open_file(source)
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                yield batch.filter(rows[low : low + batch.num_rows])
                low += batch.num_rows

    changed = sum(
        _unknown_texts(canonical_texts(batch)[1], before.segments)
        for batch in chosen(is_known)
    )
    yield (
        chosen(new),
        {
            "known": is_known.true_count,
            "changed": changed,
            "forgotten": is_forgotten.true_count,
        },
    )
    path.unlink()


def _with_distinct_places(
    batch: pa.RecordBatch, segments: Iterable[Segment]
) -> pa.RecordBatch:
    """Return a batch in which ids derived from places do not collide with those in the
    index.

    A tweet without an id gets its place, ``file:line``, as its id. Files added at
    different times may have the same name, so if the index has this id for another
    text, a hash of the text is appended to the new id. A file that is added twice gets
    the same ids both times.
    """
    ids = batch.column("id")
    lines = pc.struct_field(pc.extract_regex(ids, PLACE), "line")
    is_place = pc.fill_null(
        pc.equal(pc.cast(lines, pa.int64()), pc.add(batch.column("record"), 1)), False
    )
    places = ids.filter(is_place)
    if len(places) == 0:
        return batch
    known_ids, known_rows = [pa.array([], pa.string())], [pa.array([], pa.string())]
    for segment in segments:
        rows = segment.tweets.ids.rows_of(places)
        known_ids.append(segment.tweets.ids.take(rows).array().cast(pa.string()))
        known_rows.append(
            _with_hash(known_ids[-1], segment.tweets.raw_texts.take(rows))
        )
    hashed = _with_hash(ids, Strings(*buffers(batch.column("text"))))
    taken = pc.and_(is_place, pc.is_in(ids, value_set=pa.concat_arrays(known_ids)))
    other = pc.and_not(taken, pc.is_in(hashed, value_set=pa.concat_arrays(known_rows)))
    return batch.set_column(
        batch.schema.get_field_index("id"), "id", pc.if_else(other, hashed, ids)
    )


def _with_hash(ids: pa.Array, texts: Strings) -> pa.Array:
    """Return each id with 16 hexadecimal digits of its text's key appended."""
    hashes = [f"{key:016x}" for key in texts.keys()[:, 0].tolist()]
    return pc.binary_join_element_wise(ids, pa.array(hashes, pa.string()), ":")


def _new_texts(segment: Segment, before: Sequence[Segment]) -> int:
    """Return the number of a segment's texts that no segment in ``before`` has."""
    return sum(
        _unknown_texts(segment.texts.take(np.arange(part.start, part.stop)), before)
        for part in slices(len(segment.texts))
    )


def _unknown_texts(texts: Strings, segments: Iterable[Segment]) -> int:
    """Return the number of canonical texts that no segment has."""
    known = np.zeros(len(texts), np.bool_)
    for segment in segments:
        known |= segment.equal_texts(texts) >= 0
    return int(np.count_nonzero(~known))
