"""Statistics on counts and arrays: pure functions that open nothing, limits with every
number.

``docs/statistics.md`` is the method written up. In reading order:

:mod:`~provscan.estimate.limits`           limits of shares, of thinned counts, of
chance, and of products :mod:`~provscan.estimate.strata`           what one control text
stands for; years against years :mod:`~provscan.estimate.damage`           what is left
of a copy, as a class :mod:`~provscan.estimate.recall`           recall of an unknown
mixture of known edits :mod:`~provscan.estimate.layers`           findings, at least and
at most, estimate :mod:`~provscan.estimate.design_effect`    samples of whole files:
their design effect :mod:`~provscan.estimate.fdr`              the error rate of a list
of matches :mod:`~provscan.estimate.inference`        a number with its limits, its
test, its assumptions and its validity :mod:`~provscan.estimate.paired`           two
matched arms: difference, tests, power :mod:`~provscan.estimate.separation`       how
well a score tells two arms apart :mod:`~provscan.estimate.trend`            dose and
response :mod:`~provscan.estimate.unseen`           lower bounds for what was not asked
:mod:`~provscan.estimate.background`       how rare the wording of a text is
:mod:`~provscan.estimate.answer`           the headline, and the words of warnings
"""

from provscan.estimate.background import BackgroundModel, matched_bits
from provscan.estimate.fdr import benjamini_hochberg, conformal_p_values, q_values
from provscan.estimate.inference import Inference
from provscan.estimate.limits import (
    Chance,
    Factor,
    clopper_pearson,
    predict_chance,
    product,
    thinned,
)
from provscan.estimate.paired import (
    detectable_share,
    mcnemar,
    paired_difference,
    paired_power,
    sign_flip,
)
from provscan.estimate.separation import paired_auc
from provscan.estimate.trend import cochran_armitage, never_falls
from provscan.estimate.unseen import stratified_excess, unseen_texts

__all__ = [
    "BackgroundModel",
    "Chance",
    "Factor",
    "Inference",
    "benjamini_hochberg",
    "clopper_pearson",
    "cochran_armitage",
    "conformal_p_values",
    "detectable_share",
    "matched_bits",
    "mcnemar",
    "never_falls",
    "paired_auc",
    "paired_difference",
    "paired_power",
    "predict_chance",
    "product",
    "q_values",
    "sign_flip",
    "stratified_excess",
    "thinned",
    "unseen_texts",
]
