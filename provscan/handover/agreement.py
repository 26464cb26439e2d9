"""Estimate agreement and precision from the verdicts of reviewers.

:func:`cohen_kappa` measures the agreement of two reviewers. :func:`stratified_share`
estimates the share of findings that reviewers accept, from a stratified sample, and
:func:`corrected_share` corrects it for their errors on planted pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from provscan.arrays import Numbers
from provscan.errors import ParameterError
from provscan.estimate.limits import TAIL, Factor, clopper_pearson

# Verdicts are corrected only if the shares of copies and of other pairs that reviewers
# accept differ by at least this much.
LEAST_DIFFERENCE = 0.5


def cohen_kappa(table: Numbers) -> Factor | None:
    """Return Cohen's kappa of two reviewers: their agreement, corrected for the
    agreement expected by chance (Cohen 1960, doi:10.1177/001316446002000104).

    The limits are computed from those of the observed agreement (Clopper & Pearson).
    The expected agreement is treated as known, as in Cohen's standard error.

    Parameters
    ----------
    table
        int64[c, c]: the number of pairs by the verdicts of the first reviewer (rows)
        and of the second (columns).

    Returns
    -------
    Factor or None
        Kappa with a 95% interval; None if there is no pair, or if both reviewers gave
        the same verdict on every pair, which leaves kappa undefined.
    """
    total = float(table.sum())
    if total == 0:
        return None
    expected = float(table.sum(0) @ table.sum(1)) / total**2
    if expected == 1.0:
        return None
    agreed = float(np.trace(table))
    ends = (agreed / total, *clopper_pearson(agreed, total))
    return Factor(*((share - expected) / (1.0 - expected) for share in ends))


def stratified_share(accepted: Numbers, reviewed: Numbers, sizes: Numbers) -> Factor:
    """Return the share of a population that reviewers would accept, given simple random
    samples of its strata.

    The share of the rarer verdict is a weighted sum of counts. Its limits are those of
    Fay & Feuer for a weighted sum of Poisson counts (1997,
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#). Counts of a
    sample vary less than Poisson counts, so the interval is wider than necessary.

    Parameters
    ----------
    accepted, reviewed, sizes
        int64[strata]: how many pairs of the stratum were accepted, how many were
        reviewed, and how many there are.

    Returns
    -------
    Factor
        The share with a 95% interval.

    Raises
    ------
    ParameterError
        No pair of a non-empty stratum was reviewed.
    """
    from scipy.special import gammaincinv

    kept = sizes > 0
    accepted, reviewed, sizes = accepted[kept], reviewed[kept], sizes[kept]
    if not len(sizes) or np.any((reviewed <= 0) | (accepted > reviewed)):
        raise ParameterError("every stratum needs reviewed pairs, and one has none")
    weights = sizes / sizes.sum() / reviewed
    rejected = reviewed - accepted
    rare = rejected if weights @ rejected <= weights @ accepted else accepted
    mean, spread = float(weights @ rare), float(weights**2 @ rare)
    heaviest = float(weights.max())
    low = 0.0
    if mean > 0:
        low = spread / mean * float(gammaincinv(mean**2 / spread, TAIL))
    mean_more, spread_more = mean + heaviest, spread + heaviest**2
    shape = mean_more**2 / spread_more
    high = spread_more / mean_more * float(gammaincinv(shape, 1.0 - TAIL))
    if rare is accepted:
        return Factor(mean, low, min(1.0, high))
    return Factor(1.0 - mean, max(0.0, 1.0 - high), 1.0 - low)


def corrected_share(
    share: Factor, copies: tuple[int, int], others: tuple[int, int]
) -> Factor | None:
    """Return the share of copies: the share of accepted pairs, corrected for the errors
    of the reviewers on planted pairs (Rogan & Gladen 1978,
    doi:10.1093/oxfordjournals.aje.a112510).

    Each of the three shares moves a limit by some distance. The squares of these
    distances add up, as in :func:`~provscan.estimate.limits.product`.

    Parameters
    ----------
    share
        The share of accepted pairs.
    copies
        The number of planted copies that were accepted, and of all planted copies.
    others
        The same numbers for planted pairs that are not copies.

    Returns
    -------
    Factor or None
        The share with a 95% interval; None if planted pairs are missing, or if the
        shares of copies and of other pairs that the reviewers accept differ by less
        than :data:`LEAST_DIFFERENCE`.
    """
    if not copies[1] or not others[1]:
        return None
    hit, false = (Factor(k / n, *clopper_pearson(k, n)) for k, n in (copies, others))
    if hit.value - false.value < LEAST_DIFFERENCE:
        return None

    def at(accepted: float, hits: float, falsely: float) -> float:
        # The limits from a few planted pairs may overlap; the quotient is then very
        # large.
        return (accepted - falsely) / max(hits - falsely, 1e-9)

    value = at(share.value, hit.value, false.value)

    def limit(
        end: Callable[[Factor], float], other: Callable[[Factor], float]
    ) -> float:
        """Return the distance of a limit from the share. For the shares of accepted
        copies and other pairs, take the opposite end, since the corrected share falls
        if either of them rises.
        """
        moved = (
            at(end(share), hit.value, false.value),
            at(share.value, other(hit), false.value),
            at(share.value, hit.value, other(false)),
        )
        return math.hypot(*(each - value for each in moved))

    low = value - limit(lambda f: f.low, lambda f: f.high)
    high = value + limit(lambda f: f.high, lambda f: f.low)
    return Factor(*(min(1.0, max(0.0, each)) for each in (value, low, high)))
