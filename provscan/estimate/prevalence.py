"""Corrected counts and shares: what is really there, from what was found.

The form is Rogan & Gladen's: take off the false matches that a control predicts, divide by the recall that
spike-ins measured. The interval carries every source of error at once by drawing from confidence distributions
and taking quantiles (melding: Fay, Proschan & Brittain 2015; for prevalence with an imperfect test: Bayer, Fay &
Graubard 2023), with half a count added (Jeffreys): ``benchmarks/coverage_estimators.py`` shows it to cover 93 to
99 %. Draws are seeded: the same counts give the same interval.

The number that is estimated is the one in *this* dataset, which is fixed: a full scan has no sampling error,
only lost and false matches. :class:`Sample` adds the rest when a part was scanned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.recall import Recall
from provscan.estimate.result import Estimate

Floats = npt.NDArray[np.float64]

DRAWS = 20_000
LEAST_SPIKES = 20
LEAST_RECALL = 0.2
_FEW_BUNCHES = 20
METHOD = "Rogan-Gladen, melded Jeffreys distributions"


@dataclass(frozen=True, slots=True)
class Control:
    """What a scan for texts known to be absent found: the measure of chance.

    Attributes
    ----------
    found
        False matches counted on the control, in the unit that is estimated (records, or texts).
    trials
        How often the control had its chance, in that unit; see :meth:`of_texts` for a control index.
    dispersion
        Variance of the false count over its mean, at least 1. False matches come in bunches (one proverb in fifty
        records); :func:`dispersion` measures it.
    unmeasured
        Further false matches a trial that nobody measured, at most. Lower ends allow for as many; value and upper end
        know nothing of them.

    Raises
    ------
    ParameterError
        Negative counts, no trials, a dispersion below 1.
    """

    found: float
    trials: float
    dispersion: float = 1.0
    unmeasured: float = 0.0

    def __post_init__(self) -> None:
        if self.found < 0 or not self.trials > 0:
            raise ParameterError(f"a control needs found >= 0 and trials > 0, got {self.found} of {self.trials}")
        if not self.unmeasured >= 0.0:
            raise ParameterError(f"unmeasured false matches must be 0 or more, not {self.unmeasured!r}")
        if not self.dispersion >= 1.0:
            raise ParameterError(f"dispersion must be at least 1, not {self.dispersion!r}")

    @classmethod
    def of_texts(
        cls, found: float, records: float, control_texts: float, licensed_texts: float, dispersion: float = 1.0
    ) -> Control:
        """The control of a scan of `records` in which `control_texts` absent texts stood beside `licensed_texts`.

        A record meets ``control_texts / licensed_texts`` as many chances to match a control text falsely as to match a
        licensed one.

        Raises
        ------
        ParameterError
            No records, control texts or licensed texts.
        """
        if not (records > 0 and control_texts > 0 and licensed_texts > 0):
            raise ParameterError(
                "a control of texts needs records, control texts and licensed texts above 0, "
                f"got {records}, {control_texts} and {licensed_texts}"
            )
        return cls(found, records * control_texts / licensed_texts, dispersion)

    @property
    def rate(self) -> float:
        """False matches a trial."""
        return self.found / self.trials


def dispersion(control_counts: npt.ArrayLike, found_counts: npt.ArrayLike = ()) -> float:
    """Variance over mean of a total that is a sum of bunches, each text's false matches one bunch.

    For a compound Poisson total it is ``sum(counts ** 2) / sum(counts)``; 1 where nothing was found. Few bunches
    rarely show the largest that there are: the largest one seen is counted once more, and with fewer than
    20 the bunches of all matches join in, since they might be false; texts matched once, mostly true ones where there
    are many, would only hide them.

    Parameters
    ----------
    control_counts
        False matches of each control text that has any, shape (texts,).
    found_counts
        Matches of each licensed text that has any, shape (texts,).
    """
    seen = np.asarray(control_counts, dtype=np.float64)
    pools = [seen]
    if len(seen) < _FEW_BUNCHES:
        found = np.asarray(found_counts, dtype=np.float64)
        pools.append(np.concatenate([seen, found[found > 1]]))
    largest = 1.0
    for pool in pools:
        bunches = np.append(pool, pool.max(initial=0.0))
        total = float(bunches.sum())
        largest = max(largest, float(bunches @ bunches) / total if total > 0 else 1.0)
    return largest


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of the dataset was scanned, at random.

    Attributes
    ----------
    fraction
        Share of all records that was scanned, in (0, 1]; of whole files, that of the bytes.
    effective
        Number of independent records that the sample is worth; of whole files
        :func:`provscan.estimate.binomial.effective_size`. All of them unless given.
    rest
        The same of what was not scanned: as `effective` is to the sample unless given.
    rest_error
        Relative standard error of the number of records that were not scanned; 0 where it is known.
    """

    fraction: float
    effective: float | None = None
    rest: float | None = None
    rest_error: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.fraction <= 1.0:
            raise ParameterError(f"fraction of a sample must be in (0, 1], not {self.fraction!r}")
        if self.effective is not None and not self.effective > 0:
            raise ParameterError(f"effective size of a sample must be above 0, not {self.effective!r}")
        if self.rest is not None and not self.rest > 0:
            raise ParameterError(f"effective size of what was not scanned must be above 0, not {self.rest!r}")
        if not self.rest_error >= 0:
            raise ParameterError(f"relative error of what was not scanned must be at least 0, not {self.rest_error!r}")


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws from the confidence distribution of a corrected count, for one end of its interval; shape (draws,).

    Attributes
    ----------
    total
        Things of the kind in the whole dataset.
    held
        True ones among the found.
    false
        False ones among the found.
    """

    total: Floats
    held: Floats
    false: Floats


def draw_counts(
    found: float,
    trials: float,
    control: Control,
    recall: Recall,
    *,
    upper: bool,
    seed: int,
    sample: Sample | None = None,
    draws: int = DRAWS,
) -> Draws:
    """Draw the number of true things in the dataset, given how many were found; see :func:`corrected_count`.

    For the lower end, chance has half a false match more than the control shows, and where it explains all that was
    found, nothing is there. For the upper end it has no more than the control shows: a small control without any
    false match must not take away from what may be there. Draws with more false matches than matches are left out
    then: where fewer were found than chance explains, a bound of zero would be luck, not evidence (the case is
    discussed by Feldman & Cousins 1998, doi:10.1103/PhysRevD.57.3873).
    """
    rng = np.random.default_rng(seed)
    rate = recall.draw(rng, draws)
    # Things that are truly there can't be false as well: only the rest has its chance.
    room = max(0.0, trials - min(trials, found / max(recall.value, 1e-6)))
    shape = control.found / control.dispersion + (0.0 if upper else 0.5)
    chance: Floats = rng.standard_gamma(shape, draws)
    chance = chance * (control.dispersion * room / control.trials)
    if not upper:
        chance = chance + control.unmeasured * room
    if control.dispersion > 1.0:
        spread = control.dispersion - 1.0
        chance = np.asarray(rng.standard_gamma(chance / spread) * spread, dtype=np.float64)
    false = rng.poisson(np.minimum(chance, 1e15)).astype(np.float64)
    possible = false <= found
    if upper and possible.mean() > 0.01:
        false, rate = false[possible], rate[possible]
    held = np.maximum(found - false, 0.0)
    lost = rng.poisson(np.minimum(rng.standard_gamma(held + 0.5) * (1.0 - rate) / rate, 1e15))
    total = np.minimum(held + lost, trials)
    if not upper:
        total[~possible] = 0.0
    if sample is not None and sample.fraction < 1.0:
        rest = _unscanned(total, trials, sample, rng)
        # The half count that spreads the share must not put anything where the sample held nothing for certain.
        total = total + (rest if upper else np.where(total > 0, rest, 0.0))
    return Draws(total, held, np.minimum(false, found))


def ends(low: Floats, high: Floats, level: float) -> tuple[float, float]:
    """Two-sided interval from the draws for its lower and for its upper end."""
    tail = (1.0 - level) / 2.0
    least = float(np.quantile(low, tail, method="lower"))
    return least, max(least, float(np.quantile(high, 1.0 - tail, method="higher")))


def _unscanned(scanned: Floats, trials: float, sample: Sample, rng: np.random.Generator) -> Floats:
    """True things in the part that was not scanned."""
    effective = min(trials, sample.effective or trials)
    scale = effective / trials
    share = rng.beta(scanned * scale + 0.5, (trials - scanned) * scale + 0.5)
    rest = trials * (1.0 / sample.fraction - 1.0)
    # Unscanned records come in the same clusters as scanned ones: as many independent draws as they are worth.
    independent = max(1, round(rest * scale if sample.rest is None else sample.rest))
    drawn = np.asarray(rng.binomial(independent, share) * (rest / independent), dtype=np.float64)
    if sample.rest_error > 0:
        drawn *= np.maximum(0.0, 1.0 + sample.rest_error * rng.standard_normal(len(drawn)))
    return drawn


def refusal(recall: Recall, control: Control | None) -> str | None:
    """Why a corrected number can't be given, or ``None`` where it can."""
    if control is None:
        return "no control: without texts known to be absent the false matches can't be counted"
    if recall.planted == 0:
        return "no spike-ins: recall was not measured"
    if recall.found == 0:
        return f"none of {recall.planted:.0f} spike-ins came back: the scan does not work on this dataset"
    if recall.planted < LEAST_SPIKES:
        return f"only {recall.planted:.0f} spike-ins: recall needs at least {LEAST_SPIKES}"
    measured = recall.found / recall.planted
    if measured < LEAST_RECALL:
        return f"recall on spike-ins is {measured:.3f}, below {LEAST_RECALL}: corrections would be guesses"
    return None


def corrected_count(
    found: float,
    trials: float,
    control: Control | None,
    recall: Recall,
    *,
    sample: Sample | None = None,
    level: float = 0.95,
    seed: int = 1,
    draws: int = DRAWS,
) -> Estimate:
    """How many there are: matches less the false ones, over recall, with an interval for all sources of error.

    Parameters
    ----------
    found
        Things found in the scan (records holding a match; distinct texts).
    trials
        How many could have been found (records scanned; texts in the index).
    control
        False matches on texts known to be absent; ``None`` withholds the number.
    recall
        Recall on spike-ins.
    sample
        Given when a part of the dataset was scanned: the count is then for all of it.
    level
        Confidence level.
    seed, draws
        Of the draws from the confidence distributions, and how many.

    Returns
    -------
    Estimate
        A count for the whole dataset. Withheld without a control, with fewer than 20 spike-ins, or where fewer than a
        fifth of them came back.

    Raises
    ------
    ParameterError
        Not ``0 <= found <= trials``.

    Notes
    -----
    Rogan & Gladen 1978, doi:10.1093/oxfordjournals.aje.a112510; Fay, Proschan & Brittain 2015,
    doi:10.1111/biom.12231; Bayer, Fay & Graubard 2023, arXiv:2205.13494.
    """
    if not (0 <= found <= trials and trials > 0):
        raise ParameterError(f"a count needs 0 <= found <= trials and trials > 0, got {found} of {trials}")
    raw = {
        "found": found,
        "trials": trials,
        "false_expected": None if control is None else control.rate * trials,
        "control_found": None if control is None else control.found,
        "recall": recall.value,
        "spike_ins": recall.planted,
    }
    reason = refusal(recall, control)
    if reason is not None or control is None:
        return Estimate.withheld(reason or "no control", method=METHOD, level=level, raw=raw)
    if recall.value <= control.rate:
        text = f"recall {recall.value:.3g} is not above the false-match rate {control.rate:.3g}"
        return Estimate.withheld(text, method=METHOD, level=level, raw=raw)
    below, above = (
        draw_counts(found, trials, control, recall, upper=upper, seed=seed, sample=sample, draws=draws)
        for upper in (False, True)
    )
    low, high = ends(below.total, above.total, level)
    whole = 1.0 / sample.fraction if sample is not None else 1.0
    value = whole * min(trials, max(0.0, (found - trials * control.rate) / (recall.value - control.rate)))
    return Estimate(min(max(value, low), high), low, high, level, method=METHOD, raw=raw)


def corrected_prevalence(
    found: float,
    trials: float,
    control: Control | None,
    recall: Recall,
    *,
    sample: Sample | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Estimate:
    """The share of all records that hold licensed text: :func:`corrected_count` over the number of records."""
    count = corrected_count(found, trials, control, recall, sample=sample, level=level, seed=seed)
    whole = trials / (sample.fraction if sample is not None else 1.0)
    return count.scaled(1.0 / whole) if count.valid else count
