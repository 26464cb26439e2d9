"""Intervals for a share: simple counts, zero counts, and samples of whole files.

``clopper_pearson`` (exact) is what the others build on. A sample of whole files is a sample of clusters, whose
records resemble each other: ``ratio`` measures the share and its variance between files, ``effective_size`` turns that
into a number of independent records, and ``korn_graubard`` asks ``clopper_pearson`` again.

Quantiles are from ``scipy.special``: ``scipy.stats`` gives the same ones, and takes longer to import than a run over a
small file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.result import Estimate

Floats = npt.NDArray[np.float64]


def _check(k: float, n: float, level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ParameterError(f"level must be between 0 and 1, exclusive, not {level!r}")
    if not (n > 0 and 0 <= k <= n):
        raise ParameterError(f"a share needs 0 <= k <= n and n > 0, found k={k!r}, n={n!r}")


def clopper_pearson(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval for a binomial share.

    Parameters
    ----------
    k, n
        Successes and trials; fractions are allowed, as effective sample sizes give them.
    level
        Confidence level.

    Returns
    -------
    low, high
        Both in [0, 1].

    Raises
    ------
    ParameterError
        Not ``0 <= k <= n``, or `n` is not positive.

    Notes
    -----
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    from scipy.special import betaincinv

    _check(k, n, level)
    tail = (1.0 - level) / 2.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return low, high


def zero_upper(n: float, level: float = 0.95) -> float:
    """Largest share that still gives no hit in `n` independent trials with probability ``1 - level``.

    The exact one-sided bound ``1 - (1 - level) ** (1 / n)``; the "rule of three", 3/n, is its approximation
    (Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031).

    Raises
    ------
    ParameterError
        `n` is not positive.
    """
    _check(0, n, level)
    return -math.expm1(math.log1p(-level) / n)


def proportion(k: float, n: float, level: float = 0.95) -> Estimate:
    """A share with its Clopper-Pearson interval; withheld where nothing was tried (``n == 0``)."""
    raw = {"k": k, "n": n}
    if n == 0:
        return Estimate.withheld("nothing was tried: n is 0", method="Clopper-Pearson", level=level, raw=raw)
    low, high = clopper_pearson(k, n, level)
    return Estimate(k / n, low, high, level, method="Clopper-Pearson", raw=raw)


@dataclass(frozen=True, slots=True)
class ClusterRatio:
    """A share measured on whole clusters.

    Attributes
    ----------
    share
        Sum of hits over sum of sizes.
    variance
        Cluster-robust variance of `share`, after the finite-population correction.
    heaviest
        What the one cluster that differs most contributes to `variance`.
    design_effect
        `variance` over that of a simple random sample of as many units; ``nan`` where the share is 0 or 1.
    clusters, hit
        Number of clusters in the sample, and of those with any hit.
    kish_hit
        Effective number of equal clusters that the hits stand in, ``sum(hits) ** 2 / sum(hits ** 2)``.
    size
        Sum of sizes.
    kish
        Effective number of equal clusters, ``size ** 2 / sum(sizes ** 2)`` (Kish 1965).
    fraction
        Share of all clusters that was sampled, 0 where the whole is taken as endless.
    """

    share: float
    variance: float
    heaviest: float
    design_effect: float
    clusters: int
    hit: int
    kish_hit: float
    size: float
    kish: float
    fraction: float


def ratio(hits: npt.ArrayLike, sizes: npt.ArrayLike, *, fraction: float = 0.0) -> ClusterRatio:
    """Ratio estimator of a share from a random sample of whole clusters, with its linearised variance.

    Parameters
    ----------
    hits, sizes
        One number a cluster (file): records, or characters, that hold licensed text, and all of them; any shape
        (clusters,), taken as float64.
    fraction
        Share of all clusters that the sample holds; the variance shrinks by ``1 - fraction``.

    Raises
    ------
    ParameterError
        Lengths differ, fewer than two clusters, a size below its hits, no size at all, or `fraction` outside [0, 1].

    Notes
    -----
    Cochran 1977, *Sampling Techniques*, section 6.3: the variance between clusters of ``hits - share * sizes``.
    """
    y = np.asarray(hits, dtype=np.float64)
    x = np.asarray(sizes, dtype=np.float64)
    if y.ndim != 1 or y.shape != x.shape:
        raise ParameterError(f"hits and sizes must be of one shape (clusters,), found {y.shape} and {x.shape}")
    if len(y) < 2:
        raise ParameterError(f"a variance between clusters needs at least 2 of them, found {len(y)}")
    if not 0.0 <= fraction <= 1.0:
        raise ParameterError(f"fraction must be between 0 and 1, not {fraction!r}")
    total = float(x.sum())
    if total <= 0 or bool((y < 0).any()) or bool((y > x).any()):
        raise ParameterError("every cluster needs 0 <= hits <= size, and some cluster a size above 0")
    share = float(y.sum()) / total
    m = len(y)
    residual = y - share * x
    factor = (1.0 - fraction) * m / (m - 1) / total**2
    variance = factor * float(residual @ residual)
    simple = share * (1.0 - share) / total
    return ClusterRatio(
        share,
        variance,
        factor * float((residual**2).max()),
        variance / simple if simple > 0 else math.nan,
        m,
        int((y > 0).sum()),
        kish(y),
        total,
        kish(x),
        fraction,
    )


def kish(sizes: Floats) -> float:
    """Effective number of equal things among unequal ones, ``sum(sizes) ** 2 / sum(sizes ** 2)``; 0 without any.

    Kish 1965, *Survey Sampling*.
    """
    squares = float(sizes @ sizes)
    return float(sizes.sum()) ** 2 / squares if squares > 0 else 0.0


def effective_size(sample: ClusterRatio, level: float = 0.95) -> float:
    """Number of independent units that a sample of whole clusters is worth for its share.

    ``share * (1 - share) / variance``, reduced by the squared ratio of Student quantiles for the few clusters that
    the variance was measured on (Korn & Graubard 1998). Three things are ours, and
    ``benchmarks/coverage_estimators.py --only files`` is their measurement:

    - The cluster that differs most counts once more in the variance. Few clusters rarely show the heaviest that there
      are, and a sample that missed it is small in its share and in its variance at once.
    - Clusters with hardly a hit say little of the variance: its degrees of freedom are those of the effective number
      of clusters that hold the hits.
    - Never more than the units there are, and never fewer than the clusters (their effective number): not even
      clusters that are hits through and through are worth less. Where the share is 0 or 1 there is no variance to
      learn from, and the clusters are the trials.

    Parameters
    ----------
    sample
        From :func:`ratio`, without a fraction where the caller corrects for a finite population.
    level
        Confidence level of the interval that it is meant for.

    Notes
    -----
    Korn & Graubard 1998, *Survey Methodology* 24, 193-201.
    """
    from scipy.special import stdtrit

    effective = 0.0
    if 0.0 < sample.share < 1.0:
        if sample.variance <= 0.0:
            return sample.size
        tail = (1.0 - level) / 2.0
        freedom = max(1.0, sample.kish_hit - 1.0)
        adjusted = (stdtrit(max(1.0, sample.size - 1), tail) / stdtrit(freedom, tail)) ** 2
        effective = float(sample.share * (1.0 - sample.share) / (sample.variance + sample.heaviest) * adjusted)
    return min(max(effective, sample.kish), sample.size)


def korn_graubard(sample: ClusterRatio, level: float = 0.95) -> Estimate:
    """Interval for a share from a sample of whole clusters: Clopper-Pearson with their :func:`effective_size`.

    Parameters
    ----------
    sample
        From :func:`ratio`.
    level
        Confidence level.

    Notes
    -----
    Korn & Graubard 1998, *Survey Methodology* 24, 193-201.
    """
    effective = effective_size(sample, level)
    low, high = clopper_pearson(sample.share * effective, effective, level)
    raw = {
        "clusters": sample.clusters,
        "clusters_hit": sample.hit,
        "size": sample.size,
        "design_effect": None if math.isnan(sample.design_effect) else sample.design_effect,
        "effective_size": effective,
    }
    return Estimate(sample.share, low, high, level, method="Korn-Graubard", raw=raw)
