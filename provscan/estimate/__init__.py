"""Statistics on counts and arrays: pure functions that open no files and return every
number with its limits.

``docs/statistics.md`` describes the methods. In reading order:

:mod:`~provscan.estimate.limits`
    Confidence limits of shares, thinned counts, chance matches and products.
:mod:`~provscan.estimate.strata`
    Weights of control texts by stratum; chance in earlier and later years.
:mod:`~provscan.estimate.damage`
    Classes of damage: how much of the original is left in a copy.
:mod:`~provscan.estimate.recall`
    Recall of copies with an unknown mixture of known edits.
:mod:`~provscan.estimate.layers`
    Findings, the lower and upper bounds, and the estimate.
:mod:`~provscan.estimate.design_effect`
    Design effect of a sample of whole files.
:mod:`~provscan.estimate.fdr`
    False discovery rate of a list of matches.
:mod:`~provscan.estimate.background`
    Rarity of the wording of a text.
:mod:`~provscan.estimate.counters`
    Counts of matches by group.
:mod:`~provscan.estimate.examination`
    Checks of a claim, and of the control behind it.
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
