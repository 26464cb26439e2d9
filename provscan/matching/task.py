"""The scan of one split: a function of the split, the index and the parameters, whoever calls it.

Its matches go to a part file in the form of ``matches.parquet``, its counts come back; repeated, it writes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.index import IndexReader
from provscan.matching import MATCHES, Matches, TruncatedLookups, match_table, scan_texts
from provscan.matching.carriers import Hosts, lots
from provscan.matching.excerpts import Excerpts
from provscan.params import MatchParams
from provscan.readers import ReadStats
from provscan.text.arrow import buffers

# What part files hold besides the columns of matches.parquet: the number of the licensed text in the reader.
PART = MATCHES.append(pa.field("text", pa.int64(), nullable=False))


@dataclass(frozen=True)
class Sampling:
    """Which records are scanned.

    Attributes
    ----------
    fraction
        Share of the records to scan, at random; all of them in a sample of whole parts.
    seed
        Of the random numbers that this goes by.
    """

    fraction: float = 1.0
    seed: int = 1

    def rows(self, source: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The records of a batch to scan."""
        if self.fraction >= 1.0:
            return batch
        lot = lots(source, batch.column("record").to_numpy(), self.seed)
        return batch.take(pa.array(np.flatnonzero(lot < np.uint64(int(self.fraction * 2**64)))))


@dataclass
class SplitResult:
    """What the scan of a split leaves behind besides its part file.

    Attributes
    ----------
    source
        The dataset that the split belongs to.
    part
        Its matches; not there if it has none.
    stats
        What was read and what was not.
    records, characters, squares
        Records scanned, their code points, the sum of the squares of these.
    skipped
        What was passed over to bound the time.
    characters_matched
        Code points under matches of licensed texts, each counted once.
    hosts, excerpts
        A random sample of the records, and one of the matches of licensed texts.
    """

    source: str
    part: Path
    stats: ReadStats
    records: int = 0
    characters: int = 0
    squares: float = 0.0
    skipped: TruncatedLookups = field(default_factory=TruncatedLookups)
    characters_matched: int = 0
    hosts: Hosts = field(default_factory=lambda: Hosts(0, 1))
    excerpts: Excerpts = field(default_factory=lambda: Excerpts(1))

    def count(self, batch: pa.RecordBatch, found: Matches) -> None:
        """Count the records of a batch that was scanned."""
        length = found.characters
        if "offset" in batch.schema.names:
            # Pieces of one long record: what each of them owns.
            offset, low, high = (batch.column(name).to_numpy() for name in ("offset", "own_from", "own_to"))
            owned = int((np.minimum(high, offset + length) - np.maximum(low, offset)).sum())
            length = np.array([owned])
            self.records += int(np.count_nonzero(offset == 0))
        else:
            self.records += len(length)
        self.characters += int(length.sum())
        self.squares += float((length.astype(np.float64) ** 2).sum())
        self.skipped.add(found.skipped)


def covered(found: Matches) -> int:
    """Code points under matches, each counted once; matches are ordered by text and start."""
    if len(found.row) == 0:
        return 0
    base = found.row * (int(found.span.max()) + 1)
    start, end = found.span[:, 0] + base, found.span[:, 1] + base
    reach = np.maximum.accumulate(end)
    before = np.concatenate([[0], reach[:-1]])
    return int(np.maximum(0, end - np.maximum(start, before)).sum())


def scan_batch(batch: pa.RecordBatch, reader: IndexReader, params: MatchParams) -> Matches:
    """Matches in one batch of records, or of pieces of a record (:mod:`provscan.readers.schema`)."""
    found = scan_texts(*buffers(batch.column("text")), reader, params)
    if "offset" not in batch.schema.names or len(found.row) == 0:
        return found
    offset, low, high = (batch.column(name).to_numpy()[found.row] for name in ("offset", "own_from", "own_to"))
    found.span = found.span + offset[:, None]
    return found.take(np.flatnonzero((found.span[:, 0] >= low) & (found.span[:, 0] < high)))


def scan_split(
    source: str,
    batches: Iterable[pa.RecordBatch],
    stats: ReadStats,
    reader: IndexReader,
    params: MatchParams,
    part: Path,
    mapped: Callable[..., Iterator[Any]] = map,
    sampling: Sampling = Sampling(),
    absent: np.ndarray | None = None,
    samples: tuple[Hosts, Excerpts] | None = None,
) -> SplitResult:
    """Scan the batches of one split and write its part file.

    Parameters
    ----------
    source
        What the user called the dataset.
    batches
        As the readers deliver them; ``stats`` is what they count in.
    part
        Where the matches go.
    mapped
        ``map``, or what maps a function over the batches in their order as it does.
    sampling
        Which records are scanned.
    absent
        bool, one a text of the reader: the text is a control, under which nothing is licensed.
    samples
        Empty ones, of the records and of the matches, to offer these to.
    """
    hosts, excerpts = samples or (Hosts(0, 1), Excerpts(1))
    result = SplitResult(source, part, stats, hosts=hosts, excerpts=excerpts)

    def scan(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch, Matches]:
        batch = sampling.rows(source, batch)
        found = scan_batch(batch, reader, params)
        rows = match_table(found, reader, source, batch.column("record"), batch.column("id"))
        return batch, pa.RecordBatch.from_arrays([*rows.columns, pa.array(found.text)], schema=PART), found

    scanned: Iterator[tuple[pa.RecordBatch, pa.RecordBatch, Matches]]
    scanned = mapped(scan, batches)
    writer = None
    try:
        for batch, rows, found in scanned:
            result.count(batch, found)
            licensed = found if absent is None else found.take(np.flatnonzero(~absent[found.text]))
            result.characters_matched += covered(licensed)
            hosts.offer(source, batch)
            excerpts.offer(source, batch, licensed)
            if rows.num_rows:
                # Not compressed: what is mapped back need not stay in memory.
                writer = writer or pa.ipc.new_file(part, PART)
                writer.write_batch(rows)
    finally:
        if writer is not None:
            writer.close()
    return result
