"""Build an index with an executor: :func:`shard_builder` runs tasks that read files,
and then tasks that write shards.

Each task of the first kind reads tweets, and divides them among parts by the hash of
their text. Each task of the second kind sketches the tweets of its parts, and writes
one shard. This process then writes the data that depends on all shards, and commits
the index (:func:`provscan.index.write_shards`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.engine import EXECUTORS, Advance, LostTask, Progress, Ray
from provscan.errors import WorkerError
from provscan.index import ShardTask, WrittenSegment, write_parts, write_shard
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
    folder: Path  # Folder for the parts of all tasks.
    limits: Limits

    def __str__(self) -> str:
        more = f" and {len(self.files) - 1:,} more" if len(self.files) > 1 else ""
        return f"read {self.number}: {self.files[0].split.source}{more}"


def read_and_part(task: PartTask, advance: Advance) -> tuple[int, dict[str, Any]]:
    """Read the files of a task, and write the parts. Return the number of tweets
    without text, and the statistics of the readers.
    """
    stats = ReadStats()
    batches = chain.from_iterable(
        readers.read_tweets(file, stats, on_bytes=advance, limits=task.limits)
        for file in task.files
    )
    without_text = write_parts(
        coalesced(batches), task.folder, task.number, task.shards
    )
    return without_text, stats.as_dict()


def shard_builder(
    corpus: Corpus,
    params: IndexParams,
    shards: int,
    executor: str,
    workers: int | None,
    address: str | None,
    progress: Progress,
) -> Callable[[Path], tuple[list[WrittenSegment], int]]:
    """Return a function that writes the shards of a corpus, given a folder for the
    parts, and returns them with the number of tweets without text.
    :func:`provscan.build_index` describes the parameters.
    """
    files = corpus.files
    if files is None or any(
        file.split.path == STDIN or file.split.format == UNKNOWN for file in files
    ):
        raise needs_files(executor)

    def make(folder: Path) -> tuple[list[WrittenSegment], int]:
        limits = readers.current_limits()
        with (
            Ray(workers, address)
            if executor == "ray"
            else EXECUTORS[executor](workers or 1) as running
        ):
            groups = list(_groups(files, TASKS_PER_WORKER * running.workers))
            reading = (
                PartTask(number, group, shards, folder, limits)
                for number, group in enumerate(groups)
            )
            progress.start(
                "Reading", sum(file.split.size for file in files) or None, "bytes"
            )
            without_text = 0
            for empty, found in _all(running.run(read_and_part, reading, progress)):
                without_text += empty
                corpus.stats.merge(ReadStats.from_dict(found))
            corpus.require_tweets()
            with_text = corpus.stats.records - without_text
            progress.start("Writing shards", with_text, "tweets")
            writing = (
                ShardTask(shard, shards, folder, len(groups), params)
                for shard in range(shards)
            )
            made = list(_all(running.run(write_shard, writing, progress)))
        return made, without_text

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
