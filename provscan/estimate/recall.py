"""Recall measured on spike-ins, as something that can be drawn from.

A correction for recall needs the recall of *what is really in the dataset*, and how uncertain that is. Four objects
say it, with one protocol:

:class:`SpikeIns`
    one recall for all: ``found`` of ``planted``.
:class:`EditMix`
    spike-ins of several types (kind of edit, length, language), whose shares in the dataset are not those
    in the sample: the shares are learned from how the real matches look.
:class:`Banded`
    a mixture of edits, found in texts of other lengths than those that were planted.
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
class EditMix:
    """Recall of the mixture of edits that the matches show, not of the mixture that was planted.

    How data was edited on its way is unknown, so a mean over planted spike-ins answers another dataset's
    question. Every found thing falls into a *cell* (a class of similarity, level, length, language: whatever can be
    seen); each type of spike-in has its own distribution over cells. The types' shares among the real matches are
    the ones whose mixture fits the matches' cells best (EM for a finite mixture with known components, Dempster,
    Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x), with the planted shares as a prior worth `prior`
    matches. A match in a cell then weighs the mean of ``1 / recall`` over the types that it may be of (Horvitz &
    Thompson 1952, doi:10.1080/01621459.1952.10483446).

    Types that look alike in the cells and differ in recall can't be told apart; the prior decides between them.

    Attributes
    ----------
    planted_by_type
        Spike-ins planted, shape (types,).
    cells
        Spike-ins found, shape (types, cells).
    matches
        Real matches by cell, shape (cells,), false ones already taken off where they are many.
    amounts
        What each cell of the matches weighs in the total that recall is wanted for, characters for instance; the
        matches themselves unless given.
    prior
        Weight of the planted shares, in matches.
    """

    planted_by_type: Floats
    cells: Floats
    matches: Floats
    amounts: Floats | None = None
    prior: float = FEW

    def __post_init__(self) -> None:
        types, cells = np.shape(self.cells)
        if np.shape(self.planted_by_type) != (types,) or np.shape(self.matches) != (cells,):
            raise ParameterError(
                f"cells has shape {(types, cells)}: planted_by_type must have {types} entries and matches {cells}, "
                f"found {np.shape(self.planted_by_type)} and {np.shape(self.matches)}"
            )
        if self.amounts is not None and np.shape(self.amounts) != (cells,):
            raise ParameterError(f"amounts must have {cells} entries, one a cell, found {np.shape(self.amounts)}")
        if bool((self.cells.sum(axis=1) > self.planted_by_type).any()):
            raise ParameterError("more spike-ins of a type found than planted")

    @property
    def planted(self) -> float:
        return float(self.planted_by_type.sum())

    @property
    def found(self) -> float:
        return float(self.cells.sum())

    @property
    def value(self) -> float:
        if self.found == 0:
            return 0.0
        kept = self.planted_by_type > 0
        table = self._prior_cells(0.01)[kept]
        missed = np.maximum(self.planted_by_type[kept] - self.cells[kept].sum(axis=1), 0.0)
        seen = table / (table.sum(axis=1) + missed)[:, None]
        return float(self._effective(seen[None], self.matches[None])[0])

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Parametric bootstrap: both the spike-ins' cells and the matches' cells are drawn anew.

        What a type loses is known up to a factor beside that (:data:`VARIANTS`). Fits to fewer data mix in more of the
        types that are mostly lost, so the draws are centred again on the value (the bias correction of a bootstrap,
        Efron & Tibshirani 1993, section 10.6, on the logarithm of what is lost).

        The mixture is fitted to at most 400 of them, which are then drawn from with replacement.
        """
        fits = min(size, 400)
        kept = self.planted_by_type > 0
        table = self._prior_cells(0.5)[kept]
        # A tenth of a lost one for each type: half of one, for a dozen of types, would be a loss of its own.
        missed = np.maximum(self.planted_by_type[kept] - self.cells[kept].sum(axis=1), 0.0) + 0.1
        gammas = rng.standard_gamma(np.broadcast_to(table, (fits, *table.shape)))
        lost = rng.standard_gamma(np.broadcast_to(missed, (fits, len(missed))))
        lost *= np.exp(VARIANTS * rng.standard_normal(lost.shape))
        seen = gammas / (gammas.sum(axis=2) + lost)[:, :, None]
        matches = rng.poisson(np.broadcast_to(self.matches, (fits, len(self.matches)))).astype(np.float64)
        missing = 1.0 - self._effective(seen, matches)
        middle = max(float(np.median(missing)), _FLOOR)
        values = np.clip(1.0 - missing * max(1.0 - self.value, 0.5 / self.planted) / middle, _FLOOR, 1.0)
        drawn: Floats = values if fits == size else rng.choice(values, size)
        return drawn

    def _prior_cells(self, weight: float) -> Floats:
        """Found spike-ins by cell, smoothed towards what all types show together, so that no cell is impossible."""
        pooled = self.cells.sum(axis=0) + self.matches / max(1.0, float(self.matches.sum())) + 1e-3
        table: Floats = self.cells + weight * pooled / pooled.sum()
        return table

    def _effective(self, seen: Floats, matches: Floats) -> Floats:
        """Recall of the fitted mixture.

        Parameters
        ----------
        seen
            Probability that a spike-in of a type is found and falls into a cell, shape (fits, types, cells).
        matches
            Matches by cell, shape (fits, cells) .
        """
        recall = np.maximum(seen.sum(axis=2), _FLOOR)
        shape = np.maximum(seen / recall[:, :, None], 1e-300)
        planted = self.planted_by_type[self.planted_by_type > 0]
        prior = planted * recall
        prior = self.prior * prior / prior.sum(axis=1, keepdims=True)
        share = prior / prior.sum(axis=1, keepdims=True)
        total = matches.sum(axis=1, keepdims=True) + self.prior
        for _ in range(200):
            mixed = np.einsum("fk,fkc->fc", share, shape)
            updated = (share * np.einsum("fc,fkc->fk", matches / mixed, shape) + prior) / total
            moved = float(np.abs(updated - share).max())
            share = updated
            if moved < 1e-5:
                break
        posterior = share[:, :, None] * shape
        posterior /= posterior.sum(axis=1, keepdims=True)
        weight = np.einsum("fkc,fk->fc", posterior, 1.0 / recall)
        amounts = matches if self.amounts is None else np.broadcast_to(self.amounts, matches.shape)
        sums = amounts.sum(axis=1)
        planted_share = prior.sum(axis=1) / (prior / recall).sum(axis=1)
        fitted = sums / np.maximum((amounts * weight).sum(axis=1), 1e-300)
        result: Floats = np.clip(np.where(sums > 0, fitted, planted_share), _FLOOR, 1.0)
        return result


@dataclass(frozen=True, slots=True)
class Banded:
    """Recall of a mixture of edits in texts whose lengths are not those of the spike-ins.

    Short texts are lost more often, and what was copied need not be as long as the licensed texts are on average. Of a
    band of lengths with recall r and m matches there are m / r, so that the bands' mixture has a recall, too
    (post-stratification; Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). What a copy loses by its edit
    and by its length is taken as independent on the scale of odds: the odds of being lost of the edits' mixture are
    multiplied by those of the bands' mixture, and divided by those of all spike-ins.

    Attributes
    ----------
    edits
        Recall of the mixture of edits, of all lengths together.
    planted_by_band, found_by_band
        Spike-ins and those that came back in each band, shape (bands,).
    matches
        Matches in each band, shape (bands,).
    amounts
        What they amount to, where recall of an amount is wanted.
    """

    edits: EditMix
    planted_by_band: Floats
    found_by_band: Floats
    matches: Floats
    amounts: Floats | None = None

    @property
    def planted(self) -> float:
        return self.edits.planted

    @property
    def found(self) -> float:
        return self.edits.found

    @property
    def value(self) -> float:
        if self.found == 0:
            return 0.0
        recall = (self.found_by_band + 0.01) / (self.planted_by_band + 0.02)
        return float(self._adjusted(np.array([self.edits.value]), recall[None], self.matches[None])[0])

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        lost = self.planted_by_band - self.found_by_band
        recall = rng.beta(self.found_by_band + 0.5, lost + 0.5, (size, len(lost)))
        matches = rng.poisson(self.matches, (size, len(lost))).astype(np.float64)
        return self._adjusted(self.edits.draw(rng, size), recall, matches)

    def _adjusted(self, edits: Floats, recall: Floats, matches: Floats) -> Floats:
        """Recall of all; shapes (draws,) and (draws, bands)."""
        # A few matches' worth of what the spike-ins show: where chance explains most matches, what is left of them is
        # noise, and without any it is all there is.
        expected = self.planted_by_band * recall
        seen = matches + FEW * expected / expected.sum(axis=1, keepdims=True)
        if self.amounts is not None:
            mean = float(self.amounts.sum()) / max(float(self.matches.sum()), 1.0) or 1.0
            each = np.divide(self.amounts, self.matches, out=np.full(recall.shape[1], mean), where=self.matches > 0)
            seen = seen * each
        mixed = seen.sum(axis=1) / (seen / np.maximum(recall, _FLOOR)).sum(axis=1)
        pooled = expected.sum(axis=1) / self.planted_by_band.sum()
        odds = _odds(edits) * _odds(mixed) / _odds(pooled)
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
    doi:10.1093/biomet/43.1-2.45, with a known rate of detection). Assumes that a text's copies are lost independently.

    Attributes
    ----------
    copy
        Recall of one copy.
    occurrences
        How often each distinct text was found, shape (texts,), all at least 1.
    """

    copy: Recall
    occurrences: npt.NDArray[np.int64]

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
        return self._texts(self.copy.draw(rng, size))

    def _texts(self, recall: Floats) -> Floats:
        if len(self.occurrences) == 0:
            return recall
        counts, texts = np.unique(np.minimum(self.occurrences, 20), return_counts=True)
        # Below one half the alternating series explodes: one copy's weight is then the careful choice for all.
        odds = (1.0 - recall) / recall
        term = 1.0 - (-np.minimum(odds, 1.0)[:, None]) ** counts[None, :]
        term = np.where((odds > 1.0)[:, None], (1.0 / recall)[:, None], term)
        result: Floats = np.clip(len(self.occurrences) / (term @ texts), _FLOOR, 1.0)
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
