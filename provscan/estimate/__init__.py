"""Statistics on counts and arrays: pure functions that open nothing, limits with every number.

``README.md`` in this folder is the method written up. In reading order:

:mod:`~provscan.estimate.limits`      limits of shares, of thinned counts, of chance, and of products
:mod:`~provscan.estimate.strata`      what one control text stands for; years against years
:mod:`~provscan.estimate.damage`       what is left of a copy, as a class
:mod:`~provscan.estimate.recall`      recall of an unknown mixture of known edits
:mod:`~provscan.estimate.layers`      findings, at least and at most, estimate
:mod:`~provscan.estimate.clusters`    samples of whole files: their design effect
:mod:`~provscan.estimate.fdr`         the error rate of a list of matches
:mod:`~provscan.estimate.background`  how rare the wording of a text is
:mod:`~provscan.estimate.answer`      the headline, and the words of warnings
"""

from provscan.estimate.answer import headline
from provscan.estimate.background import BackgroundModel, common_text, matched_bits
from provscan.estimate.clusters import Clusters
from provscan.estimate.damage import damage_of
from provscan.estimate.fdr import q_values
from provscan.estimate.layers import Found, Layers, layered
from provscan.estimate.limits import Chance, Factor, clopper_pearson, predict_chance, product, thinned
from provscan.estimate.recall import Planted, Recall, recall_of
from provscan.estimate.strata import Strata, divide, rarefied, years_apart

__all__ = [
    "BackgroundModel",
    "Chance",
    "Clusters",
    "Factor",
    "Found",
    "Layers",
    "Planted",
    "Recall",
    "Strata",
    "clopper_pearson",
    "common_text",
    "damage_of",
    "divide",
    "headline",
    "layered",
    "matched_bits",
    "predict_chance",
    "product",
    "q_values",
    "rarefied",
    "recall_of",
    "thinned",
    "years_apart",
]
