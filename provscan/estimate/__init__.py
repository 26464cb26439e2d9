"""Statistics on counts and arrays: pure functions that open nothing, limits with every
number.

``docs/statistics.md`` is the method written up. In reading order:

:mod:`~provscan.estimate.limits`
    Limits of shares, of thinned counts, of chance, and of products.
:mod:`~provscan.estimate.strata`
    What one control text stands for; years against years.
:mod:`~provscan.estimate.damage`
    What is left of a copy, as a class.
:mod:`~provscan.estimate.recall`
    Recall of an unknown mixture of known edits.
:mod:`~provscan.estimate.layers`
    Findings, at least and at most, estimate.
:mod:`~provscan.estimate.design_effect`
    Samples of whole files: their design effect.
:mod:`~provscan.estimate.fdr`
    The error rate of a list of matches.
:mod:`~provscan.estimate.background`
    How rare the wording of a text is.
:mod:`~provscan.estimate.answer`
    The headline, and the words of warnings.
"""

from provscan.estimate.background import BackgroundModel, matched_bits
from provscan.estimate.fdr import q_values
from provscan.estimate.limits import (
    Chance,
    Factor,
    clopper_pearson,
    predict_chance,
    product,
    thinned,
)

__all__ = [
    "BackgroundModel",
    "Chance",
    "Factor",
    "clopper_pearson",
    "matched_bits",
    "predict_chance",
    "product",
    "q_values",
    "thinned",
]
