"""The error rates of lists of findings: each list begins with the strongest finding,
and chance explains a share of it.

:func:`measure_error_rates` computes the rates from the scores of clusters of texts, and
:meth:`ErrorRates.q_values` looks them up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from provscan.arrays import Floats
from provscan.estimate.fdr import q_values
from provscan.runs.counting.counts import TextFindings
from provscan.runs.counting.matches import Batch
from provscan.runs.counting.null import NullCounts
from provscan.runs.counting.strata import Eligibility
from provscan.runs.measures.chance import MeasuredChance
from provscan.scoring.clusters import best_of


@dataclass(frozen=True)
class ErrorRates:
    """The error rates of all lists of findings."""

    # For each measure of chance: ascending scores, and the error rates of lists of
    # findings that end between two of them.
    by_measure: list[tuple[Floats, Floats]]

    def q_values(self, batch: Batch, eligible: Eligibility) -> Floats:
        """Return, for each licensed match, the error rate of the list of matches that
        ends with it.

        The rate is 1 if chance explains the whole list, and nan if chance was not
        measured, or not in the stratum of the text.
        """
        result = np.full(len(batch.place), np.nan)
        if not self.by_measure:
            return result
        licensed = ~eligible.control[batch.place]
        findings = licensed & batch.passes_rule
        result[licensed] = 1.0
        score = batch.score[findings]
        result[findings] = np.max(
            [rates[np.searchsorted(at, score)] for at, rates in self.by_measure], axis=0
        )
        result[findings & ~eligible.measured[batch.place]] = np.nan
        return result


def measure_error_rates(
    chance: MeasuredChance,
    eligible: Eligibility,
    findings: TextFindings,
    null: NullCounts | None,
) -> ErrorRates:
    """Compute the error rates from all ``findings`` in the dataset and those in the
    data that measures chance.
    """
    if not chance.claimed:
        # Chance explains every list.
        return ErrorRates([(np.zeros(0), np.ones(1)) for _ in chance.measures])
    cluster = chance.clusters_by_scan[0]
    targets = best_of(cluster, findings.best, eligible.claimable)
    targets = targets[np.isfinite(targets)]
    result = []
    for measure in chance.measures:
        if measure.name == "control":
            decoys = best_of(cluster, findings.best, eligible.control)
        else:
            assert null is not None
            licensed = ~null.matches.control
            best = null.strengths[0].best
            decoys = best_of(chance.clusters_by_scan[1], best, licensed)
        decoys = decoys[measure.clusters.number]
        weights = measure.weights if len(decoys) else np.array([measure.heaviest])
        # All lists that end between two of these scores have the same rate.
        steps = np.unique(np.append(targets, decoys))
        rates = q_values(np.append(steps, np.inf), targets, decoys, weights)
        result.append((steps, rates))
    return ErrorRates(result)
