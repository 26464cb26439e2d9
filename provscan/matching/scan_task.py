"""Scan one task (:func:`scan`), and write its part. The part depends only on the task,
not on where or how often it runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import IndexReader, open_reader
from provscan.matching.compare import copied_wording
from provscan.matching.matches import (
    Matches,
    match_table,
    matches_in,
    passages,
)
from provscan.matching.part_files import PART, WRITTEN, PartResult
from provscan.matching.record_samples import MAX_KEY, CarrierSample, RecordSampler
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.readers import (
    LIMITS,
    Fields,
    Limits,
    ReadStats,
    Split,
    read,
)
from provscan.readers.dates import FIRST_RECORD_MS, timestamps
from provscan.readers.strings import LEFT_OUT
from provscan.text_buffers import buffers
from provscan.writing import replacing_file

Map = Callable[..., Iterator[Any]]
# The seed of the keys of carrier records.
CARRIER_SEED = 101


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The licensed texts to scan for: all that a process needs to open them."""

    index: str  # The folder of the licensed index.
    id: str  # The `snapshot` of its reader.
    control: str | None = None  # The folder of the control index, if any.


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample the records to scan, and the carrier records for spike-ins."""

    fraction: float = 1.0  # The share of records to scan, chosen at random.
    seed: int = 1  # The seed of the keys that decide which records are scanned.
    carriers: int = 0  # The number of carrier records.
    carrier_limit: int = MAX_KEY  # The maximum key of a carrier record.

    def carrier_sample(self) -> CarrierSample:
        """Return an empty sample of carrier records. It does not depend on `seed`, so
        recall is measured in the same records with every seed.
        """
        return CarrierSample(self.carriers, CARRIER_SEED, self.carrier_limit)


@dataclass(frozen=True, slots=True)
class ScanTask:
    """A split, with everything needed to scan it anywhere."""

    number: int  # Names the part, and orders the parts.
    split: Split
    fields: Fields
    snapshot: Snapshot
    params: MatchParams
    sampling: Sampling
    folder: Path  # The folder for the part.
    limits: Limits = LIMITS  # The limits of the readers.

    def __str__(self) -> str:
        return f"{self.number}: {self.split.source}, part {self.split.part + 1}"


@lru_cache(maxsize=1)
def open_snapshot(snapshot: Snapshot) -> IndexReader:
    reader = open_reader(
        snapshot.index,
        check="lengths",
        snapshot=snapshot.id,
    )
    return (
        reader
        if snapshot.control is None
        else reader.with_control(open_reader(snapshot.control, check="lengths"))
    )


def scan(
    task: ScanTask,
    advance: Callable[[int], None] = lambda size: None,
    *,
    reader: IndexReader | None = None,
    mapped: Map = map,
) -> int:
    """Scan a split and write its part. Return ``task.number``.

    `advance` is called with the number of bytes that were read since the last call; if
    it raises an error, the scan ends. `reader` is the open snapshot of the task, if the
    caller has one. `mapped` is ``map``, or an equivalent that uses several threads.
    """
    stats = ReadStats()
    batches = read(task.split, task.fields, stats, on_bytes=advance, limits=task.limits)
    return scan_batches(
        task, batches, stats, reader or open_snapshot(task.snapshot), mapped
    )


def reported(
    batches: Iterable[pa.RecordBatch], advance: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches, and call `advance` with the length of each."""
    for batch in batches:
        advance(batch.num_rows)
        yield batch


def scan_batches(
    task: ScanTask,
    batches: Iterable[pa.RecordBatch],
    stats: ReadStats,
    reader: IndexReader,
    mapped: Map,
) -> int:
    """Scan batches from the readers, which update `stats`. Everything else is as for
    :func:`scan`.
    """
    source = task.split.source
    find = partial(scan_texts, reader=reader, params=task.params)
    result = PartResult(
        task.number, source, stats=stats, carriers=task.sampling.carrier_sample()
    )
    sampler = RecordSampler(task.sampling.fraction, task.sampling.seed)

    def scan_batch(
        batch: pa.RecordBatch,
    ) -> tuple[pa.RecordBatch, pa.RecordBatch | None, Matches]:
        found = matches_in(batch, find, fix_encoding=task.fields.fix_encoding)
        return (
            batch,
            _rows(batch, found, reader, source) if len(found.row) else None,
            found,
        )

    folder = task.folder
    with reader.unchanged():
        # Remove the file of an earlier attempt.
        result.matches_file(folder).unlink(missing_ok=True)
        with contextlib.ExitStack() as opened:
            writer = None
            for batch, rows, found in mapped(scan_batch, map(sampler.rows, batches)):
                result.count(batch, found.characters)
                result.truncated.add(found.truncated)
                result.carriers.offer(batch)
                if rows is not None:
                    if writer is None:
                        path = opened.enter_context(
                            replacing_file(result.matches_file(folder))
                        )
                        writer = opened.enter_context(
                            pa.ipc.new_file(str(path), PART, options=WRITTEN)
                        )
                    result.matches += rows.num_rows
                    writer.write_batch(rows)
        result.bytes = (
            result.matches_file(folder).stat().st_size if result.matches else 0
        )
        result.save(folder)
    return task.number


def _rows(
    batch: pa.RecordBatch, found: Matches, reader: IndexReader, source: str
) -> pa.RecordBatch:
    """Return the rows of a part file."""
    around = passages(batch, found)
    copied = copied_wording(*buffers(around[1]), found.text, reader)
    left_out = pc.count_substring(around[1], LEFT_OUT)
    added = [
        pa.array(found.text),
        *map(pa.array, copied.stretch.T),
        pa.array(copied.pieces),
        pa.array(copied.similarity),
        left_out,
        pa.array(found.whole),
        _dates(batch, found),
    ]
    columns = [*match_table(found, reader, source, batch).columns, *added, *around]
    return pa.RecordBatch.from_arrays(columns, schema=PART)


def _dates(batch: pa.RecordBatch, found: Matches) -> pa.Array:
    """Return the date of the record of each match."""
    if "date" not in batch.schema.names:
        return pa.nulls(len(found.row), pa.int64())
    dates = batch.column("date").take(pa.array(found.row)).to_pylist()
    form = (batch.schema.field("date").metadata or {}).get(b"form", b"").decode()
    return timestamps(dates, FIRST_RECORD_MS, form)[0].cast(pa.int64())
