"""Sample the records to scan, and the carrier records for spike-ins.

The records to scan are those whose keys are below a limit; the carrier records are
those with the lowest keys. Keys are derived from the contents of records, so a sample
does not depend on the names and order of files, on splits or on workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.kernels.sketch.hashing import splitmix, splitmix64
from provscan.kernels.storage.digests import content_keys
from provscan.text_buffers import buffers

# The maximum number of code points of a carrier record. A longer text is cut: to a
# random stretch if it has more than 4 * LONGEST bytes, else to its beginning.
LONGEST = 4096
# The key of a text depends only on this number of its first bytes.
KEY_BYTES = 16 << 10
MAX_KEY = 2**64 - 1


def sample_keys(texts: pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    """Return uint64[n], a hash of each text of a large_string array."""
    text, offsets = buffers(texts)
    keys = np.empty(len(texts), np.uint64)
    content_keys(text, offsets, KEY_BYTES, np.uint64(seed % 2**64), keys)
    return keys


def record_keys(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.uint64]:
    """Return uint64[n], a hash of each row: of its text and of the id of its record, or
    of the record's position if it has no id.
    """
    ids = batch.column("id")
    named = sample_keys(ids.cast(pa.large_string()).fill_null(""), seed + 1)
    numbered = splitmix64(seed + 2, batch.column("record").to_numpy())
    identity = np.where(ids.is_valid().to_numpy(zero_copy_only=False), named, numbered)
    with np.errstate(over="ignore"):
        keys: npt.NDArray[np.uint64] = getattr(splitmix, "py_func", splitmix)(
            sample_keys(batch.column("text"), seed) ^ identity
        )
    return keys


class CarrierRecord(NamedTuple):
    """A text in which spike-ins are planted."""

    key: int  # See `sample_keys`.
    # The length of the text in code points, or in bytes if it has more than 4 *
    # `LONGEST` bytes.
    length: int
    text: str  # The text, or a part of it with up to `LONGEST` code points.
    copies: int  # The number of times that the text occurs in the dataset.


@dataclass
class CarrierSample:
    """The `size` distinct texts with the lowest keys, up to `limit`, of all records
    offered.
    """

    size: int
    seed: int
    limit: int = MAX_KEY
    records: dict[int, CarrierRecord] = field(default_factory=dict)

    def offer(self, batch: pa.RecordBatch) -> None:
        """Add those records of a batch that belong to the sample."""
        if self.size == 0 or batch.num_rows == 0:
            return
        texts = batch.column("text")
        keys = sample_keys(texts, self.seed)
        rows = np.flatnonzero(keys <= np.uint64(self.limit))
        lowest, first, copies = np.unique(
            keys[rows], return_index=True, return_counts=True
        )
        text, offsets = buffers(texts)
        for key, row, count in zip(
            lowest[: self.size].tolist(),
            rows[first[: self.size]].tolist(),
            copies[: self.size].tolist(),
            strict=True,
        ):
            self._add(
                CarrierRecord(
                    key, *_cut(text[offsets[row] : offsets[row + 1]], key), count
                )
            )
        self._trim()

    def merge(self, other: CarrierSample) -> None:
        """Add a sample of other records of the dataset, drawn with the same seed."""
        for record in other.records.values():
            if record.key <= self.limit:
                self._add(record)
        self._trim()

    def _add(self, record: CarrierRecord) -> None:
        known = self.records.get(record.key)
        if known is not None:
            # Long texts with the same beginning have equal keys. Choose between them
            # regardless of their order.
            record = min(known, record)._replace(copies=known.copies + record.copies)
        self.records[record.key] = record

    def _trim(self) -> None:
        kept = sorted(self.records)[: self.size]
        self.records = {key: self.records[key] for key in kept}
        if len(kept) == self.size > 0:
            self.limit = min(self.limit, kept[-1])

    def as_dict(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "seed": self.seed,
            "limit": self.limit,
            "records": [list(record) for record in self.records.values()],
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> CarrierSample:
        records = {record[0]: CarrierRecord(*record) for record in value["records"]}
        return cls(value["size"], value["seed"], value["limit"], records)


def _cut(text: npt.NDArray[np.uint8], key: int) -> tuple[int, str]:
    """Return ``length`` and ``text`` of a :class:`CarrierRecord`."""
    size = 4 * LONGEST
    if len(text) <= size:
        whole = text.tobytes().decode("utf-8")
        return len(whole), whole[:LONGEST]
    at = key % (len(text) - size)
    # The stretch may begin and end inside a character.
    return len(text), text[at : at + size].tobytes().decode("utf-8", "ignore")[:LONGEST]


class RecordSampler:
    """Chooses the records of a split to scan.

    Batches must be in the order of the records, since a record may have rows in several
    batches.
    """

    def __init__(self, fraction: float, seed: int) -> None:
        self._limit = np.uint64(min(int(fraction * 2**64), MAX_KEY))
        self._all = fraction >= 1.0
        self._seed = seed
        self._last, self._chosen = -1, False

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows to scan. The key of a record's first row decides whether all
        its rows are scanned.
        """
        if self._all or batch.num_rows == 0:
            return batch
        record = batch.column("record").to_numpy()
        first = np.flatnonzero(np.diff(record, prepend=self._last))
        chosen = record_keys(batch.take(pa.array(first)), self._seed) < self._limit
        if len(first) == 0 or first[0] > 0:
            first, chosen = np.append(0, first), np.append(self._chosen, chosen)
        self._last, self._chosen = int(record[-1]), bool(chosen[-1])
        return batch.filter(
            pa.array(np.repeat(chosen, np.diff(np.append(first, len(record)))))
        )
