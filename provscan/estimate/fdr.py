"""False discovery rate of a list of matches, by target-decoy competition.

The expected number of false matches with at least a given score is the weighted number
of control matches with at least this score, plus one (Levitsky et al. 2017,
doi:10.1021/acs.jproteome.6b00144). The unit is a cluster of matches: one saying in
fifty records is one event.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError


def q_values(
    at: npt.ArrayLike,
    scores: npt.ArrayLike,
    control_scores: npt.ArrayLike,
    weights: npt.ArrayLike,
) -> Floats:
    """Return the q-value of each score: the lowest false discovery rate of any list
    that includes it.

    Parameters
    ----------
    at
        float64[n], the scores to look up; a higher score is a better match.
    scores
        Best score of each licensed cluster.
    control_scores, weights
        Best score of each control cluster, and the number of licensed clusters that it
        represents. The "plus one" is an additional cluster of the largest weight. A
        single weight applies to all clusters.

    Returns
    -------
    float64[n]
        Values in [0, 1] that never increase with the score. Even without any control
        cluster, the rate of a list of T clusters is at least ``weight / T``.

    Raises
    ------
    ParameterError
        A weight is not above 0, or a score is nan.
    """
    asked, target, decoy = (
        np.asarray(values, np.float64) for values in (at, scores, control_scores)
    )
    weight = np.asarray(weights, np.float64)
    if (
        any(np.isnan(values).any() for values in (asked, target, decoy))
        or not (weight > 0).all()
        or weight.size == 0
    ):
        raise ParameterError(
            "q-values need scores that are numbers and weights above 0"
        )
    order = np.argsort(decoy)
    each = np.broadcast_to(weight, decoy.shape)[order]
    false = np.concatenate([np.cumsum(each[::-1])[::-1], [0.0]]) + float(weight.max())
    distinct, inverse = np.unique(asked, return_inverse=True)
    reached = len(target) - np.searchsorted(np.sort(target), distinct, side="left")
    rate = np.minimum(
        1.0,
        false[np.searchsorted(decoy[order], distinct, side="left")]
        / np.maximum(reached, 1),
    )
    return np.minimum.accumulate(rate)[inverse.reshape(-1)]
