"""Limits of counts in closed form: shares, thinned counts, chance matches, products of
independent factors, and totals corrected for chance, loss and sampling.

Quantiles come from ``scipy.special``: ``scipy.stats`` gives the same values, but its
import takes longer than a run over a small file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from provscan.arrays import Floats, Numbers
from provscan.errors import ParameterError

# If units are found with at most this probability, nothing bounds how many there are.
IMPOSSIBLE = 1e-9
# Error probability on each side of 95% limits.
TAIL = (1.0 - 0.95) / 2.0
# Chance explains findings only if it is expected to produce at least this share of
# them.
EXPLAINED = 1 / 3


def clopper_pearson(k: float, n: float) -> tuple[float, float]:
    """Return the exact two-sided 95% interval of a binomial share (Clopper & Pearson
    1934, doi:10.1093/biomet/26.4.404).

    Parameters
    ----------
    k, n
        Successes and trials; they need not be whole, since effective sample sizes
        are not.

    Returns
    -------
    low, high
        Both in [0, 1].

    Raises
    ------
    ParameterError
        ``0 <= k <= n`` is false, or ``n`` is not positive.
    """
    from scipy.special import betaincinv

    if not (n > 0 and 0 <= k <= n):
        raise ParameterError(
            f"a share needs 0 <= k <= n and n > 0, found k={k!r}, n={n!r}"
        )
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, TAIL))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - TAIL))
    return low, high


def negative_binomial_quantile(q: float, shape: float, mean: float) -> float:
    """Return the least k whose cumulative probability is at least ``q``; ``shape`` need
    not be whole.
    """
    return float(np.ceil(continuous_quantile(q, shape, mean) - 1e-9))


def continuous_quantile(q: float, shape: float, mean: float) -> float:
    """Return the same quantile without rounding it up: a value above k - 1 and at most
    k, which has no steps.
    """
    from scipy.special import btdtrib

    p = shape / (shape + mean) if mean > 0 else 1.0
    return 0.0 if p**shape >= q else float(btdtrib(shape, q, p) - 1.0)


def thinned(found: float, share: float, *, effect: float = 1.0) -> tuple[float, float]:
    """Return the 95% limits of the number of all units if ``found`` of them were found.
    Each unit is found with probability ``share``.

    The number of units that are missed until a given number is found has a negative
    binomial distribution. With an ``effect`` above 1 (a design effect, or the mean size
    of the units of an amount), groups of ``effect`` units are found or missed together.
    The lower limit is not rounded up: with steps, it could rise where ``found`` falls.

    Parameters
    ----------
    found
        The number of units that were found.
    share
        Probability that a unit is found.
    effect
        Design effect, or mean size of a unit.

    Returns
    -------
    (low, high)
    """
    if share >= 1.0:
        return found, found
    if share <= IMPOSSIBLE:
        return found, math.inf
    units, odds = found / effect, (1.0 - share) / share
    low = units + continuous_quantile(TAIL, units, units * odds)
    high = units + negative_binomial_quantile(
        1.0 - TAIL, units + 1.0, (units + 1.0) * odds
    )
    return low * effect, high * effect


@dataclass(frozen=True, slots=True)
class Chance:
    """Chance matches among the findings: the expected number, and 95% prediction
    limits.
    """

    expected: float
    low: float
    high: float

    def explains(self, found: float) -> bool:
        """Return whether chance explains findings: their number is at most the upper
        limit, and at least a third of it is expected.

        Without the second condition, a single chance match would explain five findings,
        and none would explain three.

        Parameters
        ----------
        found
            The number of findings, in the unit of the chance matches.

        Returns
        -------
        bool
        """
        return found <= self.high and EXPLAINED * found <= self.expected


def predict_chance(
    weights: Floats,
    sizes: Floats,
    heaviest: float,
    licensed_sizes: Floats | None = None,
    tail: float = TAIL,
) -> Chance:
    """Predict the chance matches among the licensed matches from the clusters of the
    control's matches.

    For clusters of equal size and weight, this is the exact conditional test of two
    Poisson counts (Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313):
    ``high`` is the largest number of licensed clusters that is compatible with equal
    rates. Unequal weights require the gamma approximation of Fay & Feuer (1997,
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#), and unequal
    sizes a compound Poisson total with the same mean and variance. If the sizes of the
    licensed clusters are known, ``high`` assumes that the largest of them match by
    chance. The number of licensed clusters of at least a given size is then limited by
    the control's clusters of at least this size.

    Parameters
    ----------
    weights, sizes
        For each control cluster, the number of licensed clusters that it represents,
        and its size: 1, or its number of records, texts, tweets or characters.
    heaviest
        Weight of the additional cluster that an upper limit allows for: the largest
        weight of any stratum.
    licensed_sizes
        Sizes of the licensed clusters, whether they match by chance or not.
    tail
        Error probability of each limit.

    Returns
    -------
    Chance
    """
    every = sizes if licensed_sizes is None else np.concatenate([sizes, licensed_sizes])
    squares = float(every @ every)
    unit = squares / float(every.sum()) if squares > 0 else 1.0

    def limit(mean: float, spread: float, q: float, unit: float = 1.0) -> float:
        return (
            unit * negative_binomial_quantile(q, mean**2 / spread, mean / unit)
            if mean > 0
            else 0.0
        )

    total = weights * sizes
    low = limit(float(total.sum()), float(total @ total), tail, unit)
    if licensed_sizes is None:
        more = np.append(total, heaviest * (float(sizes.mean()) if len(sizes) else 1.0))
        return Chance(
            float(total.sum()),
            low,
            limit(float(more.sum()), float(more @ more), 1.0 - tail, unit),
        )
    order = np.argsort(sizes)
    # Sums over the clusters of at least each size, including the additional cluster.
    mean, spread = (
        np.append(np.cumsum(w[order][::-1])[::-1], 0.0) + w_more
        for w, w_more in ((weights, heaviest), (weights**2, heaviest**2))
    )
    steps, count = np.unique(licensed_sizes, return_counts=True)
    first = np.searchsorted(sizes[order], steps)
    most = {
        at: limit(float(mean[at]), float(spread[at]), 1.0 - tail)
        for at in np.unique(first).tolist()
    }
    reach = np.minimum(
        [most[at] for at in first.tolist()], np.cumsum(count[::-1])[::-1]
    )
    return Chance(float(total.sum()), low, float(np.diff(steps, prepend=0.0) @ reach))


def least_shown(heaviest: float, tail: float = TAIL) -> int:
    """Return the smallest number of licensed clusters that chance does not explain if
    no control text matches; each control text represents at most ``heaviest`` licensed
    texts.
    """
    return 1 + math.floor(negative_binomial_quantile(1.0 - tail, 1.0, heaviest))


def clumped_limit(
    weights: Floats, sizes: Floats, heaviest: float, effect: float, tail: float = TAIL
) -> float:
    """Return the upper limit of the chance matches among the licensed matches if those
    of the control come in groups: the limit of a compound Poisson total whose groups
    have ``effect`` clusters of mean size (a design effect, Kish 1965).

    Parameters
    ----------
    weights, sizes, heaviest, tail
        As for :func:`predict_chance`.
    effect
        Mean number of clusters of a group, weighted by this number.

    Returns
    -------
    float
    """
    total = weights * sizes
    unit = effect * (float(sizes @ sizes / sizes.sum()) if sizes.any() else 1.0)
    more = heaviest * unit
    mean = float(total.sum()) + more
    spread = effect * float(total @ total) + more**2
    return unit * negative_binomial_quantile(1.0 - tail, mean**2 / spread, mean / unit)


@dataclass(frozen=True, slots=True)
class Factor:
    """A positive number with its limits; the factors of a product are independent."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """Return the number and its limits as ``summary.json`` has them.

        Returns
        -------
        dict
            ``value``, ``low`` and ``high``.
        """
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {name: rounded(number) for name, number in ends.items()}


def rounded(number: float | None) -> float | None:
    """Round a number for ``summary.json`` to twelve significant digits, which removes
    the rounding errors of its last digits.
    """
    return None if number is None else float(f"{number:.12g}")


def exactly(number: float) -> Factor:
    return Factor(number, number, number)


ONE = exactly(1.0)


def product(*factors: Factor) -> Factor:
    """Return the product of independent factors, with its limits.

    On the logarithmic scale, the squares of the distances of the limits add up: the
    method of variance estimates recovery (Zou & Donner 2008, doi:10.1002/sim.3095).

    Parameters
    ----------
    *factors
        Numbers with their limits.

    Returns
    -------
    Factor
    """
    value = math.prod(f.value for f in factors)
    if value <= 0.0:
        return Factor(0.0, 0.0, math.prod(f.high for f in factors))
    down = [math.log(f.value / f.low) if f.low > 0 else math.inf for f in factors]
    up = [math.log(f.high / f.value) for f in factors]
    return Factor(
        value, value * math.exp(-math.hypot(*down)), value * math.exp(math.hypot(*up))
    )


def sharing_factor(showing: Numbers, share: float) -> Factor:
    """Return the correction for units (such as records) that may contain several things
    (such as tweets), if only a random ``share`` of the things is known. It is the
    estimated number of units that contain a thing, divided by the estimate under the
    assumption that no unit contains several.

    ``showing`` lists the numbers of units in which 0, 1, 2, and 3 or more known things
    are found. The value is a lower bound: the Cauchy-Schwarz inequality bounds the
    number of units in which none is found, as in Chao (1984, doi:10.2307/4615964). It
    is exact if all units contain the same number. Its lower limit allows for random
    variation of the number of units with two known things; the upper limit is 1.
    """
    from scipy.special import gammaincinv

    _, single, two, more = showing.tolist()
    found = single + two + more
    singles = single * (1.0 - share) / share
    pairs = 2.0 * ((1.0 - share) / share) ** 2

    def over(two: float) -> float:
        nothing = singles**2 / (singles + two * pairs) if singles else 0.0
        # Rounding errors could make it larger than 1.
        return min(1.0, share * (found + nothing) / found)

    return (
        Factor(over(two), over(float(gammaincinv(two + 1.0, 1.0 - TAIL))), 1.0)
        if found
        else exactly(1.0)
    )


@dataclass(frozen=True, slots=True)
class SampleDesign:
    """The sample that was scanned, as a part of the whole."""

    fraction: float = 1.0  # Share of the whole that was scanned.
    effect: float = 1.0  # Design effect of the sample.


WHOLE = SampleDesign()


def minus_chance(counted: float, chance: Chance) -> Factor:
    """Subtract the chance matches, capped at the count, from a count."""
    high = min(chance.high, counted)
    return Factor(
        max(0.0, counted - chance.expected),
        counted - high,
        max(0.0, counted - chance.low),
    )


def total(
    count: Factor,
    recall: Factor | None,
    design: SampleDesign = WHOLE,
    mean_size: float = 1.0,
    sharing: Factor = ONE,
) -> Factor:
    """Estimate the total of the whole, given the findings minus chance.

    Without a ``recall``, missed copies are not corrected for; with a recall of 0, the
    total has no upper limit. ``mean_size`` is the mean
    size of the units, and ``sharing`` the result of :func:`sharing_factor`.
    """
    r = ONE if recall is None else recall
    fraction, effect = design.fraction, design.effect * mean_size
    if count.value <= 0.0:
        found = max(0.0, count.high)
        return Factor(0.0, 0.0, thinned(found, r.low * fraction, effect=effect)[1])
    if r.value * fraction <= IMPOSSIBLE:
        return Factor(math.inf, max(0.0, count.low), math.inf)
    middle = count.value / (r.value * fraction)
    low, high = thinned(count.value, r.value * fraction, effect=effect)
    return product(
        Factor(middle, min(low, middle), max(high, middle)),
        Factor(
            1.0,
            r.value / r.high,
            r.value / r.low if r.low > IMPOSSIBLE else math.inf,
        ),
        Factor(1.0, max(0.0, count.low) / count.value, count.high / count.value),
        sharing,
    )
