"""Null datasets: data known to hold no licensed text, scanned like the dataset, whose matches measure chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from provscan import readers
from provscan.calibration.controls import Controls
from provscan.engine.ordered_map import ordered_map
from provscan.errors import InputError
from provscan.matching.task import matches_in
from provscan.params import MatchParams
from provscan.readers.stats import require_undamaged


@dataclass(frozen=True)
class NullScan:
    """Matches in a null dataset, one entry each, and its size.

    Attributes
    ----------
    record, text, containment, size
        Number of the record in the null dataset, number of the text in the reader, share of the text in the span, and
        its code points.
    records, characters
        Scanned.
    sources
        What the user named.
    """

    record: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    containment: npt.NDArray[np.float64]
    size: npt.NDArray[np.int64]
    records: int
    characters: int
    sources: tuple[str, ...]


def scan_null(
    sources: Sequence[str], controls: Controls, params: MatchParams, fields: readers.Fields, workers: int
) -> NullScan:
    """Scan a null dataset for everything that the dataset is scanned for.

    Raises
    ------
    InputError
        It holds no record, or a file breaks off.
    """
    stats = readers.ReadStats()
    parts: list[tuple[Any, ...]] = []
    base = records = characters = 0
    for split in readers.plan(list(sources), fields, workers=workers):
        last = 0
        scanned = ordered_map(
            lambda batch: (batch, matches_in(batch, controls.reader, params)),
            readers.read(split, fields, stats),
            workers,
        )
        for batch, found in scanned:
            number = batch.column("record").to_numpy()
            licensed = np.flatnonzero(~controls.absent[found.text])
            found = found.take(licensed)
            size = found.span[:, 1] - found.span[:, 0]
            parts.append((number[found.row] + base, found.text, found.containment, size))
            last = max(last, int(number.max(initial=-1)) + 1)
            characters += int(found.characters.sum())
            records += len(np.unique(number))
        base += last
    require_undamaged(stats)
    if records == 0:
        raise InputError(f"null dataset {', '.join(sources)} holds no record: nothing measures chance")
    record, text, containment, size = (np.concatenate(column) for column in zip(*parts, strict=True))
    return NullScan(record, text, containment, size, records, characters, tuple(sources))
