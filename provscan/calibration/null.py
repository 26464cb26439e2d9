"""Null datasets: data known to hold no licensed text, scanned like the dataset, whose matches measure chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.calibration.controls import Controls
from provscan.matching.parts import PartResult


@dataclass(frozen=True)
class NullScan:
    """Matches in a null dataset, one entry each, and its size."""

    # Number of the record among those with matches, number of the text in the reader, share of the text in the span,
    # its similarity, and its code points.
    record: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    containment: npt.NDArray[np.float64]
    similarity: npt.NDArray[np.float64]
    size: npt.NDArray[np.int64]
    # Scanned.
    records: int
    characters: int
    sources: tuple[str, ...]  # What the user named.


def null_scan(rows: pa.Table, results: list[PartResult], controls: Controls, sources: Sequence[str]) -> NullScan:
    """What the scan of a null dataset found of the licensed texts.

    The `rows` are all matches, ordered by split and record, with the split as ``cluster``; the `results` are the counts
    of each split.
    """
    columns = ("cluster", "record", "text", "containment", "similarity", "start", "end")
    cluster, record, text, containment, similarity, start, end = (rows[name].to_numpy() for name in columns)
    number = np.cumsum((np.diff(cluster, prepend=-1) != 0) | (np.diff(record, prepend=-1) != 0))
    licensed = np.flatnonzero(~controls.absent[text])
    return NullScan(
        number[licensed],
        text[licensed],
        containment[licensed].astype(np.float64),
        similarity[licensed].astype(np.float64),
        (end - start)[licensed],
        sum(result.records for result in results),
        sum(result.characters for result in results),
        tuple(sources),
    )
