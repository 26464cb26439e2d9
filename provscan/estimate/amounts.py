"""Corrected amounts: characters, or tweets, instead of things counted one by one.

An amount is a count whose things have sizes. The count's confidence distribution comes from
:mod:`provscan.estimate.prevalence`; lost and unscanned things get sizes like the found ones, false ones sizes like the
control's. Where few were found the sizes of spike-ins stand in, so that zero matches still bound the amount.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.prevalence import METHOD, Control, Sample, draw_counts, ends, refusal
from provscan.estimate.recall import Recall
from provscan.estimate.result import Estimate

Floats = npt.NDArray[np.float64]

# Below so many sizes, those of the next best kind are pooled with them; chance matches are shorter than true ones, so
# that few of their own say more than many of the others.
FEW, FEW_FALSE = 10, 3


def corrected_amount(
    sizes: npt.ArrayLike,
    trials: float,
    total: float,
    control: Control | None,
    recall: Recall,
    *,
    control_sizes: npt.ArrayLike = (),
    spike_sizes: npt.ArrayLike = (),
    sample: Sample | None = None,
    total_error: float = 0.0,
    level: float = 0.95,
    seed: int = 1,
) -> Estimate:
    """Share of an amount that is licensed: ratio of sums, corrected for false matches and for recall.

    Parameters
    ----------
    sizes
        Size of each thing found, shape (found,): licensed characters of each record that holds a match (overlaps
        counted once), or tweets of each distinct text.
    trials
        How many things could have been found.
    total
        The amount in what was scanned, in the same unit (all characters; all tweets).
    control
        False matches; ``None`` withholds the number.
    recall
        Recall *weighted by size*: found characters over planted characters. Use
        :class:`~provscan.estimate.recall.Stratified` with `amounts`, or :class:`~provscan.estimate.recall.SpikeIns`
        with an effective number of spike-ins.
    control_sizes, spike_sizes
        Sizes of the control's false matches and of spike-ins, any shape (n,).
    sample
        Given when a part was scanned; the share is then that of the whole.
    total_error
        Relative standard error of `total` over the sampled fraction as an estimate of the whole's amount. Taken as
        independent of the licensed amount, which is careful when long records hold more of it.
    level, seed
        As in :func:`corrected_count`.

    Returns
    -------
    Estimate
        A share, 0 to 1; ``raw["amount"]`` is what was found.

    Raises
    ------
    ParameterError
        More things than trials, negative sizes, or more found than `total`.
    """
    y = np.asarray(sizes, dtype=np.float64)
    if len(y) > trials or bool((y < 0).any()) or not total > 0 or float(y.sum()) > total * (1 + 1e-9):
        raise ParameterError(
            "an amount needs no more things than trials, sizes of 0 or more and a total that holds them, "
            f"got {len(y)} of {trials} things, {float(y.sum())} of {total}"
        )
    raw = {
        "found": len(y),
        "trials": trials,
        "amount": float(y.sum()),
        "total": total,
        "control_found": None if control is None else control.found,
        "recall": recall.value,
    }
    reason = refusal(recall, control)
    if reason is not None or control is None:
        return Estimate.withheld(reason or "no control", method=METHOD, level=level, raw=raw)
    spikes = np.asarray(spike_sizes, dtype=np.float64)
    if len(y) == 0 and len(spikes) == 0:
        text = "nothing was found, and without the sizes of spike-ins that bounds no amount"
        return Estimate.withheld(text, method=METHOD, level=level, raw=raw)
    like = np.concatenate([y, spikes]) if len(y) < FEW else y
    wrong = np.asarray(control_sizes, dtype=np.float64)
    if len(wrong) < FEW_FALSE:
        wrong = np.concatenate([wrong, like])
    whole = total / (sample.fraction if sample is not None else 1.0)
    shares = []
    for upper in (False, True):
        drawn = draw_counts(len(y), trials, control, recall, upper=upper, seed=seed, sample=sample)
        rng = np.random.default_rng(seed + 1)
        held = np.maximum(float(y.sum()) - _sum_of(wrong, drawn.false, rng), 0.0)
        held[drawn.held == 0] = 0.0
        # Where chance explains all, the total is zero although some draw held more.
        held[drawn.total == 0] = 0.0
        amount = held + _sum_of(like, np.maximum(drawn.total - drawn.held, 0.0), rng)
        noisy = whole * (1.0 + total_error * rng.standard_normal(len(amount)))
        shares.append(amount / np.maximum(noisy, np.maximum(amount, 1e-300)))
    low, high = ends(shares[0], shares[1], level)
    expected_false = control.rate * trials * float(wrong.mean())
    value = min(1.0, max(0.0, (float(y.sum()) - expected_false) / recall.value / total))
    return Estimate(min(max(value, low), high), low, high, level, method=METHOD, raw=raw)


def _sum_of(sizes: Floats, counts: Floats, rng: np.random.Generator) -> Floats:
    """Sum of as many sizes as each draw counts: their mean is uncertain, and the sum scatters about it."""
    n = len(sizes)
    mean = float(sizes.mean())
    deviation = float(sizes.std(ddof=1)) if n > 1 else mean
    means = mean + deviation / math.sqrt(n) * rng.standard_normal(len(counts))
    scatter = deviation * np.sqrt(counts) * rng.standard_normal(len(counts))
    result: Floats = np.clip(counts * means + scatter, counts * float(sizes.min()), counts * float(sizes.max()))
    return result
