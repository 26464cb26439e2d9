"""Part files, the output of one task.

``00000012.arrow`` contains the matches of task 12, if there are any, and
``00000012.json`` its counts and its sample of carrier records. A file gets its name
when it is complete. The JSON file is written last, so it marks a complete part.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from provscan.matching.matches import MATCHES, TruncatedLookups
from provscan.matching.record_samples import CarrierSample
from provscan.readers import ReadStats
from provscan.writing import replacing_file

SCANNED = pa.schema(
    [
        *MATCHES,
        # The id of the licensed text in the reader.
        pa.field("text", pa.int64(), nullable=False),
        # The copied stretch of that text, whether it is present in pieces, and the
        # similarity without words beside it; see
        # `provscan.matching.compare.CopiedWording`.
        pa.field("copied_from", pa.int32(), nullable=False),
        pa.field("copied_to", pa.int32(), nullable=False),
        pa.field("copied", pa.int32(), nullable=False),
        pa.field("pieces", pa.bool_(), nullable=False),
        pa.field("inner_similarity", pa.float32(), nullable=False),
        # The number of code points of the passage that readers left out.
        pa.field("left_out", pa.int64(), nullable=False),
        # Whether the span covers its field completely or nearly.
        pa.field("whole", pa.bool_(), nullable=False),
        # The record's own date in milliseconds since 1970, UTC; null if it has none.
        pa.field("date", pa.int64()),
    ]
)
PASSAGE = [
    pa.field(name, pa.large_string(), nullable=False)
    for name in ("before", "passage", "after")
]
PART = pa.schema([*SCANNED, *PASSAGE])
# A run reads a few columns at a time, and decompresses only these.
WRITTEN = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass
class PartResult:
    """The content of the JSON file of a task."""

    number: int  # Identifies the task; see ``ScanTask``.
    source: str  # The dataset that the split belongs to.
    matches: int = 0  # The number of rows of the file with the matches.
    bytes: int = 0  # The size of that file.
    records: int = 0  # The number of scanned records.
    characters: int = 0  # The number of code points in all their texts.
    squares: float = 0.0  # The sum of the squared lengths of the records.
    stats: ReadStats = field(default_factory=ReadStats)
    truncated: TruncatedLookups = field(default_factory=TruncatedLookups)
    carriers: CarrierSample = field(default_factory=lambda: CarrierSample(0, 1))
    # The position of the last record, and how many of its code points have been
    # counted.
    _record: int = -1
    _length: int = 0

    def count(self, batch: pa.RecordBatch, length: np.ndarray) -> None:
        """Count a scanned batch; `length` is the number of code points of each row. A
        record may continue in the next batch.
        """
        if len(length) == 0:
            return
        record = batch.column("record").to_numpy()
        first = np.flatnonzero(np.diff(record, prepend=self._record))
        if len(first) == 0 or first[0] > 0:
            self._length += int(length[: first[0] if len(first) else len(length)].sum())
        if len(first):
            self._close()
            whole = np.add.reduceat(length, first)
            self.records += len(first)
            self.squares += float((whole[:-1].astype(np.float64) ** 2).sum())
            self._record, self._length = int(record[-1]), int(whole[-1])
        self.characters += int(length.sum())

    def _close(self) -> None:
        self.squares += float(self._length) ** 2
        self._length = 0

    def save(self, folder: Path) -> None:
        """Write the JSON file, after the matches were written."""
        self._close()
        names = (
            "number",
            "source",
            "matches",
            "bytes",
            "records",
            "characters",
            "squares",
        )
        value = {name: getattr(self, name) for name in names}
        value |= {"stats": self.stats.as_dict(), "truncated": asdict(self.truncated)}
        value["carriers"] = self.carriers.as_dict()
        with replacing_file(folder / f"{self.number:08}.json") as path:
            path.write_bytes(orjson.dumps(value))

    def matches_file(self, folder: Path) -> Path:
        return folder / f"{self.number:08}.arrow"

    def files(self, folder: Path) -> list[Path]:
        """Return the one or two files of the part."""
        counts = self.matches_file(folder).with_suffix(".json")
        return [counts, self.matches_file(folder)] if self.matches else [counts]


def read_part(stored: bytes) -> PartResult:
    """Return the result of a task from the content of its JSON file."""
    value = orjson.loads(stored)
    return PartResult(
        **{
            **value,
            "stats": ReadStats.from_dict(value["stats"]),
            "truncated": TruncatedLookups(**value["truncated"]),
            "carriers": CarrierSample.from_dict(value["carriers"]),
        }
    )


def load_part(folder: Path, number: int) -> PartResult | None:
    """Return the result of a task; None if its part is not complete."""
    try:
        part = read_part((folder / f"{number:08}.json").read_bytes())
        size = part.matches_file(folder).stat().st_size if part.matches else 0
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return part if size == part.bytes else None
