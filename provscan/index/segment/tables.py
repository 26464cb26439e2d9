"""The look-up tables that a scan uses.

An index has one or more :class:`Tables`, which a scan uses one after the other. The
protocol has two implementations: :class:`LookupTables` are the tables of a segment,
mapped or joined in memory; :class:`provscan.index.shards.lookup.ShardTables` query all
shards.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from provscan.index.segment.strings import Strings
from provscan.kernels.records import (
    BloomFilter,
    CodeBuffer,
    Postings,
    Seeds,
    SeedTable,
    Sketches,
    TextTable,
    read_only,
)
from provscan.kernels.search import variants as kernels
from provscan.kernels.search.variants import MatchedPlaces, Variants
from provscan.params import SearchLimits

NO_NUMBERS = read_only(np.zeros(0, np.int64))


class Tables(Protocol):
    """Tables that are queried in three steps, each for a batch of records."""

    @property
    def batch_factor(self) -> int:
        """The factor by which batches of records should be larger than usual."""
        ...

    def look_up(
        self, seeds: Seeds, sketches: Sketches, limits: SearchLimits
    ) -> LookupTables:
        """Return a segment of all texts that share a key with the records."""
        ...

    def with_texts(self, segment: LookupTables, *texts: np.ndarray) -> LookupTables:
        """Return the segment that ``look_up`` returned, with the wording of at least
        the given texts.
        """
        ...

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> tuple[LookupTables, Variants]:
        """Find variants of the texts of some matches
        (:mod:`provscan.kernels.search.variants`). Return a segment that contains the
        variants, and where they may be.
        """
        ...


class LookupTables(NamedTuple):
    """The part of a segment that a scan uses, in the form that kernels take."""

    texts: Strings  # The canonical texts.
    whole: TextTable  # The tables for looking up whole texts.
    seeds: SeedTable
    # bool[n]: whether the text has a tweet that is not forgotten; None if all texts
    # have one.
    living: np.ndarray | None
    # int[n]: the reader's numbers of the texts. If it is empty, they are consecutive
    # and begin with `first`.
    numbers: np.ndarray = NO_NUMBERS
    first: int = 0
    # For joining: a filter of the frequent seeds, and the bytes of the segment's files.
    frequent: BloomFilter | None = None
    bytes: int = 0

    @property
    def batch_factor(self) -> int:
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
        return self, variants_of(records, matches, self.whole.exact, limits, room)

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
) -> Variants:
    """Return the first `room` variants in a table of whole texts."""
    found = Variants(*(np.empty(room, np.int64) for _ in Variants._fields))
    bounds = kernels.VariantLimits(limits.variant_similarity, limits.whole_candidates)
    n = kernels.variants(
        records, matches, postings, bounds, kernels.variant_scratch(), found
    )
    return Variants(*(column[:n] for column in found))
