"""Distinct texts: how many at least, and how many beyond an index that holds a known part of the corpus."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.prevalence import DRAWS, Control, corrected_count
from provscan.estimate.recall import Recall, TextRecall, thinned
from provscan.estimate.result import Estimate


def chao1(occurrences: npt.ArrayLike, level: float = 0.95, *, fraction: float = 0.0) -> Estimate:
    """Lower bound for the number of distinct texts in the whole, from a sample.

    Parameters
    ----------
    occurrences
        How often each text was found in the sample, shape (texts,), integers of at least 1.
    level
        Confidence level of the interval, which is the bound's and not that of the number of texts: nothing in
        a sample says how many texts stand there that are rarer still.
    fraction
        Share of the whole that the sample is, without replacement: a text that stands once in the whole can't be found
        twice. 0 for a whole without an end.

    Returns
    -------
    Estimate
        Of kind ``"lower_bound"``: ``S + (n - 1) / n * f1 ** 2 / (2 * f2)`` with S texts found, n occurrences, f1 texts
        found once and f2 twice (the bias-corrected form where f2 is 0), with its log-normal interval. Of a
        `fraction` q, ``S + f1 ** 2 / (2 * f2 * n / (n - 1) + f1 * q / (1 - q))``, its variance by the delta method.

    Raises
    ------
    ParameterError
        An occurrence below 1, or a fraction outside [0, 1).

    Notes
    -----
    Chao 1984, https://www.jstor.org/stable/4615964; its interval after Chao 1987, doi:10.2307/2531532; without
    replacement Chao & Lin 2012, doi:10.1111/j.1541-0420.2011.01739.x. Assumes a random
    sample of occurrences: whole files, or a sample of clustered records, make it smaller, so it stays a lower bound.
    """
    from scipy.special import ndtri

    counts = np.asarray(occurrences, dtype=np.int64)
    if len(counts) and int(counts.min()) < 1:
        raise ParameterError(f"occurrences count texts that were found: at least 1 each, found {int(counts.min())}")
    if not 0.0 <= fraction < 1.0:
        raise ParameterError(f"fraction of the whole must be at least 0 and below 1, not {fraction!r}")
    seen, n = len(counts), int(counts.sum())
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    raw = {"texts": seen, "occurrences": n, "once": once, "twice": twice}
    method = "Chao1 lower bound"
    if n == 0:
        return Estimate(0.0, 0.0, None, level, method=method, kind="lower_bound", raw=raw)
    share = (n - 1) / n
    if fraction > 0.0:
        method = "Chao & Lin lower bound, without replacement"
        odds = fraction / (1.0 - fraction)
        double = 2.0 * n / max(n - 1, 1)
        below = double * twice + odds * once
        unseen = once**2 / below if once else 0.0
        slope_once = (2.0 * once * below - odds * once**2) / below**2 if once else 0.0
        slope_twice = double * once**2 / below**2 if once else 0.0
        variance = unseen + slope_once**2 * once + slope_twice**2 * max(twice, 0.5)
    elif twice > 0:
        odds = once / twice
        unseen = share * once * odds / 2
        variance = twice * (share * odds**2 / 2 + share**2 * odds**3 + share**2 * odds**4 / 4)
    else:
        unseen = share * once * (once - 1) / 2
        total = seen + unseen
        variance = (
            share * once * (once - 1) / 2 + share**2 * once * (2 * once - 1) ** 2 / 4 - share**2 * once**4 / (4 * total)
        )
    value = seen + unseen
    if unseen == 0:
        return Estimate(float(seen), float(seen), float(seen), level, method=method, kind="lower_bound", raw=raw)
    z = float(ndtri(0.5 + level / 2))
    spread = math.exp(z * math.sqrt(math.log1p(max(variance, 0.0) / unseen**2)))
    return Estimate(
        value, seen + unseen / spread, seen + unseen * spread, level, method=method, kind="lower_bound", raw=raw
    )


def distinct_texts(
    occurrences: npt.ArrayLike,
    texts: float,
    control: Control | None,
    recall: Recall,
    *,
    possible: float = 1.0,
    mistaken: float = 0.0,
    index_fraction: float = 1.0,
    level: float = 0.95,
    seed: int = 1,
    draws: int = DRAWS,
) -> Estimate:
    """Distinct licensed texts in a fully scanned dataset, corrected for false matches and for recall.

    Parameters
    ----------
    occurrences
        How often each licensed text was found, shape (found texts,), at least 1 each.
    texts
        Licensed texts in the index.
    control
        Distinct control texts that were matched, of all control texts.
    recall
        Recall of one copy.
    possible, mistaken
        Share of the licensed texts of which a copy can be found at all, and of the found copies that are taken for
        another text, as in :class:`~provscan.estimate.recall.TextRecall`.
    index_fraction
        Share of the licensed corpus that the index holds, drawn at random: the number scales up (Horvitz &
        Thompson 1952), its interval with the chance of the draw in it.
    level, seed, draws
        As in :func:`~provscan.estimate.prevalence.corrected_count`.

    Returns
    -------
    Estimate
        A count of licensed texts, of the whole licensed corpus where `index_fraction` is below 1.

    Raises
    ------
    ParameterError
        An occurrence below 1, more texts found than there are, `index_fraction` outside (0, 1].
    """
    counts = np.asarray(occurrences, dtype=np.int64)
    if len(counts) and int(counts.min()) < 1:
        raise ParameterError(f"occurrences count texts that were found: at least 1 each, found {int(counts.min())}")
    whole = thinned(TextRecall(recall, counts, possible, mistaken), index_fraction)
    return scaled_count(len(counts), texts, control, whole, index_fraction, level=level, seed=seed, draws=draws)


def scaled_count(
    found: float,
    trials: float,
    control: Control | None,
    recall: Recall,
    index_fraction: float,
    *,
    level: float = 0.95,
    seed: int = 1,
    draws: int = DRAWS,
) -> Estimate:
    """Corrected count of things of the whole licensed corpus, of which the index holds `index_fraction`.

    `recall` is that of the whole, already :func:`~provscan.estimate.recall.thinned`. The control's chances grow
    with the whole's texts, of which only the indexed ones could be matched falsely.
    """
    whole = None
    if control is not None:
        whole = replace(control, trials=control.trials / index_fraction, unmeasured=control.unmeasured * index_fraction)
    return corrected_count(found, trials / index_fraction, whole, recall, level=level, seed=seed, draws=draws)
