"""False discovery rate of a list of texts, by their ranks among control texts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError


def conformal_p_values(scores: npt.ArrayLike, control_scores: npt.ArrayLike) -> Floats:
    """Return the conformal p-value of each score: (1 + number of control scores that
    are at least as high) / (1 + number of control scores).

    The p-values are jointly valid for :func:`benjamini_hochberg` (Bates et al. 2023,
    doi:10.1214/22-AOS2244).

    Parameters
    ----------
    scores
        float64[n]; a higher score is stronger evidence.
    control_scores
        float64[m], scores of controls that are exchangeable with the members of
        ``scores`` under the null hypothesis.

    Returns
    -------
    float64[n]
        In (0, 1].

    Raises
    ------
    ParameterError
        A score is nan.
    """
    asked = np.asarray(scores, np.float64)
    control = np.sort(np.asarray(control_scores, np.float64))
    if np.isnan(asked).any() or np.isnan(control).any():
        raise ParameterError("conformal p-values need scores that are numbers")
    reached = len(control) - np.searchsorted(control, asked, side="left")
    return np.asarray((1.0 + reached) / (1.0 + len(control)), np.float64)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Return, for each hypothesis, the lowest false discovery rate of a list that
    includes it.

    The method is from Benjamini & Hochberg (1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x).

    Parameters
    ----------
    p_values
        float64[n].

    Returns
    -------
    float64[n]
        The q-values, in [0, 1].

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
