"""Build an index with an executor: :func:`shard_builder` runs tasks that read files,
and then tasks that write shards.

Each task of the first kind reads and sketches tweets, and distributes them to parts by
the hash of their text. Each task of the second kind writes one shard. Decisions that
concern all shards are made in this process (:mod:`provscan.index.shards.build`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.engine import EXECUTORS, Advance, LostTask, Progress, Ray
from provscan.errors import WorkerError
from provscan.index import MadeShards, Parted, WrittenSegment, write_parts, write_shard
from provscan.indexing.corpus import Corpus, coalesced
from provscan.names import counted
from provscan.options import needs_files
from provscan.ordered_map import R
from provscan.params import IndexParams
from provscan.readers import STDIN, UNKNOWN, Limits, ReadStats, TweetFile

# Number of tasks per worker, so that workers finish at about the same time; and maximum
# number of bytes per task.
TASKS_PER_WORKER, MOST_BYTES = 4, 256 << 20


@dataclass(frozen=True, slots=True)
class PartTask:
    """A task that reads files of tweets, and divides the tweets among parts."""

    number: int  # Number by which tasks are ordered.
    files: tuple[TweetFile, ...]
    shards: int  # Number of shards, and of the parts that the task writes.
    folder: str  # Folder for the parts of all tasks.
    limits: Limits

    def __str__(self) -> str:
        more = f" and {len(self.files) - 1:,} more" if len(self.files) > 1 else ""
        return f"read {self.number}: {self.files[0].split.source}{more}"


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A task that writes one shard from its parts."""

    shard: int
    shards: int  # Number of shards.
    folder: str  # Folder of the parts.
    parts: int  # Number of tasks that wrote parts.
    params: IndexParams

    def __str__(self) -> str:
        return f"shard {self.shard + 1} of {self.shards}"


def read_and_part(task: PartTask, advance: Advance) -> tuple[Parted, dict[str, Any]]:
    """Read the files of a task, and return a description of the parts and the
    statistics of the readers.
    """
    stats = ReadStats()

    def batches() -> Iterator[Any]:
        for file in task.files:
            yield from readers.read_tweets(
                file, stats, on_bytes=advance, limits=task.limits
            )

    parted = write_parts(
        coalesced(batches()), Path(task.folder), task.number, task.shards
    )
    return parted, stats.as_dict()


def write(task: ShardTask, advance: Advance) -> WrittenSegment:
    return write_shard(
        Path(task.folder), task.parts, task.shard, task.shards, task.params, advance
    )


def shard_builder(
    corpus: Corpus,
    params: IndexParams,
    shards: int,
    executor: str,
    workers: int | None,
    address: str | None,
    progress: Progress,
) -> Callable[[Path], MadeShards]:
    """Return a function that makes the shards of a corpus, given a folder for the
    parts. :func:`provscan.build_index` describes the parameters.
    """
    files = corpus.files
    if files is None or any(
        file.split.path == STDIN or file.split.format == UNKNOWN for file in files
    ):
        raise needs_files(executor)

    def make(folder: Path) -> MadeShards:
        limits = readers.current_limits()
        with (
            Ray(workers, address)
            if executor == "ray"
            else EXECUTORS[executor](workers or 1) as running
        ):
            groups = list(_groups(files, TASKS_PER_WORKER * running.workers))
            reading = (
                PartTask(number, group, shards, str(folder), limits)
                for number, group in enumerate(groups)
            )
            progress.start(
                "Reading", sum(file.split.size for file in files) or None, "bytes"
            )
            parts = []
            for part, found in _all(running.run(read_and_part, reading, progress)):
                corpus.stats.merge(ReadStats.from_dict(found))
                parts.append(part)
            whole = Parted(*map(sum, zip(*parts, strict=True)))
            corpus.require_tweets()
            progress.start("Writing shards", whole.tweets, "tweets")
            writing = (
                ShardTask(shard, shards, str(folder), len(groups), params)
                for shard in range(shards)
            )
            made = list(_all(running.run(write, writing, progress)))
        return MadeShards(made, whole)

    return make


def _all(results: Iterable[R | LostTask]) -> Iterator[R]:
    """Yield the results; raise an error if a task is lost, since an index needs all
    results.
    """
    for result in results:
        if isinstance(result, LostTask):
            raise WorkerError(
                f"{result.task} failed {counted(len(result.failures), 'time')} "
                f"({', '.join(sorted(set(result.failures)))}). "
                "No index was written: fix the cause, and build it again"
            )
        yield result


def _groups(files: list[TweetFile], tasks: int) -> Iterator[tuple[TweetFile, ...]]:
    """Divide files into groups of about equal size, in order, for about this number of
    tasks or, with much data, for more.
    """
    most = min(MOST_BYTES, sum(file.split.size for file in files) // tasks)
    group: list[TweetFile] = []
    size = 0
    for file in files:
        if group and size + file.split.size > most:
            yield tuple(group)
            group, size = [], 0
        group.append(file)
        size += file.split.size
    yield tuple(group)
