"""Statistics on match tables: pure functions that never open an index, an interval with every number.

``README.md`` in this folder is the method written up. In reading order:

:mod:`~provscan.estimate.result`      one number, its interval and its validity
:mod:`~provscan.estimate.binomial`    shares: exact, zero counts, samples of whole files
:mod:`~provscan.estimate.recall`      recall measured on spike-ins
:mod:`~provscan.estimate.prevalence`  counts corrected for false matches and for recall
:mod:`~provscan.estimate.clusters`    samples of whole parts: what they are worth
:mod:`~provscan.estimate.amounts`     the same for characters and tweets
:mod:`~provscan.estimate.richness`    distinct texts: lower bounds, and indexes of a known fraction
:mod:`~provscan.estimate.background`  how surprising a text is
:mod:`~provscan.estimate.fdr`         the error rate of a list of matches
:mod:`~provscan.estimate.matched`     match tables as arrays
:mod:`~provscan.estimate.looks`       recall of the copies that a match table shows
:mod:`~provscan.estimate.summary`     all of it for one run
"""

from provscan.estimate.amounts import corrected_amount
from provscan.estimate.background import BackgroundModel, Commonness, common_text, e_value, matched_bits
from provscan.estimate.binomial import (
    ClusterRatio,
    clopper_pearson,
    effective_size,
    korn_graubard,
    proportion,
    ratio,
    zero_upper,
)
from provscan.estimate.clusters import Clusters
from provscan.estimate.fdr import Scores, q_from_e_values, q_values, score_matches
from provscan.estimate.prevalence import Control, Sample, corrected_count, corrected_prevalence, dispersion
from provscan.estimate.recall import Recall, SpikeIns, Stratified, TextRecall, TwoWays, thinned
from provscan.estimate.result import Estimate
from provscan.estimate.richness import chao1, distinct_texts
from provscan.estimate.summary import Scan, summarise

__all__ = [
    "BackgroundModel",
    "ClusterRatio",
    "Clusters",
    "Commonness",
    "Control",
    "Estimate",
    "Recall",
    "Sample",
    "Scan",
    "Scores",
    "SpikeIns",
    "Stratified",
    "TextRecall",
    "TwoWays",
    "chao1",
    "clopper_pearson",
    "common_text",
    "corrected_amount",
    "corrected_count",
    "corrected_prevalence",
    "dispersion",
    "distinct_texts",
    "e_value",
    "effective_size",
    "korn_graubard",
    "matched_bits",
    "proportion",
    "q_from_e_values",
    "q_values",
    "ratio",
    "score_matches",
    "summarise",
    "thinned",
    "zero_upper",
]
