"""The totals of a dataset's scan, read from its folder of part files.

:mod:`provscan.runs.scan` adds each part to a :class:`ScanTotals` while it runs, and
saves values that are not in the parts as ``scan.json``; the analysis gets an equal
value from :func:`read_scan`. The matches stay in the part files, from which
:meth:`ScanTotals.batches` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.calibration.spike_ins import CARRIERS
from provscan.errors import OutputError
from provscan.estimate.design_effect import DrawnParts
from provscan.estimate.limits import Factor, exactly, thinned
from provscan.matching import TruncatedLookups
from provscan.matching.part_files import PartResult, load_part
from provscan.matching.record_samples import CarrierRecord, CarrierSample
from provscan.matching.scan_task import CARRIER_SEED
from provscan.readers import ReadStats
from provscan.runs.folder import SCAN_FILE, read_json, write_json

# Approximate number of matches in a batch.
BATCH = 1 << 15


@dataclass
class ScanTotals:
    """The totals of the scan of all splits of a dataset."""

    folder: Path  # Folder of the part files.
    # A random sample of the records that were scanned.
    sample: CarrierSample = field(
        default_factory=lambda: CarrierSample(CARRIERS, CARRIER_SEED)
    )
    # The counts of each split, in order; their carrier records are in ``sample``.
    parts: list[PartResult] = field(default_factory=list)
    # Counts of read and skipped records, and of truncated look-ups.
    stats: ReadStats = field(default_factory=ReadStats)
    truncated: TruncatedLookups = field(default_factory=TruncatedLookups)
    records: int = 0
    characters: int = 0
    # Contents of ``scan.json``: paths that could not be scanned, each with a reason;
    # the description of the cluster that ran the scan
    # (``provscan.engine.Ray.describe``), if any; the share of the records that was
    # drawn; and, for a sample of files, the sizes in bytes of the splits in the sample
    # and of all other splits.
    unread: list[tuple[str, str]] = field(default_factory=list)
    cluster: dict[str, Any] | None = None
    share: float = 1.0
    sizes: tuple[list[int], list[int]] | None = None

    @property
    def carriers(self) -> list[CarrierRecord]:
        return list(self.sample.records.values())

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
        # Records are drawn as a whole, with all of their code points.
        unit = sum(part.squares for part in self.parts) / max(1, self.characters)
        limits = thinned(self.characters, self.fraction, effect=max(1.0, unit))
        return Factor(self.characters / self.fraction, *limits)

    def design_effect(self, found: Numbers) -> float:
        """Return the factor by which a sample of files increases the variance of the
        number of records found; 1 without such a sample. ``found`` has the number for
        each part.
        """
        if self.drawn is None:
            return 1.0
        return self.drawn.design_effect(found.astype(np.float64))

    def _of_parts(self, name: str) -> Floats:
        return np.array([getattr(part, name) for part in self.parts], np.float64)

    def add(self, part: PartResult) -> None:
        self.stats.merge(part.stats)
        self.truncated.add(part.truncated)
        self.sample.merge(part.carriers)
        # There may be thousands of parts, and their samples are no longer needed after
        # merging.
        part.carriers = CarrierSample(0, 0)
        self.parts.append(part)
        self.records += part.records
        self.characters += part.characters

    def add_complete(self, number: int) -> None:
        """Add a part by its number; its file must be complete."""
        part = load_part(self.folder, number)
        if part is None:
            raise OutputError(
                f"part {number} of {self.folder} is gone: run match again"
            )
        self.add(part)

    def match_count(self, source: str | None = None) -> int:
        """Return the number of matches in the dataset, or in one of its sources."""
        return sum(part.matches for _, part in self._with_matches(source))

    def batches(
        self, names: Sequence[str], source: str | None = None
    ) -> Iterator[tuple[pa.RecordBatch, Numbers]]:
        """Yield columns of the matches in order, and the number of the split of each
        row.
        """
        waiting: list[pa.RecordBatch] = []
        splits: list[Numbers] = []
        for number, part in self._with_matches(source):
            # The file is read, not mapped, so that its pages do not stay in memory.
            with pa.OSFile(str(part.matches_file(self.folder))) as file:
                schema = pa.ipc.open_file(file).schema
                fields = [schema.get_field_index(name) for name in names]
                stored = pa.ipc.open_file(
                    file, options=pa.ipc.IpcReadOptions(included_fields=fields)
                )
                for place in range(stored.num_record_batches):
                    whole = stored.get_batch(place).select(names)
                    for low in range(0, whole.num_rows, BATCH):
                        waiting.append(whole.slice(low, BATCH))
                        splits.append(np.full(waiting[-1].num_rows, number))
                        if sum(map(len, splits)) >= BATCH:
                            yield pa.concat_batches(waiting), np.concatenate(splits)
                            waiting, splits = [], []
        if waiting:
            yield pa.concat_batches(waiting), np.concatenate(splits)

    def _with_matches(self, source: str | None) -> Iterator[tuple[int, PartResult]]:
        for number, part in enumerate(self.parts):
            if part.matches and source in (None, part.source):
                yield number, part

    def save(self) -> None:
        """Write ``scan.json``, which completes the scan."""
        about = {
            "parts": [part.number for part in self.parts],
            "unread": self.unread,
            "cluster": self.cluster,
            "share": self.share,
            "sizes": self.sizes,
        }
        write_json(self.folder / SCAN_FILE, about)


def read_scan(folder: Path) -> ScanTotals:
    """Read the completed scan from a folder of part files."""
    about = read_json(folder / SCAN_FILE)
    scanned = ScanTotals(
        folder,
        unread=[(path, reason) for path, reason in about["unread"]],
        cluster=about["cluster"],
        share=about["share"],
        sizes=about["sizes"],
    )
    for number in about["parts"]:
        scanned.add_complete(number)
    return scanned
