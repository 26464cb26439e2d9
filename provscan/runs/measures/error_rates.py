"""The error rates of lists of findings: for each list of the strongest findings, the
share that chance explains (:func:`measure_error_rates`). They are the column
``q_value`` of ``matches.parquet``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from provscan.arrays import Floats
from provscan.estimate.fdr import q_values
from provscan.runs.counting.counts import TextFindings
from provscan.runs.counting.matches import MatchRows
from provscan.runs.counting.null import NullCounts
from provscan.runs.counting.strata import Eligibility
from provscan.runs.measures.chance import MeasuredChance
from provscan.scoring.clusters import best_of


@dataclass(frozen=True)
class ErrorRates:
    """The error rates of all lists of findings."""

    # For each measure of chance: scores in ascending order, and for each of them the
    # error rate of the list of all findings with at least this score. One more rate, at
    # the end, is for scores above the highest one.
    by_measure: list[tuple[Floats, Floats]]

    def q_values(self, rows: MatchRows, eligible: Eligibility) -> Floats:
        """Return, for each licensed match, the error rate of the list of matches that
        ends with it.

        The rate is 1 if chance explains the whole list, and nan if chance was not
        measured, or not in the stratum of the text.
        """
        result = np.full(len(rows.text_index), np.nan)
        if not self.by_measure:
            return result
        licensed = ~eligible.control[rows.text_index]
        findings = licensed & rows.passes_rule
        result[licensed] = 1.0
        score = rows.score[findings]
        result[findings] = np.max(
            [rates[np.searchsorted(at, score)] for at, rates in self.by_measure], axis=0
        )
        result[findings & ~eligible.measured[rows.text_index]] = np.nan
        return result


def measure_error_rates(
    chance: MeasuredChance,
    eligible: Eligibility,
    findings: TextFindings,
    null: NullCounts | None,
    *,
    claimed: bool,
) -> ErrorRates:
    """Compute the error rates from all ``findings`` in the dataset and those in the
    data that measures chance. Without a claim, chance may explain every list.
    """
    if not claimed:
        return ErrorRates([(np.zeros(0), np.ones(1)) for _ in chance.measures])
    cluster, *others = chance.clusters_by_scan
    targets = best_of(cluster, findings.best, eligible.claimable)
    targets = targets[np.isfinite(targets)]
    measuring = {"control": (cluster, findings.best, eligible.control)}
    if null is not None:
        licensed = ~null.matches.control
        measuring["null"] = others[0], null.strengths[0].best, licensed
    result = []
    for measure in chance.measures:
        decoys = best_of(*measuring[measure.name])[measure.clusters.number]
        weights = measure.weights if len(decoys) else np.array([measure.heaviest])
        # The rate of a list changes only at these scores.
        steps = np.unique(np.append(targets, decoys))
        rates = q_values(np.append(steps, np.inf), targets, decoys, weights)
        result.append((steps, rates))
    return ErrorRates(result)
