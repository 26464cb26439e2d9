"""What a match is worth: bits of its wording, whether the wording is commonplace, and whether it counts.

Matches of the dataset, of the control, of the null dataset and of the spike-ins go through the same :class:`Scorer`, so
that what is measured on the ones holds for the others. The rule is fixed beforehand and knows nothing of the dataset's
matches: a threshold that followed them would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provscan.engine.ordered_map import ordered_map
from provscan.estimate.background import COMMON_AUTHORS, common_text, matched_bits
from provscan.index import IndexReader
from provscan.scoring.background import Background
from provscan.scoring.lengths import bands, measured

# Least bits of a match that counts.
BITS = 50.0
# Texts that a thread scores in one go, at most.
TEXTS = 1 << 14


@dataclass(frozen=True)
class Scores:
    """Of each match, [n] each."""

    # Script (an entry of `provscan.scoring.lengths.SCRIPTS`) and length class of its text.
    script: npt.NDArray[np.int64]
    band: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]  # float64, nan where not known.
    # bool: the wording is commonplace; the match meets the rule.
    common: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scorer:
    """Scores matches with texts of a reader."""

    # All texts scanned for, and the model that tells how rare their wording is.
    reader: IndexReader
    background: Background
    repeated: npt.NDArray[np.int64]  # int64, texts that a control has as well.
    threads: int = 1  # How many score texts.

    def scores(
        self, text: npt.NDArray[np.int64], containment: npt.NDArray[np.float64], similarity: npt.NDArray[np.float64]
    ) -> Scores:
        """Score matches: numbers of their texts, their containments and similarities, each [n]."""
        matched, place = np.unique(text, return_inverse=True)
        place = place.reshape(-1)
        of_text, length, script = self._of_texts(matched)
        authors = np.zeros(len(matched), np.int64)
        often = np.flatnonzero(self.reader.tweet_counts(matched) >= COMMON_AUTHORS)
        authors[often] = self.reader.author_counts(matched[often])
        bits = matched_bits(of_text[place], length[place], containment, similarity)
        rare = np.where(np.isnan(of_text), np.inf, of_text)
        common = common_text(authors, np.isin(matched, self.repeated), rare)[place]
        # In a script that the model hardly knows only a control can tell what a match is worth.
        counted = ~common & (np.isnan(bits) | (bits >= BITS))
        return Scores(script[place], bands(length)[place], bits, common, counted)

    def _of_texts(
        self, texts: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Bits, lengths and scripts of texts, [n] each."""
        bits, length, script = np.empty(len(texts)), np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
        step = max(1, min(TEXTS, -(-len(texts) // self.threads)))

        def score(low: int) -> None:
            part = slice(low, low + step)
            bits[part] = self.background.bits(self.reader, texts[part])
            length[part], script[part] = measured(self.reader, texts[part])

        for _ in ordered_map(score, range(0, len(texts), step), self.threads):
            pass
        return bits, length, script
