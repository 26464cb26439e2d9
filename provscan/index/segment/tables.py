"""The tables that a scan uses.

A scan uses the tables of an index one after the other through :class:`Tables`.
:class:`LookupTables` are the tables of a segment, mapped or joined in memory;
:class:`provscan.index.shards.lookup.ShardTables` query all shards.
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
    """The record int64[n], span int64[n, 2] and similarity float64[n] of some
    matches.
    """

    record: np.ndarray
    span: np.ndarray
    similarity: np.ndarray


class Variants(NamedTuple):
    """Texts that equal a stretch around a match of another text, int64[n] each."""

    match: np.ndarray  # The row of the match.
    text: np.ndarray  # The number of the text in the tables.
    code: np.ndarray  # Where it may begin: see `provscan.kernels.records.Candidates`.


class Tables(Protocol):
    """Tables that are looked up in three steps, each for a batch of records."""

    @property
    def together(self) -> int:
        """The factor by which to increase the number of records looked up at once."""
        ...

    def look_up(
        self, seeds: Seeds, sketches: Sketches, limits: SearchLimits
    ) -> LookupTables:
        """Return a segment of all texts that share a key with the records."""
        ...

    def with_texts(self, segment: LookupTables, *texts: np.ndarray) -> LookupTables:
        """Return that segment, with at least the given texts readable."""
        ...

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> tuple[LookupTables, Variants]:
        """Return a segment of variants of the texts of some matches
        (:mod:`provscan.kernels.search.variants`), and these variants.
        """
        ...


class LookupTables(NamedTuple):
    """A segment in the form that the kernels take."""

    first: int  # The reader's number of its first text.
    # See `provscan.index.segment.read`; `whole` is for looking up whole texts.
    texts: Strings
    whole: TextTable
    seeds: SeedTable
    # bool[n]: whether the text has a tweet that is not forgotten; None if all have.
    living: np.ndarray | None
    # int[n]: the reader's numbers of the texts; empty if they are consecutive.
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
        """Return the reader's numbers of some texts."""
        return (
            self.numbers[texts].astype(np.int64)
            if len(self.numbers)
            else texts + self.first
        )

    def are_living(self, texts: np.ndarray) -> np.ndarray:
        """Return bool[n]: whether each text has a tweet that is not forgotten."""
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
    """Return the first `room` variants in a table of whole texts; their ``record`` is
    the match.
    """
    found = Candidates(*(np.empty(room, np.int64) for _ in Candidates._fields))
    bounds = kernels.VariantLimits(limits.variant_similarity, limits.whole_candidates)
    n = kernels.variants(
        records, tuple(matches), postings, bounds, kernels.variant_scratch(), found
    )
    return Candidates(*(column[:n] for column in found))
