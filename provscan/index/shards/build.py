"""Write an index in shards, with tasks that can run in any process.

:func:`write_parts` divides tweets by shard, :func:`write_shard` writes one shard from
its parts, and :func:`write_shards` calls both and adds the data that depends on all
shards. The files are the same as those that a single process writes, since a segment
depends only on its tweets.
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

from provscan.index.build import Describe, commit_new
from provscan.index.folder import changing
from provscan.index.ingest import Written
from provscan.index.reader import IndexReader
from provscan.index.segment.prepare import canonical_texts, prepare
from provscan.index.segment.read import open_segment
from provscan.index.segment.write import KeyTable, SegmentWriter, WrittenSegment
from provscan.index.shards.divide import finished_shards, shards_of
from provscan.index.texts import count_ids
from provscan.params import IndexParams


class Parted(NamedTuple):
    """The counts of :func:`write_parts`."""

    tweets: int = 0  # Tweets with a canonical text.
    without_text: int = 0  # Tweets left out because their canonical text is empty.


class MadeShards(NamedTuple):
    shards: Sequence[WrittenSegment]
    parted: Parted  # The counts of all parts together.


def write_parts(
    batches: Iterable[pa.RecordBatch], folder: Path, number: int, shards: int
) -> Parted:
    """Divide batches of tweets by shard, and write them to a folder that all tasks
    share. Repeating the call changes nothing.

    ``number`` is the number of the task, after which its folder of files is named.
    """
    temporary = folder / f"{number:08}.{uuid.uuid4().hex}"
    temporary.mkdir(parents=True)
    tweets = without_text = 0
    writers: list[Any] = []
    with contextlib.ExitStack() as stack:
        for batch in batches:
            rows = batch.num_rows
            batch, texts = canonical_texts(batch)
            tweets += len(texts)
            without_text += rows - len(texts)
            numbers = shards_of(texts.keys(), shards)
            for shard in range(shards):
                if len(writers) == shard:
                    path = str(temporary / f"{shard:03}.arrow")
                    writers.append(
                        stack.enter_context(pa.ipc.new_file(path, batch.schema))
                    )
                writers[shard].write_batch(batch.filter(pa.array(numbers == shard)))
    try:
        temporary.rename(folder / f"{number:08}")
    except OSError:
        # An earlier attempt at the task was complete, but its result was lost.
        if not (folder / f"{number:08}").exists():
            raise
        shutil.rmtree(temporary)
    return Parted(tweets, without_text)


def write_shard(
    folder: Path,
    parts: int,
    shard: int,
    shards: int,
    params: IndexParams,
    advance: Callable[[int], None],
) -> WrittenSegment:
    """Write one shard, in a folder next to the folder of the parts.

    Parameters
    ----------
    folder, parts
        The folder of the parts, and the number of tasks that wrote parts.
    shard, shards
        The number of the shard, and the number of shards.
    advance
        Called with the number of tweets processed since the last call.
    """
    # Each attempt has its own folder.
    target = folder.with_name(f"{folder.name}-{shard:03}-{uuid.uuid4().hex}")
    with SegmentWriter(target, params, KeyTable(), shards=shards) as writer:
        for number in range(parts):
            for batch in _batches(folder / f"{number:08}" / f"{shard:03}.arrow"):
                writer.add(prepare(batch, params))
                advance(batch.num_rows)
        return writer.finish()


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a part; none if the task read no tweets."""
    if path.exists():
        with pa.memory_map(os.fspath(path)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)


def write_shards(
    make: Callable[[Path], MadeShards],
    target: Path,
    params: IndexParams,
    describe: Describe,
    *,
    overwrite: bool,
) -> IndexReader:
    """Write an index from shards. ``make`` creates them, in or next to the folder that
    it is given; all else is as for :func:`provscan.index.write_index`.
    """
    with changing(target, "replace" if overwrite else "create") as change:
        parts = change.workspace()
        made = make(parts)
        shutil.rmtree(parts)
        infos = finished_shards(change, params, made.shards)
        segments = [open_segment(change.folder, info, params) for info in infos]
        tweets = count_ids(
            segment.tweets.ids.split(np.arange(segment.info.tweets))
            for segment in segments
        )
        repeated = sum(shard.repeated for shard in made.shards)
        written = Written(infos, tweets, made.parted.without_text, repeated)
        return commit_new(change, target, params, written, describe)
