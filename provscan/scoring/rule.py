"""Which matches are findings: a match is one if its wording is rare, long enough, and
not known from elsewhere.

A match is a finding if

- its licensed text is neither *common* (three authors or more, or an author of the
  control, posted it) nor *known* (it also stands in data that can't come from the
  platform, see :class:`KnownElsewhere`),
- span and licensed text have at least ``min_letters`` letters in common: containment
  times length, but no more than the span has, since a text that repeats a word contains
  its 5-grams once, and
- the wording has at least ``min_bits`` bits where the span covers the whole field, and
  ``min_bits_passage`` where it is a passage. In a script that the background model does
  not know, :data:`LETTERS_WITHOUT_BITS` letters in common take the place of bits.

Matches of the dataset, the control, the null dataset and the spike-ins go through the
same :class:`Scorer`, so what is measured on one of them holds for the others. The rule
is fixed before the scan and does not depend on the dataset's matches: a threshold that
followed them would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.background import matched_bits
from provscan.index import IndexReader
from provscan.ordered_map import ordered_map
from provscan.params import FINDING, FindingParams
from provscan.scoring.background import Background
from provscan.scoring.lengths import WIDE, bands, measured

# From so many authors on a text is common.
COMMON_AUTHORS = 3
# Minimum letters in common where the background model does not know the script.
LETTERS_WITHOUT_BITS = 40
# A match is known from elsewhere if the known data has this share of the match's
# containment, or more.
KNOWN_SHARE = 0.8
# Texts that a thread scores in one go, at most.
TEXTS = 1 << 14


class Scored(NamedTuple):
    """What is scored of matches, [n] each."""

    place: Numbers  # Of the licensed text among those of a `TextScores`.
    containment: Floats
    similarity: Floats
    whole: Flags  # The span covers the whole field.
    span: Numbers  # Code points of the span.


class Scores(NamedTuple):
    """Of each match, [n] each."""

    bits: Floats  # nan where not known.
    known: Flags  # The licensed text also stands in the known data.
    counted: Flags  # The match is a finding.


def letters_in_common(
    containment: Floats, length: Numbers, script: Numbers, span: Numbers
) -> Floats:
    """Letters that spans have in common with licensed texts of some lengths, as
    ``min_chars`` counts them.
    """
    result: Floats = np.minimum(
        containment * length, span * np.where(WIDE[script], 2, 1)
    )
    return result


@dataclass(frozen=True)
class KnownElsewhere:
    """Licensed and control texts that also stand in data that can't come from the
    platform (``--known``).
    """

    # float32[texts of the reader]: the largest containment of each text in the known
    # data, 0 where it is not there.
    containment: npt.NDArray[np.float32]

    def of(self, texts: Numbers) -> Floats:
        return self.containment[texts].astype(np.float64)


@dataclass(frozen=True)
class TextScores:
    """Of each of some texts, [n] each."""

    bits: Floats  # nan where not known.
    length: Numbers  # Code points as ``min_chars`` counts them.
    # Script (an entry of `provscan.scoring.lengths.SCRIPTS`) and length class.
    script: Numbers
    band: Numbers
    common: Flags  # Three authors or more, or one of a control, posted the text.
    elsewhere: Floats  # Its largest containment in the known data; 0 without any.

    def matches(self, scored: Scored, params: FindingParams) -> Scores:
        """Score matches, and decide which are findings."""
        place, containment, similarity, whole, span = scored
        least = np.where(whole, params.min_bits, params.min_bits_passage)
        letters = letters_in_common(
            containment, self.length[place], self.script[place], span
        )
        share = letters / np.maximum(self.length[place], 1)
        bits = matched_bits(self.bits[place], self.length[place], share, similarity)
        # The tolerances are those of containments as float32.
        known = (self.elsewhere[place] > 0.0) & (
            self.elsewhere[place] >= KNOWN_SHARE * containment - 1e-6
        )
        rare = np.where(
            np.isnan(bits), letters >= LETTERS_WITHOUT_BITS - 1e-3, bits >= least
        )
        counted = (
            rare & (letters >= params.min_letters - 1e-3) & ~self.common[place] & ~known
        )
        return Scores(bits, known, counted)


@dataclass(frozen=True)
class Scorer:
    """Scores matches with texts of a reader."""

    # All texts scanned for, and the model that tells how rare their wording is.
    reader: IndexReader
    background: Background
    repeated: Numbers  # int64, texts that a control has as well.
    params: FindingParams = FINDING
    elsewhere: KnownElsewhere | None = None
    threads: int = 1  # How many score texts.
    # Texts that are scored already, in ascending order, and their scores.
    ready: tuple[Numbers, TextScores] | None = None

    def having_scored(self, texts: Numbers) -> Scorer:
        """A scorer that has scored some texts, given in ascending order, and does not
        score them again.
        """
        return replace(self, ready=(texts, self._scored(texts)))

    def scores(self, scored: Scored) -> Scores:
        """Score matches whose places are the numbers of their texts in the reader."""
        texts, place = np.unique(scored.place, return_inverse=True)
        return self.texts(texts).matches(
            scored._replace(place=place.reshape(-1)), self.params
        )

    def texts(self, texts: Numbers) -> TextScores:
        """Score texts by their numbers, each of which is there once."""
        if self.ready is None:
            return self._scored(texts)
        before, known = self.ready
        new = np.setdiff1d(texts, before, assume_unique=True)
        added, every = self._scored(new), np.concatenate([before, new])
        order = np.argsort(every)
        place = order[np.searchsorted(every, texts, sorter=order)]
        names = [entry.name for entry in fields(TextScores)]
        return TextScores(
            *(
                np.concatenate([getattr(known, n), getattr(added, n)])[place]
                for n in names
            )
        )

    def _scored(self, texts: Numbers) -> TextScores:
        bits, length, script = (
            np.empty(len(texts)),
            np.empty(len(texts), np.int64),
            np.empty(len(texts), np.int64),
        )
        step = max(1, min(TEXTS, -(-len(texts) // self.threads)))

        def score(low: int) -> None:
            part = slice(low, low + step)
            bits[part] = self.background.bits(self.reader, texts[part])
            length[part], script[part] = measured(self.reader, texts[part])

        # Few texts are scored sooner than a thread begins.
        threads = self.threads if step < len(texts) else 0
        for _ in ordered_map(score, range(0, len(texts), step), threads):
            pass
        authors = np.zeros(len(texts), np.int64)
        often = np.flatnonzero(self.reader.tweet_counts(texts) >= COMMON_AUTHORS)
        authors[often] = self.reader.author_counts(texts[often])
        common = (authors >= COMMON_AUTHORS) | np.isin(texts, self.repeated)
        elsewhere = (
            np.zeros(len(texts)) if self.elsewhere is None else self.elsewhere.of(texts)
        )
        return TextScores(bits, length, script, bands(length), common, elsewhere)
