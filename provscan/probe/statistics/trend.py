"""Test whether the share of hits rises with the dose, such as a number of copies."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.probe.statistics.inference import Inference

# Minimum number of hits, and of misses, for the normal approximation.
ENOUGH = 5


def cochran_armitage(
    doses: npt.ArrayLike, hits: npt.ArrayLike, totals: npt.ArrayLike
) -> Inference:
    """Test the trend of shares over ordered doses (Cochran 1954, doi:10.2307/3001616;
    Armitage 1955, doi:10.2307/3001775).

    Parameters
    ----------
    doses
        float64[k], one dose per class.
    hits, totals
        int64[k]: hits and members of each class.

    Returns
    -------
    Inference
        Slope of the share by dose, with its 95% interval; the one-sided p-value is
        that of a test for a rise.

    Raises
    ------
    ParameterError
        A class has more hits than members, or the shapes differ.
    """
    from scipy.special import ndtr, ndtri

    x, k, n = (np.asarray(values, np.float64) for values in (doses, hits, totals))
    if x.shape != k.shape or k.shape != n.shape or bool(((k < 0) | (k > n)).any()):
        raise ParameterError(
            "a trend needs as many doses as hits and totals, and 0 <= hits <= totals"
        )
    method = "Cochran-Armitage trend test (doi:10.2307/3001616, doi:10.2307/3001775)"
    assumes = (
        "Tweets with more copies would not be recited more often for another reason, "
        "such as easier wording."
    )
    total, found = float(n.sum()), float(k.sum())
    centre = float(n @ x) / total if total else 0.0
    spread = float(n @ (x - centre) ** 2)
    if spread == 0.0:
        why = "all tweets have the same number of copies"
        return Inference(method, assumes, invalid=why)
    share = found / total
    slope = float(k @ (x - centre)) / spread
    if min(found, total - found) < ENOUGH:
        why = (
            f"{found:.0f} of {total:.0f} are recited, and a trend needs {ENOUGH} that "
            f"are and {ENOUGH} that are not"
        )
        return Inference(method, assumes, slope, invalid=why)
    error = math.sqrt(share * (1.0 - share) / spread * total / (total - 1.0))
    # The shares of the classes deviate from the line by their sampling errors.
    each = (k + 0.5) / (n + 1.0)
    around = math.sqrt(float(n @ ((x - centre) ** 2 * each * (1.0 - each)))) / spread
    reach = float(ndtri(0.975)) * around
    p_value = float(ndtr(-slope / error))
    return Inference(method, assumes, slope, slope - reach, slope + reach, p_value)
