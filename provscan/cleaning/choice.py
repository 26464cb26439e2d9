"""Choose the matches to remove, and give their spans in the order of the records.

:class:`CleanOptions` states the criteria. A :class:`Choice` reads the matches that meet
them from ``matches.parquet``, one source after the other, without those that a reviewer
rejected. :class:`Removals` gives the spans of one source, record by record.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.errors import ParameterError, UnusableError
from provscan.params import require
from provscan.readers import Source

COLUMNS = (
    "source",
    "record",
    "field",
    "start",
    "end",
    "tweet_id",
    "control",
    "counted",
)
KEY = ("source", "record", "field", "tweet_id")
POSITION = ["record", "field", "start", "end"]
BATCH = 1 << 14

Span = tuple[int, int]
Spans = dict[str, list[Span]]  # The spans in each field of a record.


class CleanKeywords(TypedDict, total=False):
    """The options of :class:`CleanOptions` as keywords."""

    mask: str | None
    keep_only: bool
    all: bool
    skip_unwritable: bool
    reviewed: Source | None


@dataclass(frozen=True, kw_only=True)
class CleanOptions:
    """Which matches are removed from a dataset, and how.

    Attributes
    ----------
    mask
        Replace each span by this text. By default, whole records are dropped.
    keep_only
        Keep only the records that would be dropped, as evidence.
    all
        Also remove matches of common and known wording.
    skip_unwritable
        Leave out files that can't be written, and list them in the manifest.
    reviewed
        A file with the marks of reviewers, saved from the report of the run. If they
        rejected a tweet in a field of a record, its matches in that field are kept.
    """

    mask: str | None = None
    keep_only: bool = False
    all: bool = False
    skip_unwritable: bool = False
    reviewed: Source | None = None

    def __post_init__(self) -> None:
        mask = self.mask
        if mask is not None:
            sound = isinstance(mask, str) and mask.isprintable()
            require(sound and mask != "", "mask", mask, "a text on one line")
            if self.keep_only:
                raise ParameterError("mask and keep_only exclude each other")

    @property
    def mode(self) -> str:
        if self.keep_only:
            return "keep_only"
        return "drop" if self.mask is None else "mask"

    def as_dict(self) -> dict[str, Any]:
        """Return the options for the manifest."""
        chosen = {item.name: getattr(self, item.name) for item in fields(self)}
        marks = None if self.reviewed is None else os.fspath(self.reviewed)
        return chosen | {"mode": self.mode, "reviewed": marks}

    def chosen(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of ``matches.parquet`` that meet the criteria."""
        keep = pc.invert(rows["control"])
        if not self.all:
            keep = pc.and_(keep, rows["counted"])
        return rows.filter(keep)


class Rejected(NamedTuple):
    """A tweet that a reviewer rejected in one field of a record. Its matches in that
    field are not removed.
    """

    source: str
    record: int
    field: str | None
    tweet_id: str


@dataclass(frozen=True)
class Choice:
    """The matches to remove from one ``matches.parquet``, which is read in batches."""

    path: Path
    options: CleanOptions
    rejected: frozenset[Rejected] = frozenset()

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield batches of the matches to remove, each with the number of matches left
        out because reviewers rejected them.
        """
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH, columns=list(COLUMNS)):
                removed = chosen = self.options.chosen(batch)
                if self.rejected:
                    keys = zip(*(chosen[name].to_pylist() for name in KEY), strict=True)
                    removes = [Rejected(*key) not in self.rejected for key in keys]
                    removed = chosen.filter(pa.array(removes, pa.bool_()))
                yield removed, len(chosen) - len(removed)

    @cached_property
    def _counts(self) -> tuple[Counter[str], int]:
        matches, rejected = Counter[str](), 0
        for batch, others in self._batches():
            rejected += others
            matches.update(batch["source"].to_pylist())
        return matches, rejected

    @property
    def matches(self) -> Counter[str]:
        """The number of matches to remove from each source, in the order of sources."""
        return self._counts[0]

    @property
    def kept(self) -> int:
        """The number of matches that are kept because reviewers rejected them."""
        return self._counts[1]

    def by_source(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield each source with the positions of its matches to remove."""
        parts = (
            (source, batch.filter(pc.equal(batch["source"], source)).select(POSITION))
            for batch, _ in self._batches()
            for source in pc.unique(batch["source"]).to_pylist()
        )
        for source, found in groupby(parts, key=itemgetter(0)):
            yield source, pa.Table.from_batches([batch for _, batch in found])


class Removals:
    """The spans to remove from one source, in the order of the records."""

    def __init__(self, matches: pa.Table | None, source: str) -> None:
        self._records = _by_record(matches)
        self._source = source
        self._next = next(self._records, None)

    def within(self, start: int, stop: int) -> dict[int, Spans]:
        """Return the spans of each record from ``start`` up to, but not including,
        ``stop``.
        """
        found: dict[int, Spans] = {}
        while self._next is not None and self._next[0] < stop:
            record, spans = self._next
            if record < start or record in found:
                raise misplaced(self._source, record)
            found[record] = spans
            self._next = next(self._records, None)
        return found

    def finish(self) -> None:
        """Raise an error if spans are left, because their records don't exist."""
        if self._next is not None:
            raise misplaced(self._source, self._next[0])


def _by_record(matches: pa.Table | None) -> Iterator[tuple[int, Spans]]:
    batches = [] if matches is None else matches.to_batches(BATCH)
    rows = (row for batch in batches for row in batch.to_pylist())
    for record, found in groupby(rows, key=itemgetter("record")):
        spans: Spans = {}
        for row in found:
            spans.setdefault(row["field"] or "", []).append((row["start"], row["end"]))
        yield record, {name: merged(each) for name, each in spans.items()}


def misplaced(source: str, record: int) -> UnusableError:
    """Return the error for a match whose record is missing."""
    return UnusableError(
        f"the run found a match in record {record:,} of {source}, but the file has no "
        "record with a text at that position: run match again"
    )


def merged(spans: list[Span]) -> list[Span]:
    """Return the spans in order, and join those that overlap or touch."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
