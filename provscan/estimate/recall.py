"""Recall measured on spike-ins, as something that can be drawn from.

A correction for recall needs the recall of *what is really in the dataset*, and how uncertain that is. Four objects
say it, with one protocol:

:class:`SpikeIns`
    one recall for all: ``found`` of ``planted``.
:class:`Stratified`
    spike-ins in classes whose shares in the dataset are not those in the sample: the shares are those of the matches.
:class:`TwoWays`
    by two classifications at once.
:class:`TextRecall`
    recall of a licensed text that may stand in the dataset several times, from the recall of one copy.

Thinning by an index that holds a known fraction of the licensed corpus is recall, too: see :func:`thinned`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError

Floats = npt.NDArray[np.float64]

_FLOOR = 1e-6
# Somebody else's way of making the same edit loses more or less: standard deviation of the logarithm of that factor,
# as it was measured between two sets of edits that were written independently of each other.
VARIANTS = 0.25
# Matches that what was planted counts for, beside the real ones, in saying how these are mixed.
FEW = 5.0
# Spike-ins' worth of all of them that each class is given: one with few of them is mostly like the rest.
LIKE_ALL = 2.0


class Recall(Protocol):
    """What a corrected count needs to know of recall."""

    @property
    def planted(self) -> float:
        """Spike-ins planted (an effective number where they are clustered)."""

    @property
    def found(self) -> float:
        """Spike-ins that came back."""

    @property
    def value(self) -> float:
        """Point estimate, 0 to 1."""

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """`size` draws from its confidence distribution, float64, each in (0, 1]."""


@dataclass(frozen=True, slots=True)
class SpikeIns:
    """`found` of `planted` spike-ins came back; draws are from the Jeffreys distribution.

    Raises
    ------
    ParameterError
        Not ``0 <= found <= planted``.
    """

    found: float
    planted: float

    def __post_init__(self) -> None:
        if not 0 <= self.found <= self.planted:
            raise ParameterError(f"spike-ins need 0 <= found <= planted, got {self.found} of {self.planted}")

    @property
    def value(self) -> float:
        return self.found / self.planted if self.planted else 0.0

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        return np.maximum(rng.beta(self.found + 0.5, self.planted - self.found + 0.5, size), _FLOOR)


@dataclass(frozen=True, slots=True)
class Stratified:
    """Recall of what the matches show, from spike-ins in classes that are lost more and less often.

    How the data was edited on its way is unknown, so that a mean over planted spike-ins answers another dataset's
    question. But what an edit does to a text can be seen: how similar the copy still is, how much of it is left. Of a
    class with recall r and m matches there are m / r, so that the matches' mixture of classes has a recall, too
    (post-stratification; Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). It does not matter which edits
    made a class, as long as a copy that looks like that is found as often whatever made it; in each class this is
    known up to a factor beside the error of the spike-ins (:data:`VARIANTS`).

    Attributes
    ----------
    planted_by_class, found_by_class
        Spike-ins and those that came back in each class, shape (classes,).
    matches
        Matches in each class, shape (classes,), false ones already taken off where they are many.
    amounts
        What they amount to, where recall of an amount is wanted, characters for instance.
    variants
        Standard deviation of the logarithm of that factor; none where the classes are no work of edits.

    Raises
    ------
    ParameterError
        The shapes differ, or more came back than were planted.
    """

    planted_by_class: Floats
    found_by_class: Floats
    matches: Floats
    amounts: Floats | None = None
    variants: float = VARIANTS

    def __post_init__(self) -> None:
        shapes = {np.shape(values) for values in (self.planted_by_class, self.found_by_class, self.matches)}
        if self.amounts is not None:
            shapes.add(np.shape(self.amounts))
        if len(shapes) != 1:
            raise ParameterError(f"spike-ins, matches and amounts need the same classes, found the shapes {shapes}")
        if bool((self.found_by_class > self.planted_by_class).any()):
            raise ParameterError("more spike-ins of a class found than planted")

    @property
    def planted(self) -> float:
        return float(self.planted_by_class.sum())

    @property
    def found(self) -> float:
        return float(self.found_by_class.sum())

    @property
    def pooled(self) -> float:
        """Recall of all spike-ins."""
        return self.found / self.planted if self.planted else 0.0

    @property
    def value(self) -> float:
        if self.found == 0:
            return 0.0
        lost = self.planted_by_class - self.found_by_class
        recall = (self.found_by_class + LIKE_ALL * self.pooled) / (self.found_by_class + lost + LIKE_ALL)
        return float(self._mixed(recall[None], self.matches[None])[0])

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        lost = self.planted_by_class - self.found_by_class
        pooled = (self.found + 0.5) / (self.planted + 1.0)
        recall = rng.beta(
            self.found_by_class + LIKE_ALL * pooled, lost + LIKE_ALL * (1.0 - pooled), (size, len(lost))
        )  # fmt: skip
        odds = _odds(recall) * np.exp(self.variants * rng.standard_normal(recall.shape))
        matches = rng.poisson(self.matches, (size, len(lost))).astype(np.float64)
        return self._mixed(1.0 / (1.0 + odds), matches)

    def _mixed(self, recall: Floats, matches: Floats) -> Floats:
        """Recall of the mixture, shape (draws,); shapes (draws, classes) each."""
        # A few matches' worth of what the spike-ins show: where chance explains most matches, what is left of them is
        # noise, and without any it is all there is.
        expected = self.planted_by_class * recall
        seen = matches + FEW * expected / np.maximum(expected.sum(axis=1, keepdims=True), _FLOOR)
        if self.amounts is not None:
            mean = float(self.amounts.sum()) / max(float(self.matches.sum()), 1.0) or 1.0
            each = np.divide(self.amounts, self.matches, out=np.full(recall.shape[1], mean), where=self.matches > 0)
            seen = seen * each
        mixed: Floats = seen.sum(axis=1) / (seen / np.maximum(recall, _FLOOR)).sum(axis=1)
        return np.clip(mixed, _FLOOR, 1.0)


@dataclass(frozen=True, slots=True)
class TwoWays:
    """Recall by two classifications of the same spike-ins, as how copies look and how long the texts are.

    What a copy loses in the one way and in the other is taken as independent on the scale of odds: the odds of being
    lost of the first mixture are multiplied by those of the second, and divided by those of all spike-ins.
    """

    first: Stratified
    second: Stratified

    @property
    def planted(self) -> float:
        return self.first.planted

    @property
    def found(self) -> float:
        return self.first.found

    @property
    def value(self) -> float:
        if self.found == 0:
            return 0.0
        return float(
            self._both(*(np.array([way]) for way in (self.first.value, self.second.value, self.first.pooled)))[0]
        )

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        pooled = np.full(size, max(self.first.pooled, _FLOOR))
        return self._both(self.first.draw(rng, size), self.second.draw(rng, size), pooled)

    def _both(self, first: Floats, second: Floats, pooled: Floats) -> Floats:
        odds = _odds(first) * _odds(second) / _odds(pooled)
        result: Floats = np.clip(1.0 / (1.0 + odds), _FLOOR, 1.0)
        return result


def _odds(recall: Floats) -> Floats:
    """Odds of being lost."""
    result: Floats = (1.0 - recall + _FLOOR) / np.maximum(recall, _FLOOR)
    return result


class Drawn:
    """Draws of a recall made once, where many numbers are corrected by the same recall."""

    def __init__(self, recall: Recall, seed: int, size: int) -> None:
        self.planted = recall.planted
        self.found = recall.found
        self.value = recall.value
        self._draws = recall.draw(np.random.default_rng(seed), size) if recall.planted else np.zeros(0)

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """The same draws for whoever asks, in another order each time."""
        return rng.permutation(self._draws) if size == len(self._draws) else rng.choice(self._draws, size)


@dataclass(frozen=True, slots=True)
class TextRecall:
    """Share of the distinct texts in the dataset of which at least one copy was found.

    A text with ``m`` copies, each found by itself with probability r, is found ``o`` times; the sum over found texts
    of ``1 - (-(1 - r) / r) ** o`` is then an unbiased count of the texts there are (Good & Toulmin 1956,
    doi:10.1093/biomet/43.1-2.45, with a known rate of detection). Assumes that a text's copies are lost independently,
    but for texts of which no copy can be found, whatever happened to it: they are a loss of their own.

    Attributes
    ----------
    copy
        Recall of one copy.
    occurrences
        How often each distinct text was found, shape (texts,), all at least 1.
    possible
        Share of the texts of which a copy can be found at all.
    mistaken
        Share of the found copies that are taken for another text, a variant of theirs. Each hides a text or adds one,
        or does neither: how many more or fewer texts there are is drawn evenly between the two.
    """

    copy: Recall
    occurrences: npt.NDArray[np.int64]
    possible: float = 1.0
    mistaken: float = 0.0

    @property
    def planted(self) -> float:
        return self.copy.planted

    @property
    def found(self) -> float:
        return self.copy.found

    @property
    def value(self) -> float:
        if self.copy.value == 0.0:
            return 0.0
        return float(self._texts(np.array([self.copy.value]))[0])

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        drawn = self._texts(self.copy.draw(rng, size))
        result: Floats = np.clip(drawn * (1.0 + self.mistaken * rng.uniform(-1.0, 1.0, size)), _FLOOR, 1.0)
        return result

    def _texts(self, recall: Floats) -> Floats:
        if len(self.occurrences) == 0:
            return recall
        recall = np.minimum(recall / self.possible, 1.0)
        counts, texts = np.unique(np.minimum(self.occurrences, 20), return_counts=True)
        # Below one half the alternating series explodes: one copy's weight is then the careful choice for all.
        odds = (1.0 - recall) / recall
        term = 1.0 - (-np.minimum(odds, 1.0)[:, None]) ** counts[None, :]
        term = np.where((odds > 1.0)[:, None], (1.0 / recall)[:, None], term)
        result: Floats = np.clip(self.possible * len(self.occurrences) / (term @ texts), _FLOOR, 1.0)
        return result


@dataclass(frozen=True, slots=True)
class Partial:
    """Recall of an amount: things are found, and of what was found only a `share` lies under the match.

    Attributes
    ----------
    whole
        Recall of things, weighed by size.
    share, error
        The share, at most 1, and its standard error.
    """

    whole: Recall
    share: float
    error: float

    @property
    def planted(self) -> float:
        return self.whole.planted

    @property
    def found(self) -> float:
        return self.whole.found

    @property
    def value(self) -> float:
        return self.whole.value * self.share

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        share = np.clip(self.share + self.error * rng.standard_normal(size), _FLOOR, 1.0)
        result: Floats = np.maximum(self.whole.draw(rng, size) * share, _FLOOR)
        return result


@dataclass(frozen=True, slots=True)
class _Thinned:
    full: Recall
    fraction: float

    @property
    def planted(self) -> float:
        return self.full.planted

    @property
    def found(self) -> float:
        return self.full.found

    @property
    def value(self) -> float:
        return self.full.value * self.fraction

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        return self.full.draw(rng, size) * self.fraction


def thinned(recall: Recall, fraction: float) -> Recall:
    """Recall with respect to the whole licensed corpus, of which the index holds a random `fraction`.

    Raises
    ------
    ParameterError
        `fraction` is not in (0, 1].
    """
    if not 0.0 < fraction <= 1.0:
        raise ParameterError(f"fraction of the licensed corpus in the index must be in (0, 1], not {fraction!r}")
    return recall if fraction == 1.0 else _Thinned(recall, fraction)
