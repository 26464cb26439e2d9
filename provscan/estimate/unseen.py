"""What was not asked: lower bounds for a population of which a sample was seen."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.inference import Inference
from provscan.estimate.limits import clopper_pearson


def stratified_excess(
    population: npt.ArrayLike, drawn: npt.ArrayLike, hits: npt.ArrayLike, control_hits: int, controls: int
) -> Inference:
    """How many of a population would be hits beyond those of a control, from a random sample of each stratum.

    The total is that of Horvitz & Thompson (1952, doi:10.1080/01621459.1952.10483446); exact limits of the strata's
    shares and of the control's are combined by their distances in squares (Zou & Donner 2008, doi:10.1002/sim.3095).

    Parameters
    ----------
    population, drawn
        [strata]: members, and how many of them were drawn at random. Those drawn and not used count as no hits.
    hits
        [strata]: hits among those drawn.
    control_hits, controls
        Hits of the control, and its size.

    Returns
    -------
    Inference
        Value and lower limit (97.5 %); there is no upper one.

    Raises
    ------
    ParameterError
        A stratum has more hits than were drawn, or more drawn than members.
    """
    size, n, k = (np.asarray(values, np.float64) for values in (population, drawn, hits))
    if bool(((k < 0) | (k > n) | (n > size)).any()):
        raise ParameterError("every stratum needs 0 <= hits <= drawn <= population")
    method = (
        "Horvitz-Thompson total (doi:10.1080/01621459.1952.10483446), exact limits of the strata combined as by "
        "Zou & Donner (doi:10.1002/sim.3095); lower bound only"
    )
    assumes = "Tweets were drawn at random within each stratum, and recitation by chance is as frequent as on controls."
    asked = n > 0
    if not asked.any() or controls == 0:
        return Inference(None, None, None, None, method, assumes, "nothing was asked")
    size, n, k = size[asked], n[asked], k[asked]
    share = k / n
    below = [p - clopper_pearson(hit, total)[0] for p, hit, total in zip(share, k, n, strict=True)]
    chance = control_hits / controls
    above = clopper_pearson(control_hits, controls)[1] - chance
    value = float(size @ (share - chance))
    low = value - math.hypot(*(size * below).tolist(), float(size.sum()) * above)
    return Inference(max(value, 0.0), max(low, 0.0), None, None, method, assumes)


def unseen_texts(counts: npt.ArrayLike, draws: int) -> tuple[Inference, Inference]:
    """How many different texts a source has at least, and how likely its next draw shows a new one.

    Parameters
    ----------
    counts
        In how many draws each text was seen; those never seen are left out.
    draws
        Independent draws.

    Returns
    -------
    texts : Inference
        The lower bound Chao1 with its own lower limit (Chao 1984, doi:10.2307/4615964; 1987, doi:10.2307/2531532).
    mass : Inference
        Mean number of texts in a draw that were seen in no other (Good 1953, doi:10.1093/biomet/40.3-4.237).

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
        low += new / math.exp(float(ndtri(0.975)) * math.sqrt(math.log1p(spread / new**2)))
    texts = Inference(len(seen) + new, low, None, None, chao, assumes, why)
    return texts, Inference(once / max(draws, 1), None, None, None, good, assumes, why)
