"""Tests for two arms that are matched one to one: whether the first has more hits than
the second, how many more, and with what power.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from provscan.arrays import Numbers
from provscan.errors import ParameterError
from provscan.probe.statistics.inference import Inference

# One-sided error probability of a claim: that of the lower limit of a 95% interval.
ALPHA = 0.025
# The required probability that a test detects a difference.
POWER = 0.8


def mcnemar(first_only: int, second_only: int) -> float:
    """Return the one-sided p-value of the exact McNemar test (McNemar 1947,
    doi:10.1007/BF02295996).

    If the arms are alike, half of the pairs with exactly one hit have it in the first
    arm.

    Parameters
    ----------
    first_only, second_only
        Number of pairs with a hit only in the first arm, and only in the second.

    Returns
    -------
    float
        Probability of ``first_only`` pairs or more.

    Raises
    ------
    ParameterError
        A count is negative.
    """
    from scipy.special import betainc

    if first_only < 0 or second_only < 0:
        raise ParameterError(
            f"counts must be 0 or more, found {first_only} and {second_only}"
        )
    return 1.0 if first_only == 0 else float(betainc(first_only, second_only + 1, 0.5))


def paired_difference(first_only: int, second_only: int, pairs: int) -> Inference:
    """Return the difference of two shares of matched pairs, with Tango's 95% score
    interval (1998) and McNemar's exact test.

    Parameters
    ----------
    first_only, second_only
        Number of pairs with a hit only in the first arm, and only in the second.
    pairs
        All pairs.

    Returns
    -------
    Inference
        Share of the first arm minus that of the second, between -1 and 1.

    Raises
    ------
    ParameterError
        There are more hits than pairs, or a count is negative.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    if not (
        first_only >= 0
        and second_only >= 0
        and pairs > 0
        and first_only + second_only <= pairs
    ):
        raise ParameterError(
            f"expected at most {pairs} pairs with one hit, found {first_only} + "
            f"{second_only}"
        )
    z = float(ndtri(1.0 - ALPHA))
    value = (first_only - second_only) / pairs

    def score(delta: float) -> float:
        b = -first_only - second_only + (2 * pairs - first_only + second_only) * delta
        c = -second_only * delta * (1.0 - delta)
        nuisance = (math.sqrt(max(b * b - 8.0 * pairs * c, 0.0)) - b) / (4.0 * pairs)
        variance = pairs * (2.0 * nuisance + delta * (1.0 - delta))
        return (first_only - second_only - pairs * delta) / math.sqrt(
            max(variance, 1e-12)
        )

    edge = 1.0 - 1e-12
    low = (
        -1.0
        if score(-edge) < z
        else float(brentq(lambda d: score(d) - z, -edge, value))
    )
    high = (
        1.0 if score(edge) > -z else float(brentq(lambda d: score(d) + z, value, edge))
    )
    return Inference(
        "difference of matched shares, score interval (Tango 1998, "
        "doi:10.1002/(SICI)1097-0258(19980430)17:8<891::"
        "AID-SIM780>3.0.CO;2-B); exact McNemar test (doi:10.1007/BF02295996)",
        "In each pair, either tweet would be recited with the same probability if the "
        "model had seen neither.",
        value,
        low,
        high,
        mcnemar(first_only, second_only),
    )


@lru_cache(maxsize=64)
def _critical(pairs: int) -> Numbers:
    """Return, for t = 0, 1, ... pairs with exactly one hit, the minimum number of them
    with the hit in the first arm that rejects the null hypothesis; t + 1 if none does.
    """
    least = np.empty(pairs + 1, np.int64)
    b = 1
    for t in range(pairs + 1):
        while b <= t and mcnemar(b, t - b) > ALPHA:
            b += 1
        least[t] = b
    return least


def paired_power(pairs: int, first: float, second: float) -> float:
    """Return the power of the exact McNemar test at the level :data:`ALPHA`, computed
    without simulation.

    Parameters
    ----------
    pairs
        Number of pairs.
    first, second
        Share of hits of each arm; within a pair they are independent.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        A share is not between 0 and 1.
    """
    from scipy.special import bdtrc

    if not (0.0 <= first <= 1.0 and 0.0 <= second <= 1.0):
        raise ParameterError(
            f"shares must be between 0 and 1, found {first!r} and {second!r}"
        )
    only_first, only_second = first * (1.0 - second), second * (1.0 - first)
    either = only_first + only_second
    if either == 0.0:
        return 0.0
    t = np.arange(pairs + 1)
    tail = bdtrc(t - 1.0, pairs, either)
    chance = tail - np.append(tail[1:], 0.0)
    least = _critical(pairs)
    reject = np.where(
        least > t,
        0.0,
        bdtrc(np.minimum(least, t) - 1.0, np.maximum(t, 1), only_first / either),
    )
    return float(np.clip(chance @ reject, 0.0, 1.0))


def detectable_share(pairs: int, second: float) -> float | None:
    """Return the smallest share of hits in the first arm that the test detects with the
    power :data:`POWER`.

    Parameters
    ----------
    pairs
        Number of pairs.
    second
        Share of hits of the second arm.

    Returns
    -------
    float or None
        None if even a share of 1 would not be detected.
    """
    if paired_power(pairs, 1.0, second) < POWER:
        return None
    low, high = second, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2.0
        low, high = (
            (low, middle)
            if paired_power(pairs, middle, second) >= POWER
            else (middle, high)
        )
    return high
