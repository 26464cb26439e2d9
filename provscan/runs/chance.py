"""Measure how many findings chance explains, with the matches of a control and of a
null dataset.

Findings of texts with similar wording are one event, a cluster (:class:`TextClusters`).
Each measure of chance (:class:`ChanceMeasure`) has clusters that are due to chance
alone. :func:`measure_chance` combines the measures and applies them to the findings in
the dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.estimate.fdr import q_values
from provscan.estimate.limits import TAIL, Chance, predict_chance
from provscan.estimate.strata import rarefied, years_apart
from provscan.runs.comparability import (
    Eligibility,
    TextSample,
    TextStrata,
    years_of_control,
)
from provscan.runs.count import (
    STRENGTHS,
    Amount,
    Counts,
    Grouping,
    TextFindings,
    count_groups,
)
from provscan.runs.matches import Batch, ScoredMatches
from provscan.runs.null import NullCounts
from provscan.scoring.families import best_of, families

UNITS = ("records", "texts", "tweets", "characters")
# Error probability of the bound for one strength; "at least" is the highest bound of
# all strengths.
TAIL_OF_EACH = TAIL / len(STRENGTHS)
# The control is not used if at least this share of its texts is in the dataset.
MOSTLY_IN_DATASET = 0.5


class TextClusters(NamedTuple):
    """Clusters of findings; each column has one entry per cluster."""

    family: Numbers  # Number of the family of the cluster's texts.
    first: Numbers  # Place of the text of the cluster's first finding.
    sizes: dict[str, Floats]  # Size of the cluster in each of ``UNITS``.


def text_clusters(
    family: Numbers, records: Numbers, tweets: Floats, found: TextFindings
) -> TextClusters:
    """Grouping findings into clusters.

    ``family``, [texts], is negative for texts that are left out; ``records``,
    [families], has the number of distinct records of each family.
    """
    place = np.flatnonzero((family >= 0) & (found.count > 0))
    names, number = np.unique(family[place], return_inverse=True)
    first = np.zeros(len(names), np.int64)
    # The last write wins, so the first finding of a cluster is written last.
    order = np.argsort(found.first[place])[::-1]
    first[number[order]] = place[order]

    def summed(of_texts: Floats | None) -> Floats:
        return np.bincount(number, of_texts, len(names)).astype(np.float64)

    sizes = {
        "records": records[names].astype(np.float64),
        "texts": summed(None),
        "tweets": summed(tweets[place]),
        "characters": summed(found.characters[place]),
    }
    return TextClusters(names, first, sizes)


def cluster_count(family: Numbers) -> int:
    """Return the number of distinct families; negative numbers are not families."""
    return len(distinct(family[family >= 0]))


@dataclass(frozen=True)
class ChanceMeasure:
    """The clusters of findings in a control or in a null dataset, and their weights."""

    name: str  # "control" or "null".
    clusters: TextClusters
    weights: Floats  # Number of licensed clusters that each cluster represents.
    heaviest: float  # Largest possible weight of one additional cluster.

    def without_clusters(self, heaviest: float) -> ChanceMeasure:
        """Return the measure as it would be without any chance match."""
        none = np.zeros(0, np.int64)
        sizes = {name: none.astype(np.float64) for name in UNITS}
        return ChanceMeasure(
            self.name, TextClusters(none, none, sizes), np.zeros(0), heaviest
        )

    def chance(
        self, unit: str, licensed: Floats | None = None, tail: float = TAIL
    ) -> Chance:
        """Return the chance matches among the licensed findings in a unit; the unit
        "clusters" counts each cluster as one. ``licensed`` are the sizes of the
        licensed clusters.
        """
        sizes = self.clusters.sizes.get(unit, np.ones(len(self.weights)))
        return predict_chance(self.weights, sizes, self.heaviest, licensed, tail)


def chances(
    measures: list[ChanceMeasure], licensed: TextClusters, tail: float = TAIL
) -> dict[str, Chance]:
    """Return the chance matches among the ``licensed`` clusters of findings, by unit;
    empty if chance was not measured.

    The limits are the widest of all measures; the expectation is that of the measure
    with the most clusters.
    """
    if not measures:
        return {}
    largest = int(np.argmax([len(measure.weights) for measure in measures]))
    result = {}
    for unit in ("clusters", *UNITS):
        found = [m.chance(unit, licensed.sizes.get(unit), tail) for m in measures]
        low, high = min(c.low for c in found), max(c.high for c in found)
        result[unit] = Chance(found[largest].expected, low, high)
    return result


@dataclass(frozen=True)
class Subset:
    """The matches in the dataset, or only those of one source, author, year or
    language.
    """

    licensed: Amount
    findings: Amount
    # Findings of claimable texts, and the number of their clusters, by the place of the
    # strength in ``STRENGTHS``.
    claimable: dict[int, Amount]
    clusters: dict[int, int]
    # Nearly verbatim findings; only for the whole dataset.
    nearly: Amount | None = None


def subset_of(counts: Counts, family: Numbers) -> Subset:
    """Return the counts of the whole dataset, or of one source, as a subset; ``family``
    is the family of each text.
    """
    clusters = {
        place: cluster_count(family[found.count > 0])
        for place, found in enumerate(counts.text_findings)
    }
    return Subset(
        counts.licensed, counts.findings, dict(enumerate(counts.claimable)), clusters
    )


@dataclass(frozen=True)
class MeasuredChance:
    """The part of a run's findings that chance explains."""

    whole: Subset  # The findings in the dataset.
    family: Numbers  # [texts], family of each claimable text with findings, or -1.
    licensed_clusters: int
    # The measures for all findings; empty if chance was not measured.
    measures: list[ChanceMeasure]
    expected: dict[str, Chance]  # Chance among all findings, by unit.
    # Chance for each strength, with limits that have the error of one strength.
    by_strength: list[dict[str, Chance]]
    # Whether, at some strength, there are more clusters, records and texts than chance
    # explains.
    claimed: bool
    # Place of the strength whose findings exceed chance by the most records.
    best_strength: int
    # Whether the measures are too small: nothing could be claimed even if they had no
    # chance match, but something could if they were as large as the licensed texts.
    too_small: bool
    usable: bool  # Whether the measures could detect copies of texts like those found.
    control_found: float  # Share of the control's texts that have findings.
    # Years of the control, and its clusters and texts of each year.
    years: tuple[Numbers, Numbers, Numbers]
    placebo: dict[str, Any] | None  # Earlier years of the control against later ones.
    # For each measure: ascending scores, and the error rates of lists of findings that
    # end between two of them.
    error_rates: list[tuple[Floats, Floats]]

    def beyond(self, found: Subset, place: int) -> bool:
        """Return whether there are more findings of a strength than chance explains."""
        return _beyond(self.by_strength[place], found, place)

    def q_values(self, batch: Batch, eligible: Eligibility) -> Floats:
        """Return, for each licensed match, the error rate of the list of matches that
        ends with it.

        The rate is 1 if chance explains the whole list, and nan if chance was not
        measured, or not in the stratum of the text.
        """
        result = np.full(len(batch.place), np.nan)
        if not self.measures:
            return result
        licensed = ~eligible.control[batch.place]
        findings = licensed & batch.counted
        result[licensed] = 1.0
        if self.claimed:
            score = batch.score[findings]
            result[findings] = np.max(
                [rates[np.searchsorted(at, score)] for at, rates in self.error_rates],
                axis=0,
            )
        result[findings & ~eligible.measured[batch.place]] = np.nan
        return result


def _beyond(chance: dict[str, Chance], found: Subset, place: int) -> bool:
    amount = found.claimable[place]
    counted = {
        "clusters": found.clusters[place],
        "records": amount.records.sum(),
        "texts": amount.texts,
    }
    return bool(chance) and all(
        number > chance[name].high for name, number in counted.items()
    )


def measure_chance(
    matches: ScoredMatches,
    eligible: Eligibility,
    counts: Counts,
    controls: Controls,
    control: TextSample,
    strata: TextStrata,
    null: NullCounts | None,
    characters: int,
) -> MeasuredChance:
    """Measure how many of the findings chance explains.

    ``control`` is a sample of the control texts, and ``characters`` the number of code
    points of the dataset that were scanned.
    """
    # Find the families of texts, and count the records of each.
    family, null_family = _families(controls, matches, counts.text_findings[0], null)
    measuring = eligible.control & strata.strata.measured[eligible.stratum]
    claimed_family = np.where(eligible.claimable, family, -1)
    size = int(family.max(initial=-1)) + 1
    groups = [
        Grouping(np.where(texts, family, -1), size, least)
        for texts in (eligible.claimable, measuring)
        for least in STRENGTHS
    ]
    clusters = [
        text_clusters(group.codes, records, matches.tweets, found)
        for group, records, found in zip(
            groups,
            count_groups(matches, groups),
            [*counts.text_findings] * 2,
            strict=True,
        )
    ]
    licensed, of_control = clusters[: len(STRENGTHS)], clusters[len(STRENGTHS) :]

    # Measure chance at each strength.
    all_findings = counts.text_findings[0]
    texts = np.count_nonzero(eligible.control & (all_findings.count > 0))
    looked_for = max(1.0, controls.texts * (1.0 - control.too_short))
    control_found = texts / looked_for if controls.texts else 0.0
    measures: list[list[ChanceMeasure]] = [[] for _ in STRENGTHS]
    if controls.texts and control_found <= MOSTLY_IN_DATASET:
        for at_strength, found in zip(measures, of_control, strict=True):
            found.sizes["tweets"] = np.maximum(
                found.sizes["texts"], found.sizes["tweets"] * controls.tweets_ratio
            )
            weights = eligible.weights[found.first]
            at_strength.append(
                ChanceMeasure("control", found, weights, strata.heaviest)
            )
    if null is not None and null.kind.same:
        ratio = characters / max(1, null.scan.scanned.characters)
        for at_strength, found in zip(
            measures, _null_clusters(null, null_family), strict=True
        ):
            weights = rarefied(found.sizes["records"], ratio)
            sizes = {name: n * ratio / weights for name, n in found.sizes.items()}
            scaled = found._replace(sizes=sizes)
            at_strength.append(ChanceMeasure("null", scaled, weights, max(ratio, 1.0)))

    # Compare the findings with the measures.
    whole = replace(subset_of(counts, claimed_family), nearly=counts.nearly)
    by_strength = [
        chances(at_strength, clusters, TAIL_OF_EACH)
        for at_strength, clusters in zip(measures, licensed, strict=True)
    ]
    excess = [
        float(whole.claimable[place].records.sum()) - chance["records"].high
        if _beyond(chance, whole, place)
        else -1.0
        for place, chance in enumerate(by_strength)
    ]
    claimed = max(excess) > -1.0

    def would_claim(heaviest: float | None) -> bool:
        """Return whether there would be a claim without any chance match."""
        return any(
            _beyond(
                chances(
                    [m.without_clusters(heaviest or m.heaviest) for m in at_strength],
                    clusters,
                    TAIL_OF_EACH,
                ),
                whole,
                place,
            )
            for place, (at_strength, clusters) in enumerate(
                zip(measures, licensed, strict=True)
            )
        )

    too_small = (
        bool(measures[0]) and not claimed and not would_claim(None) and would_claim(1.0)
    )
    comparable = bool(
        whole.claimable[0].records.any() or not whole.findings.records.any()
    )
    years = _control_years(matches, family, all_findings, control, controls.texts)
    rates = []
    if claimed:
        rates = _error_rates(
            measures[0], eligible, family, all_findings, null, null_family
        )
    return MeasuredChance(
        whole=whole,
        family=claimed_family,
        licensed_clusters=len(licensed[0].family),
        measures=measures[0],
        expected=chances(measures[0], licensed[0]),
        by_strength=by_strength,
        claimed=claimed,
        best_strength=int(np.argmax(excess)) if claimed else 0,
        too_small=too_small,
        usable=bool(measures[0]) and comparable and not too_small,
        control_found=control_found,
        years=years,
        placebo=years_apart(*years),
        error_rates=rates,
    )


def _families(
    controls: Controls,
    matches: ScoredMatches,
    found: TextFindings,
    null: NullCounts | None,
) -> tuple[Numbers, Numbers]:
    """Return the families of the texts with findings in the dataset, and of those with
    findings in the null dataset; -1 for other texts.
    """
    pairs = [(matches.text, found.count > 0)]
    if null is not None:
        pairs.append((null.matches.text, null.text_findings[0].count > 0))
    known = distinct(np.concatenate([text[which] for text, which in pairs]))
    numbers = families(controls.reader, known)
    result = []
    for text, which in pairs:
        family = np.full(len(text), -1)
        family[which] = numbers[np.searchsorted(known, text[which])]
        result.append(family)
    return result[0], result[-1]


def _null_clusters(null: NullCounts, family: Numbers) -> list[TextClusters]:
    size = int(family.max(initial=-1)) + 1
    groups = [Grouping(family, size, least) for least in STRENGTHS]
    return [
        text_clusters(family, records, null.matches.tweets, found)
        for records, found in zip(
            count_groups(null.matches, groups), null.text_findings, strict=True
        )
    ]


def _error_rates(
    measures: list[ChanceMeasure],
    eligible: Eligibility,
    family: Numbers,
    found: TextFindings,
    null: NullCounts | None,
    null_family: Numbers,
) -> list[tuple[Floats, Floats]]:
    """Return, for each measure, ascending scores, and the error rates of lists of
    findings that end between two of them.
    """

    def best(texts: Flags) -> Floats:
        return best_of(family, found.best, texts)

    targets = best(eligible.claimable)
    targets = targets[np.isfinite(targets)]
    result = []
    for measure in measures:
        if measure.name == "control":
            decoys = best(eligible.control)
        else:
            assert null is not None
            licensed = ~null.matches.control
            decoys = best_of(null_family, null.text_findings[0].best, licensed)
        decoys = decoys[measure.clusters.family]
        weights = measure.weights if len(decoys) else np.array([measure.heaviest])
        # All lists that end between two of these scores have the same rate.
        steps = np.unique(np.append(targets, decoys))
        rates = q_values(np.append(steps, np.inf), targets, decoys, weights)
        result.append((steps, rates))
    return result


def _control_years(
    matches: ScoredMatches,
    family: Numbers,
    found: TextFindings,
    control: TextSample,
    texts: int,
) -> tuple[Numbers, Numbers, Numbers]:
    place = np.flatnonzero(matches.control & (found.count > 0))
    place = place[np.argsort(found.first[place])]
    first = place[np.unique(family[place], return_index=True)[1]]
    known = matches.authorship.year.take(pa.array(first)).drop_null().to_numpy()
    return years_of_control(control.year, known.astype(np.int64), texts)
