"""The area under the ROC curve, which measures how well a score tells two matched arms
apart.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError
from provscan.names import several
from provscan.probe.statistics.inference import Inference

# Minimum number of pairs for an interval of the area.
ENOUGH = 20


def paired_auc(first: npt.ArrayLike, second: npt.ArrayLike) -> Inference:
    """Return the area under the ROC curve of a score for two arms of matched pairs,
    with its 95% interval.

    Parameters
    ----------
    first, second
        float64[pairs]: the scores of the two members of each pair.

    Returns
    -------
    Inference
        Probability that a member of the first arm scores higher than one of the second,
        with ties counted as half: 0.5 if the score does not distinguish the arms.

    Raises
    ------
    ParameterError
        The arms differ in size.
    """
    from scipy.special import ndtri

    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape:
        raise ParameterError(
            f"expected one score for each member of each pair, found {len(a)} and "
            f"{len(b)} scores"
        )
    method = (
        "area under the ROC curve, interval of DeLong et al. (1988, "
        "doi:10.2307/2531595), pairs as clusters"
    )
    assumes = "Pairs are independent of each other."
    if len(a) < ENOUGH:
        given = several(len(a), "pair is given", "pairs are given")
        why = f"{given}, and {ENOUGH} are needed"
        return Inference(method, assumes, invalid=why)
    below, above = _placements(a, b), 1.0 - _placements(b, a)
    value = float(below.mean())
    error = float(np.std(below + above, ddof=1)) / math.sqrt(len(a))
    reach = float(ndtri(0.975)) * max(error, 0.5 / len(a))
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Inference(method, assumes, value, low, high)


def _placements(values: Floats, among: Floats) -> Floats:
    """Return the share of ``among`` that is below each value; ties count as half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([values, among]))[: len(values)]
    return (ranks - rankdata(values)) / len(among)
