"""Statistics of a probe: pure functions on counts and arrays, which return numbers with
limits, a test, assumptions and validity.

:mod:`~provscan.probe.statistics.inference`
    The result type of these functions.
:mod:`~provscan.probe.statistics.separation`
    How well a score tells two arms apart.
:mod:`~provscan.probe.statistics.paired`
    Difference of two matched arms, its tests and their power.
:mod:`~provscan.probe.statistics.trend`
    Trend of a share over doses, such as numbers of copies.
:mod:`~provscan.probe.statistics.unseen`
    A lower bound for the texts that were not asked for.
"""

from provscan.probe.statistics.inference import Inference
from provscan.probe.statistics.paired import (
    ALPHA,
    POWER,
    detectable_share,
    mcnemar,
    paired_difference,
    paired_power,
)
from provscan.probe.statistics.separation import paired_auc
from provscan.probe.statistics.trend import cochran_armitage
from provscan.probe.statistics.unseen import stratified_excess

__all__ = [
    "ALPHA",
    "POWER",
    "Inference",
    "cochran_armitage",
    "detectable_share",
    "mcnemar",
    "paired_auc",
    "paired_difference",
    "paired_power",
    "stratified_excess",
]
