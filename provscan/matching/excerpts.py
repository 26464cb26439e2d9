"""Matches to show side by side: a bounded random sample of every level, whoever scanned what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index import IndexReader
from provscan.kernels.utf8 import byte_places
from provscan.matching import LEVELS, Matches
from provscan.matching.carriers import MOST, lots
from provscan.text.arrow import buffers

# Excerpts of a level that are kept while scanning, those of them that are shown, code points around a match.
KEPT, SHOWN, AROUND = 24, 6, 200
LONGEST = 2_000


class Excerpt(NamedTuple):
    """A match with what stands around it; ordered by a random number."""

    lot: int
    source: str
    record: int
    start: int
    text: int
    before: str
    span: str
    after: str


@dataclass
class Excerpts:
    """The :data:`KEPT` matches of the lowest lots of each level; none of a lot of its limit or above."""

    seed: int
    kept: dict[int, list[Excerpt]] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)

    def fresh(self) -> Excerpts:
        """An empty sample, of other records, of what may still belong to this one; while another thread merges."""
        return Excerpts(self.seed, limits=self.limits.copy())

    def offer(self, source: str, batch: pa.RecordBatch, found: Matches) -> None:
        """Take from the matches in a batch of records what belongs to the sample."""
        if len(found.row) == 0:
            return
        records = batch.column("record").to_numpy()[found.row]
        lot = lots(source, records * 1_000_003 + found.span[:, 0], self.seed)
        for level in np.unique(found.level).tolist():
            mine = self.kept.setdefault(level, [])
            rows = np.flatnonzero(found.level == level)
            rows = rows[lot[rows] < np.uint64(self.limits.get(level, MOST))]
            rows = np.sort(rows[np.argsort(lot[rows])][:KEPT])
            for row, around in zip(rows.tolist(), _excerpts(batch, found, rows), strict=True):
                place = int(records[row]), int(found.span[row, 0]), int(found.text[row])
                mine.append(Excerpt(int(lot[row]), source, *place, *around))
            self._trim(level)

    def merge(self, other: Excerpts) -> None:
        """Take from another sample of other records of the same dataset."""
        for level, excerpts in other.kept.items():
            self.kept.setdefault(level, []).extend(excerpts)
            self._trim(level)

    def _trim(self, level: int) -> None:
        self.kept[level].sort()
        del self.kept[level][KEPT:]
        if len(self.kept[level]) == KEPT:
            self.limits[level] = self.kept[level][-1].lot


def _excerpts(batch: pa.RecordBatch, found: Matches, rows: npt.NDArray[np.int64]) -> list[tuple[str, str, str]]:
    """What stands before some matches, what they cover, and what stands behind; nothing else is decoded."""
    text, offsets = buffers(batch.column("text"))
    start, end = found.span[rows].T
    if "offset" in batch.schema.names:
        offset = batch.column("offset").to_numpy()[found.row[rows]]
        start, end = start - offset, end - offset
    points = np.stack(
        [np.maximum(start - AROUND, 0), start, np.minimum(end, start + LONGEST), end, end + AROUND], axis=1
    )
    places = np.empty_like(points)
    byte_places(text, offsets, found.row[rows], points, places)
    excerpts = []
    for a, b, c, d, e in places.tolist():
        before, span, after = (text[low:high].tobytes().decode() for low, high in ((a, b), (b, c), (d, e)))
        excerpts.append((before, span if c == d else f"{span}…", after))
    return excerpts


def side_by_side(
    excerpts: Excerpts, rows: pa.Table, listed: npt.NDArray[np.bool_], reader: IndexReader
) -> list[dict[str, Any]]:
    """The examples of a report, those of the best level first; see :func:`provscan.report.html` for their keys.

    Parameters
    ----------
    rows
        All matches, as in part files.
    listed
        bool[matches]: the report may show them.
    """
    wanted = [one for level in sorted(excerpts.kept) for one in excerpts.kept[level]]
    records = pa.array(sorted({one.record for one in wanted}), pa.int64())
    shown = rows.filter(pc.and_(pc.is_in(rows["record"], records), pa.array(listed)))
    known = {(row["source"], row["record"], row["start"], row["text"]): row for row in shown.to_pylist()}
    examples = []
    for level in range(len(LEVELS)):
        good = [one for one in excerpts.kept.get(level, []) if one[1:5] in known]
        for one in good[:SHOWN]:
            row = known[one[1:5]]
            del row["text"]
            examples.append({
                **row, **_tweet(reader, one.text), "before": one.before, "span": one.span, "after": one.after,
            })  # fmt: skip
    return examples


def _tweet(reader: IndexReader, text: int) -> dict[str, Any]:
    """The earliest tweet of a text."""
    (tweet,) = reader.earliest_tweets(np.array([text])).to_pylist()
    time = tweet["time"]
    return {
        "tweet": tweet["tweet"],
        "author": tweet["author"],
        "created_at": time and f"{time:%Y-%m-%d %H:%M:%S} UTC",
    }
