"""What a match is worth: bits of its wording, whether the wording is commonplace, and whether it counts.

Matches of the dataset, of the control, of the null dataset and of the spike-ins go through the same :class:`Scorer`, so
that what is measured on the ones holds for the others. The rule is fixed beforehand and knows nothing of the dataset's
matches: a threshold that followed them would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.background import COMMON_AUTHORS, common_text, matched_bits
from provscan.index import IndexReader
from provscan.ordered_map import ordered_map
from provscan.scoring.background import Background
from provscan.scoring.lengths import bands, measured

# Least bits of a match that counts.
BITS = 50.0
# Texts that a thread scores in one go, at most.
TEXTS = 1 << 14


class Scores(NamedTuple):
    """Of each match, [n] each."""

    bits: Floats  # nan where not known.
    counted: Flags  # The match meets the rule.


@dataclass(frozen=True)
class TextScores:
    """Of each of some texts, [n] each."""

    bits: Floats  # nan where not known.
    length: Numbers  # Code points as ``min_chars`` counts them.
    # Script (an entry of `provscan.scoring.lengths.SCRIPTS`) and length class.
    script: Numbers
    band: Numbers
    common: Flags  # The wording is commonplace.

    def matches(self, place: Numbers, containment: Floats, similarity: Floats) -> Scores:
        """Score matches: places of their texts among these, their containments and similarities, each [n]."""
        bits = matched_bits(self.bits[place], self.length[place], containment, similarity)
        # In a script that the model hardly knows only a control can tell what a match is worth.
        return Scores(bits, ~self.common[place] & (np.isnan(bits) | (bits >= BITS)))


@dataclass(frozen=True)
class Scorer:
    """Scores matches with texts of a reader."""

    # All texts scanned for, and the model that tells how rare their wording is.
    reader: IndexReader
    background: Background
    repeated: Numbers  # int64, texts that a control has as well.
    threads: int = 1  # How many score texts.
    # Texts that are scored already, in ascending order, and their scores.
    known: tuple[Numbers, TextScores] | None = None

    def knowing(self, texts: Numbers) -> Scorer:
        """A scorer that has scored some texts, given in ascending order, and does not score them again."""
        return replace(self, known=(texts, self._scored(texts)))

    def scores(self, text: Numbers, containment: Floats, similarity: Floats) -> Scores:
        """Score matches: numbers of their texts, their containments and similarities, each [n]."""
        texts, place = np.unique(text, return_inverse=True)
        return self.texts(texts).matches(place.reshape(-1), containment, similarity)

    def texts(self, texts: Numbers) -> TextScores:
        """Score texts by their numbers, each of which is there once."""
        if self.known is None:
            return self._scored(texts)
        before, known = self.known
        new = np.setdiff1d(texts, before, assume_unique=True)
        added, every = self._scored(new), np.concatenate([before, new])
        order = np.argsort(every)
        place = order[np.searchsorted(every, texts, sorter=order)]
        names = [entry.name for entry in fields(TextScores)]
        return TextScores(*(np.concatenate([getattr(known, n), getattr(added, n)])[place] for n in names))

    def _scored(self, texts: Numbers) -> TextScores:
        bits, length, script = np.empty(len(texts)), np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
        step = max(1, min(TEXTS, -(-len(texts) // self.threads)))

        def score(low: int) -> None:
            part = slice(low, low + step)
            bits[part] = self.background.bits(self.reader, texts[part])
            length[part], script[part] = measured(self.reader, texts[part])

        for _ in ordered_map(score, range(0, len(texts), step), self.threads):
            pass
        authors = np.zeros(len(texts), np.int64)
        often = np.flatnonzero(self.reader.tweet_counts(texts) >= COMMON_AUTHORS)
        authors[often] = self.reader.author_counts(texts[often])
        rare = np.where(np.isnan(bits), np.inf, bits)
        common = common_text(authors, np.isin(texts, self.repeated), rare)
        return TextScores(bits, length, script, bands(length), common)
