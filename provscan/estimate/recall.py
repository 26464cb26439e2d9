"""Recall of copies whose edits are unknown: a finite mixture of known components.

:func:`recall_of` divides copies into cells, by damage
(:func:`~provscan.estimate.damage.damage_of`) and by script and length of the text. In
*seen* cells, spike-ins measure recall, and a match counts as 1 divided by that recall
(Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). In *unseen* cells, hardly
any copy is found. The number of copies there is estimated from the edits: each edit
distributes its copies over the cells in a known way, independently of the text. The
mixture of edits that made the matches (EM; Dempster, Laird & Rubin 1977,
doi:10.1111/j.2517-6161.1977.tb01600.x) therefore determines how many copies are missed.
For example, halves of long texts are found, and their number determines the number of
halves of short texts, which are not found. A profile likelihood gives the range of
mixtures that fit the matches.

The axes of arrays are *edits*, the edits of the spike-ins or those in the mixture;
*groups*, the classes of script and length; and *damages*, the classes of damage. A cell
is a pair of a group and a damage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.damage import BELOW
from provscan.estimate.limits import Factor, product

# The thresholds and pseudo-counts below were chosen on simulated scans with a known
# truth, in which many edits of the copies resembled those of the spike-ins. ``python
# benchmarks/coverage.py`` prints how often each number is right in such scans, and in
# scans with the edits of ``benchmarks/other_edits.py``, whose author had not read those
# of the spike-ins.

# A cell with a lower recall is unseen: a match there would count as more than three
# copies, so a few matches would determine the result.
FINDABLE = 1 / 3
# Minimum recall of the edits in the mixture, and of the edits in the mixture for upper
# limits, which allow for edits after which hardly any copy is found.
IN_MIXTURE, HARDLY = 0.15, 0.01
# Minimum recall that upper limits assume for matches in unseen cells.
NOT_LESS = 0.1
# Pseudo-counts: PRIOR matches of a mixture in which all edits have the same number of
# copies are added to the matches, and SHRUNK average spike-ins to those of each cell. A
# cell usually has about ten matches or spike-ins, which outweigh the pseudo-counts.
PRIOR = 4.0
SHRUNK = 4.0
# How much the edits of the copies may differ from those of the spike-ins: standard
# deviations of the log odds of a miss. Both are assumptions: UNLIKE was chosen with the
# edits of ``benchmarks/edits.py``, many of which resemble those of the spike-ins.
# ``at_most_any`` allows for MOST_UNLIKE.
UNLIKE, MOST_UNLIKE = 0.5, 0.8
# Half the 95% quantile of chi-squared with one degree of freedom: the drop of the
# log-likelihood at the limits of a profile likelihood.
DROP = 1.92
# The worst case leaves out edits with a higher recall, since they hide few copies.
HIDES_LITTLE = 0.85
# An edit is assumed to put at least this share of its copies into seen cells that are
# next to unseen ones: with few spike-ins, none may be there by chance.
FEW_ON_RIM = 0.03
# Number of ECM steps; further steps change the mixture only beyond its fourth digit.
STEPS = 60
# Number of points of the profile likelihood on each side of the best mixture.
TILTS = 8
_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class Recall(Factor):
    """The share of copies that is found, if copies were edited by the same mixture of
    edits as the matches.

    The 95% limits allow for the unknown mixture, the number of spike-ins, and edits
    that differ from those of the spike-ins.
    """

    # Share of each edit among the copies, by name; edits after which hardly any copy is
    # found are left out.
    mixture: dict[str, float]
    # Recall of each edit's spike-ins, in the scripts and lengths of the matches.
    of_edit: dict[str, float]
    hidden: float = 0.0  # Share of the copies that are in unseen cells.
    # Hidden copies per match if every match that resembles a badly damaged copy was
    # made by the edit that hides the most copies.
    at_worst: float = 0.0
    # Difference between the matches and those of the best mixture: chi-squared per
    # match, beyond random variation.
    unlike: float = 0.0


@dataclass(frozen=True, slots=True)
class Planted:
    """Spike-ins as arrays; each has one entry per spike-in."""

    edit: npt.NDArray[np.str_]  # Name of the edit.
    group: Numbers  # Class of script and length.
    damage: Numbers  # Class of damage of the match, or of the copy if it was missed.
    found: Flags  # Found by the rule whose recall is estimated.


class Edits(NamedTuple):
    """How the edits of a mixture distribute their copies. The values are shares of all
    copies of an edit in a group, found or not, between 0 and 1.
    """

    profile: Floats  # [edits, groups, damages]: found in each cell; 0 if it is unseen.
    missed: Floats  # [edits, groups]: in unseen cells, found or not.

    @property
    def in_seen(self) -> Floats:
        """Return the shares that are found in seen cells, [edits, groups]."""
        return np.asarray(self.profile.sum(axis=2))


def recall_of(planted: Planted, shown: Floats, *, upper: bool = False) -> Recall | None:
    """Estimate the recall of copies that were edited by the same mixture of edits as
    the matches; ``None`` if no edit is findable.

    ``shown`` is the number of matches of each group and class of damage, [groups,
    damages], minus chance matches. With ``upper``, the recall is for ``at_most_any``:
    edits after which hardly any copy is found are part of the mixture, and the edits of
    the copies may differ more from those of the spike-ins.
    """
    if not planted.found.any():
        return None
    names, planted_in, found_in = _tabulated(planted, *shown.shape)
    # The recall of each cell, and whether it is seen; both are [groups, damages].
    recall = _recall_of_cells(planted_in.sum(axis=0), found_in.sum(axis=0))
    seen = recall >= FINDABLE
    cell_shares = _shares_in_cells(planted_in)
    every = Edits(
        profile=cell_shares * np.where(seen, recall, 0.0),
        missed=(cell_shares * ~seen).sum(axis=2),
    )
    # ``groups`` are the spike-ins of each group, [groups]. The share of each edit's
    # spike-ins that is found in seen cells, [edits], decides whether the edit is part
    # of the mixture.
    groups = planted_in.sum(axis=(0, 2))
    share = (every.in_seen * groups).sum(axis=1) / groups.sum()
    kept = np.flatnonzero(share >= (HARDLY if upper else IN_MIXTURE))
    if len(kept) == 0:
        return None
    edits = Edits(every.profile[kept], every.missed[kept])
    # The matches in seen cells, [groups, damages].
    counts = np.where(seen, shown, 0.0)
    size, matches = float(counts.sum()), float(shown.sum())
    # The pseudo-matches, [edits, groups]: in the prior of the mixture, all edits have
    # the same number of copies.
    prior = PRIOR * edits.in_seen * groups / (edits.in_seen * groups).sum()
    copies, ratio, unlike = _fitted(edits, counts, prior, seen)
    # The matches in seen cells according to the best mixture, [groups, damages].
    modelled = (copies[:, :, None] * edits.profile).sum(axis=0)
    # Correct the matches of seen cells for recall; the fitted mixture counts as PRIOR
    # additional matches. ``weights`` are the shares of the cells in these matches, and
    # ``corrected`` the copies of each cell per match; both are [groups, damages].
    weights = (counts + PRIOR * modelled / modelled.sum()) / (size + PRIOR)
    corrected = np.where(seen, weights / np.maximum(recall, FINDABLE), 0.0)
    visible = float(corrected.sum())
    # Matches in unseen cells are also copies. The upper limit allows for copies that
    # were missed there.
    rest = max(0.0, matches - size) / max(size, 1.0)
    unseen, low, high = (
        max(rest, float(value)) for value in (ratio[-1], ratio.min(), ratio.max())
    )
    high = max(
        high,
        float(np.where(seen, 0.0, shown / np.maximum(recall, NOT_LESS)).sum())
        / max(size, 1.0),
    )
    at_worst = _hidden_at_worst(copies, edits, seen)
    high = max(high, at_worst)
    total = visible + unseen
    # Widen the range by two errors. The number of spike-ins limits the precision of the
    # recall of cells and of the number of missed copies, and the copies may have other
    # edits than the spike-ins.
    # ``trials`` are the spike-ins of each cell, and ``spread`` is the relative variance
    # of the cell's corrected matches; both are [groups, damages].
    trials = planted_in.sum(axis=0) + SHRUNK
    spread = (1.0 - recall + 0.5 / trials) / (np.maximum(recall, FINDABLE) * trials)
    of_missed = _variance_of_missed(copies, edits, planted_in.sum(axis=(1, 2))[kept])
    error = float(np.sqrt((corrected**2 * spread).sum() + of_missed)) / total
    apart = (MOST_UNLIKE if upper else UNLIKE) * (1.0 - (1.0 + rest) / total)
    widened = float(np.exp(1.96 * np.hypot(error, apart)))
    limits = product(
        Factor(total, visible + low, visible + high),
        Factor(1.0, 1.0 / widened, widened),
    )
    value, lowest, highest = (
        min(1.0, (1.0 + rest) / n) for n in (total, limits.high, limits.low)
    )
    # The recall of each edit of the spike-ins, and the share of each edit in the
    # mixture.
    by_edit = (cell_shares * recall).sum(axis=2) @ (copies.sum(axis=0) / copies.sum())
    mixture = copies.sum(axis=1) / copies.sum()
    return Recall(
        value=value,
        low=lowest,
        high=highest,
        mixture=dict(zip(names[kept].tolist(), mixture.tolist(), strict=True)),
        of_edit=dict(zip(names.tolist(), by_edit.tolist(), strict=True)),
        hidden=unseen / total,
        at_worst=at_worst,
        unlike=unlike,
    )


def _tabulated(
    planted: Planted, groups: int, damages: int
) -> tuple[npt.NDArray[np.str_], Floats, Floats]:
    """Return the names of the edits, and the numbers of planted and of found spike-ins,
    [edits, groups, damages].
    """
    names, number = np.unique(planted.edit, return_inverse=True)
    shape = (len(names), groups, damages)
    cell = np.ravel_multi_index(
        (number.reshape(-1), planted.group, planted.damage), shape
    )
    in_cells, found_in = (
        np.bincount(some, minlength=math.prod(shape)).reshape(shape).astype(np.float64)
        for some in (cell, cell[planted.found])
    )
    return names, in_cells, found_in


def _shares_in_cells(planted_in: Floats) -> Floats:
    """Return the share of an edit's copies in a group that is in each cell,
    [edits, groups, damages], given the numbers of spike-ins.

    The few spike-ins of a group are supplemented by those of all groups.
    """
    everywhere = planted_in.sum(axis=1, keepdims=True)
    of_group = planted_in.sum(axis=2, keepdims=True)
    return (
        planted_in + SHRUNK * everywhere / everywhere.sum(axis=2, keepdims=True)
    ) / (of_group + SHRUNK)


def _variance_of_missed(copies: Floats, edits: Edits, spike_ins: Floats) -> float:
    """Return the variance of the number of missed copies per match in seen cells that
    is due to the number of spike-ins of each edit, ``spike_ins``, [edits]. ``copies``
    are those of the best mixture, [edits, groups].
    """
    hidden = (copies * edits.missed).sum(axis=1)
    per_match = hidden / (copies * edits.in_seen).sum()
    share = hidden / copies.sum(axis=1)
    variance = per_match**2 * (1.0 - share) / np.maximum(share * spike_ins, 1.0)
    return float(variance.sum())


def _hidden_at_worst(copies: Floats, edits: Edits, seen: Flags) -> float:
    """Return the hidden copies per match in the worst case: the edit that hides the
    most copies made all matches next to unseen cells. Matches there that the best
    mixture attributes to edits that hide few copies are left out.

    ``copies`` are those of the best mixture, [edits, groups]; ``seen`` tells which
    cells are seen, [groups, damages].
    """
    # The matches in seen cells, [edits, groups, damages].
    in_cells = copies[:, :, None] * edits.profile
    next_to_unseen = seen & ~seen[:, BELOW]
    # For each edit: its matches in seen cells next to unseen cells, its copies, its
    # hidden copies per match there, and whether it hides many copies.
    on_rim, of_edit = in_cells[:, next_to_unseen].sum(axis=1), copies.sum(axis=1)
    hides = (copies * edits.missed).sum(axis=1) / (on_rim + FEW_ON_RIM * of_edit)
    hard = (copies * edits.in_seen).sum(axis=1) < HIDES_LITTLE * of_edit
    return float(hides.max()) * float(on_rim[hard].sum() / in_cells.sum())


def _recall_of_cells(planted: Floats, found: Floats) -> Floats:
    """Return the recall of each cell: the recall of its spike-ins, shrunk towards the
    recall that the odds of its group and its damage imply. All are [groups, damages];
    ``planted`` and ``found`` are numbers of spike-ins.
    """
    whole = float(found.sum() / planted.sum())

    def odds(axis: int) -> Floats:
        share = (found.sum(axis=axis, keepdims=True) + SHRUNK * whole) / (
            planted.sum(axis=axis, keepdims=True) + SHRUNK
        )
        share = np.clip(share, 1e-3, 1.0 - 1e-3)
        return share / (1.0 - share)

    both = odds(0) * odds(1) * (1.0 - whole + 1e-3) / (whole + 1e-3)
    return (found + SHRUNK * both / (1.0 + both)) / (planted + SHRUNK)


def _mixed(
    edits: Edits, counts: Floats, prior: Floats, tilts: Floats
) -> tuple[Floats, Floats]:
    """Fit one mixture for each tilt by maximising the log-likelihood plus the tilt
    times the number of unseen copies.

    Counts are Poisson with means ``edit * group * profile``, since edits do not depend
    on the text. The likelihood is maximised over edits and over groups in turn (ECM;
    Meng & Rubin 1993, doi:10.1093/biomet/80.2.267).

    ``counts`` is the number of matches in seen cells, [groups, damages]; ``prior`` is
    the number of pseudo-matches, [edits, groups]. Return the copies, [tilts, edits,
    groups], and the log-likelihoods, [tilts].
    """
    # The cells with matches: their groups, damages and matches, [cells], and the shares
    # of each edit's copies that are found there, [edits, cells].
    group, damage = np.nonzero(counts)
    n, shape = counts[group, damage], edits.profile[:, group, damage]
    caught = edits.in_seen
    # Pseudo-matches of each edit; matches and pseudo-matches of each group.
    pseudo, of_group = prior.sum(axis=1), counts.sum(axis=1) + prior.sum(axis=0)
    weight = np.maximum(  # [tilts, edits, groups]
        caught[None] - tilts[:, None, None] * edits.missed[None],
        1e-3 * caught[None] + _FLOOR,
    )
    # The factors of the means: ``edit``, [tilts, edits], and ``text``, [tilts, groups].
    # ``mean``, [tilts, cells], are the modelled matches.
    edit = np.full((len(tilts), len(caught)), 1.0 / len(caught))
    for _ in range(STEPS):
        text = of_group / np.einsum("te,teg->tg", edit, weight)
        mean = np.maximum((edit @ shape) * text[:, group], _FLOOR)
        explained = edit * ((n / mean * text[:, group]) @ shape.T) + pseudo
        edit = explained / np.einsum("tg,teg->te", text, weight)
    copies = edit[:, :, None] * text[:, None, :]
    likelihood = (
        np.log(mean) @ n - (copies * caught).sum(axis=(1, 2)) + np.log(edit) @ pseudo
    )
    likelihood += np.log(np.maximum(text, _FLOOR)) @ prior.sum(axis=0)
    return copies, likelihood


def _fitted(
    edits: Edits, counts: Floats, prior: Floats, seen: Flags
) -> tuple[Floats, Floats, float]:
    """Fit the best mixture and those that fit almost as well; the parameters are those
    of :func:`_mixed` and :func:`_hidden_at_worst`.

    Return the copies of the best mixture, [edits, groups]; the copies in unseen cells
    per match in seen cells for each mixture, [mixtures], the best last; and the
    difference between the matches and the best mixture (:func:`_misfit`).
    """
    best, likelihood = _mixed(edits, counts, prior, np.zeros(1))
    copies = best[0]
    bound = float(
        (
            (copies * edits.in_seen).sum(axis=1)
            / np.maximum((copies * edits.missed).sum(axis=1), _FLOOR)
        ).min()
    )
    tilts = bound * np.concatenate(
        [-np.geomspace(0.1, 100.0, TILTS), 1.0 - np.geomspace(0.9, 0.02, TILTS)]
    )
    others, likelihoods = _mixed(edits, counts, prior, tilts)
    modelled = (copies[:, :, None] * edits.profile).sum(axis=0)
    misfit, unlike = _misfit(
        counts[seen], modelled[seen] * (float(counts.sum()) / modelled.sum())
    )

    def per_seen(fitted: Floats) -> Floats:
        """Return the copies in unseen cells per match in seen cells, [mixtures]."""
        hidden = (fitted * edits.missed).sum(axis=(1, 2))
        return hidden / (fitted * edits.in_seen).sum(axis=(1, 2))

    close = likelihoods >= likelihood[0] - DROP * misfit
    return copies, np.append(per_seen(others)[close], per_seen(best)), unlike


def _misfit(counts: Floats, expected: Floats) -> tuple[float, float]:
    """Return Pearson's chi-squared per cell, at least 1 (quasi-likelihood), and the
    part of chi-squared per match that random variation does not explain. ``counts`` and
    ``expected`` are the matches in seen cells, [cells].
    """
    cells = max(1, len(counts) - 1)
    misfit = float(((counts - expected) ** 2 / np.maximum(expected, 1.0)).sum()) / cells
    beyond = misfit - 1.0 - 2.0 * float(np.sqrt(2.0 / cells))
    return max(1.0, misfit), max(0.0, beyond) * cells / max(1.0, float(counts.sum()))
