"""Which matches are removed, and the spans of their records in the order of the
records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.errors import InputError, ParameterError
from provscan.params import require, require_number
from provscan.runs.folder import MATCHES_FILE

LEVELS = ("exact", "near_exact", "strong", "weak", "partial")
COLUMNS = (
    "source",
    "record",
    "field",
    "start",
    "end",
    "level",
    "similarity",
    "bits",
    "control",
    "counted",
)
BATCH = 1 << 14

Span = tuple[int, int]
Spans = dict[str, list[Span]]  # The spans of a record, by the names of its fields.


class CleanKeywords(TypedDict, total=False):
    """The options of :class:`CleanOptions` as keywords."""

    mask: str | None
    keep_only: bool
    all: bool
    levels: Sequence[str] | None
    min_bits: float | None
    min_similarity: float | None
    drop_unscanned: bool
    skip_unwritable: bool


@dataclass(frozen=True, kw_only=True)
class CleanOptions:
    """What is removed, and how.

    Attributes
    ----------
    mask
        Replace each span by this text; by default whole records are dropped.
    keep_only
        Keep only the records that would be dropped, as evidence.
    all
        Remove matches of common and known wording, too.
    levels
        Remove matches of these levels only.
    min_bits
        Remove matches of at least this many bits only.
    min_similarity
        Remove matches of at least this similarity only.
    drop_unscanned
        Drop records of which no text was scanned, too.
    skip_unwritable
        Leave out files that can't be written, and list them in the manifest.
    """

    mask: str | None = None
    keep_only: bool = False
    all: bool = False
    levels: Sequence[str] | None = None
    min_bits: float | None = None
    min_similarity: float | None = None
    drop_unscanned: bool = False
    skip_unwritable: bool = False

    def __post_init__(self) -> None:
        mask = self.mask
        if mask is not None:
            sound = isinstance(mask, str) and mask.isprintable()
            require(sound and mask != "", "mask", mask, "a text on one line")
            if self.keep_only:
                raise ParameterError("mask and keep_only exclude each other")
            if self.drop_unscanned:
                raise ParameterError(
                    "drop_unscanned drops records and mask none: leave out one of them"
                )
        for name in ("min_bits", "min_similarity"):
            if (value := getattr(self, name)) is not None:
                require_number(name, value)
        if isinstance(self.levels, str):
            object.__setattr__(self, "levels", (self.levels,))
        for level in self.levels or ():
            require(level in LEVELS, "levels", level, f"some of {', '.join(LEVELS)}")

    @property
    def mode(self) -> str:
        if self.keep_only:
            return "keep_only"
        return "drop" if self.mask is None else "mask"

    def as_dict(self) -> dict[str, Any]:
        """The options as the manifest has them."""
        chosen = {item.name: getattr(self, item.name) for item in fields(self)}
        return chosen | {"mode": self.mode, "levels": self.levels and [*self.levels]}

    def chosen(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The matches among some rows of ``matches.parquet`` that are removed."""
        keep = pc.invert(rows["control"])
        if not self.all:
            keep = pc.and_(keep, rows["counted"])
        if self.levels is not None:
            among = pc.is_in(rows["level"], pa.array(self.levels, pa.string()))
            keep = pc.and_(keep, among)
        if self.min_bits is not None:
            enough = pc.greater_equal(rows["bits"], self.min_bits)
            keep = pc.and_(keep, enough.fill_null(False))
        if self.min_similarity is not None:
            # stored as 32-bit floats
            least = pa.scalar(self.min_similarity, pa.float32())
            keep = pc.and_(keep, pc.greater_equal(rows["similarity"], least))
        return rows.filter(keep)


class Removals:
    """The spans to remove from a dataset, a record at a time, in the order in which
    the files are read.
    """

    def __init__(self, run: Path, options: CleanOptions) -> None:
        self._path = run / MATCHES_FILE
        self._records = self._read(options)
        self._next = next(self._records, None)

    def _read(self, options: CleanOptions) -> Iterator[tuple[str, int, Spans]]:
        with pq.ParquetFile(self._path) as file:
            rows = (
                row
                for batch in file.iter_batches(BATCH, columns=list(COLUMNS))
                for row in options.chosen(batch).to_pylist()
            )
            for (source, record), found in groupby(
                rows, key=lambda row: (row["source"], row["record"])
            ):
                spans: Spans = {}
                for row in found:
                    span = row["start"], row["end"]
                    spans.setdefault(row["field"] or "", []).append(span)
                yield source, record, {name: merged(spans[name]) for name in spans}

    def count(self) -> int:
        """How many records there are, all of which are read for it."""
        found = sum(1 for _ in self._records) + (self._next is not None)
        self._next = None
        return found

    def of_source(self, source: str) -> Iterator[tuple[int, Spans]]:
        """The records of the next source that has some; none if it is another one."""
        while self._next is not None and self._next[0] == source:
            _, record, spans = self._next
            yield record, spans
            self._next = next(self._records, None)

    def require_all_used(self) -> None:
        """Check that each match belonged to a file that was read."""
        if self._next is not None:
            raise InputError(
                f"{self._path} has matches of {self._next[0]}, which was not read at "
                "its place: name the datasets as the run did, in the same order"
            )


class Cursor:
    """The removals of one file, asked for by ascending numbers of records."""

    def __init__(self, records: Iterator[tuple[int, Spans]], source: str) -> None:
        self._records = records
        self._source = source
        self._next = next(records, None)

    def within(self, start: int, stop: int) -> dict[int, Spans]:
        """The removals of the records from `start` up to but without `stop`."""
        found: dict[int, Spans] = {}
        while self._next is not None and self._next[0] < stop:
            record, spans = self._next
            if record < start or record in found:
                raise misplaced(self._source, record)
            found[record] = spans
            self._next = next(self._records, None)
        return found

    def finish(self) -> None:
        """Check that nothing is left to remove."""
        if self._next is not None:
            raise misplaced(self._source, self._next[0])


def misplaced(source: str, record: int) -> InputError:
    """The error that says that a match has no record."""
    return InputError(
        f"{source} has no record {record:,} at its place, in which the run found a "
        "match: run match again"
    )


def merged(spans: list[Span]) -> list[Span]:
    """Spans in order, with those joined that overlap or touch."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
