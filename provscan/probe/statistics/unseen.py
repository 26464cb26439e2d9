"""A lower bound for a population of which only a sample was seen."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError
from provscan.probe.statistics.inference import Inference
from provscan.probe.statistics.paired import ALPHA

# The squared deviate is divided into this number of parts, which are distributed over
# the strata and the control.
STEPS = 96


def stratified_excess(
    population: npt.ArrayLike,
    drawn: npt.ArrayLike,
    hits: npt.ArrayLike,
    control_hits: int,
    controls: int,
) -> tuple[Inference, int]:
    """Return a lower bound on the number of members of a population that would be hits
    beyond those of a control, given a random sample of each stratum.

    The excess of a stratum is never negative, so the excess of some strata is a lower
    bound for all of them. A bound is computed for all strata, for all except the first,
    and so on down to only the last: chance is then not subtracted for a large first
    stratum that shows no excess. Half of the error probability is allotted to the bound
    for all strata and the rest, in equal parts, to the other bounds (Bonferroni); the
    largest bound counts. Each bound is the smallest Horvitz-Thompson total (1952,
    doi:10.1080/01621459.1952.10483446) over shares of the strata and of the control
    that are compatible with the data: the squared deviates of their exact one-sided
    limits (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404) add up to the squared
    deviate of the error probability, as in Zou & Donner (2008, doi:10.1002/sim.3095)
    but without linearisation.

    Parameters
    ----------
    population, drawn
        [strata]: numbers of members, and of members that were drawn at random. Members
        that were drawn but not used count as misses. The order of the strata must be
        fixed beforehand, with the highest expected excess last.
    hits
        [strata]: hits among the drawn members.
    control_hits, controls
        Hits among the controls, and number of controls.

    Returns
    -------
    total : Inference
        Value and lower limit (97.5%), without an upper limit.
    first : int
        The first stratum of the total.

    Raises
    ------
    ParameterError
        A stratum has more hits than drawn members, or more drawn members than members.
    """
    from scipy.special import ndtri

    size, n, k = (
        np.asarray(values, np.float64) for values in (population, drawn, hits)
    )
    if bool(((k < 0) | (k > n) | (n > size)).any()):
        raise ParameterError("every stratum needs 0 <= hits <= drawn <= population")
    method = (
        "Horvitz-Thompson total of one stratum and those after it "
        "(doi:10.1080/01621459.1952.10483446); exact limits "
        "(doi:10.1093/biomet/26.4.404), combined by their squared deviates; Bonferroni "
        "correction for the choice of the first stratum; a lower bound"
    )
    assumes = (
        "Tweets were drawn at random within each stratum, and the share recited by "
        "chance is the same in each stratum as among the controls."
    )
    asked = np.flatnonzero(n > 0)
    if not len(asked) or controls == 0:
        return Inference(method, assumes, invalid="nothing was asked"), 0
    best, bound = 0, -math.inf
    for first in range(len(asked)):
        error = (
            ALPHA
            if len(asked) == 1
            else ALPHA / 2
            if first == 0
            else ALPHA / 2 / (len(asked) - 1)
        )
        used = asked[first:]
        low = _least_excess(
            size[used], n[used], k[used], control_hits, controls, -float(ndtri(error))
        )
        if low > bound:
            best, bound = first, low
    used = asked[best:]
    value = float(size[used] @ (k[used] / n[used] - control_hits / controls))
    excess = Inference(method, assumes, max(value, 0.0), max(bound, 0.0))
    return excess, int(used[0])


def _least_excess(
    size: Floats, n: Floats, k: Floats, control_hits: int, controls: int, deviate: float
) -> float:
    """Return the smallest total minus chance over all ways to divide the squared
    deviate among the strata and the control.
    """
    from scipy.special import betaincinv, ndtr

    tails = ndtr(-deviate * np.sqrt(np.arange(STEPS + 1) / STEPS))
    chance = np.ones(STEPS + 1)
    if control_hits < controls:
        chance = betaincinv(control_hits + 1, controls - control_hits, 1.0 - tails)
    # The smallest total of the strata so far, by the number of parts that they use.
    least = np.zeros(STEPS + 1)
    for members, total, hits in zip(size.tolist(), n.tolist(), k.tolist(), strict=True):
        if hits:
            share = members * betaincinv(hits, total - hits + 1, tails)
            least = np.array(
                [
                    (least[: spent + 1] + share[spent::-1]).min()
                    for spent in range(STEPS + 1)
                ]
            )
    return float((least[::-1] - size.sum() * chance).min())
