"""The totals of the scan of all splits of a dataset.

:func:`provscan.runs.scan.tasks.scan_inputs` returns a :class:`ScanTotals`. The matches
stay in the part files, from which :meth:`ScanTotals.batches` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.estimate.design_effect import DrawnParts
from provscan.estimate.limits import Factor, exactly, thinned
from provscan.matching import TruncatedLookups
from provscan.matching.part_files import PartResult
from provscan.matching.record_samples import CarrierRecord
from provscan.readers import ReadStats
from provscan.runs.inputs.plan import PathReasons

# Approximate number of matches in a batch.
BATCH = 1 << 15


@dataclass(frozen=True)
class ScanTotals:
    """The totals of the scan of all splits of a dataset."""

    folder: Path  # Folder of the part files.
    parts: list[PartResult]  # The counts of each split, in order.
    stats: ReadStats  # Counts of read and skipped records.
    carriers: list[CarrierRecord]  # A random sample of the records.
    # Paths that could not be scanned, each with a reason.
    unread: PathReasons
    # Description of the cluster that ran the scan (``provscan.engine.Ray.describe``).
    cluster: dict[str, Any] | None = None
    share: float = 1.0  # Share of the records that was drawn.
    # For a sample of files: sizes in bytes of the splits in the sample, and of all
    # other splits.
    sizes: tuple[list[int], list[int]] | None = None

    @cached_property
    def records(self) -> int:
        return sum(part.records for part in self.parts)

    @cached_property
    def characters(self) -> int:
        return sum(part.characters for part in self.parts)

    @property
    def truncated(self) -> TruncatedLookups:
        total = TruncatedLookups()
        for part in self.parts:
            total.add(part.truncated)
        return total

    @cached_property
    def drawn(self) -> DrawnParts | None:
        """The sizes of the parts, if they are a sample of files."""
        if self.sizes is None:
            return None
        inside, outside = (np.array(each, np.float64) for each in self.sizes)
        return DrawnParts(inside, self._of_parts("records"), outside)

    @property
    def fraction(self) -> float:
        """The share of the dataset that was scanned, in records or, for a sample of
        files, in bytes.
        """
        if self.drawn is not None:
            return self.drawn.fraction
        read = sum(part.stats.records for part in self.parts)
        return self.records / max(1, read) if self.share < 1.0 else 1.0

    @property
    def sampled(self) -> bool:
        return self.fraction < 1.0

    @cached_property
    def all_records(self) -> Factor:
        """The number of records of the whole dataset, projected if it is unknown."""
        if self.drawn is not None:
            return self.drawn.projected(self._of_parts("records"))
        return exactly(self.records / self.fraction)

    @cached_property
    def all_characters(self) -> Factor:
        """The code points of the whole dataset, projected if they are unknown."""
        if self.drawn is not None:
            return self.drawn.projected(self._of_parts("characters"))
        # A sample of records draws all code points of a record or none of them, so the
        # mean length of a record, weighted by length, is the design effect.
        unit = sum(part.squares for part in self.parts) / max(1, self.characters)
        limits = thinned(self.characters, self.fraction, effect=max(1.0, unit))
        return Factor(self.characters / self.fraction, *limits)

    def design_effect(self, found: Numbers) -> float:
        """Return the factor by which a sample of files increases the variance of the
        number of records found; 1 without such a sample. ``found`` lists the number for
        each part.
        """
        if self.drawn is None:
            return 1.0
        return self.drawn.design_effect(found.astype(np.float64))

    def _of_parts(self, name: str) -> Floats:
        return np.array([getattr(part, name) for part in self.parts], np.float64)

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, Numbers]]:
        """Yield columns of the matches in order, and the index of the split of each
        row.
        """
        waiting: list[pa.RecordBatch] = []
        splits: list[Numbers] = []
        for number, part in enumerate(self.parts):
            if not part.matches:
                continue
            # The file is read, not mapped, so that its pages do not stay in memory.
            with pa.OSFile(str(part.matches_file(self.folder))) as file:
                schema = pa.ipc.open_file(file).schema
                fields = [schema.get_field_index(name) for name in names]
                stored = pa.ipc.open_file(
                    file, options=pa.ipc.IpcReadOptions(included_fields=fields)
                )
                for index in range(stored.num_record_batches):
                    rows = stored.get_batch(index).select(names)
                    for low in range(0, rows.num_rows, BATCH):
                        waiting.append(rows.slice(low, BATCH))
                        splits.append(np.full(waiting[-1].num_rows, number))
                        if sum(map(len, splits)) >= BATCH:
                            yield pa.concat_batches(waiting), np.concatenate(splits)
                            waiting, splits = [], []
        if waiting:
            yield pa.concat_batches(waiting), np.concatenate(splits)
