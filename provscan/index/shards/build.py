"""Write an index in shards, with tasks that can run in any process.

:func:`write_parts` divides tweets by shard, :func:`write_shard` writes one shard from
its parts, and :func:`write_shards` makes an index of the shards. The files are the same
as those that :func:`provscan.index.ingest.write_segments` writes, since a segment
depends only on its tweets. That function streams all tweets through one process and
needs no parts; here, parts carry the tweets from the processes that read them to those
that write shards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def write_parts(
    batches: Iterable[pa.RecordBatch], folder: Path, number: int, shards: int
) -> int:
    """Divide batches of tweets by shard, and write them to a folder that all tasks
    share. Repeating the call changes nothing.

    ``number`` is the number of the task, after which its folder of files is named.
    Return the number of tweets left out because their canonical text is empty.
    """
    temporary = folder / f"{number:08}.{uuid.uuid4().hex}"
    temporary.mkdir(parents=True)
    without_text = 0
    writers: list[Any] = []
    with contextlib.ExitStack() as stack:
        for batch in batches:
            rows = batch.num_rows
            batch, texts = canonical_texts(batch)
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
    return without_text


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A task that writes one shard from its parts."""

    shard: int
    shards: int  # Number of shards.
    folder: Path  # Folder of the parts.
    parts: int  # Number of tasks that wrote parts.
    params: IndexParams

    def __str__(self) -> str:
        return f"shard {self.shard + 1} of {self.shards}"


def write_shard(task: ShardTask, advance: Callable[[int], None]) -> WrittenSegment:
    """Write one shard, in a folder next to the folder of the parts.

    ``advance`` is called with the number of tweets processed since the last call.
    """
    folder, name = task.folder, f"{task.shard:03}"
    # Each attempt has its own folder.
    target = folder.with_name(f"{folder.name}-{name}-{uuid.uuid4().hex}")
    with SegmentWriter(target, task.params, KeyTable(), shards=task.shards) as writer:
        for number in range(task.parts):
            path = folder / f"{number:08}" / f"{name}.arrow"
            if not path.exists():  # The task read no tweets.
                continue
            with pa.memory_map(os.fspath(path)) as source:
                part = pa.ipc.open_file(source)
                for batch in map(part.get_batch, range(part.num_record_batches)):
                    writer.add(prepare(batch, task.params))
                    advance(batch.num_rows)
        return writer.finish()


def write_shards(
    make: Callable[[Path], tuple[Sequence[WrittenSegment], int]],
    target: Path,
    params: IndexParams,
    describe: Describe,
    *,
    overwrite: bool,
) -> IndexReader:
    """Write an index from shards. ``make`` writes them, in or next to the folder that
    it is given, and returns them with the number of tweets without text; all else is as
    for :func:`provscan.index.write_index`.
    """
    with changing(target, "replace" if overwrite else "create") as change:
        parts = change.workspace()
        shards, without_text = make(parts)
        shutil.rmtree(parts)
        infos = finished_shards(change, params, shards)
        segments = [open_segment(change.folder, info, params) for info in infos]
        tweets = count_ids(
            segment.tweets.ids.split(np.arange(segment.info.tweets))
            for segment in segments
        )
        repeated = sum(shard.repeated for shard in shards)
        written = Written(infos, tweets, without_text, repeated)
        return commit_new(change, target, params, written, describe)
