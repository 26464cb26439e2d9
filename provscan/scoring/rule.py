"""The rule that decides which matches are findings: those whose wording is rare and not
known from elsewhere.

A match is a finding if

- its licensed text is neither *common* (three authors or more posted it, or a control
  file contains it) nor *known* (it also occurs in data that can't come from the
  platform, ``--other-sources``), and
- the wording has at least :data:`MIN_BITS` bits if the span covers its field, or
  nearly, and :data:`MIN_BITS_PASSAGE` if it is a passage of the field. In a script that
  the background model does not know, at least :data:`LETTERS_WITHOUT_BITS` letters in
  common replace the bits.

The same :class:`Scorer` scores the matches of the dataset, the control, the clean
data and the spike-ins, so a measurement on one of them is valid for the others. The
rule is fixed: a threshold that depended on the dataset's matches would make every
interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.background import matched_bits, text_sums
from provscan.index import IndexReader
from provscan.kernels.search.grams import GRAM
from provscan.ordered_map import ordered_map
from provscan.scoring.background import Background
from provscan.scoring.hashtags import in_hashtags
from provscan.scoring.lengths import WIDE, length_classes, lengths_and_scripts

# Minimum number of authors of a common text.
COMMON_AUTHORS = 3
# Minimum bits of a finding that covers its whole field, and of a shorter span, a
# passage, since a long field offers more opportunities for chance matches.
MIN_BITS, MIN_BITS_PASSAGE = 45.0, 55.0
# Minimum number of letters in common for a script that the background model does not
# know.
LETTERS_WITHOUT_BITS = 40
# If a stretch contains hashtags or names, it needs this many letters outside them, as
# ``min_chars`` counts letters: fewer are just a word between labels.
WORDING = 7
# A match is known from elsewhere if known data contains its text, with a containment of
# at least this share of the match's own containment.
KNOWN_SHARE = 0.8
# Maximum number of texts that a thread scores at once.
TEXTS = 1 << 14


class MatchTraits(NamedTuple):
    """The properties of matches on which their scores depend, [n] each."""

    text_index: Numbers  # Index of the licensed text in a ``TextScores``.
    containment: Floats
    whole: Flags  # The span covers the whole field, or nearly.
    span: Numbers  # Length of the span in code points.
    # int[n, 3]: the copied stretch of the canonical licensed text, see
    # ``provscan.matching.compare.CopiedWording``; if it is empty, the whole text
    # counts.
    stretch: Numbers


class Scores(NamedTuple):
    """Scores of matches, [n] each."""

    bits: Floats  # nan if unknown.
    common: Flags  # The licensed text is common.
    known: Flags  # The licensed text also occurs in the known data.
    # Whether the match passes the rule: it is a finding if its text is licensed, and a
    # chance match if its text is a control.
    passes_rule: Flags


class CharSums(NamedTuple):
    """Sums over the code points of texts before each code point, [n + 1] each."""

    bits: Floats
    tags: Numbers  # Code points in hashtags and names, and spaces beside them.
    new: Numbers  # Code points that are no repetition within their text.


def _sums_before(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result: npt.NDArray[Any] = np.concatenate([[0], np.cumsum(values)])
    return result


class Stretches(NamedTuple):
    """The copied stretches of licensed texts, [n] each."""

    low: Numbers  # Its first code point in the text.
    high: Numbers  # The code point after its last one.
    copied: Floats  # Its code points in common with the span.
    share: Floats  # The share of its 5-grams in common with the span.
    size: Numbers  # Code points of the text.
    # Letters of the text in common with the span, as ``min_chars`` counts letters.
    letters: Floats
    # Whether it has wording besides its hashtags and names.
    worded: Flags

    @property
    def length(self) -> Numbers:
        return self.high - self.low


@dataclass(frozen=True)
class TextScores:
    """Scores of licensed texts, [n] each."""

    bits: Floats  # nan if unknown.
    before: CharSums  # Sums over the code points of all canonical texts, in order.
    start: Numbers  # int64[n + 1]: the first code point of each text.
    length: Numbers  # Code points as ``min_chars`` counts them.
    # Script (an index of ``provscan.scoring.lengths.SCRIPTS``) and length class.
    script: Numbers
    length_class: Numbers
    common: Flags  # Three authors or more posted the text, or a control contains it.
    elsewhere: Floats  # Largest containment of the text in the known data, or 0.

    def matches(self, traits: MatchTraits) -> Scores:
        """Score matches and decide which are findings."""
        text_index, containment, whole = traits[:3]
        stretch = self._stretches(traits)
        bits = self._within(self.before.bits, text_index, stretch.low, stretch.high)
        bits *= stretch.worded * stretch.copied / np.maximum(stretch.length, 1)
        bits = matched_bits(
            np.where(np.isnan(self.bits[text_index]), np.nan, bits),
            stretch.length,
            stretch.share,
            text_length=stretch.size,
            cuts=(stretch.low > 0).astype(np.int64) + (stretch.high < stretch.size),
            letters=stretch.letters,
        )
        # The tolerances allow for containments stored as float32.
        known = (self.elsewhere[text_index] > 0.0) & (
            self.elsewhere[text_index] >= KNOWN_SHARE * containment - 1e-6
        )
        rare = np.where(
            np.isnan(bits),
            self._new_letters(text_index, stretch) >= LETTERS_WITHOUT_BITS - 1e-3,
            bits >= np.where(whole, MIN_BITS, MIN_BITS_PASSAGE),
        )
        common = self.common[text_index]
        return Scores(bits, common, known, rare & ~common & ~known)

    @property
    def detectable(self) -> Flags:
        """Whether an exact copy of each text would be a finding if it were a field of
        its own.
        """
        every, size = np.arange(len(self.length)), np.diff(self.start)
        stretch = np.zeros((len(every), 3), np.int64)
        exact = MatchTraits(every, np.ones(len(every)), every >= 0, size, stretch)
        return self.matches(exact).passes_rule

    def letters(self, traits: MatchTraits) -> Floats:
        """Return how many letters matches have in common that are no repetition, as
        ``min_chars`` counts letters; 0 if they have hardly any wording besides
        hashtags and names.
        """
        return self._new_letters(traits.text_index, self._stretches(traits))

    def _new_letters(self, text_index: Numbers, stretch: Stretches) -> Floats:
        new = self._within(self.before.new, text_index, stretch.low, stretch.high)
        letters = stretch.letters * new / np.maximum(stretch.length, 1)
        return np.where(stretch.worded, letters, 0.0)

    def _within(
        self,
        before: npt.NDArray[Any],
        text_index: Numbers,
        low: Numbers,
        high: Numbers,
    ) -> npt.NDArray[Any]:
        """Return the sums over the code points ``low`` to ``high`` of texts."""
        start = self.start[text_index]
        result: npt.NDArray[Any] = before[start + high] - before[start + low]
        return result

    def _stretches(self, traits: MatchTraits) -> Stretches:
        text_index, containment, _, span, stretch = traits
        low, high, copied = stretch.T.astype(np.int64)
        size = np.diff(self.start)[text_index]
        grams = np.maximum(high - low - GRAM + 1, 1)
        of_text = np.maximum(size - GRAM + 1, 1)
        # If a match was compared without spaces, its 5-grams are not those of its text.
        unlike = (high <= low) | (2 * grams < containment * of_text)
        low, high = np.where(unlike, 0, low), np.where(unlike, size, high)
        copied = np.where(unlike, containment * size, copied)
        share = containment * of_text / np.where(unlike, of_text, grams)
        # Containment counts a repeated 5-gram of the text only once, so the letters in
        # common are at most those of the span.
        common = np.minimum(containment, span / np.maximum(size, 1))
        tags = self._within(self.before.tags, text_index, low, high)
        outside = np.minimum(copied, span) - tags
        letters = outside * np.where(WIDE[self.script[text_index]], 2, 1)
        return Stretches(
            low,
            high,
            copied,
            np.minimum(share, 1.0),
            size,
            common * self.length[text_index],
            (tags == 0) | (letters >= WORDING),
        )


@dataclass(frozen=True)
class Scorer:
    """Scores matches of a reader's texts."""

    # The texts that were searched for, and the model of the rarity of their wording.
    reader: IndexReader
    background: Background
    repeated: Numbers  # int64, ids of licensed texts that are also in a control.
    # float32[texts of the reader]: the largest containment of each text in the known
    # data (``--other-sources``), 0 if it does not occur there; None without such data.
    elsewhere: npt.NDArray[np.float32] | None = None
    threads: int = 1  # Number of threads that score texts.

    def scores(self, traits: MatchTraits) -> Scores:
        """Score matches; ``text_index`` is the id of the text in the reader."""
        texts, text_index = np.unique(traits.text_index, return_inverse=True)
        return self.texts(texts).matches(
            traits._replace(text_index=text_index.reshape(-1))
        )

    def detectable(self, texts: Numbers) -> Flags:
        """Return :attr:`TextScores.detectable` of texts given by their ids."""
        every, text_index = np.unique(texts, return_inverse=True)
        return self.texts(every).detectable[text_index.reshape(-1)]

    def texts(self, texts: Numbers) -> TextScores:
        """Score texts, given as distinct numbers."""
        length = np.empty(len(texts), np.int64)
        script = np.empty(len(texts), np.int64)
        step = max(1, min(TEXTS, -(-len(texts) // self.threads)))

        def score(low: int) -> tuple[Floats, Numbers, Numbers]:
            part = slice(low, low + step)
            length[part], script[part] = lengths_and_scripts(self.reader, texts[part])
            bits, start = self.background.char_bits(self.reader, texts[part])
            return bits, in_hashtags(self.reader, texts[part], start), np.diff(start)

        # Scoring a few texts takes less time than starting a thread.
        threads = self.threads if step < len(texts) else 0
        parts = list(ordered_map(score, range(0, len(texts), step), threads))
        bits, tags, sizes = (
            np.concatenate([np.zeros(0, kind), *(part[i] for part in parts)])
            for i, kind in enumerate((np.float64, np.int64, np.int64))
        )
        start = np.concatenate([[0], np.cumsum(sizes)])
        known = np.nan_to_num(bits)
        authors = np.zeros(len(texts), np.int64)
        often = np.flatnonzero(self.reader.tweet_counts(texts) >= COMMON_AUTHORS)
        authors[often] = self.reader.author_counts(texts[often])
        common = (authors >= COMMON_AUTHORS) | np.isin(texts, self.repeated)
        elsewhere = np.zeros(len(texts))
        if self.elsewhere is not None:
            elsewhere += self.elsewhere[texts]
        return TextScores(
            bits=text_sums(bits, start),
            before=CharSums(*map(_sums_before, (known, tags, bits != 0.0))),
            start=start,
            length=length,
            script=script,
            length_class=length_classes(length),
            common=common,
            elsewhere=elsewhere,
        )
