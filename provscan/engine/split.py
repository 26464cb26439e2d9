"""The scan of one split: a function of the split, the index and the parameters, whoever calls it.

Its matches go to a part file in the form of ``matches.parquet``, its counts come back; repeated, it writes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.engine.ordered import ordered_map
from provscan.index import Store
from provscan.matching import MATCHES, Found, Skipped, match_table, scan_texts
from provscan.params import MatchParams
from provscan.readers import Tally
from provscan.text.arrow import buffers


@dataclass
class SplitResult:
    """What the scan of a split leaves behind besides its part file.

    Attributes
    ----------
    source
        The dataset that the split belongs to.
    part
        Its matches; not there if it has none.
    tally
        What was read and what was not.
    characters_matched
        Code points under matches, each counted once.
    skipped
        What was passed over to bound the time.
    """

    source: str
    part: Path
    tally: Tally
    characters_matched: int = 0
    skipped: Skipped = field(default_factory=Skipped)


def covered(found: Found) -> int:
    """Code points under matches, each counted once; matches are ordered by text and start."""
    if len(found.row) == 0:
        return 0
    base = found.row * (int(found.span.max()) + 1)
    start, end = found.span[:, 0] + base, found.span[:, 1] + base
    reach = np.maximum.accumulate(end)
    before = np.concatenate([[0], reach[:-1]])
    return int(np.maximum(0, end - np.maximum(start, before)).sum())


def scan_batch(batch: pa.RecordBatch, store: Store, params: MatchParams) -> Found:
    """Matches in one batch of records, or of pieces of a record (:mod:`provscan.readers.schema`)."""
    found = scan_texts(*buffers(batch.column("text")), store, params)
    if "offset" not in batch.schema.names or len(found.row) == 0:
        return found
    offset, low, high = (batch.column(name).to_numpy()[found.row] for name in ("offset", "own_from", "own_to"))
    found.span = found.span + offset[:, None]
    return found.take(np.flatnonzero((found.span[:, 0] >= low) & (found.span[:, 0] < high)))


def scan_split(
    source: str,
    batches: Iterable[pa.RecordBatch],
    tally: Tally,
    store: Store,
    params: MatchParams,
    part: Path,
    threads: int = 1,
) -> SplitResult:
    """Scan the batches of one split and write its part file.

    Parameters
    ----------
    source
        What the user called the dataset.
    batches
        As the readers deliver them; ``tally`` is what they count in.
    part
        Where the matches go.
    threads
        How many batches are scanned at a time.
    """
    result = SplitResult(source, part, tally)

    def scan(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Found]:
        found = scan_batch(batch, store, params)
        return match_table(found, store, source, batch.column("record"), batch.column("id")), found

    scanned: Iterator[tuple[pa.RecordBatch, Found]]
    scanned = ordered_map(scan, batches, threads) if threads > 1 else map(scan, batches)
    writer = None
    try:
        for rows, found in scanned:
            result.characters_matched += covered(found)
            result.skipped.add(found.skipped)
            if rows.num_rows:
                writer = writer or pq.ParquetWriter(part, MATCHES, compression="zstd")
                writer.write_batch(rows)
    finally:
        if writer is not None:
            writer.close()
    return result
