"""The look-up tables that a scan uses. An index has one or more
:class:`LookupTables`, which a scan uses one after the other: the tables of a segment,
mapped or joined in memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index.segment.strings import Strings
from provscan.kernels.records import (
    BloomFilter,
    CodeBuffer,
    SeedTable,
    TextTable,
)
from provscan.kernels.search import variants as kernels
from provscan.kernels.search.variants import MatchedPlaces, Variants
from provscan.params import SearchLimits


class LookupTables(NamedTuple):
    """The part of a segment that a scan uses, in the form that kernels take."""

    texts: Strings  # The canonical texts.
    whole: TextTable  # The tables for looking up whole texts.
    seeds: SeedTable
    # bool[n]: whether the text has a tweet that is not forgotten; None if all texts
    # have one.
    living: np.ndarray | None
    first: int = 0  # The reader's number of the first text.
    # For joining: a filter of the frequent seeds, and the bytes of the segment's files.
    frequent: BloomFilter | None = None
    bytes: int = 0

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> Variants:
        """Find variants of the texts of some matches
        (:mod:`provscan.kernels.search.variants`).
        """
        room = limits.variants * len(matches.record)
        found = Variants(*(np.empty(room, np.int64) for _ in Variants._fields))
        bounds = kernels.VariantLimits(
            limits.variant_similarity, limits.whole_candidates
        )
        n = kernels.variants(
            records, matches, self.whole.exact, bounds, kernels.variant_scratch(), found
        )
        return Variants(*(column[:n] for column in found))

    def are_living(self, texts: np.ndarray) -> np.ndarray:
        """Return bool[n]: whether each text has a tweet that is not forgotten."""
        if self.living is None:
            return np.ones(len(texts), np.bool_)
        return self.living[texts]
