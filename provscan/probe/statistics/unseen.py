"""What was not asked: lower bounds for a population of which a sample was seen."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError
from provscan.probe.statistics.inference import Inference
from provscan.probe.statistics.paired import ALPHA

# Parts in which the distance from the data is shared out over the strata.
STEPS = 96


def stratified_excess(
    population: npt.ArrayLike,
    drawn: npt.ArrayLike,
    hits: npt.ArrayLike,
    control_hits: int,
    controls: int,
) -> tuple[Inference, int]:
    """How many of a population would be hits beyond those of a control, from a random
    sample of each stratum.

    In no stratum is the excess negative, so that the excess of some strata is a bound
    for all of them. Looked at are all strata, all but the first, and so on to the last
    alone: where only the last ones show an excess, chance is not taken off a large
    first one. Half of the error belongs to all strata, the rest to the others in equal
    parts (Bonferroni), and the largest bound counts. Each is the smallest
    Horvitz-Thompson total (1952, doi:10.1080/01621459.1952.10483446) among those shares
    of the strata and of the control whose exact one-sided limits (Clopper & Pearson
    1934, doi:10.1093/biomet/26.4.404) lie so far from the data that their deviates,
    squared and added, reach that of the error, the idea of Zou & Donner (2008,
    doi:10.1002/sim.3095), without its line.

    Parameters
    ----------
    population, drawn
        [strata]: members, and how many of them were drawn at random. Those drawn and
        not used count as no hits. The strata stand in an order that was fixed
        beforehand, those from which most is expected last.
    hits
        [strata]: hits among those drawn.
    control_hits, controls
        Hits of the control, and its size.

    Returns
    -------
    total : Inference
        Value and lower limit (97.5 %); there is no upper one.
    first : int
        The stratum from which on the total was taken.

    Raises
    ------
    ParameterError
        A stratum has more hits than were drawn, or more drawn than members.
    """
    from scipy.special import ndtri

    size, n, k = (
        np.asarray(values, np.float64) for values in (population, drawn, hits)
    )
    if bool(((k < 0) | (k > n) | (n > size)).any()):
        raise ParameterError("every stratum needs 0 <= hits <= drawn <= population")
    method = (
        "Horvitz-Thompson total of the strata from one on "
        "(doi:10.1080/01621459.1952.10483446); exact limits "
        "(doi:10.1093/biomet/26.4.404), combined by their squared deviates; Bonferroni "
        "over the choice; a lower bound"
    )
    assumes = (
        "Tweets were drawn at random within each stratum, and in each of them chance "
        "recites as many as it does among the controls."
    )
    asked = np.flatnonzero(n > 0)
    if not len(asked) or controls == 0:
        return Inference(
            None, None, None, None, method, assumes, "nothing was asked"
        ), 0
    best, bound = 0, -math.inf
    for first in range(len(asked)):
        error = (
            ALPHA
            if len(asked) == 1
            else ALPHA / 2
            if first == 0
            else ALPHA / 2 / (len(asked) - 1)
        )
        of = asked[first:]
        low = _least_excess(
            size[of], n[of], k[of], control_hits, controls, -float(ndtri(error))
        )
        if low > bound:
            best, bound = first, low
    of = asked[best:]
    value = float(size[of] @ (k[of] / n[of] - control_hits / controls))
    return Inference(
        max(value, 0.0), max(bound, 0.0), None, None, method, assumes
    ), int(of[0])


def _least_excess(
    size: Floats, n: Floats, k: Floats, control_hits: int, controls: int, deviate: float
) -> float:
    """Smallest total less chance; the square of the deviate is shared out in the way
    that makes it smallest.
    """
    from scipy.special import betaincinv, ndtr

    tails = ndtr(-deviate * np.sqrt(np.arange(STEPS + 1) / STEPS))
    chance = np.ones(STEPS + 1)
    if control_hits < controls:
        chance = betaincinv(control_hits + 1, controls - control_hits, 1.0 - tails)
    # [shares of the square that were spent]: the smallest total of the strata so far.
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


def unseen_texts(counts: npt.ArrayLike, draws: int) -> tuple[Inference, Inference]:
    """How many different texts a source has at least, and how likely its next draw
    shows a new one.

    Parameters
    ----------
    counts
        In how many draws each text was seen; those never seen are left out.
    draws
        Independent draws.

    Returns
    -------
    texts : Inference
        The lower bound Chao1 with its own lower limit (Chao 1984, doi:10.2307/4615964;
        1987, doi:10.2307/2531532).
    mass : Inference
        Mean number of texts in a draw that were seen in no other (Good 1953,
        doi:10.1093/biomet/40.3-4.237).

    Raises
    ------
    ParameterError
        A count is below 1, or above the number of draws.
    """
    from scipy.special import ndtri

    seen = np.asarray(counts, np.int64)
    if len(seen) and (int(seen.min()) < 1 or int(seen.max()) > draws):
        raise ParameterError(f"counts must be between 1 and the {draws} draws")
    assumes = "The draws are independent, and of the same model with the same prompt."
    chao = "Chao1 (doi:10.2307/4615964), lower bound only"
    good = "Good-Turing (doi:10.1093/biomet/40.3-4.237)"
    why = None if draws >= 20 else f"{draws} draws, and 20 are needed"
    once, twice = int(np.count_nonzero(seen == 1)), int(np.count_nonzero(seen == 2))
    new = once * (once - 1) / (2 * (twice + 1)) * (draws - 1) / max(draws, 1)
    low = float(len(seen))
    if new > 0:
        ratio = once / (twice + 1)
        spread = new + (twice + 1) * (ratio**4 / 4 + ratio**3)
        low += new / math.exp(
            float(ndtri(0.975)) * math.sqrt(math.log1p(spread / new**2))
        )
    texts = Inference(len(seen) + new, low, None, None, chao, assumes, why)
    return texts, Inference(once / max(draws, 1), None, None, None, good, assumes, why)
