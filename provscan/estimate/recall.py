"""Recall of copies whose edits are unknown: a finite mixture of known components.

Copies fall into classes of damage (:func:`~provscan.estimate.damage.damage_of`). Where copies of a class are found,
spike-ins measure how many of them are, and a match counts for one over that (Horvitz & Thompson 1952,
doi:10.1080/01621459.1952.10483446). Classes in which hardly any is found are not seen at all. How much lies there
follows from the edits: each spreads its copies over all classes in a known way, so that the mixture of edits which made
the matches (EM; Dempster, Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x) says how many copies are missed
with them. How far the matches leave the mixture open is a profile likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provscan.estimate.limits import Factor, product

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# Classes of damage of which less is found are not seen; what edits could hide of which less is found, is said.
FINDABLE = 1 / 3
# Edits of which less is found are no part of the mixture.
IN_MIXTURE = 0.1
# Matches that the equal mixture of all edits counts for.
PRIOR = 4.0
# Spike-ins that the whole counts for in the profile of one edit.
SHRUNK = 4.0
# Standard deviation of the logarithm of the odds of being lost between two sets of edits written independently.
UNLIKE = 0.25
# Half the 95 % quantile of chi-squared with one degree of freedom.
DROP = 1.92
STEPS, TILTS = 120, 16
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the copies that is found, for copies as the matches show them.

    Attributes
    ----------
    value, low, high
        With 95 % limits: of the mixture, of the spike-ins' own number, and of edits that were written differently.
    mixture
        Share of each edit among the copies, by name; edits that are hardly found are left out.
    of_edit
        Share found of each edit's spike-ins, in the scripts and lengths of the matches.
    hidden
        Share of the copies that are in classes of damage of which hardly any is found.
    """

    value: float
    low: float
    high: float
    mixture: dict[str, float]
    of_edit: dict[str, float]
    hidden: float = 0.0

    @property
    def lost(self) -> Factor:
        """By what a count found is multiplied."""
        return Factor(1.0 / self.value, 1.0 / self.high, 1.0 / self.low)


@dataclass(frozen=True, slots=True)
class Planted:
    """Spike-ins as arrays, one entry each.

    Attributes
    ----------
    edit
        Its name.
    group
        Class of script and length.
    damage
        Class of what is left of it, of the match where it was found.
    found
        Whether it was found, by the rule that counts.
    """

    edit: npt.NDArray[np.str_]
    group: Numbers
    damage: Numbers
    found: npt.NDArray[np.bool_]


def recall_of(planted: Planted, damages: Floats, groups: Floats) -> Recall | None:
    """Recall of copies with this damage, in these groups.

    Parameters
    ----------
    planted
        Spike-ins.
    damages, groups
        Matches of each class of damage and of each group, those that chance explains taken off.

    Returns
    -------
    Recall
        ``None`` where no edit is findable.
    """
    if not planted.found.any():
        return None
    weight, found = _weights(planted, groups), planted.found
    names, number = np.unique(planted.edit, return_inverse=True)
    number, count = number.reshape(-1), len(damages)
    share = (np.bincount(number, weight * found) + 0.5) / (np.bincount(number, weight) + 1.0)
    of_edit = dict(zip(names.tolist(), share.tolist(), strict=True))
    kept = np.flatnonzero(share >= IN_MIXTURE)
    if len(kept) == 0:
        return None
    # Classes in which copies are seen: their matches count for 1 / recall each (Horvitz & Thompson 1952).
    planted_in, found_in = (np.bincount(planted.damage, w, count) for w in (weight, weight * found))
    mean = float(found_in.sum() / planted_in.sum())
    recall = (found_in + SHRUNK * mean) / (planted_in + SHRUNK)
    seen = recall >= FINDABLE
    # Of each edit the damage of its found copies, and how many copies in classes that are not seen go with each.
    profile = np.zeros((len(names), count))
    np.add.at(profile, (number, planted.damage), weight * found * seen[planted.damage])
    hidden = np.bincount(number, weight * ~seen[planted.damage]) / np.maximum(profile.sum(axis=1), _FLOOR)
    every = profile.sum(axis=0) / profile.sum()
    profile = (profile + SHRUNK * every) / (profile.sum(axis=1) + SHRUNK)[:, None]
    profile, hidden = profile[kept][:, seen], hidden[kept]
    shown = damages[seen]
    prior = PRIOR * share[kept] / share[kept].sum()
    strengths = np.geomspace(0.01, 3.0, TILTS) * (shown.sum() + prior.sum())
    parts, likelihood = _mixed(profile, shown, prior, hidden, np.concatenate([-strengths, [0.0], strengths]))
    part = parts[TILTS]
    expected = (part @ profile) * shown.sum()
    misfit = max(1.0, float(((shown - expected) ** 2 / np.maximum(expected, 1.0)).sum()) / max(1, len(shown) - 1))
    # How much is missed by the mixtures that the matches do not contradict.
    missed = parts @ hidden
    allowed = missed[likelihood >= likelihood[TILTS] - DROP * misfit]
    # A match's share of each class, in which what was planted counts as PRIOR matches.
    of_class = (shown + PRIOR * part @ profile) / (shown.sum() + PRIOR)
    corrected = of_class / recall[seen]
    visible, unseen = float(corrected.sum()), float(part @ hidden)
    lost = visible + unseen
    size = np.bincount(planted.damage, weight, count) ** 2 / np.maximum(
        np.bincount(planted.damage, weight**2, count), _FLOOR
    )
    spread = (1.0 - recall[seen]) / (recall[seen] * (size[seen] + SHRUNK))
    # The number of copies missed per match is a ratio of two counts of spike-ins.
    counts = np.bincount(number)[kept]
    of_hidden = (part * hidden) ** 2 / np.maximum(counts * share[kept] * (1.0 - share[kept]), 0.5)
    error = float(np.sqrt((corrected**2 * spread).sum() + of_hidden.sum())) / lost
    unlike = UNLIKE * max(0.0, 1.0 - 1.0 / lost)
    widened = float(np.exp(1.96 * np.hypot(error, unlike)))
    limits = product(
        Factor(lost, visible + allowed.min(), visible + allowed.max()), Factor(1.0, 1.0 / widened, widened)
    )
    copies = part / share[kept]
    return Recall(
        min(1.0, 1.0 / lost),
        min(1.0, 1.0 / limits.high),
        min(1.0, 1.0 / limits.low),
        dict(zip(names[kept].tolist(), (copies / copies.sum()).tolist(), strict=True)),
        of_edit,
        unseen / lost,
    )


def _weights(planted: Planted, groups: Floats) -> Floats:
    """Weights of the spike-ins that give them the scripts and lengths of what the matches are copies of."""
    count = len(groups)
    each = np.bincount(planted.group, minlength=count).astype(np.float64)
    hit = np.bincount(planted.group[planted.found], minlength=count)
    share = (hit + 1.0) / (each + 1.0 / max(float(planted.found.mean()), _FLOOR))
    # What was planted counts as five matches.
    like = groups + 5.0 * hit / hit.sum()
    wanted = np.where(each > 0, like / np.minimum(share, 1.0), 0.0)
    weight = np.divide(wanted, each, out=np.zeros(count), where=each > 0)
    scaled: Floats = weight[planted.group]
    return scaled * len(scaled) / scaled.sum()


def _mixed(profile: Floats, damages: Floats, prior: Floats, hidden: Floats, tilts: Floats) -> tuple[Floats, Floats]:
    """Mixtures of the matches that maximise the likelihood plus each tilt times the copies missed per match.

    The step of EM that maximises has shares ``expected / (v - tilt * hidden)``, with v such that they add up to 1: v is
    found by Newton's method from the left, where it converges from any start.

    Returns
    -------
    float64[tilts, edits], float64[tilts]
        Shares of the matches, and their likelihoods.
    """
    tilted = tilts[:, None] * hidden
    part = np.repeat(prior[None, :] / prior.sum(), len(tilts), axis=0)
    for _ in range(STEPS):
        expected = part * ((damages / np.maximum(part @ profile, 1e-300)) @ profile.T) + prior
        v = (tilted + expected).max(axis=1, keepdims=True)
        for _ in range(6):
            each = expected / (v - tilted)
            v = v + (each.sum(axis=1, keepdims=True) - 1.0) / (each / (v - tilted)).sum(axis=1, keepdims=True)
        part = expected / (v - tilted)
        part = part / part.sum(axis=1, keepdims=True)
    likelihood = np.log(np.maximum(part @ profile, 1e-300)) @ damages + np.log(np.maximum(part, 1e-300)) @ prior
    return part, likelihood
