"""Measure how many findings chance explains, with the matches of a control and of a
null dataset (:func:`measure_chance`).

Findings of similar texts are one event (:mod:`provscan.runs.clusters`). Each measure of
chance predicts the number of such events (:mod:`provscan.runs.chance_measures`). The
dataset has copies if, at some strength, there are more findings than predicted.
"Chance" in ``docs/statistics.md`` explains the method, with an example by hand in "From
counts to layers".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.limits import TAIL, Chance
from provscan.estimate.strata import years_apart
from provscan.runs.chance_measures import (
    ChanceMeasure,
    chances,
    control_measure,
    null_measure,
)
from provscan.runs.clusters import (
    TextClusters,
    clusters_by_strength,
    families_of_findings,
)
from provscan.runs.comparability import (
    Eligibility,
    TextSample,
    TextStrata,
    years_of_control,
)
from provscan.runs.count import STRENGTHS, Counts, Subset, TextFindings, subset_of
from provscan.runs.matches import ScoredMatches
from provscan.runs.null import NullCounts

# Error probability of the bound for one strength; "at least" is the highest bound of
# all strengths.
TAIL_OF_EACH = TAIL / len(STRENGTHS)
# The control is not used if at least this share of its texts is in the dataset.
MOSTLY_IN_DATASET = 0.5


@dataclass(frozen=True)
class MeasuredChance:
    """The part of a run's findings that chance explains."""

    whole: Subset  # The findings in the dataset.
    # One array for the dataset, and one for the null dataset if there is one: [texts],
    # the family (texts with similar wording) of each text, -1 without findings.
    families_by_scan: list[Numbers]
    # The first of these arrays, with -1 also for texts that can't be claimed.
    claimable_family: Numbers
    # For each of ``STRENGTHS``: the clusters of the findings of claimable texts, and
    # the measures of chance, an empty list if chance was not measured.
    clusters: list[TextClusters]
    measures_by_strength: list[list[ChanceMeasure]]
    control_found: float  # Share of the control's texts that have findings.
    # Years of the control, and its clusters and texts of each year.
    years: tuple[Numbers, Numbers, Numbers]

    @property
    def measures(self) -> list[ChanceMeasure]:
        """The measures for all findings; empty if chance was not measured."""
        return self.measures_by_strength[0]

    @cached_property
    def expected(self) -> dict[str, Chance]:
        """Chance among all findings, by unit."""
        return chances(self.measures, self.clusters[0])

    @cached_property
    def by_strength(self) -> list[dict[str, Chance]]:
        """Chance for each strength, with limits that have the error of one strength."""
        return self._chances(self.measures_by_strength)

    def beyond(self, subset: Subset, place: int) -> bool:
        """Return whether there are more findings of a strength than chance explains."""
        return _beyond(self.by_strength[place], subset, place)

    @cached_property
    def claimed_strengths(self) -> list[int]:
        """The places of the strengths at which there are more clusters, records and
        texts than chance explains.
        """
        return [n for n in range(len(STRENGTHS)) if self.beyond(self.whole, n)]

    @property
    def claimed(self) -> bool:
        """Whether there are more findings than chance explains, at some strength."""
        return bool(self.claimed_strengths)

    @property
    def best_strength(self) -> int:
        """The place of the strength whose findings exceed chance by the most
        records.
        """

        def excess(place: int) -> float:
            records = float(self.whole.claimable[place].records.sum())
            return records - self.by_strength[place]["records"].high

        return max(self.claimed_strengths, key=excess, default=0)

    @cached_property
    def too_small(self) -> bool:
        """Whether the control and the null dataset are too small to claim any copy.

        This is so if nothing could be claimed even if they had no findings at all, and
        if something could then be claimed with a control of as many texts as are
        licensed (where a cluster has weight 1).
        """
        return (
            bool(self.measures)
            and not self.claimed
            and not self._could_claim(None)
            and self._could_claim(1.0)
        )

    @property
    def usable(self) -> bool:
        """Whether the measures could detect copies of texts like those found."""
        comparable = bool(
            self.whole.claimable[0].records.any()
            or not self.whole.findings.records.any()
        )
        return bool(self.measures) and comparable and not self.too_small

    @property
    def placebo(self) -> dict[str, Any] | None:
        """The comparison of earlier years of the control with later ones."""
        return years_apart(*self.years)

    def _could_claim(self, heaviest: float | None) -> bool:
        """Return whether there would be a claim without any chance match; ``heaviest``
        replaces the largest weight of a cluster.

        Even then, a limit of chance remains: for the weight 1 and a quarter of the
        error probability, 7 clusters (2 ** -8 is less than 0.00625, 2 ** -7 is not).
        """
        empty = [
            [measure.without_clusters(heaviest) for measure in measures]
            for measures in self.measures_by_strength
        ]
        return any(
            _beyond(chance, self.whole, place)
            for place, chance in enumerate(self._chances(empty))
        )

    def _chances(
        self, by_strength: Sequence[Sequence[ChanceMeasure]]
    ) -> list[dict[str, Chance]]:
        return [
            chances(measures, clusters, TAIL_OF_EACH)
            for measures, clusters in zip(by_strength, self.clusters, strict=True)
        ]


def _beyond(chance: dict[str, Chance], subset: Subset, place: int) -> bool:
    amount = subset.claimable[place]
    counts = {
        "clusters": subset.clusters[place],
        "records": amount.records.sum(),
        "texts": amount.texts,
    }
    return bool(chance) and all(
        number > chance[name].high for name, number in counts.items()
    )


def measure_chance(
    matches: ScoredMatches,
    eligible: Eligibility,
    counts: Counts,
    controls: Controls,
    control: TextSample,
    strata: TextStrata,
    null: NullCounts | None,
) -> MeasuredChance:
    """Measure how many of the findings chance explains.

    ``control`` is a sample of the control texts.
    """
    # Group the findings of licensed and of control texts into clusters. Texts of the
    # null dataset get their families in the same step, so that equal numbers denote
    # equal families.
    findings = counts.text_findings
    scans = [(matches, findings[0])]
    if null is not None:
        scans.append((null.matches, null.text_findings[0]))
    families_by_scan = families_of_findings(controls.reader, scans)
    family = families_by_scan[0]
    claimable_family = np.where(eligible.claimable, family, -1)
    measuring = eligible.control & strata.strata.measured[eligible.stratum]
    licensed, of_control = clusters_by_strength(
        matches, findings, [claimable_family, np.where(measuring, family, -1)]
    )

    # Measure chance at each strength: with the control, unless most of it is in the
    # dataset, and with a null dataset of the same kind, whose findings are scaled by
    # the ratio of the sizes.
    control_found = _control_found(eligible, findings[0], controls, control)
    measures: list[list[ChanceMeasure]] = [[] for _ in STRENGTHS]
    if controls.texts and control_found <= MOSTLY_IN_DATASET:
        for at_strength, clusters in zip(measures, of_control, strict=True):
            at_strength.append(
                control_measure(
                    clusters, eligible, strata.heaviest, controls.tweets_ratio
                )
            )
    if null is not None and null.kind.same:
        ratio = matches.scanned.characters / max(1, null.scanned.characters)
        (of_null,) = clusters_by_strength(
            null.matches, null.text_findings, families_by_scan[1:]
        )
        for at_strength, clusters in zip(measures, of_null, strict=True):
            at_strength.append(null_measure(clusters, ratio))
    return MeasuredChance(
        replace(subset_of(counts, claimable_family), nearly=counts.nearly),
        families_by_scan,
        claimable_family,
        licensed,
        measures,
        control_found,
        _control_years(matches, family, findings[0], control, controls.texts),
    )


def _control_found(
    eligible: Eligibility,
    findings: TextFindings,
    controls: Controls,
    control: TextSample,
) -> float:
    """Return the share of the control's texts that have findings, among those that are
    long enough to be searched for.
    """
    texts = np.count_nonzero(eligible.control & (findings.count > 0))
    searched_for = max(1.0, controls.texts * (1.0 - control.too_short))
    return texts / searched_for if controls.texts else 0.0


def _control_years(
    matches: ScoredMatches,
    family: Numbers,
    findings: TextFindings,
    control: TextSample,
    texts: int,
) -> tuple[Numbers, Numbers, Numbers]:
    """Return the years of the control, and its clusters and texts of each year. The
    year of a cluster is that of the text of its first finding.
    """
    place = np.flatnonzero(matches.control & (findings.count > 0))
    place = place[np.argsort(findings.first[place])]
    first = place[np.unique(family[place], return_index=True)[1]]
    known = matches.authorship.year.take(pa.array(first)).drop_null().to_numpy()
    return years_of_control(control.year, known.astype(np.int64), texts)
