"""What a scan looks things up in.

A scan takes the tables of an index one after the other, each as :class:`Tables` says:
:class:`LookupTables` are those of a segment, mapped or joined in memory, and
:class:`provscan.index.shards.lookup.ShardTables` ask every shard.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from provscan.index.segment.texts import Strings
from provscan.kernels.records import (
    Candidates,
    CodeBuffer,
    Postings,
    Seeds,
    SeedTable,
    Sketches,
    TextTable,
    read_only,
)
from provscan.kernels.search import variants as kernels
from provscan.params import SearchLimits

NO_NUMBERS = read_only(np.zeros(0, np.int64))


class MatchedPlaces(NamedTuple):
    """Record int64[n], span int64[n, 2] and similarity float64[n] of some matches."""

    record: np.ndarray
    span: np.ndarray
    similarity: np.ndarray


class Variants(NamedTuple):
    """Texts that equal a stretch around a match of another text, int64[n] each."""

    match: np.ndarray  # The row of the match.
    text: np.ndarray  # The number of the text in the tables.
    code: np.ndarray  # Where it would begin: see `provscan.kernels.records.Candidates`.


class Tables(Protocol):
    """Tables that are looked up in three steps, each for a batch of records."""

    @property
    def together(self) -> int:
        """How many times more records should be looked up at once than in a segment."""
        ...

    def look_up(
        self, seeds: Seeds, sketches: Sketches, limits: SearchLimits
    ) -> LookupTables:
        """A segment of all texts that have a key of the records."""
        ...

    def with_texts(self, segment: LookupTables, *texts: np.ndarray) -> LookupTables:
        """That segment, in which at least the given texts can be read."""
        ...

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> tuple[LookupTables, Variants]:
        """Variants of the texts of some matches
        (:mod:`provscan.kernels.search.variants`), and a segment of them.
        """
        ...


class LookupTables(NamedTuple):
    """A segment as the kernels take it."""

    first: int  # The reader's number of its first text.
    # See `provscan.index.segment.read`; whole texts are looked up in `whole`.
    texts: Strings
    whole: TextTable
    seeds: SeedTable
    # bool[n]: the text has a tweet that is not forgotten; None if all have.
    living: np.ndarray | None
    # int[n]: the reader's numbers of the texts, where they don't follow each other;
    # else empty.
    numbers: np.ndarray = NO_NUMBERS

    @property
    def together(self) -> int:
        return 1

    def look_up(
        self, seeds: Seeds, sketches: Sketches, limits: SearchLimits
    ) -> LookupTables:
        return self

    def with_texts(self, segment: LookupTables, *texts: np.ndarray) -> LookupTables:
        return segment

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> tuple[LookupTables, Variants]:
        room = limits.variants * len(matches.record)
        found = variants_of(records, matches, self.whole.exact, limits, room)
        return self, Variants(found.record, found.text, found.code)

    def numbered(self, texts: np.ndarray) -> np.ndarray:
        """The reader's numbers of some texts."""
        return (
            self.numbers[texts].astype(np.int64)
            if len(self.numbers)
            else texts + self.first
        )

    def are_living(self, texts: np.ndarray) -> np.ndarray:
        """bool[n]: each of some texts has a tweet that is not forgotten."""
        if self.living is None:
            return np.ones(len(texts), np.bool_)
        return self.living[texts]


def variants_of(
    records: CodeBuffer,
    matches: MatchedPlaces,
    postings: Postings,
    limits: SearchLimits,
    room: int,
) -> Candidates:
    """The first `room` variants that a table of whole texts has; ``record`` is the
    match.
    """
    found = Candidates(*(np.empty(room, np.int64) for _ in Candidates._fields))
    bounds = kernels.VariantLimits(limits.variant_similarity, limits.whole_candidates)
    n = kernels.variants(
        records, tuple(matches), postings, bounds, kernels.variant_scratch(), found
    )
    return Candidates(*(column[:n] for column in found))
