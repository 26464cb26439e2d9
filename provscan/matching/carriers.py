"""Random records of a dataset, whoever scans it in whatever order.

Every record has a random number, a hash of its file's name and its own number; a sample of records is those below a
limit, or the lowest ones. Neither depends on splits or workers, nor on the folder that the file lies in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from provscan.text.arrow import buffers

# Of a longer record, so many code points from a random place on.
LONGEST = 4096
# Above all lots but one.
MOST = 2**64 - 1


def lots(source: str, records: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """uint64[n], the random number of each record of a source, which is a path or any other name.

    SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) of the record number, begun at a hash of the
    source.
    """
    name = os.path.basename(source)
    base = np.uint64(xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"), seed))
    x = records.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + base
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed


class Host(NamedTuple):
    """A record to plant something in: its lot, its source, number, text (or a piece of it) and whole length."""

    lot: int
    source: str
    record: int
    text: str
    length: int


@dataclass
class Hosts:
    """The `size` records of the lowest lots among those that were offered; none of a lot of ``limit`` or above."""

    size: int
    seed: int
    kept: list[Host] = field(default_factory=list)
    limit: int = MOST

    def fresh(self) -> Hosts:
        """An empty sample, of other records, of what may still belong to this one; while another thread merges."""
        return Hosts(self.size, self.seed, limit=self.limit)

    def offer(self, source: str, batch: pa.RecordBatch) -> None:
        """Take from a batch of records what belongs to the sample."""
        if self.size == 0 or batch.num_rows == 0:
            return
        records = batch.column("record").to_numpy()
        lot = lots(source, records, self.seed)
        rows = np.arange(len(lot))
        if "offset" in batch.schema.names:
            rows = rows[batch.column("offset").to_numpy() == 0]
        rows = rows[lot[rows] < np.uint64(self.limit)]
        if len(rows) > self.size:
            rows = rows[np.argpartition(lot[rows], self.size - 1)[: self.size]]
        if len(rows) == 0:
            return
        text, offsets = buffers(batch.column("text"))
        for row in rows.tolist():
            number = int(lot[row])
            piece, length = _piece(text[offsets[row] : offsets[row + 1]], number)
            self.kept.append(Host(number, source, int(records[row]), piece, length))
        self._trim()

    def merge(self, other: Hosts) -> None:
        """Take from another sample of other records of the same dataset."""
        self.kept += other.kept
        self._trim()

    def _trim(self) -> None:
        self.kept.sort(key=lambda host: host[:3])
        del self.kept[self.size :]
        if len(self.kept) == self.size > 0:
            self.limit = self.kept[-1].lot


def _piece(text: npt.NDArray[np.uint8], lot: int) -> tuple[str, int]:
    """A text and its length in code points; of a long one a piece from a random place on, and its length in bytes."""
    size = 4 * LONGEST
    if len(text) <= size:
        whole = text.tobytes().decode("utf-8")
        return whole[:LONGEST], len(whole)
    at = lot % (len(text) - size)
    # The piece may begin and end inside a character.
    return text[at : at + size].tobytes().decode("utf-8", "ignore")[:LONGEST], len(text)
