"""An index in shards, written by tasks that any process may run, in three steps.

:func:`write_parts` parts prepared batches by shard, :func:`write_shard` makes one shard
of all that was parted for it, and :func:`write_shards` adds what is decided over all
shards. The bytes are those that one process writes: a segment depends on its tweets
alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index.folder import changing
from provscan.index.format import Manifest
from provscan.index.opening import open_written
from provscan.index.reader import IndexReader
from provscan.index.segment.postings import map_array, write_array
from provscan.index.segment.prepare import Prepared
from provscan.index.segment.texts import Strings
from provscan.index.segment.tweets import LABELS
from provscan.index.segment.write import KeyTable, SegmentWriter
from provscan.index.segments_writer import (
    Shard,
    add_to_shard,
    joined_shards,
    manifest_counts,
    parted,
)
from provscan.kernels.records import Sketches
from provscan.params import IndexParams
from provscan.text_buffers import buffers


class Parted(NamedTuple):
    """What :func:`write_parts` has read: tweets with and without text."""

    tweets: int = 0
    empty: int = 0


class MadeShards(NamedTuple):
    shards: Sequence[Shard]  # Each by itself.
    ids: int  # Distinct ids of tweets.
    parted: Parted  # Of all parts together.


def write_parts(
    batches: Iterable[Prepared], folder: Path, number: int, shards: int
) -> Parted:
    """Part batches by shard into a folder that all tasks share; repeated, it changes
    nothing.

    The `number` of the task names its parts.
    """
    temporary = folder / f"{number:08}.{uuid.uuid4().hex}"
    temporary.mkdir(parents=True)
    tweets = empty = 0
    writers: list[Any] = []
    with contextlib.ExitStack() as stack:
        ids = [
            stack.enter_context((temporary / f"{shard:03}.ids").open("wb"))
            for shard in range(shards)
        ]
        for batch in batches:
            tweets, empty = tweets + len(batch.texts), empty + batch.empty
            keys = batch.ids.keys()
            for shard, part in enumerate(parted(batch, shards)):
                packed = _packed(part)
                if len(writers) == shard:
                    path = str(temporary / f"{shard:03}.arrow")
                    writers.append(
                        stack.enter_context(pa.ipc.new_file(path, packed.schema))
                    )
                writers[shard].write_batch(packed)
                write_array(ids[shard], keys[keys[:, 0] % np.uint64(shards) == shard])
    try:
        temporary.rename(folder / f"{number:08}")
    except OSError:
        # An earlier attempt at the same task was complete, though nobody heard of it.
        if not (folder / f"{number:08}").exists():
            raise
        shutil.rmtree(temporary)
    return Parted(tweets, empty)


def write_shard(
    folder: Path,
    parts: int,
    place: tuple[int, int],
    params: IndexParams,
    see: Callable[[int], None],
) -> tuple[Shard, int]:
    """Write a shard, beside the folder of the parts; count the distinct tweet ids whose
    key belongs to it.

    So many tasks have written `parts`. The `place` is the number of the shard, and how
    many there are; `see` is called with the number of tweets taken since the last call.
    """
    shard, shards = place
    # Each attempt has a folder of its own.
    target = folder.with_name(f"{folder.name}-{shard:03}-{uuid.uuid4().hex}")
    ids = KeyTable()
    writer = SegmentWriter(target, params, KeyTable(), shards=shards)
    try:
        for number in range(parts):
            part = folder / f"{number:08}"
            ids.number(map_array(part / f"{shard:03}.ids", np.uint64, 2))
            for batch in _batches(part / f"{shard:03}.arrow"):
                add_to_shard(writer, batch)
                see(len(batch.texts))
        written = writer.close()
    except BaseException:
        writer.discard()
        raise
    return Shard(target, *written), ids.count


def _batches(path: Path) -> Iterator[Prepared]:
    """The batches of a part; none if its files held no tweets."""
    if path.exists():
        with pa.memory_map(os.fspath(path)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                yield _unpacked(file.get_batch(number))


def write_shards(
    make: Callable[[Path], MadeShards],
    target: Path,
    params: IndexParams,
    notes: dict[str, Any],
    *,
    overwrite: bool,
) -> IndexReader:
    """Write an index of shards that `make` makes, given a folder for the parts:
    :func:`provscan.index.write_index`.
    """
    with changing(target, "replace" if overwrite else "create") as change:
        parts = change.workspace()
        made = make(parts)
        shutil.rmtree(parts)
        infos = joined_shards(change, params, made.shards)
        repeated = sum(shard.repeated for shard in made.shards)
        counts = manifest_counts(infos, made.ids, made.parted.empty, repeated)
        tweets = counts.pop("tweets")
        texts = sum(shard.texts for shard in made.shards)
        manifest = Manifest(
            params,
            tuple(infos),
            texts,
            tweets,
            change.generation,
            {},
            {**notes, **counts},
        )
        change.commit(manifest.with_due_seeds())
        return open_written(target)


def _packed(batch: Prepared) -> pa.RecordBatch:
    """A batch as one of Arrow."""
    columns = {
        "text": batch.texts.array(),
        "raw_text": batch.raw_texts.array(),
        "id": batch.ids.array(),
        "time": pa.array(batch.times),
        **{
            name: _listed(array)
            for name, array in zip(Sketches._fields, batch.sketches, strict=True)
        },
        "digest": _listed(batch.digests),
        **{name: batch.about.column(name) for name in LABELS},
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _unpacked(batch: pa.RecordBatch) -> Prepared:
    """The batch that :func:`_packed` was given."""
    texts, raw_texts, ids = (
        Strings(*buffers(batch.column(name))) for name in ("text", "raw_text", "id")
    )
    return Prepared(
        texts, raw_texts, ids,
        Sketches(*(_array(batch.column(name)) for name in Sketches._fields)),
        batch.column("time").to_numpy(zero_copy_only=False),
        batch.select(list(LABELS)),
        _array(batch.column("digest")),
        0,
    )  # fmt: skip


def _listed(array: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1])


def _array(column: pa.Array) -> np.ndarray:
    return column.flatten().to_numpy().reshape(-1, column.type.list_size)
