"""The error rate of a list of matches, by target-decoy competition.

At every score the control matches that reach it are counted: as many and one more, each
times its weight, are expected to be false among the matches (Levitsky et al. 2017,
doi:10.1021/acs.jproteome.6b00144). What counts is clusters, not matches: one saying in
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
    """Least error rate of any list that reaches down to each of some scores.

    Parameters
    ----------
    at
        float64[n], the scores asked for; higher is truer.
    scores
        Best score of each licensed cluster.
    control_scores, weights
        Best score of each control cluster, and how many licensed clusters it stands
        for; the largest weight is that of the one more. A single weight serves all.

    Returns
    -------
    float64[n]
        In [0, 1], never rising with the score. Without a single control cluster a list
        of T clusters can't have a rate below ``weight / T``.

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


def conformal_p_values(scores: npt.ArrayLike, control_scores: npt.ArrayLike) -> Floats:
    """Rank of each score among those of a control: 1 + the controls that reach it, over
    1 + all controls.

    Bates et al. (2023, doi:10.1214/22-AOS2244): valid together for
    :func:`benjamini_hochberg`.

    Parameters
    ----------
    scores
        float64[n]; higher is truer.
    control_scores
        float64[m], of members that are exchangeable with those of `scores` where
        nothing is true.

    Returns
    -------
    float64[n]
        In (0, 1].

    Raises
    ------
    ParameterError
        A score is nan.
    """
    asked, control = (
        np.asarray(scores, np.float64),
        np.sort(np.asarray(control_scores, np.float64)),
    )
    if np.isnan(asked).any() or np.isnan(control).any():
        raise ParameterError("conformal p-values need scores that are numbers")
    reached = len(control) - np.searchsorted(control, asked, side="left")
    return np.asarray((1.0 + reached) / (1.0 + len(control)), np.float64)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Least false discovery rate of a list that includes each of some hypotheses.

    Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Parameters
    ----------
    p_values
        float64[n].

    Returns
    -------
    float64[n]
        In [0, 1], as q-values.

    Raises
    ------
    ParameterError
        A p-value is not between 0 and 1.
    """
    p = np.asarray(p_values, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ParameterError("p-values must be between 0 and 1")
    order = np.argsort(-p, kind="stable")
    rate = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    result: Floats = np.empty(len(p))
    result[order] = rate
    return result
