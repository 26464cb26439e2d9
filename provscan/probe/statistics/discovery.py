"""The false discovery rate of a list of texts, by their ranks among those of a
control.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.arrays import Floats
from provscan.errors import ParameterError


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
